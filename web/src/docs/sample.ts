// Owns what a curl line sends where the document gives no example: values that this service takes, so that a line which was
// copied does what it says. What only its reader has is a variable of the shell, as the token in the header is.

export type Samples = Readonly<Record<string, string | null>>;

// Private use: nothing that is written has it.
const MARK = '\uE000';

/** By the name of a property or parameter; `null` is one that is better left out. */
export const SAMPLES: Samples = {
  username: 'alice',
  // The passwords of the document's own examples.
  password: 'correct horse battery',
  currentPassword: 'correct horse battery',
  newPassword: 'a second battery',
  userId: 'me',
  user_id: 'me',
  // 16 bytes, the fewest.
  retryKey: 'bm90IGEgc2VjcmV0IGtleQ==',
  token: variable('TOKEN'),
  refreshToken: variable('REFRESH_TOKEN'),
  resetCode: variable('RESET_CODE'),
  // None is this service's own.
  audience: null,
  // Only who has verifiers waits for them.
  waitForVerifiers: null,
};

/** Stands for a variable of the shell in a text that is yet to be quoted. */
export function variable(name: string): string {
  return `${MARK}${name}${MARK}`;
}

/** One word for a shell, whatever is in it; variables are filled in, and stay inside the word. */
export function quoted(text: string): string {
  const parts = text.split(new RegExp(`${MARK}([A-Z_]+)${MARK}`)).map((part, place) => {
    if (place % 2 === 1) return `"$${part}"`;
    return part === '' ? '' : `'${part.replaceAll("'", `'\\''`)}'`;
  });
  return parts.join('') || "''";
}
