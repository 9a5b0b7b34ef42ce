// Owns what the reference looks like: a contents list, and each call with its parameters, bodies, answers and curl line.

import { make } from '../dom.ts';
import { curl } from './curl.ts';
import { type Answer, type Call, type Group, groups, type Media, type OpenApi, resolve, told } from './document.ts';
import { prose, spans } from './prose.ts';
import { example, limits, type Row, rows, typeName } from './schema.ts';

export type Copy = (text: string) => Promise<void>;

export function contents(document: OpenApi): HTMLElement[] {
  return groups(document).map((group) =>
    make(
      'div',
      { class: 'contents-group' },
      make('h2', {}, group.name),
      make('ul', {}, ...group.calls.map((call) => make('li', {}, make('a', { href: `#${call.id}` }, ...route(call))))),
    ),
  );
}

export function about(document: OpenApi): HTMLElement[] {
  const { info, components } = document;
  const schemes = Object.entries(components?.securitySchemes ?? {});
  return [
    ...(info?.summary ? [make('p', {}, info.summary)] : []),
    ...prose(info?.description ?? ''),
    ...(schemes.length === 0
      ? []
      : [
          make(
            'dl',
            { class: 'schemes' },
            ...schemes.map(([name, scheme]) => {
              const { description, scheme: kind, type } = resolve(document, scheme);
              return make(
                'div',
                {},
                make('dt', {}, make('code', {}, name), ` ${[type, kind].filter(Boolean).join(', ')}`),
                make('dd', {}, ...spans(description ?? '')),
              );
            }),
          ),
        ]),
  ];
}

export function reference(document: OpenApi, origin: string, copy: Copy): HTMLElement[] {
  return groups(document).map((group) => section(document, group, origin, copy));
}

function section(document: OpenApi, group: Group, origin: string, copy: Copy): HTMLElement {
  return make(
    'section',
    { class: 'group' },
    make('h2', {}, group.name),
    ...prose(group.description),
    ...group.calls.map((call) => shown(document, call, origin, copy)),
  );
}

function shown(document: OpenApi, call: Call, origin: string, copy: Copy): HTMLElement {
  const { operation } = call;
  const { summary, description } = told(operation);
  const body = operation.requestBody && resolve(document, operation.requestBody);
  const answers = Object.entries(operation.responses ?? {}).map(([status, answer]) => [status, resolve(document, answer)] as const);
  return make(
    'article',
    { class: 'call', id: call.id },
    make('h3', {}, make('a', { class: 'route', href: `#${call.id}` }, ...route(call))),
    summary === '' ? null : make('p', { class: 'summary' }, ...spans(summary)),
    operation.deprecated ? make('p', { class: 'badge' }, 'Deprecated') : null,
    ...prose(description),
    make('p', { class: 'security' }, ...security(call)),
    part(
      'Parameters',
      call.parameters.map((parameter) => ({
        depth: 0,
        name: parameter.name,
        type: `${parameter.in}, ${typeName(document, parameter.schema ?? {})}`,
        required: parameter.required ?? false,
        description: parameter.description ?? '',
        limits: limits(resolve(document, parameter.schema ?? {})),
      })),
    ),
    ...Object.entries(body?.content ?? {}).map(([kind, media]) =>
      part(`Body, ${kind}`, rows(document, media.schema ?? {}), body?.description),
    ),
    make('h4', {}, 'Answers'),
    ...answers.map(([status, answer]) => answered(document, status, answer)),
    curlLine(curl(document, call, origin), copy),
  );
}

function route({ method, path }: Call): (HTMLElement | string)[] {
  // A long path may be broken where a person would.
  const steps = path.split(/(?=[/:])/).flatMap((step) => [make('wbr'), step]);
  return [make('span', { class: `method method-${method.toLowerCase()}` }, method), ' ', make('span', { class: 'path' }, ...steps)];
}

function security({ security }: Call): (HTMLElement | string)[] {
  const ways = security.map((requirement) => Object.keys(requirement)).filter((names) => names.length > 0);
  if (ways.length === 0) return ['Needs no credentials.'];
  const listed = ways.flatMap((names, index) => [
    index === 0 ? '' : ' or ',
    ...names.flatMap((name, place) => [place === 0 ? '' : ' with ', make('code', {}, name)]),
  ]);
  return [ways.length === security.length ? 'Needs ' : 'Takes, but does not need, ', ...listed, '.'];
}

function part(title: string, all: readonly Row[], description = ''): HTMLElement | null {
  if (all.length === 0 && description === '') return null;
  return make('div', { class: 'part' }, make('h4', {}, title), ...prose(description), fields(all));
}

function fields(all: readonly Row[]): HTMLElement {
  return make('ul', { class: 'fields' }, ...all.map(field));
}

function field(row: Row): HTMLElement {
  return make(
    'li',
    { class: `depth-${Math.min(row.depth, 4)}` },
    make(
      'p',
      {},
      make('code', { class: 'field-name' }, row.name),
      ' ',
      make('span', { class: 'field-type' }, row.type),
      row.required ? make('span', { class: 'field-needed' }, ' required') : null,
    ),
    ...prose(row.description),
    row.limits === '' ? null : make('p', { class: 'field-limits' }, row.limits),
  );
}

function answered(document: OpenApi, status: string, answer: Answer): HTMLElement {
  const media = Object.entries(answer.content ?? {});
  const headers = Object.entries(answer.headers ?? {}).map(([name, header]) => {
    const { description = '', schema = {} } = resolve(document, header);
    return { depth: 0, name, type: `header, ${typeName(document, schema)}`, required: false, description, limits: '' };
  });
  const head = [make('span', { class: `status status-${status.charAt(0)}` }, status), ...spans(` ${answer.description ?? ''}`)];
  if (media.length === 0 && headers.length === 0) return make('p', { class: 'answer' }, ...head);
  return make(
    'details',
    { class: 'answer' },
    make('summary', {}, ...head),
    headers.length === 0 ? null : fields(headers),
    ...media.flatMap(([kind, one]) => body(document, kind, one)),
  );
}

function body(document: OpenApi, kind: string, media: Media): (HTMLElement | null)[] {
  const all = media.schema === undefined ? [] : rows(document, media.schema);
  const shape = all.length === 0 ? null : fields(all);
  const sample = example(document, media);
  return [
    make('h5', {}, `${kind}${media.schema === undefined ? '' : `, ${typeName(document, media.schema)}`}`),
    shape,
    sample === undefined
      ? null
      : make('pre', { tabindex: '0' }, typeof sample === 'string' ? sample : JSON.stringify(sample, null, 2)),
  ];
}

function curlLine(text: string, copy: Copy): HTMLElement {
  const button = make('button', { class: 'quiet', type: 'button', 'aria-label': 'Copy the curl line' }, 'Copy');
  button.addEventListener('click', () => void copy(text));
  return make('div', { class: 'curl' }, make('h4', {}, 'With curl'), button, make('pre', { tabindex: '0' }, text));
}
