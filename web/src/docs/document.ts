// Owns how an OpenAPI 3.1 document is read: the parts of the standard that this page shows, and references into
// `#/components`. Everything is optional, as it is to whoever wrote the document.

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly title?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: boolean | Schema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly allOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly default?: unknown;
  readonly example?: unknown;
  readonly examples?: readonly unknown[];
  readonly contentEncoding?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly readOnly?: boolean;
  readonly deprecated?: boolean;
}

export interface Media {
  readonly schema?: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value?: unknown }>>;
}

export interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'cookie';
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: Schema;
  readonly example?: unknown;
}

export interface Body {
  readonly $ref?: string;
  readonly description?: string;
  readonly required?: boolean;
  readonly content?: Readonly<Record<string, Media>>;
}

export interface Answer {
  readonly $ref?: string;
  readonly description?: string;
  readonly headers?: Readonly<Record<string, { readonly $ref?: string; readonly description?: string; readonly schema?: Schema }>>;
  readonly content?: Readonly<Record<string, Media>>;
}

export type Requirement = Readonly<Record<string, readonly string[]>>;

export interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Body;
  readonly responses?: Readonly<Record<string, Answer>>;
  readonly security?: readonly Requirement[];
  readonly deprecated?: boolean;
}

export interface SecurityScheme {
  readonly $ref?: string;
  readonly type?: string;
  readonly scheme?: string;
  readonly bearerFormat?: string;
  readonly description?: string;
  readonly name?: string;
  readonly in?: string;
}

export interface OpenApi {
  readonly openapi?: string;
  readonly info?: { readonly title?: string; readonly version?: string; readonly summary?: string; readonly description?: string };
  readonly servers?: readonly { readonly url?: string }[];
  readonly tags?: readonly { readonly name: string; readonly description?: string }[];
  readonly paths?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly security?: readonly Requirement[];
  readonly components?: { readonly securitySchemes?: Readonly<Record<string, SecurityScheme>> };
}

/** An operation with where it is and all that holds for it. */
export interface Call {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  readonly parameters: readonly Parameter[];
  readonly security: readonly Requirement[];
}

export interface Group {
  readonly name: string;
  readonly description: string;
  readonly calls: readonly Call[];
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options', 'trace'];

/** What a reference stands for; beside it the standard allows a description of its own. */
export function resolve<T extends { readonly $ref?: string }>(document: OpenApi, part: T): T {
  const seen = new Set<string>();
  let found: T = part;
  while (found.$ref !== undefined && !seen.has(found.$ref)) {
    seen.add(found.$ref);
    const { $ref: ref, ...beside } = found;
    const target = at(document, ref);
    if (typeof target !== 'object' || target === null) break;
    found = { ...target, ...beside } as T;
  }
  return found;
}

function at(document: OpenApi, reference: string): unknown {
  if (!reference.startsWith('#/')) return undefined;
  const steps = reference.slice(2).split('/').map((step) => decodeURIComponent(step).replace(/~1/g, '/').replace(/~0/g, '~'));
  return steps.reduce<unknown>((part, step) => {
    const inside = typeof part === 'object' && part !== null && Object.hasOwn(part, step);
    return inside ? (part as Record<string, unknown>)[step] : undefined;
  }, document);
}

/** The last part of a reference, which is what a schema is called. */
export function referenceName(reference: string): string {
  return reference.slice(reference.lastIndexOf('/') + 1);
}

/** All operations by their first tag, in the order of the document's tags, then of the paths. */
export function groups(document: OpenApi): Group[] {
  const byName = new Map<string, { description: string; calls: Call[] }>();
  for (const { name, description = '' } of document.tags ?? []) byName.set(name, { description, calls: [] });
  for (const call of calls(document)) {
    const name = call.operation.tags?.[0] ?? 'Other';
    const group = byName.get(name) ?? { description: '', calls: [] };
    group.calls.push(call);
    byName.set(name, group);
  }
  return [...byName].map(([name, group]) => ({ name, ...group })).filter((group) => group.calls.length > 0);
}

function calls(document: OpenApi): Call[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.filter((method) => Object.hasOwn(item, method)).map((method) => {
      const operation = item[method] as Operation;
      return {
        id: operation.operationId ?? `${method}${path.replace(/\W+/g, '-')}`,
        method: method.toUpperCase(),
        path,
        operation,
        parameters: parameters(document, item['parameters'] as readonly Parameter[] | undefined, operation.parameters),
        security: operation.security ?? document.security ?? [],
      };
    }),
  );
}

/** Those of the path hold for each of its operations, unless it has its own of that name and place. */
function parameters(
  document: OpenApi,
  ofPath: readonly Parameter[] = [],
  ofOperation: readonly Parameter[] = [],
): readonly Parameter[] {
  const all = [...ofPath, ...ofOperation].map((parameter) => resolve(document, parameter));
  return [...new Map(all.map((parameter) => [`${parameter.in} ${parameter.name}`, parameter])).values()];
}

/** The summary and the description, without what both say: a description often begins with its summary. */
export function told({ summary = '', description = '' }: Operation): { summary: string; description: string } {
  const short = summary.trim();
  if (short === '' || !description.startsWith(short)) return { summary: short, description };
  const rest = description.slice(short.length);
  // Half a word or half a sentence stays where it is.
  const ends = /[.!?]$/.test(short) ? /^(\s|$)/ : /^(\.(\s|$)|\n|$)/;
  if (!ends.test(rest)) return { summary: '', description };
  return { summary: rest.startsWith('.') ? `${short}.` : short, description: rest.replace(/^\./, '').trim() };
}
