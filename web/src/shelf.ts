// Owns where the retry key lies: the browser's storage, which all tabs of this origin see, or nowhere if it is forbidden.

import type { Shelf } from './retry_key.ts';

export function shelf(): Shelf {
  try {
    return window.localStorage;
  } catch {
    return { getItem: () => null, setItem: () => undefined, removeItem: () => undefined };
  }
}
