// A service that keeps the contract of RefreshToken, and a browser that keeps its cookie: enough for the session's tests.

import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, createRouterTransport, type HandlerContext } from '@connectrpc/connect';

import { AuthService } from '../src/gen/auth/v1/auth_service_pb.ts';
import { BadRequestSchema, ErrorInfoSchema } from '../src/gen/google/rpc/error_details_pb.ts';
import type { Auth } from '../src/wire.ts';

const COOKIE_HEADER = 'x-countersign-cookie';

interface Kept {
  readonly id: string;
  readonly username: string;
  ended: boolean;
  generation: number;
  /** The retry keys by which generations were spent. */
  readonly keys: string[];
}

type Fault = 'before' | 'after' | 'after, with the cookie kept';

export class FakeService {
  readonly passwords = new Map([['alice', 'secret']]);
  readonly sessions: Kept[] = [];
  /** Every attempt to spend a refresh token: its text, and the key. */
  readonly attempts: { token: string; key: string }[] = [];
  /** How many refresh calls are being answered at once, and the most there ever were. */
  readonly crowd = { now: 0, most: 0 };
  thefts = 0;
  lifetime = 600;
  /** What happens to the next calls that carry the cookie. */
  faults: Fault[] = [];
  private readonly overTokens = new Set<string>();
  private serial = 0;

  /** A browser's client, with a cookie jar that all of its tabs share. */
  browser(): { auth: () => Auth; jar: { cookie: string } } {
    const jar = { cookie: '' };
    return { jar, auth: () => createClient(AuthService, this.transport(jar)) };
  }

  expire(token: string): void {
    this.overTokens.add(token);
  }

  private transport(jar: { cookie: string }) {
    return createRouterTransport(({ service }) => {
      service(AuthService, {
        createUser: ({ username, password }) => {
          if (this.passwords.has(username)) throw refusal(Code.AlreadyExists, 'USERNAME_TAKEN', 'the username is taken');
          this.passwords.set(username, password);
          return { user: { username } };
        },
        issueToken: ({ username, password }, context) => {
          if (this.passwords.get(username) !== password) {
            throw refusal(Code.Unauthenticated, 'CREDENTIALS_INVALID', 'credentials are not valid');
          }
          return this.deliver(context, jar, this.open(username));
        },
        refreshToken: async ({ retryKey }, context) => {
          this.crowd.now += 1;
          this.crowd.most = Math.max(this.crowd.most, this.crowd.now);
          try {
            const sent = byCookie(context) ? jar.cookie : '';
            await Promise.resolve();
            return this.deliver(context, jar, this.rotate(sent, Buffer.from(retryKey).toString('hex')));
          } finally {
            this.crowd.now -= 1;
          }
        },
        revokeToken: ({ token }, context) => {
          if (token === '' && !(byCookie(context) && jar.cookie !== '')) throw wrongField('token', 'must not be empty');
          const session = this.find(token === '' ? jar.cookie : token);
          if (session) session.ended = true;
          jar.cookie = '';
          return {};
        },
        changePassword: ({ currentPassword, newPassword }, context) => {
          const session = this.authorised(context);
          if (this.passwords.get(session.username) !== currentPassword) {
            throw refusal(Code.Unauthenticated, 'CREDENTIALS_INVALID', 'credentials are not valid');
          }
          this.passwords.set(session.username, newPassword);
          for (const other of this.sessions) if (other.username === session.username) other.ended = true;
          return this.deliver(context, jar, this.open(session.username));
        },
        greet: (_, context) => ({ message: `Hello, ${this.authorised(context).username}!` }),
      });
    });
  }

  private open(username: string): Kept {
    this.serial += 1;
    const session = { id: `s${this.serial}`, username, ended: false, generation: 1, keys: [] };
    this.sessions.push(session);
    return session;
  }

  private rotate(sent: string, key: string): Kept {
    this.attempts.push({ token: sent, key });
    if (this.faults[0] === 'before') {
      this.faults.shift();
      throw new ConnectError('no route', Code.Unavailable);
    }
    const session = this.find(sent);
    if (session === undefined) throw refusal(Code.Unauthenticated, 'TOKEN_INVALID', 'the refresh token is not valid');
    if (session.ended) throw refusal(Code.Unauthenticated, 'TOKEN_REVOKED', 'the token has been revoked');
    const generation = Number(sent.split('.')[1]);
    const previous = session.keys[session.generation - 2];
    if (generation === session.generation) {
      if (key === previous) throw wrongField('retry_key', 'must be another one for another refresh token');
      session.keys.push(key);
      session.generation += 1;
      return session;
    }
    if (generation === session.generation - 1 && key === previous) return session;
    session.ended = true;
    this.thefts += 1;
    throw refusal(Code.Unauthenticated, 'REFRESH_TOKEN_REUSED', 'the refresh token was spent before: its session has been ended');
  }

  private deliver(context: HandlerContext, jar: { cookie: string }, session: Kept) {
    if (!byCookie(context)) throw new Error('the refresh token would be in the answer');
    const fault = this.faults.shift();
    if (fault !== 'after') jar.cookie = `${session.id}.${session.generation}`;
    if (fault !== undefined) throw new ConnectError('the line was cut', Code.Unavailable);
    this.serial += 1;
    const token = `${session.id}/${this.serial}`;
    return { token, sessionId: session.id, duration: { seconds: BigInt(this.lifetime), nanos: 0 } };
  }

  private authorised(context: HandlerContext): Kept {
    if (byCookie(context) && context.method.name !== 'ChangePassword') throw new Error('the cookie has no business here');
    const token = (context.requestHeader.get('authorization') ?? '').replace('Bearer ', '');
    const session = this.find(token);
    if (session === undefined) throw refusal(Code.Unauthenticated, 'TOKEN_INVALID', 'the token is not valid');
    if (session.ended) throw refusal(Code.Unauthenticated, 'TOKEN_REVOKED', 'the token has been revoked');
    if (this.overTokens.has(token)) throw refusal(Code.Unauthenticated, 'TOKEN_EXPIRED', 'the token has expired');
    return session;
  }

  private find(text: string): Kept | undefined {
    const id = text.split(/[./]/)[0];
    return this.sessions.find((session) => session.id === id);
  }
}

function byCookie(context: HandlerContext): boolean {
  return context.requestHeader.get(COOKIE_HEADER) === 'refresh-token';
}

export function refusal(code: Code, reason: string, message: string): ConnectError {
  return new ConnectError(message, code, undefined, [
    { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason, domain: 'auth.v1' }) },
  ]);
}

export function wrongField(field: string, description: string): ConnectError {
  return new ConnectError(`${field} ${description}`, Code.InvalidArgument, undefined, [
    { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason: 'FIELD_INVALID', domain: 'auth.v1' }) },
    { desc: BadRequestSchema, value: create(BadRequestSchema, { fieldViolations: [{ field, description }] }) },
  ]);
}
