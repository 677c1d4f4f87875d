// Multipart forms with one JSON field and files: how the OpenAPI document shows one, and how it is read, within limits, part
// by part as it arrives.

import busboy from 'busboy';
import type { Request } from 'express';
import type { z } from 'zod';
import { GatewayError, validationError } from '../../errors.js';
import { readJsonText, type UploadSchema } from '../base/index.js';

export interface FormFile {
  readonly field: string;
  readonly fileName: string;
  readonly bytes: Uint8Array;
}

export interface Form {
  readonly fields: Readonly<Record<string, string>>;
  readonly files: readonly FormFile[];
}

/** Reads a file as it arrives, to its end. */
export type Receiver = (stream: AsyncIterable<Uint8Array>, fileName: string) => Promise<void>;

export interface FormLimits {
  /** Most bytes of a file that is kept in memory, by its field. */
  readonly fileBytes: Readonly<Record<string, number>>;
  /** Fields whose file is handed on while it arrives: at most one file each. Files in other fields are refused. */
  readonly receivers?: Readonly<Record<string, Receiver>>;
  readonly files: number;
  readonly fields: number;
  readonly fieldBytes: number;
  readonly signal: AbortSignal;
}

/**
 * A form as the OpenAPI document shows it.
 * @param parts.files what each file that must be there is, by its field
 * @param parts.meta whether a field `meta` must be there
 * @param parts.covers whether any number of files `cover` may be there
 */
export function formOf(parts: {
  readonly files: Readonly<Record<string, string>>;
  readonly meta?: true;
  readonly covers?: true;
}): { readonly schema: UploadSchema } {
  const files = {
    ...parts.files,
    ...(parts.covers && { cover: 'A cover photo; may be repeated' }),
  };
  const binary = Object.entries(files).map(
    ([field, description]) => [field, { type: 'string', format: 'binary', description }] as const,
  );
  const meta = { meta: { type: 'string', description: 'JSON' } } as const;
  return {
    schema: {
      type: 'object',
      properties: { ...(parts.meta && meta), ...Object.fromEntries(binary) },
      required: [...(parts.meta ? ['meta'] : []), ...Object.keys(parts.files)],
    },
  };
}

/** The form's field `meta`. @throws GatewayError BAD_REQUEST | VALIDATION */
export function readMeta<S extends z.ZodType>({ fields }: Form, schema: S): z.output<S> {
  const text = fields['meta'];
  if (text === undefined) throw new GatewayError('BAD_REQUEST', 'The form has no field “meta”.');
  const read = schema.safeParse(readJsonText(text, 'The field “meta”'));
  if (read.success) return read.data;
  throw validationError('body.meta', read.error);
}

/** @throws GatewayError UNSUPPORTED_MEDIA | BAD_REQUEST | TOO_LARGE */
export async function readForm(request: Request, limits: FormLimits): Promise<Form> {
  const parser = openParser(request, limits);
  const fields: Record<string, string> = {};
  const files: FormFile[] = [];
  const received = new Set<string>();
  const pending: Promise<void>[] = [];
  const done = new Promise<void>((resolve, reject) => {
    const fail = (error: unknown) =>
      reject(error instanceof Error ? error : new Error('a file could not be read'));
    // A part without a name has none, whatever the parser's types say.
    parser.on('field', (name: string | undefined, value, { valueTruncated }) => {
      if (name === undefined) fail(malformed());
      else if (valueTruncated) fail(tooLarge(limits.fieldBytes, `The field ${name.slice(0, 40)}`));
      else if (Object.hasOwn(fields, name.slice(0, 40))) fail(twice('field', name));
      else fields[name.slice(0, 40)] = value;
    });
    parser.on('file', (field, stream, { filename }) => {
      // Whoever reads it is told; of one that nobody reads, nobody need be.
      stream.on('error', () => undefined);
      const taken = takeFile(field, stream, safeName(filename ?? ''), limits, files, received);
      taken.catch((error: unknown) => {
        // That a file breaks off is the form's fault; anything else that its reader meets is told as it is.
        const brokeOff = error === stream.errored;
        stream.resume();
        fail(brokeOff ? malformed(error) : error);
      });
      pending.push(taken);
    });
    for (const event of ['filesLimit', 'fieldsLimit', 'partsLimit'] as const) {
      parser.on(event, () =>
        fail(
          new GatewayError(
            'TOO_LARGE',
            `The form has more parts than allowed (${limits.files} files, ${limits.fields} fields).`,
          ),
        ),
      );
    }
    // Once for each part that is malformed: an error that nobody hears ends the process.
    parser.on('error', (cause) => fail(malformed(cause)));
    parser.once('close', resolve);
    request.once('aborted', () => fail(malformed()));
    limits.signal.addEventListener(
      'abort',
      () => fail(new GatewayError('REQUEST_TIMEOUT', 'The upload took too long.')),
      { once: true },
    );
    request.pipe(parser);
  });
  try {
    await done;
    await Promise.all(pending);
    return { fields, files };
  } catch (error) {
    request.unpipe(parser);
    // What still comes is read away, so that the sender gets to see the answer.
    request.resume();
    throw error;
  }
}

function openParser(request: Request, { files, fields, fieldBytes }: FormLimits): busboy.Busboy {
  try {
    return busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      limits: { files, fieldSize: fieldBytes, fields, parts: files + fields },
    });
  } catch (cause) {
    throw new GatewayError(
      'UNSUPPORTED_MEDIA',
      'The body must be multipart/form-data with a boundary.',
      { cause },
    );
  }
}

async function takeFile(
  field: string,
  stream: AsyncIterable<Buffer>,
  fileName: string,
  { fileBytes, receivers = {} }: FormLimits,
  files: FormFile[],
  received: Set<string>,
): Promise<void> {
  const receiver = Object.hasOwn(receivers, field) ? receivers[field] : undefined;
  if (receiver) {
    if (received.has(field)) throw twice('file', field);
    received.add(field);
    return receiver(stream, fileName);
  }
  const limit = Object.hasOwn(fileBytes, field) ? fileBytes[field] : undefined;
  if (limit === undefined)
    throw new GatewayError('BAD_REQUEST', 'The form has a file in a field that is not documented.');
  files.push({ field, fileName, bytes: await collect(stream, limit, `The file in ${field}`) });
}

async function collect(
  stream: AsyncIterable<Buffer>,
  limit: number,
  what: string,
): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > limit) throw tooLarge(limit, what);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

/** A name without folders, control characters, changes of reading direction (UAX #9) or surprising length. */
function safeName(fileName: string): string {
  const last = fileName.slice(Math.max(fileName.lastIndexOf('/'), fileName.lastIndexOf('\\')) + 1);
  const plain = last.replace(/[\p{Cc}\p{Bidi_Control}]/gu, '');
  return plain.slice(0, 200).toWellFormed() || 'report';
}

function tooLarge(limitBytes: number, what: string): GatewayError {
  return new GatewayError('TOO_LARGE', `${what} is larger than ${limitBytes} bytes.`, {
    limitBytes,
  });
}

function twice(part: 'file' | 'field', name: string): GatewayError {
  return new GatewayError(
    'BAD_REQUEST',
    `The form has more than one ${part} “${name.slice(0, 40)}”.`,
  );
}

function malformed(cause?: unknown): GatewayError {
  return new GatewayError('BAD_REQUEST', 'The form is malformed or was cut off.', { cause });
}
