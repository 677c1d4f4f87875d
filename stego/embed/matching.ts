// ±1 matching: a sample whose last bit is wrong moves up or down by one, chosen at random, so that
// the pairs of values that LSB replacement leaves behind (and detectors look for) do not arise.
import type { Walk } from './walk.js';

/** What is written along a walk. */
export interface Bits {
  /** 16 bytes. */
  readonly header: Uint8Array;
  readonly body: Uint8Array;
  /** One random bit for each embedded bit, header first: up (1) or down (0). */
  readonly signs: Uint8Array;
}

/** Bit `index` of `bytes`, most significant bit of each byte first. */
function bitAt(bytes: Uint8Array, index: number): number {
  return ((bytes[index >> 3] ?? 0) >> (7 - (index & 7))) & 1;
}

function writer(
  samples: Uint8Array,
  bits: Uint8Array,
  signs: Uint8Array,
  signOffset: number,
  tally: { changed: number },
) {
  let index = 0;
  return (positions: Uint32Array, count: number): void => {
    for (let k = 0; k < count; k++, index++) {
      const position = positions[k] ?? 0;
      const value = samples[position] ?? 0;
      if ((value & 1) === bitAt(bits, index)) continue;
      const up = value === 0 || (value !== 255 && bitAt(signs, signOffset + index) === 1);
      samples[position] = up ? value + 1 : value - 1;
      tally.changed++;
    }
  };
}

/** Writes header and body into `samples`, in place. @returns how many samples moved, each by one */
export function embedBits(samples: Uint8Array, walk: Walk, bits: Bits): number {
  const tally = { changed: 0 };
  walk.header(writer(samples, bits.header, bits.signs, 0, tally));
  const { body } = bits;
  walk.body(body.length * 8, writer(samples, body, bits.signs, bits.header.length * 8, tally));
  return tally.changed;
}

function reader(samples: Uint8Array, bytes: Uint8Array) {
  let index = 0;
  return (positions: Uint32Array, count: number): void => {
    for (let k = 0; k < count; k++, index++) {
      const bit = (samples[positions[k] ?? 0] ?? 0) & 1;
      bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (bit << (7 - (index & 7)));
    }
  };
}

/** The 16 header bytes, still whitened. */
export function extractHeader(samples: Uint8Array, walk: Walk): Uint8Array {
  const bytes = new Uint8Array(16);
  walk.header(reader(samples, bytes));
  return bytes;
}

/** `lengthBytes` bytes of the body, still whitened. */
export function extractBody(samples: Uint8Array, walk: Walk, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  walk.body(lengthBytes * 8, reader(samples, bytes));
  return bytes;
}
