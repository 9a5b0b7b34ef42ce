// Owns how a description is shown: paragraphs, lists and `code`, which is as much of CommonMark as is written in the document.

import { make } from '../dom.ts';

export function prose(text: string): HTMLElement[] {
  return text
    .split(/\n[ \t]*\n/)
    .map((block) => block.trim())
    .filter((block) => block !== '')
    .map((block) => (/^[-*] /.test(block) ? list(block) : make('p', {}, ...spans(block))));
}

function list(block: string): HTMLElement {
  const entries = block.split(/\n(?=\s*[-*] )/).map((entry) => entry.replace(/^\s*[-*] /, ''));
  return make('ul', { class: 'plain-list' }, ...entries.map((entry) => make('li', {}, ...spans(entry))));
}

/** Text between single backticks is code. */
export function spans(text: string): (HTMLElement | string)[] {
  return text
    .split(/(`[^`]+`)/)
    .filter((part) => part !== '')
    .map((part) => (part.length > 2 && part.startsWith('`') && part.endsWith('`') ? make('code', {}, part.slice(1, -1)) : part));
}
