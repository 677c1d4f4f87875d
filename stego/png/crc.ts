// CRC-32 as PNG uses it (ISO/IEC 15948, annex D): zlib's where Node has it, a table before that.
import * as zlib from 'node:zlib';

/** The table-driven version; exported so that a test can compare the two. */
export function tableCrc32(data: Uint8Array, seed = 0): number {
  let crc = ~seed;
  for (const byte of data) crc = (TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}

const TABLE = Int32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** CRC-32 of `data`, continuing from `seed`. */
export const crc32: (data: Uint8Array, seed?: number) => number =
  'crc32' in zlib ? (data, seed) => zlib.crc32(data, seed) : tableCrc32;
