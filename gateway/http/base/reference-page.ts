// The browsable reference: plain HTML made from the OpenAPI document on the server, without scripts.
import { z } from 'zod';
import { gatewayErrorRows } from '../../errors.js';
import type { OpenApiDocument } from './openapi.js';

/** The one style sheet of these pages; its hash stands in their content security policy. */
export const referenceStyle = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; background: #fff }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #c8ccd1 } h3 code { font-size: 1rem }
pre { background: #f3f4f6; padding: .75rem; overflow-x: auto; font-size: .85rem } code { font-family: ui-monospace, monospace }
table { border-collapse: collapse } td, th { text-align: left; padding: .25rem 1rem .25rem 0; vertical-align: top }
.method { text-transform: uppercase; font-weight: 700 } :focus-visible { outline: 3px solid #0b62d6 }
@media (prefers-color-scheme: dark) { body { background: #14171a; color: #e6e8ea } pre { background: #20252a } a { color: #8ab8ff } }
`;

const contentSchema = z.record(z.string(), z.object({ schema: z.unknown() }));
const operationSchema = z.object({
  operationId: z.string(),
  summary: z.string(),
  description: z.string().optional(),
  tags: z.array(z.string()),
  security: z.array(z.record(z.string(), z.unknown())),
  parameters: z
    .array(
      z.object({
        name: z.string(),
        in: z.string(),
        required: z.boolean().optional(),
        schema: z.unknown(),
      }),
    )
    .optional(),
  requestBody: z.object({ content: contentSchema }).optional(),
  responses: z.record(
    z.string(),
    z.object({ description: z.string(), content: contentSchema.optional() }),
  ),
});
type Operation = z.infer<typeof operationSchema> & {
  readonly method: string;
  readonly path: string;
};

/** The reference of every operation, grouped by its first tag. */
export function referencePage(document: OpenApiDocument): string {
  const groups = new Map<string, Operation[]>();
  for (const operation of operationsOf(document)) {
    const tag = operation.tags[0] ?? 'other';
    groups.set(tag, [...(groups.get(tag) ?? []), operation]);
  }
  const contents = [...groups].map(([tag, operations]) => {
    const links = operations.map(({ operationId, method, path, summary }) =>
      tagged(
        'li',
        `<a href="#${escape(operationId)}"><code>${method.toUpperCase()} ${escape(path)}</code></a> ${escape(summary)}`,
      ),
    );
    return tagged('li', escape(tag) + tagged('ul', links.join('')));
  });
  const schemas = Object.entries(document.components?.schemas ?? {}).map(
    ([name, schema]) =>
      `<h3 id="schema-${escape(name)}"><code>${escape(name)}</code></h3>${pretty(schema)}`,
  );
  const sections = [...groups].map(
    ([tag, operations]) => tagged('h2', escape(tag)) + operations.map(renderOperation).join(''),
  );
  const { title, version } = document.info;
  return page(
    `${title} ${version}`,
    `<p>The machine-readable form is <a href="/api/v1/openapi.json">openapi.json</a>; errors are
    <a href="/api/docs/errors">listed here</a>. Paths stand below <code>/api/v1</code>.</p>
    <nav aria-label="Operations">${tagged('ul', contents.join(''))}</nav>
    ${sections.join('')}<h2>Schemas</h2>${schemas.join('')}`,
  );
}

/** The list of error codes; a problem document's `type` points into it. */
export function errorsReferencePage(): string {
  const rows = gatewayErrorRows.map(
    ({ code, status, title, remedy }) =>
      `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${escape(title)}</td><td>${escape(remedy)}</td></tr>`,
  );
  return page(
    'Errors',
    `<table><thead><tr><th>Code</th><th>Status</th><th>Title</th><th>What to do</th></tr></thead><tbody>${rows.join('')}</tbody></table>`,
  );
}

function operationsOf(document: OpenApiDocument): Operation[] {
  const paths = z
    .record(z.string(), z.record(z.string(), operationSchema))
    .parse(document.paths ?? {});
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, method, path })),
  );
}

function renderOperation(operation: Operation): string {
  const {
    operationId,
    method,
    path,
    summary,
    description,
    security,
    parameters = [],
    requestBody,
  } = operation;
  const parameterRows = parameters.map(
    (one) =>
      `<tr><td><code>${escape(one.name)}</code></td><td>${escape(one.in)}</td><td>${one.required === true ? 'required' : 'optional'}</td><td><code>${escape(JSON.stringify(one.schema))}</code></td></tr>`,
  );
  const answers = Object.entries(operation.responses).map(
    ([status, { description: text, content = {} }]) =>
      `<h4>${escape(status)} — ${escape(text)}</h4>${renderContent(content)}`,
  );
  return [
    `<h3 id="${escape(operationId)}"><code><span class="method">${method}</span> ${escape(path)}</code></h3>`,
    `<p>${escape(summary)}</p>`,
    description === undefined ? '' : `<p>${escape(description)}</p>`,
    `<p>${security.length === 0 ? 'Open to all.' : 'Needs a session.'}</p>`,
    parameterRows.length === 0 ? '' : `<h4>Parameters</h4><table>${parameterRows.join('')}</table>`,
    requestBody === undefined ? '' : `<h4>Body</h4>${renderContent(requestBody.content)}`,
    ...answers,
  ].join('');
}

const renderContent = (content: z.infer<typeof contentSchema>): string =>
  Object.entries(content)
    .map(([type, { schema }]) => `<p><code>${escape(type)}</code></p>${pretty(schema)}`)
    .join('');

const pretty = (value: unknown): string =>
  `<pre tabindex="0">${escape(JSON.stringify(value, null, 2))}</pre>`;

const tagged = (name: string, inner: string): string => `<${name}>${inner}</${name}>`;

function page(title: string, inner: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escape(title)}</title><style>${referenceStyle}</style></head><body><main><h1>${escape(title)}</h1>${inner}</main></body></html>`;
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escape = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => escapes[character] ?? '');
