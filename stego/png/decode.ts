// Reads PNGs back, exactly. What this package writes goes through zlib and our own filters; any other
// kind of PNG goes through libvips (sharp); pngjs is the portable path, and the cross-check in tests.
import { inflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import sharp from 'sharp';
import { StegoError } from '../errors.js';
import { parsePng } from './chunks.js';
import type { PngFile } from './chunks.js';
import type { RgbImage } from './encode.js';
import { restoreRgb } from './filters.js';

/** Images with more pixels than this are refused unless the caller raises the limit. */
export const DEFAULT_MAX_PIXELS = 40_000_000;

/** `auto` takes the fastest path for the kind of PNG; `pngjs` is JavaScript throughout. */
export type PngDecoder = 'auto' | 'sharp' | 'pngjs';

/** Limits and path for {@link decodePng}. */
export interface DecodeOptions {
  readonly maxPixels?: number;
  readonly decoder?: PngDecoder;
}

/** True for 8-bit RGB without interlace or a transparent colour: the kind that we write. */
export function isPlainRgb({ header, chunkTypes }: PngFile): boolean {
  const { bitDepth, colourType, interlaced } = header;
  return bitDepth === 8 && colourType === 2 && !interlaced && !chunkTypes.includes('tRNS');
}

/** Decodes a checked plain RGB file. @throws StegoError CORRUPT_IMAGE */
export function decodePlainRgb(file: PngFile): RgbImage {
  const { width, height } = file.header;
  const rawBytes = (width * 3 + 1) * height;
  const lines = inflateExactly(file, rawBytes);
  return { width, height, pixels: restoreRgb(lines, width, height) };
}

function inflateExactly(file: PngFile, rawBytes: number): Uint8Array {
  const [first = new Uint8Array(0)] = file.data;
  const data = file.data.length === 1 ? first : Buffer.concat(file.data);
  // One output buffer if it is small enough; the spare bytes let zlib see the end of its stream.
  const chunkSize = Math.min(rawBytes + 1024, 1 << 24);
  let lines: Uint8Array;
  try {
    lines = inflateSync(data, { maxOutputLength: rawBytes, chunkSize });
  } catch (cause) {
    throw new StegoError('CORRUPT_IMAGE', 'the image data cannot be inflated', {}, { cause });
  }
  if (lines.length !== rawBytes) {
    throw new StegoError('CORRUPT_IMAGE', 'the image data does not fill the image');
  }
  return lines;
}

async function decodeWithSharp(bytes: Uint8Array, maxPixels: number): Promise<RgbImage> {
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: maxPixels, ignoreIcc: true })
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`unexpected channels: ${info.channels}`);
    return { width: info.width, height: info.height, pixels: data };
  } catch (cause) {
    throw new StegoError('CORRUPT_IMAGE', 'the image cannot be decoded', {}, { cause });
  }
}

function decodeWithPngjs(bytes: Uint8Array): RgbImage {
  try {
    const { width, height, data } = PNG.sync.read(Buffer.from(bytes));
    const pixels = new Uint8Array(width * height * 3);
    for (let i = 0, o = 0; o < pixels.length; i += 4, o += 3) {
      pixels[o] = data[i] ?? 0;
      pixels[o + 1] = data[i + 1] ?? 0;
      pixels[o + 2] = data[i + 2] ?? 0;
    }
    return { width, height, pixels };
  } catch (cause) {
    throw new StegoError('CORRUPT_IMAGE', 'the image cannot be decoded', {}, { cause });
  }
}

/**
 * The 8-bit RGB pixels of a PNG; an alpha channel is dropped.
 * @throws StegoError CORRUPT_IMAGE, UNSUPPORTED_IMAGE (not a PNG), IMAGE_TOO_LARGE
 */
export async function decodePng(bytes: Uint8Array, options: DecodeOptions = {}): Promise<RgbImage> {
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  const decoder = options.decoder ?? 'auto';
  const file = parsePng(bytes, maxPixels);
  if (decoder === 'pngjs') return decodeWithPngjs(bytes);
  if (decoder === 'auto' && isPlainRgb(file)) return decodePlainRgb(file);
  return decodeWithSharp(bytes, maxPixels);
}
