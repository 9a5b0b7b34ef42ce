// Owns that no two tabs touch the cookie at once: everything that spends, replaces or clears the refresh token runs in here.

const NAME = 'countersign.refresh_token';

export type Lock = <T>(work: () => Promise<T>) => Promise<T>;

/** The browser's Web Lock. Where there is none (a page without TLS, which keeps no cookie either) the tab's own. */
export function sharedLock(locks: LockManager | undefined = navigator.locks): Lock {
  if (locks === undefined) return ownLock();
  return async (work) => await locks.request(NAME, work);
}

/** First come, first served, within one tab. */
export function ownLock(): Lock {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  };
}
