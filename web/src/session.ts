// Owns who is signed in, in this tab: the access token in memory, and when it is replaced.
//
//   starting ---- refreshed from the cookie -----> signed in
//      \--------- known to be over, or refused --> signed out
//   signed out -- password, or another tab ------> signed in
//   signed in --- refreshed by any tab ----------> signed in
//      \--------- refused, signed out anywhere --> signed out
//
// Only the server's word (UNAUTHENTICATED) or the user's act signs out. A server that does not answer is asked again, with
// the same retry key, for as long as it takes.

import type { Clock } from './clock.ts';
import type { Lock } from './lock.ts';
import { backOff, dueIn, held, type Held, type Issued, spend } from './refresh.ts';
import { Refusal } from './refusal.ts';
import type { RetryKeys } from './retry_key.ts';
import type { News, Tabs } from './tabs.ts';
import { type Auth, BY_COOKIE } from './wire.ts';

export type State =
  | { readonly kind: 'starting'; readonly trouble: string }
  | { readonly kind: 'signed-out'; readonly sentence: string }
  | { readonly kind: 'signed-in'; readonly held: Held };

export interface Surroundings {
  readonly auth: Auth;
  readonly lock: Lock;
  readonly keys: RetryKeys;
  readonly tabs: Tabs;
  readonly clock: Clock;
}

export type Headers = Readonly<Record<string, string>>;

export class Session {
  private current: State = { kind: 'starting', trouble: '' };
  private readonly watchers: ((state: State) => void)[] = [];
  private failures = 0;
  private cancelTimer: () => void = () => undefined;

  constructor(private readonly around: Surroundings) {
    around.tabs.listen((news) => this.hear(news));
  }

  get state(): State {
    return this.current;
  }

  watch(watcher: (state: State) => void): void {
    this.watchers.push(watcher);
  }

  /** Finds out from the cookie whether somebody is signed in. */
  async start(): Promise<void> {
    await this.renewInBackground();
  }

  /** The machine was away, or its network: what is due is done now. */
  async wake(): Promise<void> {
    const { clock } = this.around;
    const waiting = this.current.kind === 'starting' || this.failures > 0;
    const due = this.current.kind === 'signed-in' && this.current.held.expiresAt <= clock.now();
    if (waiting || due) await this.renewInBackground();
    else if (this.current.kind === 'signed-in') this.schedule(this.current.held);
  }

  async signUp(username: string, password: string): Promise<void> {
    await refusing(this.around.auth.createUser({ username, password }));
    await this.signIn(username, password);
  }

  async signIn(username: string, password: string): Promise<void> {
    const { auth, lock } = this.around;
    await lock(async () => {
      this.receive(await refusing(auth.issueToken({ username, password }, { headers: BY_COOKIE })));
    });
  }

  async changePassword(currentPassword: string, newPassword: string): Promise<void> {
    const { auth, lock } = this.around;
    await this.call((headers) =>
      lock(async () => {
        const call = auth.changePassword({ currentPassword, newPassword }, { headers: { ...headers, ...BY_COOKIE } });
        this.receive(await refusing(call));
      }),
    );
  }

  /** Ends the session and clears the cookie. If it throws, nobody knows whether the session is over: it is still here. */
  async signOut(): Promise<void> {
    const { auth, lock } = this.around;
    await lock(async () => {
      try {
        await auth.revokeToken({}, { headers: BY_COOKIE });
      } catch (thrown) {
        const refusal = Refusal.from(thrown);
        // The cookie was lost, but not the session.
        if (!refusal.fields.has('token') || this.current.kind !== 'signed-in') throw refusal;
        await refusing(auth.revokeToken({ token: this.current.held.token }));
      }
      this.leave('');
    });
  }

  /** Makes a call as the user; once more with a fresh token if this one is over. Throws a [`Refusal`]. */
  async call<T>(make: (headers: Headers) => Promise<T>): Promise<T> {
    const token = this.token();
    try {
      return await refusing(make(bearer(token)));
    } catch (thrown) {
      const refusal = Refusal.from(thrown);
      if (!refusal.tokenIsOver) throw refusal;
    }
    const fresh = await this.renew(token);
    return await refusing(make(bearer(fresh)));
  }

  private token(): Held {
    if (this.current.kind === 'signed-in') return this.current.held;
    throw new Refusal('', 'You are signed out.');
  }

  /** Replaces a token, unless another call or tab has: once, whoever asks meanwhile. */
  private renew(stale: Held | null): Promise<Held> {
    const { auth, lock, keys } = this.around;
    return lock(async () => {
      // What has happened while we waited for the lock counts: another tab has refreshed, or signed out.
      if (this.current.kind === 'signed-out') throw new Refusal('', this.current.sentence || 'You are signed out.');
      if (this.current.kind === 'signed-in' && this.current.held.token !== stale?.token) return this.current.held;
      if (this.current.kind === 'starting' && keys.over) {
        this.letGo('');
        throw new Refusal('', 'You are signed out.');
      }
      const wasHere = keys.present;
      try {
        return this.receive(await spend(auth, keys));
      } catch (thrown) {
        const refusal = Refusal.from(thrown);
        if (!refusal.unauthenticated) throw refusal;
        // To whom was never signed in here the refusal is no news.
        this.leave(wasHere ? `You have been signed out. ${refusal.sentence}` : '');
        if (wasHere) await this.dropCookie();
        throw refusal;
      }
    });
  }

  private async renewInBackground(): Promise<void> {
    this.cancelTimer();
    const stale = this.current.kind === 'signed-in' ? this.current.held : null;
    try {
      await this.renew(stale);
    } catch (thrown) {
      if (this.current.kind === 'signed-out') return;
      const refusal = Refusal.from(thrown);
      this.failures += 1;
      if (this.current.kind === 'starting') this.enter({ kind: 'starting', trouble: refusal.sentence });
      this.later(backOff(this.failures, refusal, this.around.clock));
    }
  }

  /** Under the lock: a refresh token has come into the cookie, an access token to us. */
  private receive(issued: Issued): Held {
    const { keys, tabs, clock } = this.around;
    keys.renew();
    const token = held(issued, clock.now());
    this.hold(token);
    tabs.tell({ kind: 'signed-in', ...token });
    return token;
  }

  /** Under the lock: the session is over. */
  private leave(sentence: string): void {
    const { keys, tabs, clock } = this.around;
    keys.forget();
    this.letGo(sentence);
    tabs.tell({ kind: 'signed-out', at: clock.now(), sentence });
  }

  /** Under the lock, when the server has refused the cookie for good: no script can remove it, so the server does. */
  private async dropCookie(): Promise<void> {
    try {
      await this.around.auth.revokeToken({}, { headers: BY_COOKIE });
    } catch {
      // It stays, and is not sent again: its session is known to be over.
    }
  }

  private hear(news: News): void {
    if (this.current.kind === 'signed-in' && news.at < this.current.held.at) return;
    if (news.kind === 'signed-in') {
      const { token, sessionId, lifetimeMs, expiresAt, at } = news;
      this.hold({ token, sessionId, lifetimeMs, expiresAt, at });
    } else if (this.current.kind !== 'signed-out') {
      this.letGo(news.sentence || 'You signed out in another tab.');
    }
  }

  private hold(token: Held): void {
    this.failures = 0;
    this.schedule(token);
    this.enter({ kind: 'signed-in', held: token });
  }

  private letGo(sentence: string): void {
    this.failures = 0;
    this.cancelTimer();
    this.enter({ kind: 'signed-out', sentence });
  }

  private schedule(token: Held): void {
    this.later(dueIn(token, this.around.clock));
  }

  private later(ms: number): void {
    this.cancelTimer();
    this.cancelTimer = this.around.clock.after(ms, () => void this.renewInBackground());
  }

  private enter(state: State): void {
    this.current = state;
    for (const watcher of this.watchers) watcher(state);
  }
}

function bearer({ token }: Held): Headers {
  return { authorization: `Bearer ${token}` };
}

async function refusing<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    throw Refusal.from(thrown);
  }
}
