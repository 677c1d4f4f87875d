// A body cut into parts of one size, so that memory stays bounded however long it is; the last part is held back until
// the whole is known to fit its checksum, so a cloud is never asked to finish an object that does not.
import { createHash } from 'node:crypto';
import { CloudError } from './cloud.js';
import type { CloudBody } from './cloud.js';

export interface BodyPart {
  readonly bytes: Buffer;
  readonly last: boolean;
}

/**
 * Gives at least one part, the last of which is marked.
 * @throws CloudError CHECKSUM before the last part when the bytes are not those of `sha256` | ABORTED
 */
export async function* checkedParts(
  body: CloudBody,
  options: { readonly sha256: string; readonly signal?: AbortSignal; readonly partBytes: number },
): AsyncGenerator<BodyPart, void, undefined> {
  const { sha256, signal, partBytes } = options;
  const hash = createHash('sha256');
  let gathered: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of typeof body === 'function' ? body() : [body]) {
    if (signal?.aborted === true) throw new CloudError('ABORTED', 'The caller gave up.');
    hash.update(chunk);
    let rest = chunk;
    // One byte more than a part must be there before the part can't be the last.
    while (length + rest.length > partBytes) {
      gathered.push(rest.subarray(0, partBytes - length));
      rest = rest.subarray(partBytes - length);
      yield { bytes: Buffer.concat(gathered), last: false };
      [gathered, length] = [[], 0];
    }
    if (rest.length > 0) gathered.push(rest);
    length += rest.length;
  }
  if (signal?.aborted === true) throw new CloudError('ABORTED', 'The caller gave up.');
  if (hash.digest('hex') !== sha256) {
    throw new CloudError('CHECKSUM', 'The bytes to store are not those of the checksum.');
  }
  yield { bytes: Buffer.concat(gathered), last: true };
}

/** What a cloud sends, held against how much it has to be. @throws CloudError UNAVAILABLE when it is less */
export async function* ofLength(
  source: AsyncIterable<Uint8Array>,
  expectedBytes: number,
  toError: (error: unknown) => CloudError,
): AsyncGenerator<Uint8Array, void, undefined> {
  let received = 0;
  try {
    for await (const chunk of source) {
      received += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw toError(error);
  }
  if (received < expectedBytes) {
    throw toError(new CloudError('UNAVAILABLE', 'The cloud’s answer was cut short.'));
  }
}

/** @throws CloudError INVALID for a range that no object has */
export function checkRange(
  cloud: string,
  range: { readonly start: number; readonly end?: number } | undefined,
): void {
  if (range === undefined) return;
  const { start, end = start } = range;
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= start)
    return;
  throw new CloudError('INVALID', 'The range lies outside the object.', { cloud });
}

/** The whole size out of `bytes 0-9/443` (RFC 9110 §14.4), when the range begins where it should. */
export function totalOf(
  contentRange: string | null | undefined,
  start: number,
): number | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+)$/.exec(contentRange ?? '');
  return match && Number(match[1]) === start ? Number(match[2]) : undefined;
}
