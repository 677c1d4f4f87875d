// Reads a JSON body within its limit; everything that can be wrong with one is a typed error.
import express from 'express';
import type { Request, RequestHandler, Response } from 'express';
import { GatewayError } from '../../errors.js';
import { assertUnicode } from './json-text.js';

/**
 * The parsed JSON body; `undefined` when there is none.
 * @param alsoType another media type that is JSON
 * @throws GatewayError BAD_REQUEST | TOO_LARGE | UNSUPPORTED_MEDIA
 */
export async function readJsonBody(
  request: Request,
  response: Response,
  limitBytes: number,
  alsoType?: string,
): Promise<unknown> {
  const empty = request.headers['content-length'] === '0';
  const hasBody =
    request.headers['transfer-encoding'] !== undefined ||
    request.headers['content-length'] !== undefined;
  if (!hasBody || empty) return undefined;
  const types = ['application/json', ...(alsoType === undefined ? [] : [alsoType])];
  if (request.is(types) === false) {
    throw new GatewayError('UNSUPPORTED_MEDIA', `The body must be ${types.join(' or ')}.`);
  }
  const type = [...types];
  const parse: RequestHandler = express.json({
    limit: limitBytes,
    strict: true,
    inflate: false,
    type,
  });
  await new Promise<void>((resolve, reject) => {
    parse(request, response, (error?: unknown) => {
      if (error === undefined) resolve();
      else reject(bodyError(error, limitBytes));
    });
  });
  const body: unknown = request.body;
  assertUnicode(body, 'The body');
  return body;
}

/** Body-parser names its failures in `type`. */
function bodyError(error: unknown, limitBytes: number): GatewayError {
  const type = error instanceof Error && 'type' in error ? error.type : undefined;
  switch (type) {
    case 'entity.too.large':
      return new GatewayError('TOO_LARGE', `The body is larger than ${limitBytes} bytes.`, {
        limitBytes,
      });
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new GatewayError(
        'UNSUPPORTED_MEDIA',
        'The body must be UTF-8 JSON without compression.',
      );
    default:
      return new GatewayError('BAD_REQUEST', 'The body is not well-formed JSON.', { cause: error });
  }
}
