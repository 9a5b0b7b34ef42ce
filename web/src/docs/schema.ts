// Owns how a schema is told: as rows to read, and as an example to send.

import { type Media, type OpenApi, referenceName, resolve, type Schema } from './document.ts';
import type { Samples } from './sample.ts';

/** A property and how deep it is. */
export interface Row {
  readonly depth: number;
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
  readonly limits: string;
}

const DEEPEST = 6;

/** The properties of a schema, each followed by its own. A schema inside itself is named and not entered again. */
export function rows(document: OpenApi, schema: Schema): Row[] {
  return inside(document, schema, 0, []);
}

function inside(document: OpenApi, schema: Schema, depth: number, above: readonly string[]): Row[] {
  const { whole, names } = flatten(document, schema);
  if (depth > DEEPEST || names.some((name) => above.includes(name))) return [];
  const path = [...above, ...names];
  if (whole.items) return inside(document, whole.items, depth, path);
  const required = new Set(whole.required ?? []);
  const own = Object.entries(whole.properties ?? {}).flatMap(([name, property]) => [
    row(document, name, property, depth, required.has(name)),
    ...inside(document, property, depth + 1, path),
  ]);
  const choices = [...(whole.oneOf ?? []), ...(whole.anyOf ?? [])].filter((choice) => typeName(document, choice) !== 'null');
  const rest = typeof whole.additionalProperties === 'object' ? inside(document, whole.additionalProperties, depth, path) : [];
  return [...own, ...choices.flatMap((choice) => inside(document, choice, depth, path)), ...rest];
}

function row(document: OpenApi, name: string, property: Schema, depth: number, required: boolean): Row {
  const { whole } = flatten(document, property);
  return {
    depth,
    name,
    type: typeName(document, property),
    required,
    description: property.description ?? whole.description ?? whole.title ?? '',
    limits: limits(whole),
  };
}

/** A schema without references at its top, `allOf` laid together, and the names under which it was found. */
function flatten(document: OpenApi, schema: Schema): { whole: Schema; names: string[] } {
  const names: string[] = [];
  if (schema.$ref !== undefined) names.push(schema.$ref);
  let whole: Schema = resolve(document, schema);
  for (const part of whole.allOf ?? []) {
    const other = flatten(document, part);
    names.push(...other.names);
    whole = {
      ...other.whole,
      ...whole,
      properties: { ...other.whole.properties, ...whole.properties },
      required: [...(other.whole.required ?? []), ...(whole.required ?? [])],
    };
  }
  return { whole, names };
}

/** As `string (uuid)`, `Session[]`, `string or null`. */
export function typeName(document: OpenApi, schema: Schema): string {
  const { whole } = flatten(document, schema);
  if (whole.items) return `${typeName(document, whole.items)}[]`;
  if (whole.const !== undefined) return JSON.stringify(whole.const);
  if (whole.enum) return 'one of';
  const choices = whole.oneOf ?? whole.anyOf;
  if (choices) return [...new Set(choices.map((choice) => typeName(document, choice)))].join(' or ');
  const types = typeof whole.type === 'string' ? [whole.type] : [...(whole.type ?? [])];
  const named = schema.$ref !== undefined && (types.length === 0 || types.includes('object'));
  if (named && schema.$ref !== undefined) return referenceName(schema.$ref);
  const format = whole.format ?? whole.contentEncoding;
  return `${types.join(' or ') || 'any'}${format === undefined ? '' : ` (${format})`}`;
}

/** What the values are limited to, in words. */
export function limits(schema: Schema): string {
  const { minLength, maxLength, minimum, maximum, maxItems } = schema;
  const said = [
    schema.enum ? schema.enum.map((value) => String(value)).join(', ') : '',
    range(minLength, maxLength, 'characters'),
    range(minimum, maximum, ''),
    range(undefined, maxItems, 'items'),
    schema.pattern === undefined ? '' : `matches ${schema.pattern}`,
    schema.default === undefined ? '' : `default ${JSON.stringify(schema.default)}`,
    schema.readOnly ? 'in answers only' : '',
    schema.deprecated ? 'deprecated' : '',
  ];
  return said.filter((part) => part !== '').join('; ');
}

function range(least: number | undefined, most: number | undefined, unit: string): string {
  if (least === undefined && most === undefined) return '';
  if (least === undefined) return `at most ${most} ${unit}`.trim();
  if (most === undefined) return `at least ${least} ${unit}`.trim();
  return `${least} to ${most} ${unit}`.trim();
}

/** What could be sent or answered: the document's example, or one made from the schema, with samples by name. */
export function example(document: OpenApi, media: Media, samples: Samples = {}): unknown {
  if (media.example !== undefined) return media.example;
  const first = Object.values(media.examples ?? {})[0]?.value;
  if (first !== undefined) return first;
  return media.schema === undefined ? undefined : made(document, media.schema, '', { samples, above: [] });
}

const BY_FORMAT: Readonly<Record<string, string>> = {
  'date-time': '2026-01-31T12:00:00Z',
  date: '2026-01-31',
  duration: '60s',
  'google-duration': '60s',
  uuid: '0193b4a0-5f6e-7c3a-8d5e-1f2a3b4c5d6e',
  byte: 'bm90IGEgc2VjcmV0IGtleQ==',
  base64: 'bm90IGEgc2VjcmV0IGtleQ==',
};

interface Making {
  readonly samples: Samples;
  /** The schemas that this one is in. */
  readonly above: readonly string[];
}

function made(document: OpenApi, schema: Schema, name: string, { samples, above }: Making): unknown {
  const { whole, names } = flatten(document, schema);
  const given = whole.example ?? whole.examples?.[0] ?? whole.const ?? whole.default ?? whole.enum?.[0];
  if (given !== undefined) return given;
  if (above.length > DEEPEST || names.some((known) => above.includes(known))) return {};
  const making = { samples, above: [...above, ...names] };
  const choice = whole.oneOf?.[0] ?? whole.anyOf?.[0];
  if (choice) return made(document, choice, name, making);
  switch (typeof whole.type === 'string' ? whole.type : whole.type?.[0]) {
    case 'array':
      return [made(document, whole.items ?? {}, name, making)];
    case 'boolean':
      return true;
    case 'integer':
    case 'number':
      return whole.minimum ?? 1;
    case 'string':
      return samples[name] ?? BY_FORMAT[whole.format ?? whole.contentEncoding ?? ''] ?? (name === '' ? 'text' : name);
    case 'null':
      return null;
    default:
      return Object.fromEntries(
        Object.entries(whole.properties ?? {})
          .filter(([key]) => samples[key] !== null)
          .map(([key, property]) => [key, made(document, property, key, making)]),
      );
  }
}
