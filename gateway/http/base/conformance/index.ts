// Holds real answers against the OpenAPI document: status, media type and body must be what it says.
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { z } from 'zod';
import { NDJSON } from '../lines.js';
import type { OpenApiDocument } from '../openapi.js';

const documentSchema = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        responses: z.record(
          z.string(),
          z.object({ content: z.record(z.string(), z.unknown()).optional() }),
        ),
      }),
    ),
  ),
});

export interface ObservedAnswer {
  readonly method: string;
  /** Below `/api/v1`, as it was asked for or as the template. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string | null;
  /** Parsed JSON, an array of the parsed lines of NDJSON, or the text or bytes as they came. */
  readonly body: unknown;
}

/**
 * A checker over one document. It throws, saying what does not fit, when a path, method, status or media type is
 * not documented or a JSON body breaks its schema.
 */
export function answerChecker(document: OpenApiDocument): (answer: ObservedAnswer) => void {
  const { paths } = documentSchema.parse(document);
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  // A CommonJS module: its default export is the object that holds the plug-in.
  formats.default(ajv);
  ajv.addSchema(document, 'openapi');
  return ({ method, path, status, contentType, body }) => {
    // A path that is said outright comes before one with parameters that it would fit.
    const template = Object.hasOwn(paths, path)
      ? path
      : Object.keys(paths).find((candidate) => matches(candidate, path));
    const operation = template === undefined ? undefined : paths[template]?.[method.toLowerCase()];
    const place = `${method.toUpperCase()} ${path} ${status}`;
    if (template === undefined || operation === undefined)
      throw new Error(`${place}: not documented`);
    const key = String(status);
    const answer = operation.responses[key];
    if (answer === undefined) throw new Error(`${place}: the status is not documented`);
    const type = contentType?.split(';')[0]?.trim() ?? '';
    if (answer.content === undefined) {
      if (body !== undefined && body !== '' && body !== null)
        throw new Error(`${place}: a body where none is documented`);
      return;
    }
    if (!(type in answer.content))
      throw new Error(`${place}: the media type ${type} is not documented`);
    if (!type.endsWith('json')) return;
    const pointer = [
      'paths',
      template,
      method.toLowerCase(),
      'responses',
      key,
      'content',
      type,
      'schema',
    ];
    const reference = pointer
      .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/');
    const validate = ajv.compile({ $ref: `openapi#/${reference}` });
    // Of lines the document describes each one.
    const values: readonly unknown[] = type === NDJSON && Array.isArray(body) ? body : [body];
    for (const value of values)
      if (!validate(value)) throw new Error(`${place}: ${ajv.errorsText(validate.errors)}`);
  };
}

function matches(template: string, path: string): boolean {
  const wanted = template.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length &&
    wanted.every(
      (part, index) => part === given[index] || (/^\{.+\}$/.test(part) && given[index] !== ''),
    )
  );
}
