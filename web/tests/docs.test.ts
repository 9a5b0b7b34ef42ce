import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { curl } from '../src/docs/curl.ts';
import { groups, type OpenApi, resolve, told } from '../src/docs/document.ts';
import { quoted, variable } from '../src/docs/sample.ts';
import { example, rows, typeName } from '../src/docs/schema.ts';

const document = JSON.parse(readFileSync(new URL('openapi.fixture.json', import.meta.url), 'utf8')) as OpenApi;
const all = groups(document).flatMap(({ calls }) => calls);
const ORIGIN = 'http://127.0.0.1:50051';

function call(method: string, path: string) {
  const found = all.find((one) => one.method === method && one.path === path);
  if (found === undefined) throw new Error(`no ${method} ${path}`);
  return found;
}

describe('a document', () => {
  test('is grouped by first tags, in the order of the document', () => {
    expect(groups(document).map(({ name, calls }) => [name, calls.map(({ id }) => id)])).toEqual([
      ['AuthService', ['CreateUser', 'GetUser']],
      ['Users', ['delete-v1-users-user_id-']],
      ['Other', ['get-v1-keys']],
    ]);
  });

  test('has the parameters of the path and of the call, and the security of the document where a call has none', () => {
    expect(call('GET', '/v1/users/{user_id}').parameters.map(({ name }) => name)).toEqual(['user_id', 'view']);
    expect(call('DELETE', '/v1/users/{user_id}').security).toEqual([{ bearer: [] }]);
    expect(call('GET', '/v1/keys').security).toEqual([]);
  });

  test('keeps a reference that leads nowhere, or round and round', () => {
    expect(resolve(document, { $ref: '#/components/nothing' })).toEqual({ $ref: '#/components/nothing' });
    expect(resolve(document, { $ref: 'https://elsewhere.example/x' })).toEqual({ $ref: 'https://elsewhere.example/x' });
    const round = { components: { schemas: { A: { $ref: '#/components/schemas/A' } } } } as OpenApi;
    expect(resolve(round, { $ref: '#/components/schemas/A' })).toEqual({ $ref: '#/components/schemas/A' });
  });

  test('says nothing twice', () => {
    const both = (summary: string, description: string) => Object.values(told({ summary, description }));
    expect(both('Greets', 'Greets.\n\nAnyone.')).toEqual(['Greets.', 'Anyone.']);
    expect(both('Greets.', 'Greets. Anyone.')).toEqual(['Greets.', 'Anyone.']);
    expect(both('Greets', 'Greets anyone.')).toEqual(['', 'Greets anyone.']);
    expect(both('Greets', 'Greetsome.')).toEqual(['', 'Greetsome.']);
    expect(both('Greets', 'Anyone.')).toEqual(['Greets', 'Anyone.']);
    expect(both('', 'Anyone.')).toEqual(['', 'Anyone.']);
  });

  test('may be empty', () => {
    expect(groups({})).toEqual([]);
  });
});

describe('a schema', () => {
  const row = (name: string) => rows(document, { $ref: `#/components/schemas/${name}` });

  test('is told as rows, and one inside itself is not entered twice', () => {
    expect(row('CreateUserResponse').map(({ depth, name, type }) => [depth, name, type])).toEqual([
      [0, 'user', 'User'],
      [1, 'userId', 'string (uuid)'],
      [1, 'roles', 'string[]'],
      [1, 'createTime', 'string or null (date-time)'],
      [1, 'friends', 'User[]'],
    ]);
  });

  test('tells what is required, and its limits', () => {
    const [username, password] = row('CreateUserRequest');
    expect(username).toMatchObject({ required: true, limits: 'at most 256 characters', description: 'The name.' });
    expect(password).toMatchObject({ required: false, limits: '' });
  });

  test('is laid together from allOf, and entered through oneOf', () => {
    expect(row('Status').map(({ name }) => name).sort()).toEqual(['code', 'details', 'reason']);
  });

  test('gives an example, in which a user has friends without friends', () => {
    const media = { schema: { $ref: '#/components/schemas/User' } };
    expect(example(document, media)).toEqual({
      userId: '0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e',
      roles: ['roles'],
      createTime: '2026-01-31T12:00:00Z',
      friends: [{}],
    });
  });

  test('has a name for every type', () => {
    expect(typeName(document, {})).toBe('any');
    expect(typeName(document, { const: 'Bearer' })).toBe('"Bearer"');
    expect(typeName(document, { anyOf: [{ type: 'string' }, { type: 'null' }] })).toBe('string or null');
  });
});

describe('a curl line', () => {
  test('sends a body, and what a shell would read stays one word', () => {
    expect(curl(document, call('POST', '/v1/users'), ORIGIN)).toBe(
      `curl 'http://127.0.0.1:50051/v1/users' \\\n  -H 'content-type: application/json' \\\n` +
        `  -d '{"username":"alice","password":"it'\\''s a secret"}'`,
    );
  });

  test('has the credentials, the path and what is required of the query', () => {
    expect(curl(document, call('GET', '/v1/users/{user_id}'), ORIGIN)).toBe(
      `curl 'http://127.0.0.1:50051/v1/users/me?view=it'\\''s' \\\n  -H "authorization: Bearer $TOKEN"`,
    );
  });

  test('names other methods', () => {
    expect(curl(document, call('DELETE', '/v1/users/{user_id}'), ORIGIN)).toMatch(/^curl -X DELETE 'http:/);
    expect(curl(document, call('GET', '/v1/keys'), ORIGIN)).toBe(`curl 'http://127.0.0.1:50051/v1/keys'`);
  });

  test('quotes', () => {
    expect(quoted(`a'b"$c`)).toBe(`'a'\\''b"$c'`);
    expect(quoted('')).toBe(`''`);
    expect(quoted(`a b${variable('TOKEN')}`)).toBe(`'a b'"$TOKEN"`);
  });

  test('leaves out what need not be sent, and asks the shell for what only its reader has', () => {
    const schema = {
      type: 'object',
      properties: {
        token: { type: 'string' },
        retryKey: { type: 'string', contentEncoding: 'base64' },
        audience: { type: 'string' },
        waitForVerifiers: { type: 'string', examples: ['10s'] },
      },
    };
    const parameters = [{ name: 'session_id', in: 'path', required: true, schema: { type: 'string' } }];
    const post = { parameters, requestBody: { content: { 'application/json': { schema } } } };
    const own = { paths: { '/v1/sessions/{session_id}': { post } } } as OpenApi;
    const [line] = groups(own).flatMap(({ calls }) => calls.map((one) => curl(own, one, ORIGIN)));
    expect(line).toBe(
      `curl '${ORIGIN}/v1/sessions/'"$SESSION_ID" \\\n  -H 'content-type: application/json' \\\n` +
        `  -d '{"token":"'"$TOKEN"'","retryKey":"bm90IGEgc2VjcmV0IGtleQ=="}'`,
    );
  });
});
