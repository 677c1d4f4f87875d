// Bodies of lines (NDJSON): read line by line as they arrive, however long the body is, and never more than one line of it
// at a time beyond what the socket holds.
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../../errors.js';

/** The media type of JSON texts that are separated by line feeds. */
export const NDJSON = 'application/x-ndjson';

/** One line, numbered from 1 as an editor does, or what is wrong with it. */
export type BodyLine =
  | { readonly number: number; readonly text: string }
  | { readonly number: number; readonly fault: GatewayError };

/** No more lines are made of a chunk at once: tens of thousands of short ones may stand in it. */
const HANDFUL_LINES = 256;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * The lines of a request's body, in handfuls. A line that is too long or no UTF-8 is told as such, and the next ones
 * follow. Reading on is what makes the sender send on; once nobody reads on, what still comes is read away, so that the
 * sender gets to see the answer.
 * @throws GatewayError UNSUPPORTED_MEDIA; REQUEST_TIMEOUT when the body breaks off
 */
export function readLines(
  request: IncomingMessage,
  maxLineBytes: number,
): AsyncIterable<readonly BodyLine[]> {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== NDJSON || request.headers['content-encoding'] !== undefined) {
    throw new GatewayError('UNSUPPORTED_MEDIA', `The body must be ${NDJSON}, without compression.`);
  }
  return split(chunksOf(request), maxLineBytes);
}

async function* chunksOf(request: IncomingMessage): AsyncGenerator<Buffer, void, undefined> {
  try {
    // The request must outlive its reader: its connection carries the answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      if (Buffer.isBuffer(chunk)) yield chunk;
    }
  } catch (cause) {
    throw new GatewayError('REQUEST_TIMEOUT', 'The body broke off.', { cause });
  } finally {
    request.resume();
  }
}

/** @param chunks of the body, cut anywhere */
export async function* split(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<readonly BodyLine[], void, undefined> {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  let number = 0;
  const take = (end: Buffer): BodyLine => {
    number++;
    const bytes = begunBytes + end.length;
    const whole = begun.length === 0 ? end : Buffer.concat([...begun, end]);
    begun = [];
    begunBytes = 0;
    if (bytes > maxLineBytes) return { number, fault: tooLong(maxLineBytes) };
    const line = whole.at(-1) === CARRIAGE_RETURN ? whole.subarray(0, -1) : whole;
    if (!isUtf8(line)) return { number, fault: notUtf8() };
    return { number, text: line.toString('utf8') };
  };
  for await (const chunk of chunks) {
    let lines: BodyLine[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
      lines.push(take(chunk.subarray(from, at)));
      from = at + 1;
      if (lines.length < HANDFUL_LINES) continue;
      yield lines;
      lines = [];
    }
    const rest = chunk.subarray(from);
    // Of a line that is too long only its length is remembered.
    begunBytes += rest.length;
    if (begunBytes > maxLineBytes) begun = [];
    else if (rest.length > 0) begun.push(rest);
    if (lines.length > 0) yield lines;
  }
  if (begunBytes > 0) yield [take(Buffer.alloc(0))];
}

function tooLong(limitBytes: number): GatewayError {
  return new GatewayError('TOO_LARGE', `A line may take ${limitBytes} bytes.`, { limitBytes });
}

function notUtf8(): GatewayError {
  return new GatewayError('BAD_REQUEST', 'The line is not UTF-8.');
}
