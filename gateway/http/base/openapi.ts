// The OpenAPI 3.1 document, made from the same routes that are mounted.
import {
  extendZodWithOpenApi,
  OpenApiGeneratorV31,
  OpenAPIRegistry,
} from '@asteasolutions/zod-to-openapi';
import type { ResponseConfig, RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { gatewayErrorRows, PROBLEM_TYPE } from '../../errors.js';
import { SESSION_COOKIE } from './cookies.js';
import { NDJSON } from './lines.js';
import { API_ROOT } from './mount.js';
import { refusalsOf } from './refusals.js';
import type { AnswerSpec, Route } from './route.js';

// Adds `.openapi()` to zod's types, which the registry needs; doing it twice is harmless.
extendZodWithOpenApi(z);

export type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>;

const [firstCode, ...otherCodes] = gatewayErrorRows.map(({ code }) => code);

/** RFC 9457 problem details as a schema. */
export const problemSchema = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(firstCode === undefined ? [] : [firstCode, ...otherCodes]),
  instance: z.string(),
  ids: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  reason: z.string().optional(),
  fields: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
  limitBytes: z.int().optional(),
});

/** Describes every route. */
export function openApiDocument<Deps>(
  routes: readonly Route<Deps>[],
  info: { readonly title: string; readonly version: string },
): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  const problem = registry.register('Problem', problemSchema);
  registry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  registry.registerComponent('securitySchemes', 'service', {
    type: 'http',
    scheme: 'bearer',
    description: 'The token of a hospital’s service account.',
  });
  registry.registerComponent('securitySchemes', 'session', {
    type: 'apiKey',
    in: 'cookie',
    name: SESSION_COOKIE,
  });
  registry.registerComponent('securitySchemes', 'csrf', {
    type: 'apiKey',
    in: 'header',
    name: 'x-csrf-token',
  });
  for (const route of routes) registry.registerPath(describeRoute(route, problem));
  const document = new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: { ...info, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: API_ROOT }],
  });
  return document;
}

function describeRoute<Deps>(route: Route<Deps>, problem: z.ZodType): RouteConfig {
  const { method, path, summary, description, tags, roles, freshLogin, params, query } = route;
  const notes = [
    description,
    roles === undefined ? undefined : `For the role ${roles.join(' or ')}.`,
    freshLogin === true ? 'Needs a password given a short time ago.' : undefined,
  ].filter((note) => note !== undefined);
  const body = requestBody(route);
  const responses: Record<string, ResponseConfig> = {};
  for (const [status, spec] of Object.entries(route.responses))
    responses[status] = describeAnswer(spec, route.dialect?.contentType);
  for (const [status, refusal] of describeRefusals(route, problem)) responses[status] ??= refusal;
  return {
    method,
    path,
    operationId: operationId(method, path),
    summary,
    ...(notes.length === 0 ? {} : { description: notes.join(' ') }),
    tags: [...tags],
    security: security(route),
    request: {
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { query }),
      ...(body === undefined ? {} : { body }),
    },
    responses,
  };
}

/** By status, with the codes that a problem document of it may have. */
function describeRefusals<Deps>(
  route: Route<Deps>,
  problem: z.ZodType,
): ReadonlyMap<string, ResponseConfig> {
  const { dialect } = route;
  const content = dialect
    ? { [dialect.contentType]: { schema: dialect.problemSchema } }
    : { [PROBLEM_TYPE]: { schema: problem } };
  const told = new Map<string, string[]>();
  for (const { status, code, remedy } of refusalsOf(route)) {
    const key = String(status);
    told.set(key, [...(told.get(key) ?? []), `\`${code}\`: ${remedy}`]);
  }
  return new Map(
    [...told].map(([status, codes]) => [status, { description: codes.join(' '), content }]),
  );
}

/** A browser changes things with cookie and CSRF token, a program with its bearer token. */
function security<Deps>({ auth, method }: Route<Deps>): Record<string, string[]>[] {
  if (auth === 'none') return [];
  if (auth === 'service') return [{ service: [] }];
  return [{ bearer: [] }, method === 'get' ? { session: [] } : { session: [], csrf: [] }];
}

function requestBody<Deps>({ body, upload, lines, raw, dialect }: Route<Deps>) {
  if (raw !== undefined) {
    const schema = { type: 'string' as const, format: 'binary' };
    const content = Object.fromEntries(raw.contentTypes.map((type) => [type, { schema }]));
    return { required: true, description: raw.description, content };
  }
  if (lines !== undefined) {
    const { schema, description } = lines;
    return { required: true, description, content: { [NDJSON]: { schema } } };
  }
  if (upload !== undefined) {
    const { type, properties, required } = upload.schema;
    const schema = {
      type,
      properties: { ...properties },
      ...(required === undefined ? {} : { required: [...required] }),
    };
    return { required: true, content: { 'multipart/form-data': { schema } } };
  }
  return body === undefined
    ? undefined
    : {
        required: true,
        content: {
          'application/json': { schema: body },
          ...(dialect && { [dialect.contentType]: { schema: body } }),
        },
      };
}

function describeAnswer(spec: AnswerSpec, jsonType = 'application/json'): ResponseConfig {
  const { description } = spec;
  if (spec.kind === 'empty') return { description };
  if (spec.kind === 'json')
    return { description, content: { [jsonType]: { schema: spec.schema } } };
  if (spec.kind === 'lines') return { description, content: { [NDJSON]: { schema: spec.schema } } };
  const content = spec.contentTypes.map(
    (type) => [type, { schema: { type: 'string', format: 'binary' } }] as const,
  );
  return { description, content: Object.fromEntries(content) };
}

/** `get /reports/{reportId}/content` is `getReportsByReportIdContent`. */
function operationId(method: string, path: string): string {
  const words = path.split('/').filter((part) => part !== '');
  const names = words.map((word) => {
    const parameter = /^\{(.+)\}$/.exec(word)?.[1];
    const text = parameter === undefined ? word : `by-${parameter}`;
    return text
      .split('-')
      .map((piece) => piece.charAt(0).toUpperCase() + piece.slice(1))
      .join('');
  });
  return method + names.join('');
}
