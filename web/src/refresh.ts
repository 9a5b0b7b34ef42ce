// Owns one attempt to spend the refresh token that is in the cookie, and when the next one is due. That nobody else is at
// it at the same time, and what becomes of the answer, is the session's.

import type { Clock } from './clock.ts';
import { Refusal } from './refusal.ts';
import type { RetryKeys } from './retry_key.ts';
import { type Auth, BY_COOKIE } from './wire.ts';

/** An access token, and what its holder needs to know without reading it. */
export interface Held {
  readonly token: string;
  readonly sessionId: string;
  readonly lifetimeMs: number;
  /** By the clock of this machine. */
  readonly expiresAt: number;
  /** When it was received: what is told later is newer. */
  readonly at: number;
}

/** What every answer with tokens has. */
export interface Issued {
  readonly token: string;
  readonly sessionId: string;
  readonly duration?: { readonly seconds: bigint; readonly nanos: number } | undefined;
}

export function held(issued: Issued, now: number): Held {
  const { seconds = 0n, nanos = 0 } = issued.duration ?? {};
  const lifetimeMs = Number(seconds) * 1000 + nanos / 1e6;
  return { token: issued.token, sessionId: issued.sessionId, lifetimeMs, expiresAt: now + lifetimeMs, at: now };
}

/**
 * Spends the cookie, under the lock. Throws a [`Refusal`]: of an `unauthenticated` one nothing is left to try; after any
 * other the same key is sent again.
 */
export async function spend(auth: Auth, keys: RetryKeys): Promise<Issued> {
  try {
    return await attempt(auth, keys.current());
  } catch (thrown) {
    const refusal = Refusal.from(thrown);
    // The cookie is newer than the key: the browser took the last answer's cookie, and the tab was closed before it had
    // made the key that goes with it. So it is made now.
    if (!refusal.fields.has('retry_key')) throw refusal;
  }
  try {
    return await attempt(auth, keys.renew());
  } catch (thrown) {
    throw Refusal.from(thrown);
  }
}

async function attempt(auth: Auth, retryKey: Uint8Array<ArrayBuffer>): Promise<Issued> {
  return await auth.refreshToken({ retryKey }, { headers: BY_COOKIE });
}

/** How long until a token is worth replacing: about four fifths of its life, not at the same moment in every tab. */
export function dueIn(token: Held, clock: Clock): number {
  const share = 0.8 + (clock.chance() - 0.5) * 0.1;
  return Math.max(0, token.expiresAt - token.lifetimeMs * (1 - share) - clock.now());
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

/** How long to wait after `failures` attempts that nobody answered. */
export function backOff(failures: number, refusal: Refusal, clock: Clock): number {
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 10));
  return Math.max(refusal.retryAfterMs ?? 0, wait * (0.75 + clock.chance() * 0.5));
}
