// Owns the curl lines: something to paste into a shell that makes this call.

import { type Call, type OpenApi, resolve } from './document.ts';
import { quoted, SAMPLES, variable } from './sample.ts';
import { example } from './schema.ts';

export function curl(document: OpenApi, call: Call, origin: string): string {
  const body = call.operation.requestBody && resolve(document, call.operation.requestBody);
  const [kind, media] = Object.entries(body?.content ?? {})[0] ?? [];
  const sent = media === undefined ? undefined : example(document, media, SAMPLES);
  // With a body curl makes it a POST by itself.
  const method = call.method === (sent === undefined ? 'GET' : 'POST') ? '' : `-X ${call.method} `;
  const parts = [`curl ${method}${quoted(address(document, call, origin))}`];
  const credentials = credentialOf(document, call);
  if (credentials !== '') parts.push(credentials);
  if (kind !== undefined) parts.push(`-H ${quoted(`content-type: ${kind}`)}`);
  else if (call.method === 'POST') parts.push(`-H ${quoted('content-type: application/json')}`);
  if (sent !== undefined) parts.push(`-d ${quoted(typeof sent === 'string' ? sent : JSON.stringify(sent))}`);
  return parts.join(' \\\n  ');
}

function address(document: OpenApi, { path, parameters }: Call, origin: string): string {
  const base = new URL(document.servers?.[0]?.url ?? '/', `${origin}/`).href.replace(/\/$/, '');
  const query: string[] = [];
  let filled = path;
  for (const { name, in: place, required, example: given, schema } of parameters) {
    const value = given ?? (schema && resolve(document, schema).example) ?? SAMPLES[name];
    // What curl and a shell read as a pattern or a path does not stay in the address.
    const text = value === undefined || value === null ? variable(name.toUpperCase()) : encodeURIComponent(String(value));
    if (place === 'path') filled = filled.replaceAll(`{${name}}`, text);
    if (place === 'query' && required) query.push(`${encodeURIComponent(name)}=${text}`);
  }
  return `${base}${filled}${query.length === 0 ? '' : `?${query.join('&')}`}`;
}

/** For the first way in that the call takes; nothing where it may be made without. */
function credentialOf(document: OpenApi, call: Call): string {
  if (call.security.some((requirement) => Object.keys(requirement).length === 0)) return '';
  const name = Object.keys(call.security[0] ?? {})[0];
  const found = name === undefined ? undefined : document.components?.securitySchemes?.[name];
  if (found === undefined) return '';
  const scheme = resolve(document, found);
  if (scheme.type === 'apiKey' && scheme.in === 'header') return `-H "${scheme.name}: $KEY"`;
  if (scheme.type !== 'http') return '';
  return scheme.scheme?.toLowerCase() === 'basic' ? '-u "$NAME:$PASSWORD"' : '-H "authorization: Bearer $TOKEN"';
}
