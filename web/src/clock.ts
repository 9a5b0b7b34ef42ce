// Owns time and chance, so that tests have their own.

export interface Clock {
  /** Milliseconds; the wall clock's, which goes on while the machine sleeps. */
  now(): number;
  /** Calls once, later; the answer takes it back. */
  after(ms: number, act: () => void): () => void;
  /** From 0 up to 1. */
  chance(): number;
}

export const browserClock: Clock = {
  now: () => Date.now(),
  after: (ms, act) => {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
  chance: () => Math.random(),
};
