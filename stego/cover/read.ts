// Turns any PNG and JPEG, WebP or TIFF photo into an 8-bit RGB cover without metadata.
import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { StegoError } from '../errors.js';
import {
  DEFAULT_MAX_PIXELS,
  decodePlainRgb,
  isPlainRgb,
  looksLikePng,
  parsePng,
} from '../png/index.js';
import type { RgbImage } from '../png/index.js';
import { pixelsSha256 } from './cover.js';
import type { Cover } from './cover.js';

type FileFormat = 'png' | 'jpeg' | 'webp' | 'tiff';

/** Limits for {@link readCover}. */
export interface ReadCoverOptions {
  /** Images with more pixels are refused; default 40 million. */
  readonly maxPixels?: number;
}

function startsWith(bytes: Uint8Array, text: string, at = 0): boolean {
  return Buffer.from(bytes.subarray(at, at + text.length)).toString('latin1') === text;
}

function sniff(bytes: Uint8Array): FileFormat {
  if (looksLikePng(bytes)) return 'png';
  if (startsWith(bytes, '\xff\xd8\xff')) return 'jpeg';
  if (startsWith(bytes, 'RIFF') && startsWith(bytes, 'WEBP', 8)) return 'webp';
  if (startsWith(bytes, 'II*\0') || startsWith(bytes, 'MM\0*')) return 'tiff';
  throw new StegoError('UNSUPPORTED_IMAGE', 'a cover is a PNG, JPEG, WebP or TIFF image');
}

// TIFF 6.0 and its supplements: none, LZW, deflate (two numbers), PackBits, Zstandard.
const LOSSLESS_TIFF = new Set([1, 5, 8, 32773, 32946, 50000]);
const COMPRESSION_TAG = 259;

/** The first page's Compression tag; undefined when it cannot be found, which counts as lossy. */
function tiffCompression(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const little = bytes[0] === 0x49;
  if (bytes.length < 8) return undefined;
  const directory = view.getUint32(4, little);
  if (directory + 2 > bytes.length) return undefined;
  const entries = view.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const entry = directory + 2 + i * 12;
    if (entry + 12 > bytes.length) return undefined;
    if (view.getUint16(entry, little) === COMPRESSION_TAG) return view.getUint16(entry + 8, little);
  }
  return undefined;
}

function isLossy(format: FileFormat, bytes: Uint8Array): boolean {
  if (format === 'jpeg') return true;
  // RFC 9649: lossless WebP keeps its picture in a VP8L chunk.
  if (format === 'webp') return !Buffer.from(bytes.subarray(0, 4096)).includes('VP8L');
  return format === 'tiff' && !LOSSLESS_TIFF.has(tiffCompression(bytes) ?? 0);
}

/** Upright, on white where transparent, 8-bit RGB. */
async function decode(bytes: Uint8Array, maxPixels: number): Promise<RgbImage> {
  const { data, info } = await sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error' })
    .autoOrient()
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) {
    throw new StegoError('UNSUPPORTED_IMAGE', 'the image is not a colour or grey photo');
  }
  return { width: info.width, height: info.height, pixels: data };
}

// Off the 8 x 8 grid of JPEG, so that no block border of the source lines up in the cover.
const CROP_LEFT = 5;
const CROP_TOP = 3;
const MIN_LOSSY_SIDE = 16;

/** A lossy source's pixels lie on a lattice that a single ±1 would leave; resampling removes it. */
async function cropAndHalve(image: RgbImage): Promise<RgbImage> {
  const width = Math.floor((image.width - CROP_LEFT) / 2);
  const height = Math.floor((image.height - CROP_TOP) / 2);
  if (width < MIN_LOSSY_SIDE || height < MIN_LOSSY_SIDE) {
    throw new StegoError('UNSUPPORTED_IMAGE', 'this photo is too small to be a cover', {
      width: image.width,
      height: image.height,
    });
  }
  const raw = { width: image.width, height: image.height, channels: 3 as const };
  const { data } = await sharp(image.pixels, { raw })
    .extract({ left: CROP_LEFT, top: CROP_TOP, width: width * 2, height: height * 2 })
    .resize(width, height, { kernel: 'lanczos3', fit: 'fill' })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { width, height, pixels: data };
}

async function readWithSharp(
  bytes: Uint8Array,
  format: FileFormat,
  maxPixels: number,
): Promise<{ decoded: RgbImage; lossy: boolean }> {
  try {
    const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata();
    if (width * height > maxPixels) {
      throw new StegoError('IMAGE_TOO_LARGE', `the image has more than ${maxPixels} pixels`, {
        width,
        height,
      });
    }
    const lossy = isLossy(format, bytes);
    return { decoded: await decode(bytes, maxPixels), lossy };
  } catch (cause) {
    if (cause instanceof StegoError) throw cause;
    throw new StegoError('CORRUPT_IMAGE', 'the image cannot be decoded', {}, { cause });
  }
}

/**
 * Reads a photo as a cover. Lossy sources are cropped and halved in width and height; no metadata
 * survives, because only pixels do.
 * @throws StegoError UNSUPPORTED_IMAGE, CORRUPT_IMAGE, IMAGE_TOO_LARGE
 */
export async function readCover(bytes: Uint8Array, options: ReadCoverOptions = {}): Promise<Cover> {
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  const format = sniff(bytes);
  const file = format === 'png' ? parsePng(bytes, maxPixels) : undefined;
  const { decoded, lossy } =
    file !== undefined && isPlainRgb(file) && !file.chunkTypes.includes('iCCP')
      ? { decoded: decodePlainRgb(file), lossy: false }
      : await readWithSharp(bytes, format, maxPixels);
  const image = lossy ? await cropAndHalve(decoded) : decoded;
  return {
    ...image,
    source: {
      format,
      lossy,
      downsampledBy: lossy ? 2 : 1,
      fileSha256: createHash('sha256').update(bytes).digest(),
      decodedSha256: pixelsSha256(decoded),
    },
  };
}
