// The profile `paper`: AES-128 and plain sequential LSB replacement in the red channel, as the
// original algorithm has it. Easily detected and not authenticated: for research and comparison only.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { StegoError } from '../errors.js';
import { decodePng, encodePng, requireRgbImage } from '../png/index.js';
import type { DecodeOptions, PngOptions, RgbImage } from '../png/index.js';

const KEY_BYTES = 16;
const IV_BYTES = 16;
const BLOCK_BYTES = 16;
const LENGTH_BITS = 32;

/** What {@link paperHide} needs. */
export interface PaperHideRequest {
  readonly payload: Uint8Array;
  /** 16 bytes. */
  readonly key: Uint8Array;
  readonly cover: RgbImage;
  /** 16 bytes; random unless given (tests give it). */
  readonly iv?: Uint8Array;
  readonly png?: PngOptions;
}

function requireKey(key: Uint8Array): void {
  if (key.length !== KEY_BYTES) {
    throw new StegoError('BAD_ARGUMENT', 'the paper profile takes a 16-byte AES-128 key');
  }
}

/** Payload bytes that fit: one bit a pixel, less the length, the IV and PKCS#7 padding. */
export function paperCapacityBytes(cover: { width: number; height: number }): number {
  const carrierBytes = Math.floor((cover.width * cover.height - LENGTH_BITS) / 8);
  const blocks = Math.floor((carrierBytes - IV_BYTES) / BLOCK_BYTES);
  return Math.max(0, blocks * BLOCK_BYTES - 1);
}

/** The cover with the payload in its red LSBs, as pixels. @throws StegoError BAD_ARGUMENT, CAPACITY_EXCEEDED */
export function paperHidePixels(request: PaperHideRequest): RgbImage {
  const { payload, key, cover, iv = randomBytes(IV_BYTES) } = request;
  requireKey(key);
  requireRgbImage(cover);
  const availableBytes = paperCapacityBytes(cover);
  if (payload.length > availableBytes) {
    throw new StegoError('CAPACITY_EXCEEDED', 'the cover is too small for this payload', {
      neededBytes: payload.length,
      availableBytes,
    });
  }
  const cipher = createCipheriv('aes-128-cbc', key, iv);
  const hidden = Buffer.concat([iv, cipher.update(payload), cipher.final()]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(hidden.length);
  const bits = Buffer.concat([length, hidden]);
  const pixels = Uint8Array.from(cover.pixels);
  for (let i = 0; i < bits.length * 8; i++) {
    const bit = ((bits[i >> 3] ?? 0) >> (7 - (i & 7))) & 1;
    pixels[i * 3] = ((pixels[i * 3] ?? 0) & 0xfe) | bit;
  }
  return { width: cover.width, height: cover.height, pixels };
}

/** {@link paperHidePixels} as a PNG file. */
export function paperHide(request: PaperHideRequest): Promise<Uint8Array> {
  return Promise.resolve().then(() => encodePng(paperHidePixels(request), request.png));
}

function readRed(image: RgbImage, firstPixel: number, lengthBytes: number): Buffer {
  const bytes = Buffer.alloc(lengthBytes);
  for (let i = 0; i < lengthBytes * 8; i++) {
    const bit = (image.pixels[(firstPixel + i) * 3] ?? 0) & 1;
    bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (bit << (7 - (i & 7)));
  }
  return bytes;
}

/**
 * Reads a payload back. CBC does not authenticate: a changed image may yield changed bytes.
 * @throws StegoError NOTHING_FOUND, AUTHENTICATION_FAILED (bad padding), CORRUPT_IMAGE, BAD_ARGUMENT
 */
export async function paperReveal(
  request: { image: Uint8Array; key: Uint8Array } & DecodeOptions,
): Promise<Uint8Array> {
  requireKey(request.key);
  const image = await decodePng(request.image, request);
  const pixelCount = image.width * image.height;
  const hiddenBytes = pixelCount < LENGTH_BITS ? 0 : readRed(image, 0, 4).readUInt32BE();
  const fits = LENGTH_BITS + hiddenBytes * 8 <= pixelCount;
  if (!fits || hiddenBytes < IV_BYTES + BLOCK_BYTES || hiddenBytes % BLOCK_BYTES !== 0) {
    throw new StegoError('NOTHING_FOUND', 'the image carries no payload of the paper profile');
  }
  const hidden = readRed(image, LENGTH_BITS, hiddenBytes);
  const decipher = createDecipheriv('aes-128-cbc', request.key, hidden.subarray(0, IV_BYTES));
  try {
    return Buffer.concat([decipher.update(hidden.subarray(IV_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new StegoError('AUTHENTICATION_FAILED', 'wrong key, or changed image', {}, { cause });
  }
}
