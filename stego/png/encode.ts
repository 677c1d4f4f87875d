// Writes 8-bit RGB PNGs with three chunks and nothing else: no text, no time, no colour profile.
// Filter and deflate strategy are the caller's choice; docs/stego-benchmark.md has the figures.
import { constants, deflateSync } from 'node:zlib';
import { StegoError } from '../errors.js';
import { PNG_SIGNATURE } from './chunks.js';
import { crc32 } from './crc.js';
import { filterRgb } from './filters.js';
import type { PngFilter } from './filters.js';

/** Time against stored size. */
export interface PngOptions {
  /** Scan-line filter; default `average`. */
  readonly filter?: PngFilter;
  /** `huffman` (default) and `rle` are zlib strategies without string matching; a number is zlib's level. */
  readonly deflate?: 'huffman' | 'rle' | number;
}

/** An image's pixels: interleaved 8-bit RGB, row by row. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

function deflate(lines: Uint8Array, choice: 'huffman' | 'rle' | number): Uint8Array {
  const chunkSize = 1 << 20;
  if (choice === 'huffman') {
    return deflateSync(lines, { strategy: constants.Z_HUFFMAN_ONLY, level: 1, chunkSize });
  }
  if (choice === 'rle') {
    return deflateSync(lines, { strategy: constants.Z_RLE, level: 1, memLevel: 9, chunkSize });
  }
  if (!Number.isInteger(choice) || choice < 0 || choice > 9) {
    throw new StegoError('BAD_ARGUMENT', 'a deflate level is 0 to 9', { level: choice });
  }
  return deflateSync(lines, { level: choice, chunkSize });
}

function chunk(type: string, body: Uint8Array): Buffer[] {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length);
  head.write(type, 4, 'latin1');
  const tail = Buffer.alloc(4);
  tail.writeUInt32BE(crc32(body, crc32(head.subarray(4))));
  return [head, Buffer.from(body.buffer, body.byteOffset, body.length), tail];
}

/** A PNG file. @throws StegoError BAD_ARGUMENT when dimensions and pixels disagree */
export function encodePng(image: RgbImage, options: PngOptions = {}): Uint8Array {
  requireRgbImage(image);
  const { width, height, pixels } = image;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const lines = filterRgb(pixels, width, height, options.filter ?? 'average');
  return Buffer.concat([
    PNG_SIGNATURE,
    ...chunk('IHDR', header),
    ...chunk('IDAT', deflate(lines, options.deflate ?? 'huffman')),
    ...chunk('IEND', new Uint8Array(0)),
  ]);
}

/** @throws StegoError BAD_ARGUMENT unless `pixels` holds exactly width x height RGB triples */
export function requireRgbImage({ width, height, pixels }: RgbImage): void {
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0;
  if (!whole || pixels.length !== width * height * 3) {
    throw new StegoError('BAD_ARGUMENT', 'dimensions and pixels do not agree', { width, height });
  }
}
