// A browser's tabs without a browser: one storage, one lock and one channel for all of them, and a clock set by hand.

import type { Clock } from '../src/clock.ts';
import { type Lock, ownLock } from '../src/lock.ts';
import { RetryKeys, type Shelf } from '../src/retry_key.ts';
import { Session } from '../src/session.ts';
import type { News, Tabs } from '../src/tabs.ts';
import type { FakeService } from './fake_service.ts';

export class ManualClock implements Clock {
  private time = 1_000_000;
  private timers: { at: number; act: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(ms: number, act: () => void): () => void {
    const timer = { at: this.time + ms, act };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  chance(): number {
    return 0.5;
  }

  /** How long until the next timer goes off. */
  get next(): number | undefined {
    return this.timers.length === 0 ? undefined : Math.min(...this.timers.map(({ at }) => at)) - this.time;
  }

  async pass(ms: number): Promise<void> {
    const until = this.time + ms;
    for (;;) {
      const [due] = this.timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (due === undefined) break;
      this.timers = this.timers.filter((other) => other !== due);
      this.time = Math.max(this.time, due.at);
      due.act();
      await settle();
    }
    this.time = until;
    await settle();
  }
}

/** Lets everything that has been started come to its end. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
}

export class FakeBrowser {
  readonly stored = new Map<string, string>();
  readonly clock = new ManualClock();
  readonly jar: { cookie: string };
  /** Whether tabs hear each other. */
  deaf = false;
  private readonly lock: Lock = ownLock();
  private readonly ears = new Map<object, (news: News) => void>();
  private readonly auth: ReturnType<FakeService['browser']>['auth'];
  private keysMade = 0;

  constructor(service: FakeService) {
    ({ auth: this.auth, jar: this.jar } = service.browser());
  }

  get key(): string | undefined {
    return [...this.stored.values()].find((text) => /^[0-9a-f]+$/.test(text));
  }

  /** What a tab that is not among ours would have told. */
  announce(news: News): void {
    for (const hear of this.ears.values()) hear(news);
  }

  tab(): Session {
    const self = {};
    const shelf: Shelf = {
      getItem: (name) => this.stored.get(name) ?? null,
      setItem: (name, value) => void this.stored.set(name, value),
      removeItem: (name) => void this.stored.delete(name),
    };
    const tabs: Tabs = {
      tell: (news) => {
        if (this.deaf) return;
        // As late as a real channel: after whoever spoke has gone on.
        for (const [owner, hear] of this.ears) if (owner !== self) queueMicrotask(() => hear(news));
      },
      listen: (hear) => void this.ears.set(self, hear),
    };
    const keys = new RetryKeys(shelf, (bytes) => bytes.fill(++this.keysMade));
    return new Session({ auth: this.auth(), lock: this.lock, keys, tabs, clock: this.clock });
  }
}
