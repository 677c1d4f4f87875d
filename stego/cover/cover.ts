// What a cover is, and how one is recognised when it comes a second time.
import { createHash } from 'node:crypto';
import type { RgbImage } from '../png/index.js';

/** Where a cover came from. */
export interface CoverSource {
  readonly format: 'png' | 'jpeg' | 'webp' | 'tiff' | 'synthetic';
  /** True when the source had been through lossy compression. */
  readonly lossy: boolean;
  /** 1, or how many times smaller the cover is than its source. */
  readonly downsampledBy: number;
  /** SHA-256 of the file as it came; of the seed for a synthetic cover. */
  readonly fileSha256: Uint8Array;
  /** SHA-256 over dimensions and pixels as decoded, before cropping and downsampling. */
  readonly decodedSha256: Uint8Array;
}

/** An 8-bit RGB image that a report may be hidden in, once. */
export interface Cover extends RgbImage {
  readonly source: CoverSource;
}

/** SHA-256 over width and height (32-bit big-endian) and the RGB pixels. */
export function pixelsSha256({ width, height, pixels }: RgbImage): Uint8Array {
  const shape = Buffer.alloc(8);
  shape.writeUInt32BE(width, 0);
  shape.writeUInt32BE(height, 4);
  return createHash('sha256').update(shape).update(pixels).digest();
}

/** Three digests, each of which tells that a cover was seen before. */
export interface CoverFingerprint {
  /** Of the file: the very same upload. */
  readonly file: Uint8Array;
  /** Of the decoded pixels: the same photo, re-encoded without loss or stripped of metadata. */
  readonly decoded: Uint8Array;
  /** Of the cover's own pixels. */
  readonly pixels: Uint8Array;
}

/**
 * What to remember about a used cover. Remember all three under a keyed hash, and refuse a cover of
 * which any one is known: two stego images from one cover give the hidden bits away.
 */
export function coverFingerprint(cover: Cover): CoverFingerprint {
  const { fileSha256: file, decodedSha256: decoded } = cover.source;
  return { file, decoded, pixels: pixelsSha256(cover) };
}
