// Owns when the page looks again by itself, while somebody looks at it. What it looks for is its owner's.

import type { Clock } from './clock.ts';

/** Nobody believes for longer to be signed in, or to see all sessions. */
export const EVERY_MS = 15_000;

export class Rounds {
  // Another object for each start: a look that ends after a stop, or after the next start, goes on with nothing.
  private going: object | null = null;
  private cancel: () => void = () => undefined;

  /** `look` does not throw. */
  constructor(
    private readonly clock: Clock,
    private readonly look: () => Promise<void>,
  ) {}

  /** The first look is after a while: whoever starts has just looked. */
  start(): void {
    if (this.going !== null) return;
    this.going = {};
    this.wait(this.going);
  }

  stop(): void {
    this.going = null;
    this.cancel();
  }

  private wait(going: object): void {
    this.cancel = this.clock.after(EVERY_MS, () => void this.round(going));
  }

  private async round(going: object): Promise<void> {
    await this.look();
    if (this.going === going) this.wait(going);
  }
}
