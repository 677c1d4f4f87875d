// Revealing: find each image's part, put the ciphertext together, check and decrypt it.
import { DEFAULT_SUITE, MAX_PARTS, derivePartKeys, openCiphertext } from '../cipher/index.js';
import type { PartKeys, Suite } from '../cipher/index.js';
import { StegoError } from '../errors.js';
import { decodePng } from '../png/index.js';
import type { DecodeOptions, RgbImage } from '../png/index.js';
import { readPart } from './part.js';
import type { FoundPart } from './part.js';

/** What {@link reveal} needs. */
export interface RevealRequest extends DecodeOptions {
  /** PNG files, in any order. */
  readonly images: readonly Uint8Array[];
  readonly dataKey: Uint8Array;
  readonly suite?: Suite;
}

/** Gives the keys of one part, or undefined when there is no such part. */
type KeySource = (partNumber: number) => PartKeys | undefined;

function findPart(image: RgbImage, keysOf: KeySource, firstGuess: number): FoundPart | undefined {
  // Images mostly come in order, so the part of the same number is tried first.
  const guesses = [firstGuess];
  for (let n = 1; n <= MAX_PARTS; n++) if (n !== firstGuess) guesses.push(n);
  for (const partNumber of guesses) {
    const keys = keysOf(partNumber);
    if (keys === undefined) continue;
    const part = readPart(image, keys, partNumber);
    if (part !== undefined) return part;
  }
  return undefined;
}

function assemble(found: readonly FoundPart[]): Uint8Array {
  const partCount = found[0]?.partCount ?? 0;
  const bodies = new Map<number, Uint8Array>();
  for (const part of found) {
    const known = bodies.get(part.partNumber);
    const differs = known !== undefined && Buffer.compare(known, part.body) !== 0;
    if (part.partCount !== partCount || differs) {
      throw new StegoError('PART_CONFLICT', 'two images claim to be the same part, or disagree', {
        partNumber: part.partNumber,
      });
    }
    bodies.set(part.partNumber, part.body);
  }
  const slices: Uint8Array[] = [];
  for (let n = 1; n <= partCount; n++) {
    const body = bodies.get(n);
    if (body === undefined) {
      throw new StegoError('PART_MISSING', `part ${n} of ${partCount} is missing`, {
        partNumber: n,
        partCount,
      });
    }
    slices.push(body);
  }
  return Buffer.concat(slices);
}

async function collect(
  images: readonly Uint8Array[],
  keysOf: KeySource,
  options: DecodeOptions,
): Promise<Uint8Array> {
  if (images.length === 0 || images.length > MAX_PARTS) {
    throw new StegoError('BAD_ARGUMENT', `give 1 to ${MAX_PARTS} images`, {
      images: images.length,
    });
  }
  const found: FoundPart[] = [];
  for (const [index, bytes] of images.entries()) {
    const part = findPart(await decodePng(bytes, options), keysOf, index + 1);
    if (part === undefined) {
      throw new StegoError(
        'NOTHING_FOUND',
        'nothing is hidden in this image under this key, or the image was changed',
        { image: index },
      );
    }
    found.push(part);
  }
  return assemble(found);
}

/**
 * Puts the ciphertext together without being able to read it.
 * @param images - PNG files, in any order
 * @param partKeys - keys of part 1, 2, ... in this order
 * @returns what `openCiphertext` decrypts
 * @throws StegoError NOTHING_FOUND, PART_MISSING, PART_CONFLICT, CORRUPT_IMAGE, UNSUPPORTED_IMAGE,
 *   IMAGE_TOO_LARGE, BAD_ARGUMENT
 */
export function extractCiphertext(
  images: readonly Uint8Array[],
  partKeys: readonly PartKeys[],
  options: DecodeOptions = {},
): Promise<Uint8Array> {
  return collect(images, (partNumber) => partKeys[partNumber - 1], options);
}

/**
 * Finds and decrypts a report: the identical bytes, or an error.
 * @throws StegoError as {@link extractCiphertext}, and AUTHENTICATION_FAILED for any changed bit
 */
export async function reveal(request: RevealRequest): Promise<Uint8Array> {
  const suite = request.suite ?? DEFAULT_SUITE;
  const derived = new Map<number, PartKeys>();
  const keysOf = (partNumber: number): PartKeys => {
    const keys = derived.get(partNumber) ?? derivePartKeys(request.dataKey, suite, partNumber);
    derived.set(partNumber, keys);
    return keys;
  };
  const ciphertext = await collect(request.images, keysOf, request);
  return openCiphertext(request.dataKey, suite, ciphertext);
}
