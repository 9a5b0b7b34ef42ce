// The page at /docs: fetches /openapi.json and shows it.

import '../style/base.css';
import '../style/docs.css';

import { byId } from '../dom.ts';
import type { OpenApi } from './document.ts';
import { about, contents, reference } from './view.ts';

const copied = byId('copied', HTMLElement);

async function copy(text: string): Promise<void> {
  copied.textContent = '';
  try {
    await navigator.clipboard.writeText(text);
    copied.textContent = 'Copied.';
  } catch {
    copied.textContent = 'The browser does not let this page copy.';
  }
}

async function load(): Promise<OpenApi> {
  const response = await fetch('/openapi.json', { credentials: 'omit', redirect: 'error' });
  if (!response.ok) throw new Error(`/openapi.json answers ${response.status}`);
  return (await response.json()) as OpenApi;
}

async function show(): Promise<void> {
  try {
    const document = await load();
    byId('title', HTMLElement).textContent = [document.info?.title ?? 'API', document.info?.version].filter(Boolean).join(' ');
    byId('about', HTMLElement).replaceChildren(...about(document));
    byId('contents', HTMLElement).replaceChildren(...contents(document));
    byId('reference', HTMLElement).replaceChildren(...reference(document, location.origin, copy));
    jump();
  } catch (thrown) {
    byId('trouble', HTMLElement).textContent = `The reference cannot be shown: ${thrown instanceof Error ? thrown.message : thrown}.`;
  }
}

/** The address may name a call that was not there when the browser looked for it. */
function jump(): void {
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

void show();
