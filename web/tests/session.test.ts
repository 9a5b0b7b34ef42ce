import { beforeEach, describe, expect, test } from 'vitest';

import { AuthService } from '../src/gen/auth/v1/auth_service_pb.ts';
import type { Refusal } from '../src/refusal.ts';
import type { Session, State } from '../src/session.ts';
import { FakeBrowser, settle } from './browser.ts';
import { FakeService } from './fake_service.ts';

let service: FakeService;
let browser: FakeBrowser;
let tab: Session;

beforeEach(async () => {
  service = new FakeService();
  browser = new FakeBrowser(service);
  tab = browser.tab();
  await tab.start();
});

function token(session: Session): string {
  if (session.state.kind !== 'signed-in') throw new Error(`the tab is ${session.state.kind}`);
  return session.state.held.token;
}

/** Greets as a page would, and tells what was refused. */
async function greet(session: Session): Promise<string> {
  try {
    const auth = service.browser().auth();
    return (await session.call((headers) => auth.greet({}, { headers }))).message;
  } catch (refusal) {
    return (refusal as Refusal).sentence;
  }
}

const signedOut = (sentence: string): State => ({ kind: 'signed-out', sentence });

describe('one tab', () => {
  test('who was never here is signed out without a word', () => {
    expect(tab.state).toEqual(signedOut(''));
    expect(browser.key).toBeUndefined();
  });

  test('signs in, and a reload finds the session by the cookie', async () => {
    await tab.signIn('alice', 'secret');
    expect(await greet(tab)).toBe('Hello, alice!');
    const again = browser.tab();
    await again.start();
    expect(await greet(again)).toBe('Hello, alice!');
    expect(service.sessions).toHaveLength(1);
  });

  test('signs up and is signed in', async () => {
    await tab.signUp('bob', 'word');
    expect(await greet(tab)).toBe('Hello, bob!');
    await expect(browser.tab().signUp('bob', 'word')).rejects.toMatchObject({ sentence: 'The username is taken.' });
  });

  test('a wrong password is refused and changes nothing', async () => {
    await expect(tab.signIn('alice', 'wrong')).rejects.toMatchObject({ sentence: 'Credentials are not valid.' });
    expect(tab.state).toEqual(signedOut(''));
  });

  test('refreshes at about four fifths of the lifetime', async () => {
    await tab.signIn('alice', 'secret');
    const first = token(tab);
    await browser.clock.pass(479_000);
    expect(token(tab)).toBe(first);
    await browser.clock.pass(2_000);
    expect(token(tab)).not.toBe(first);
    expect(service.attempts).toHaveLength(2);
  });

  test('refreshes for ever, each time with another key', async () => {
    await tab.signIn('alice', 'secret');
    await browser.clock.pass(3_600_000);
    const keys = service.attempts.slice(1).map(({ key }) => key);
    expect(keys.length).toBeGreaterThan(6);
    expect(new Set(keys).size).toBe(keys.length);
    expect(await greet(tab)).toBe('Hello, alice!');
    expect(service.thefts).toBe(0);
  });

  test('a call whose token has expired is made again with a fresh one', async () => {
    await tab.signIn('alice', 'secret');
    const stale = token(tab);
    service.expire(stale);
    expect(await greet(tab)).toBe('Hello, alice!');
    expect(token(tab)).not.toBe(stale);
  });

  test('many calls whose token has expired refresh once', async () => {
    await tab.signIn('alice', 'secret');
    service.expire(token(tab));
    const before = service.attempts.length;
    expect(await Promise.all([1, 2, 3, 4].map(() => greet(tab)))).toEqual(Array(4).fill('Hello, alice!'));
    expect(service.attempts).toHaveLength(before + 1);
  });

  test('a session that was ended elsewhere is told with the sentence of the service', async () => {
    await tab.signIn('alice', 'secret');
    service.sessions[0]!.ended = true;
    expect(await greet(tab)).toBe('The token has been revoked.');
    expect(tab.state).toEqual(signedOut('You have been signed out. The token has been revoked.'));
    expect(browser.key).toBeUndefined();
    expect(browser.clock.next).toBeUndefined();
  });

  test('a service that does not know the session any more signs out too', async () => {
    await tab.signIn('alice', 'secret');
    service.sessions.length = 0;
    expect(await greet(tab)).toBe('The refresh token is not valid.');
    expect(tab.state).toEqual(signedOut('You have been signed out. The refresh token is not valid.'));
  });

  test('after a session was ended elsewhere nothing is sent that would be refused, nor is its cookie kept', async () => {
    await tab.signIn('alice', 'secret');
    service.sessions[0]!.ended = true;
    await greet(tab);
    expect(browser.jar.cookie).toBe('');
    const before = service.attempts.length;
    const again = browser.tab();
    await again.start();
    expect(again.state).toEqual(signedOut(''));
    expect(service.attempts).toHaveLength(before);
    await again.signIn('alice', 'secret');
    const reloaded = browser.tab();
    await reloaded.start();
    expect(await greet(reloaded)).toBe('Hello, alice!');
  });

  test('neither is anything sent after a sign-out, nor by who was never here and has asked once', async () => {
    const before = service.attempts.length;
    await browser.tab().start();
    await tab.signIn('alice', 'secret');
    await tab.signOut();
    const again = browser.tab();
    await again.start();
    expect(again.state).toEqual(signedOut(''));
    expect(service.attempts).toHaveLength(before);
  });

  test('a cookie without anything beside it is worth asking for', async () => {
    await tab.signIn('alice', 'secret');
    browser.stored.clear();
    const again = browser.tab();
    await again.start();
    expect(await greet(again)).toBe('Hello, alice!');
  });

  test('signs out: the cookie, the key and the timer are gone', async () => {
    await tab.signIn('alice', 'secret');
    await tab.signOut();
    expect(tab.state).toEqual(signedOut(''));
    expect([browser.jar.cookie, browser.key, browser.clock.next]).toEqual(['', undefined, undefined]);
    expect(service.sessions[0]?.ended).toBe(true);
  });

  test('signs out by the access token where the cookie was lost', async () => {
    await tab.signIn('alice', 'secret');
    browser.jar.cookie = '';
    await tab.signOut();
    expect(service.sessions[0]?.ended).toBe(true);
    expect(tab.state).toEqual(signedOut(''));
  });

  test('a new password opens another session, and its cookie is refreshed with another key', async () => {
    await tab.signIn('alice', 'secret');
    const key = browser.key;
    await tab.changePassword('secret', 'new');
    expect(browser.key).not.toBe(key);
    expect(await greet(tab)).toBe('Hello, alice!');
    await browser.clock.pass(600_000);
    expect(await greet(tab)).toBe('Hello, alice!');
  });

  test('a wrong password of now is refused, and no reason to refresh', async () => {
    await tab.signIn('alice', 'secret');
    const before = service.attempts.length;
    await expect(tab.changePassword('wrong', 'new')).rejects.toMatchObject({ reason: 'CREDENTIALS_INVALID' });
    expect(service.attempts).toHaveLength(before);
    expect(tab.state.kind).toBe('signed-in');
  });

  test('a new password with an expired token refreshes first', async () => {
    await tab.signIn('alice', 'secret');
    service.expire(token(tab));
    await tab.changePassword('secret', 'new');
    expect(service.passwords.get('alice')).toBe('new');
  });
});

describe('a server that cannot be reached', () => {
  test.each(['before', 'after'] as const)('%s the spending: the same key is sent until an answer comes', async (fault) => {
    await tab.signIn('alice', 'secret');
    const from = service.attempts.length;
    service.faults = Array(5).fill(fault);
    await browser.clock.pass(600_000);
    expect(tab.state.kind).toBe('signed-in');
    const [first, ...others] = service.attempts.slice(from);
    expect(others).toHaveLength(5);
    for (const other of others) expect(other).toEqual(first);
    expect(service.thefts).toBe(0);
    expect(await greet(tab)).toBe('Hello, alice!');
  });

  test('never signs out, however long it lasts, and is asked at ever longer intervals', async () => {
    await tab.signIn('alice', 'secret');
    service.faults = Array(10_000).fill('before');
    await browser.clock.pass(480_000);
    const waits: number[] = [];
    for (let turn = 0; turn < 8; turn += 1) {
      waits.push(browser.clock.next!);
      await browser.clock.pass(browser.clock.next!);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    await browser.clock.pass(3_600_000);
    expect(tab.state.kind).toBe('signed-in');
    service.faults = [];
    await tab.wake();
    expect(await greet(tab)).toBe('Hello, alice!');
    expect(service.thefts).toBe(0);
  });

  test('a reload between two attempts sends the same key', async () => {
    await tab.signIn('alice', 'secret');
    service.faults = ['after'];
    await browser.clock.pass(480_000);
    const again = browser.tab();
    await again.start();
    const [lost, repeated] = service.attempts.slice(-2);
    expect(repeated).toEqual(lost);
    expect(await greet(again)).toBe('Hello, alice!');
  });

  test('a tab that was closed between the cookie and its key is mended by the next one', async () => {
    await tab.signIn('alice', 'secret');
    await browser.clock.pass(480_000);
    service.faults = ['after, with the cookie kept'];
    const again = browser.tab();
    await again.start();
    await browser.clock.pass(2_000);
    expect(await greet(again)).toBe('Hello, alice!');
    expect(service.thefts).toBe(0);
  });

  test('at the start is said, and asked again', async () => {
    await tab.signIn('alice', 'secret');
    service.faults = ['before', 'before'];
    const again = browser.tab();
    await again.start();
    expect(again.state).toEqual({ kind: 'starting', trouble: 'The server cannot be reached.' });
    await browser.clock.pass(3_000);
    expect(again.state.kind).toBe('signed-in');
  });

  test('a call that needs a fresh token is refused, and stays signed in', async () => {
    await tab.signIn('alice', 'secret');
    service.expire(token(tab));
    service.faults = ['before'];
    expect(await greet(tab)).toBe('The server cannot be reached.');
    expect(await greet(tab)).toBe('Hello, alice!');
  });
});

describe('two tabs', () => {
  let other: Session;

  beforeEach(async () => {
    await tab.signIn('alice', 'secret');
    other = browser.tab();
    await other.start();
    await settle();
  });

  test('share one refresh', async () => {
    const before = service.attempts.length;
    await browser.clock.pass(481_000);
    expect(service.attempts).toHaveLength(before + 1);
    expect(token(tab)).toBe(token(other));
  });

  test('never race, even if they do not hear each other', async () => {
    browser.deaf = true;
    for (let round = 0; round < 10; round += 1) {
      service.expire(token(tab));
      service.expire(token(other));
      expect(await Promise.all([greet(tab), greet(other)])).toEqual(['Hello, alice!', 'Hello, alice!']);
    }
    expect(service.crowd.most).toBe(1);
    expect(service.thefts).toBe(0);
  });

  test('never race while answers are lost', async () => {
    for (let round = 0; round < 10; round += 1) {
      service.faults = round % 2 === 0 ? ['after', 'before', 'after, with the cookie kept'] : ['after, with the cookie kept'];
      service.expire(token(tab));
      await Promise.all([greet(tab), greet(other)]);
      await browser.clock.pass(500_000);
    }
    expect([tab.state.kind, other.state.kind, service.thefts]).toEqual(['signed-in', 'signed-in', 0]);
  });

  test('sign out together', async () => {
    await tab.signOut();
    await settle();
    expect(other.state).toEqual(signedOut('You signed out in another tab.'));
    expect(browser.clock.next).toBeUndefined();
  });

  test('sign in together, as whoever signed in last', async () => {
    await tab.signOut();
    await settle();
    await other.signUp('bob', 'word');
    await settle();
    expect(await greet(tab)).toBe('Hello, bob!');
  });

  test('hear of a session that was ended elsewhere', async () => {
    for (const session of service.sessions) session.ended = true;
    await greet(tab);
    await settle();
    expect(other.state).toEqual(signedOut('You have been signed out. The token has been revoked.'));
  });

  test('a sign-out that is not heard is noticed at the next refresh', async () => {
    browser.deaf = true;
    await tab.signOut();
    expect(other.state.kind).toBe('signed-in');
    await browser.clock.pass(600_000);
    expect(other.state.kind).toBe('signed-out');
  });

  test('a refresh that waited for a sign-out spends nothing', async () => {
    const before = service.attempts.length;
    service.expire(token(other));
    await Promise.all([tab.signOut(), greet(other)]);
    expect(service.attempts).toHaveLength(before);
    expect(other.state.kind).toBe('signed-out');
  });

  test('old news does not replace what is newer', async () => {
    const at = browser.clock.now();
    await browser.clock.pass(481_000);
    const fresh = token(tab);
    browser.announce({ kind: 'signed-out', at, sentence: '' });
    browser.announce({ kind: 'signed-in', at, token: 'old', sessionId: 's1', lifetimeMs: 600_000, expiresAt: at + 600_000 });
    expect([token(tab), token(other)]).toEqual([fresh, fresh]);
  });
});

test('every call with tokens in its answer is one that the session makes under the lock', () => {
  const withTokens = AuthService.methods.filter(({ output }) => output.fields.some(({ name }) => name === 'refresh_token'));
  expect(withTokens.map(({ name }) => name)).toEqual(['IssueToken', 'RefreshToken', 'ChangePassword']);
});
