// Owns the retry key: random bytes that belong to the refresh token in the cookie and are sent with every attempt to spend
// it, by whatever tab, so that an answer that was lost is given again instead of being taken for theft. It is worth nothing
// without the cookie. Where its session is over, that is kept in its place, so that a reload need not ask. Whoever reads or
// changes it holds the lock.

const NAME = 'countersign.retry_key';
const OVER = 'over';
const BYTES = 32;

/** The part of the browser's Storage that is needed. */
export interface Shelf {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

export class RetryKeys {
  // Where storage is refused, this tab at least repeats its own attempts.
  private spare: string | null = null;

  constructor(
    private readonly shelf: Shelf,
    private readonly random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>,
  ) {}

  /** Whether this browser was signed in when it was last heard of. */
  get present(): boolean {
    return this.read() !== null;
  }

  /**
   * Whether it is known here that no session goes on: the cookie is gone, or not worth sending. Who was never here, or has
   * cleared the storage but not the cookies, has to ask.
   */
  get over(): boolean {
    return this.stored() === OVER;
  }

  /** The key of the refresh token that is in the cookie now. */
  current(): Uint8Array<ArrayBuffer> {
    const text = this.read();
    return text === null ? this.renew() : decode(text);
  }

  /** Another refresh token has been received: from now on its key. */
  renew(): Uint8Array<ArrayBuffer> {
    const key = this.random(new Uint8Array(BYTES));
    this.spare = encode(key);
    try {
      this.shelf.setItem(NAME, this.spare);
    } catch {
      // Full or forbidden.
    }
    return key;
  }

  forget(): void {
    this.spare = null;
    try {
      // First, because that needs no room.
      this.shelf.removeItem(NAME);
      this.shelf.setItem(NAME, OVER);
    } catch {
      // Full, or forbidden and empty: a reload asks.
    }
  }

  private stored(): string | null {
    try {
      return this.shelf.getItem(NAME);
    } catch {
      return null; // Forbidden.
    }
  }

  private read(): string | null {
    const text = this.stored() ?? this.spare;
    return text !== null && new RegExp(`^[0-9a-f]{${BYTES * 2}}$`).test(text) ? text : null;
  }
}

function encode(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
