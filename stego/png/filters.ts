// PNG's scan-line filters (ISO/IEC 15948, clause 9) for 8-bit RGB: three bytes a pixel.
import { StegoError } from '../errors.js';

/** A filter, by name; the position in this list is the filter's number in the file. */
export const PNG_FILTERS = ['none', 'sub', 'up', 'average', 'paeth'] as const;

/** See {@link PNG_FILTERS}. */
export type PngFilter = (typeof PNG_FILTERS)[number];

const BPP = 3;

/**
 * The Paeth predictor without branches: on a photo they would be mispredicted half of the time, which
 * costs more than the arithmetic. `x >> 31` is all ones for a negative number.
 */
function paeth(a: number, b: number, c: number): number {
  const da = b - c;
  const db = a - c;
  const dc = da + db;
  const pa = (da ^ (da >> 31)) - (da >> 31);
  const pb = (db ^ (db >> 31)) - (db >> 31);
  const pc = (dc ^ (dc >> 31)) - (dc >> 31);
  const notA = ((pb - pa) | (pc - pa)) >> 31;
  const notB = (pc - pb) >> 31;
  return (a & ~notA) | (notA & ((b & ~notB) | (c & notB)));
}

/** One scan line on its way in or out; `up` is the offset of the line above in the same array. */
interface Line {
  readonly from: Uint8Array;
  readonly fromAt: number;
  readonly to: Uint8Array;
  readonly toAt: number;
  readonly length: number;
}

function filterSub({ from, fromAt, to, toAt, length }: Line): void {
  for (let x = 0; x < BPP; x++) to[toAt + x] = from[fromAt + x] ?? 0;
  for (let x = BPP; x < length; x++) {
    to[toAt + x] = (from[fromAt + x] ?? 0) - (from[fromAt + x - BPP] ?? 0);
  }
}

function filterUp({ from, fromAt, to, toAt, length }: Line): void {
  const up = fromAt - length;
  for (let x = 0; x < length; x++) to[toAt + x] = (from[fromAt + x] ?? 0) - (from[up + x] ?? 0);
}

function filterAverage({ from, fromAt, to, toAt, length }: Line): void {
  const up = fromAt - length;
  for (let x = 0; x < BPP; x++) {
    to[toAt + x] = (from[fromAt + x] ?? 0) - ((from[up + x] ?? 0) >> 1);
  }
  for (let x = BPP; x < length; x++) {
    const mean = ((from[fromAt + x - BPP] ?? 0) + (from[up + x] ?? 0)) >> 1;
    to[toAt + x] = (from[fromAt + x] ?? 0) - mean;
  }
}

function filterPaeth({ from, fromAt, to, toAt, length }: Line): void {
  const up = fromAt - length;
  for (let x = 0; x < BPP; x++) to[toAt + x] = (from[fromAt + x] ?? 0) - (from[up + x] ?? 0);
  for (let x = BPP; x < length; x++) {
    const a = from[fromAt + x - BPP] ?? 0;
    const guess = paeth(a, from[up + x] ?? 0, from[up + x - BPP] ?? 0);
    to[toAt + x] = (from[fromAt + x] ?? 0) - guess;
  }
}

/** Scan lines with their filter bytes, ready to be deflated. The first line is at most `sub`. */
export function filterRgb(pixels: Uint8Array, width: number, height: number, filter: PngFilter) {
  const length = width * BPP;
  const to = Buffer.allocUnsafe((length + 1) * height);
  for (let y = 0; y < height; y++) {
    // Above the first line there is nothing: `sub` does there what the others would.
    const kind = y === 0 && filter !== 'none' ? 'sub' : filter;
    const toAt = y * (length + 1) + 1;
    const fromAt = y * length;
    to[toAt - 1] = PNG_FILTERS.indexOf(kind);
    const line: Line = { from: pixels, fromAt, to, toAt, length };
    if (kind === 'none') to.set(pixels.subarray(fromAt, fromAt + length), toAt);
    else if (kind === 'sub') filterSub(line);
    else if (kind === 'up') filterUp(line);
    else if (kind === 'average') filterAverage(line);
    else filterPaeth(line);
  }
  return to;
}

function restoreSub({ from, fromAt, to, toAt, length }: Line): void {
  for (let x = 0; x < BPP; x++) to[toAt + x] = from[fromAt + x] ?? 0;
  for (let x = BPP; x < length; x++) {
    to[toAt + x] = (from[fromAt + x] ?? 0) + (to[toAt + x - BPP] ?? 0);
  }
}

function restoreUp({ from, fromAt, to, toAt, length }: Line): void {
  const up = toAt - length;
  for (let x = 0; x < length; x++) to[toAt + x] = (from[fromAt + x] ?? 0) + (to[up + x] ?? 0);
}

// Three running values in registers instead of reading back what was just written.
function restoreAverage({ from, fromAt, to, toAt, length }: Line): void {
  const up = toAt - length;
  let a0 = 0;
  let a1 = 0;
  let a2 = 0;
  for (let x = 0; x < length; x += BPP) {
    const i = fromAt + x;
    const o = toAt + x;
    const u = up + x;
    a0 = ((from[i] ?? 0) + ((a0 + (to[u] ?? 0)) >> 1)) & 0xff;
    a1 = ((from[i + 1] ?? 0) + ((a1 + (to[u + 1] ?? 0)) >> 1)) & 0xff;
    a2 = ((from[i + 2] ?? 0) + ((a2 + (to[u + 2] ?? 0)) >> 1)) & 0xff;
    to[o] = a0;
    to[o + 1] = a1;
    to[o + 2] = a2;
  }
}

// Left and upper-left neighbours stay in registers; three channels side by side keep the pipeline full.
function restorePaeth({ from, fromAt, to, toAt, length }: Line): void {
  const up = toAt - length;
  let [a0, a1, a2, c0, c1, c2] = [0, 0, 0, 0, 0, 0];
  for (let x = 0; x < length; x += BPP) {
    const i = fromAt + x;
    const o = toAt + x;
    const b0 = to[up + x] ?? 0;
    const b1 = to[up + x + 1] ?? 0;
    const b2 = to[up + x + 2] ?? 0;
    a0 = ((from[i] ?? 0) + paeth(a0, b0, c0)) & 0xff;
    a1 = ((from[i + 1] ?? 0) + paeth(a1, b1, c1)) & 0xff;
    a2 = ((from[i + 2] ?? 0) + paeth(a2, b2, c2)) & 0xff;
    to[o] = a0;
    to[o + 1] = a1;
    to[o + 2] = a2;
    c0 = b0;
    c1 = b1;
    c2 = b2;
  }
}

/**
 * The pixels behind filtered scan lines.
 * @throws StegoError CORRUPT_IMAGE for a filter number that does not exist
 */
export function restoreRgb(lines: Uint8Array, width: number, height: number): Uint8Array {
  const length = width * BPP;
  // A line of zeros stands above the image, as the standard asks.
  const padded = new Uint8Array(length * (height + 1));
  for (let y = 0; y < height; y++) {
    const fromAt = y * (length + 1) + 1;
    const toAt = (y + 1) * length;
    const line: Line = { from: lines, fromAt, to: padded, toAt, length };
    const kind = PNG_FILTERS[lines[fromAt - 1] ?? 0];
    if (kind === 'none') padded.set(lines.subarray(fromAt, fromAt + length), toAt);
    else if (kind === 'sub') restoreSub(line);
    else if (kind === 'up') restoreUp(line);
    else if (kind === 'average') restoreAverage(line);
    else if (kind === 'paeth') restorePaeth(line);
    else throw new StegoError('CORRUPT_IMAGE', 'not an intact PNG: unknown filter', { line: y });
  }
  return padded.subarray(length);
}
