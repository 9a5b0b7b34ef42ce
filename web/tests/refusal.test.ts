import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, expect, test, vi } from 'vitest';

import { ErrorInfoSchema, RetryInfoSchema } from '../src/gen/google/rpc/error_details_pb.ts';
import { asSentence, Refusal } from '../src/refusal.ts';
import { called } from '../src/user_agent.ts';
import { BY_COOKIE, connect } from '../src/wire.ts';
import { refusal, wrongField } from './fake_service.ts';

afterEach(() => vi.unstubAllGlobals());

test('a refusal has the reason and the sentence of the service', () => {
  const refused = Refusal.from(refusal(Code.Unauthenticated, 'TOKEN_REVOKED', 'the token has been revoked'));
  expect(refused).toMatchObject({ reason: 'TOKEN_REVOKED', sentence: 'The token has been revoked.', tokenIsOver: true });
  expect(refused.unauthenticated).toBe(true);
});

test('a wrong field is named, with what is wrong with it', () => {
  const refused = Refusal.from(wrongField('username', "must not contain ':'"));
  expect([...refused.fields]).toEqual([['username', "Must not contain ':'."]]);
});

test('a name that is taken is about its field', () => {
  const refused = Refusal.from(refusal(Code.AlreadyExists, 'USERNAME_TAKEN', 'the username is taken'));
  expect([...refused.fields]).toEqual([['username', 'The username is taken.']]);
});

test('when to come back is said', () => {
  const busy = new ConnectError('password hashing is busy', Code.ResourceExhausted, undefined, [
    { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason: 'HASHING_BUSY', domain: 'auth.v1' }) },
    { desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay: { seconds: 1n, nanos: 500_000_000 } }) },
  ]);
  expect(Refusal.from(busy)).toMatchObject({ sentence: 'Password hashing is busy. Try again in 2 s.', retryAfterMs: 1500 });
});

test('what is not from the service is not taken for its word', () => {
  for (const thrown of [
    new ConnectError('401 from a proxy', Code.Unauthenticated),
    new TypeError('Failed to fetch'),
    refusalOfAnother(),
  ]) {
    const refused = Refusal.from(thrown);
    expect([refused.unauthenticated, refused.reason, refused.sentence]).toEqual([false, '', 'The server cannot be reached.']);
  }
});

function refusalOfAnother(): ConnectError {
  return new ConnectError('no', Code.Unauthenticated, undefined, [
    { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason: 'TOKEN_REVOKED', domain: 'elsewhere' }) },
  ]);
}

test('sentences begin with a capital and end with a stop', () => {
  expect([asSentence('no such user'), asSentence('Well!'), asSentence('')]).toEqual(['No such user.', 'Well!', '']);
});

test('the cookie goes in and out only of calls that ask for it', async () => {
  const seen: (RequestInit | undefined)[] = [];
  vi.stubGlobal('fetch', (_: unknown, init?: RequestInit) => {
    seen.push(init);
    return Promise.reject(new TypeError('Failed to fetch'));
  });
  const auth = connect('http://127.0.0.1:1');
  await auth.greet({}, { headers: { authorization: 'Bearer x' } }).catch(() => undefined);
  await auth.createUser({}).catch(() => undefined);
  await auth.refreshToken({}, { headers: BY_COOKIE }).catch(() => undefined);
  expect(seen.map((init) => init?.credentials)).toEqual(['omit', 'omit', 'same-origin']);
  expect(seen.map((init) => new Headers(init?.headers).get('x-countersign-cookie'))).toEqual([null, null, 'refresh-token']);
});

test.each([
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36', 'Chrome 156 on Linux'],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0', 'Edge 150 on Windows'],
  ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15', 'Safari 18 on macOS'],
  ['Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0', 'Firefox 140 on Android'],
  ['grpc-python/1.80.0 grpc-c/52.0.0 (linux; chttp2)', 'grpc-python/1.80.0'],
  ['', 'An unnamed client'],
])('the user agent %s is called %s', (agent, name) => {
  expect(called(agent)).toBe(name);
});
