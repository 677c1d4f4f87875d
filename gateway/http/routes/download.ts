// The headers of a download: which bytes are wanted, and under which name they are to be kept.
import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '../../errors.js';

/** `end` is exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The one range that is asked for (RFC 9110 §14.2); `undefined` for the whole: no range, several, a malformed one, or
 * one that was meant for another version of the bytes (`If-Range`, §13.1.5).
 * @param total all there is, bytes
 * @param etag of the bytes as they are now, quoted
 * @throws GatewayError RANGE when the range lies outside
 */
export function readRange(
  headers: IncomingHttpHeaders,
  total: number,
  etag: string,
): ByteRange | undefined {
  const condition = headers['if-range'];
  if (condition !== undefined && condition !== etag) return undefined;
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range ?? '');
  const [, first = '', last = ''] = match ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') return within({ start: Math.max(0, total - Number(last)), end: total }, total);
  if (last !== '' && Number(last) < Number(first)) return undefined;
  const end = last === '' ? total : Math.min(total, Number(last) + 1);
  return within({ start: Number(first), end }, total);
}

function within(range: ByteRange, total: number): ByteRange {
  if (range.start < total && range.start < range.end) return range;
  throw new GatewayError('RANGE', `The report has ${total} bytes.`, { limitBytes: total });
}

/** RFC 6266 with RFC 8187's encoding, so that a name can't leave its header. Always an attachment. */
export function disposition(fileName: string): string {
  const plain = fileName.replace(/[^A-Za-z0-9._-]/g, '_');
  const encoded = encodeURIComponent(fileName.toWellFormed()).replace(/['()*]/g, percent);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

const percent = (letter: string): string => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`;
