// One part in one image: a 16-byte header and a slice of the ciphertext, both whitened, so that
// nothing in the image looks like a format to who lacks the part's keys.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { MAX_PARTS, deriveKey, keystreamBytes } from '../cipher/index.js';
import type { PartKeys } from '../cipher/index.js';
import { Walk, bodyCapacityBits, embedBits, extractBody, extractHeader } from '../embed/index.js';
import { StegoError } from '../errors.js';
import type { RgbImage } from '../png/index.js';

const HEADER_BYTES = 16;
const FIELD_BYTES = 6;
const CHECK_BYTES = 10;

/** What an image turned out to carry. */
export interface FoundPart {
  readonly partNumber: number;
  readonly partCount: number;
  readonly body: Uint8Array;
}

/** @throws StegoError BAD_ARGUMENT */
function requirePartKeys({ position, whitening }: PartKeys): void {
  if (position.length !== 32 || whitening.length !== 32) {
    throw new StegoError('BAD_ARGUMENT', 'position and whitening keys are 32 bytes each');
  }
}

/** Ties length and count to the key and to this image's shape. */
function headerCheck(whitening: Uint8Array, image: RgbImage, fields: Uint8Array): Uint8Array {
  const key = deriveKey(whitening, 'header', new Uint8Array(0), 32);
  const shape = Buffer.alloc(8);
  shape.writeUInt32BE(image.width, 0);
  shape.writeUInt32BE(image.height, 4);
  const mac = createHmac('sha256', key).update(shape).update(fields).digest();
  return mac.subarray(0, CHECK_BYTES);
}

function xor(bytes: Uint8Array, mask: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let i = 0; i < out.length; i++) out[i] = (bytes[i] ?? 0) ^ (mask[i] ?? 0);
  return out;
}

/**
 * A copy of `image` that carries `body`, and how many of its samples are another by one.
 * @param signKey - decides between +1 and -1; needed by nobody else
 */
export function embedPart(
  image: RgbImage,
  keys: PartKeys,
  signKey: Uint8Array,
  partCount: number,
  body: Uint8Array,
): { image: RgbImage; changedSamples: number } {
  requirePartKeys(keys);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(body.length, 0);
  header.writeUInt16BE(partCount, 4);
  header.set(headerCheck(keys.whitening, image, header.subarray(0, FIELD_BYTES)), FIELD_BYTES);
  const mask = keystreamBytes(keys.whitening, 0, HEADER_BYTES + body.length);
  const pixels = Uint8Array.from(image.pixels);
  const changedSamples = embedBits(pixels, new Walk(keys.position, pixels.length), {
    header: xor(header, mask),
    body: xor(body, mask.subarray(HEADER_BYTES)),
    signs: keystreamBytes(signKey, 0, HEADER_BYTES + body.length),
  });
  return { image: { width: image.width, height: image.height, pixels }, changedSamples };
}

/** Smaller images cannot hold a header. */
function canHoldHeader(image: RgbImage): boolean {
  return bodyCapacityBits(image.pixels.length) >= 8;
}

/**
 * The part that `image` carries under these keys, or undefined when it carries none: another key,
 * another part, not a stego image, or a damaged header.
 */
export function readPart(
  image: RgbImage,
  keys: PartKeys,
  partNumber: number,
): FoundPart | undefined {
  requirePartKeys(keys);
  if (!canHoldHeader(image)) return undefined;
  const walk = new Walk(keys.position, image.pixels.length);
  const mask = keystreamBytes(keys.whitening, 0, HEADER_BYTES);
  const header = Buffer.from(xor(extractHeader(image.pixels, walk), mask));
  const check = headerCheck(keys.whitening, image, header.subarray(0, FIELD_BYTES));
  if (!timingSafeEqual(check, header.subarray(FIELD_BYTES))) return undefined;
  const bodyBytes = header.readUInt32BE(0);
  const partCount = header.readUInt16BE(4);
  // The check holds, so only the writer can be wrong here; trust nothing all the same.
  const fits = bodyBytes * 8 <= bodyCapacityBits(image.pixels.length);
  if (!fits || partCount < partNumber || partCount > MAX_PARTS) return undefined;
  const bodyMask = keystreamBytes(keys.whitening, 0, HEADER_BYTES + bodyBytes);
  const body = xor(extractBody(image.pixels, walk, bodyBytes), bodyMask.subarray(HEADER_BYTES));
  return { partNumber, partCount, body };
}
