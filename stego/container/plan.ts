// How many bytes fit where: told before anything is written.
import { MAX_PARTS, TAG_BYTES } from '../cipher/index.js';
import { HEADER_BITS, bodyCapacityBits } from '../embed/index.js';
import { StegoError } from '../errors.js';

/** Embedded bits per colour sample unless the caller asks for more. */
export const DEFAULT_MAX_RATE = 0.2;

/** Larger reports are not hidden in images; they are stored encrypted only, in chunks. */
export const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;

/** Width and height in pixels. A cover is one, too. */
export interface Dimensions {
  readonly width: number;
  readonly height: number;
}

/** One image of a plan. */
export interface PlannedPart {
  /** Index into the covers that were offered. */
  readonly coverIndex: number;
  /** 1 for the first part. */
  readonly partNumber: number;
  /** Bytes of the ciphertext that this image carries. */
  readonly bytes: number;
  /** Bytes of ciphertext that it could carry at the maximum rate. */
  readonly capacityBytes: number;
  /** Embedded bits per colour sample, header included. */
  readonly rate: number;
}

/** What will happen to which cover. Covers that the plan does not name stay unused. */
export interface Plan {
  readonly parts: readonly PlannedPart[];
  readonly ciphertextBytes: number;
  /** Payload bytes that all covers offered could carry together. */
  readonly capacityBytes: number;
}

/** @throws StegoError BAD_ARGUMENT unless 0 < rate <= 1 */
function requireRate(maxRate: number): number {
  if (!(maxRate > 0 && maxRate <= 1)) {
    throw new StegoError('BAD_ARGUMENT', 'the maximum rate is above 0 and at most 1', { maxRate });
  }
  return maxRate;
}

/** Ciphertext bytes that one image carries at the given rate. */
export function bodyCapacityBytes({ width, height }: Dimensions, maxRate: number): number {
  const samples = width * height * 3;
  const byRate = Math.floor(requireRate(maxRate) * samples) - HEADER_BITS;
  return Math.max(0, Math.floor(Math.min(bodyCapacityBits(samples), byRate) / 8));
}

/**
 * Payload bytes that fit into one cover used alone.
 * @param options.maxRate - embedded bits per colour sample, default {@link DEFAULT_MAX_RATE}
 */
export function capacityBytes(cover: Dimensions, options: { maxRate?: number } = {}): number {
  const body = bodyCapacityBytes(cover, options.maxRate ?? DEFAULT_MAX_RATE);
  return Math.max(0, Math.min(MAX_PAYLOAD_BYTES, body - TAG_BYTES));
}

/**
 * Chooses the fewest covers, in the order offered, and gives each a share in proportion to what it
 * can carry: an even rate is the hardest to detect.
 * @throws StegoError CAPACITY_EXCEEDED, PAYLOAD_TOO_LARGE, BAD_ARGUMENT
 */
export function plan(
  payloadLengthBytes: number,
  covers: readonly Dimensions[],
  maxRate: number = DEFAULT_MAX_RATE,
): Plan {
  if (!Number.isInteger(payloadLengthBytes) || payloadLengthBytes < 0) {
    throw new StegoError('BAD_ARGUMENT', 'a payload has a length of zero or more bytes');
  }
  if (payloadLengthBytes > MAX_PAYLOAD_BYTES) {
    throw new StegoError('PAYLOAD_TOO_LARGE', 'over 16 MiB: encrypt it in chunks instead', {
      payloadBytes: payloadLengthBytes,
    });
  }
  const ciphertextBytes = payloadLengthBytes + TAG_BYTES;
  const offered = covers
    .map((cover, coverIndex) => ({
      coverIndex,
      samples: cover.width * cover.height * 3,
      capacity: bodyCapacityBytes(cover, maxRate),
    }))
    .filter(({ capacity }) => capacity > 0)
    .slice(0, MAX_PARTS);
  const total = offered.reduce((sum, { capacity }) => sum + capacity, 0);
  const availableBytes = Math.max(0, total - TAG_BYTES);
  if (total < ciphertextBytes) {
    throw new StegoError(
      'CAPACITY_EXCEEDED',
      'the covers are too small: add covers, or raise the maximum rate',
      { neededBytes: payloadLengthBytes, availableBytes, covers: covers.length },
    );
  }
  const chosen = fewest(offered, ciphertextBytes);
  return { parts: share(chosen, ciphertextBytes), ciphertextBytes, capacityBytes: availableBytes };
}

interface Offer {
  readonly coverIndex: number;
  readonly samples: number;
  readonly capacity: number;
}

function fewest(offered: readonly Offer[], neededBytes: number): readonly Offer[] {
  let sum = 0;
  const end = offered.findIndex(({ capacity }) => (sum += capacity) >= neededBytes);
  return offered.slice(0, end + 1);
}

function share(chosen: readonly Offer[], ciphertextBytes: number): PlannedPart[] {
  const total = chosen.reduce((sum, { capacity }) => sum + capacity, 0);
  let passed = 0;
  let start = 0;
  return chosen.map(({ coverIndex, samples, capacity }, index) => {
    passed += capacity;
    const end = Math.floor((ciphertextBytes * passed) / total);
    const bytes = end - start;
    start = end;
    const rate = (bytes * 8 + HEADER_BITS) / samples;
    return { coverIndex, partNumber: index + 1, bytes, capacityBytes: capacity, rate };
  });
}
