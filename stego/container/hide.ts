// Hiding: encrypt once (or take what was encrypted elsewhere), split, embed each part, write PNGs.
import { randomBytes } from 'node:crypto';
import {
  DEFAULT_SUITE,
  TAG_BYTES,
  derivePartKeys,
  deriveSignKey,
  requireDataKey,
  sealReport,
} from '../cipher/index.js';
import type { PartKeys, Suite } from '../cipher/index.js';
import { StegoError } from '../errors.js';
import { encodePng, requireRgbImage } from '../png/index.js';
import type { PngOptions, RgbImage } from '../png/index.js';
import { embedPart } from './part.js';
import { DEFAULT_MAX_RATE, plan } from './plan.js';
import type { PlannedPart } from './plan.js';

/** What {@link hide} needs. */
export interface HideRequest {
  /** The report, up to 16 MiB. */
  readonly payload: Uint8Array;
  /** 32 bytes, fresh for this report: a data key encrypts once. */
  readonly dataKey: Uint8Array;
  readonly suite?: Suite;
  /** Used in this order, and only as many as are needed. */
  readonly covers: readonly RgbImage[];
  /** Most embedded bits per colour sample; default 0.2. */
  readonly maxRate?: number;
  readonly png?: PngOptions;
}

/** One image, and how near it is to its cover. */
export interface HiddenPart extends PlannedPart {
  /** Samples that moved, each by one. */
  readonly changedSamples: number;
  /** Peak signal-to-noise ratio against the cover, decibels; the squared error is the number of changed samples. */
  readonly psnrDb: number;
}

/** What was done, one entry per image. */
export interface HideFigures {
  readonly suite: Suite;
  readonly payloadBytes: number;
  readonly ciphertextBytes: number;
  readonly parts: readonly HiddenPart[];
  /** Covers that were used up, by index. The others may serve again. */
  readonly usedCovers: readonly number[];
}

/** PNG files, in the order of the parts, and the figures. */
export interface HideResult {
  readonly images: Uint8Array[];
  readonly figures: HideFigures;
}

/** The pixels only, without PNG files around them. */
export interface HiddenPixels {
  readonly images: RgbImage[];
  readonly figures: HideFigures;
}

/** What {@link hideCiphertext} needs: everything but the data key and the plaintext. */
export interface HideCiphertextRequest extends Omit<HideRequest, 'payload' | 'dataKey'> {
  /** Ciphertext and tag, as `openCiphertext` takes them. */
  readonly ciphertext: Uint8Array;
  /** Keys of part 1, 2, … in this order: as many as there may be parts. */
  readonly partKeys: readonly PartKeys[];
}

/** Like {@link hide}, but stops at the pixels. */
export function hidePixels(request: HideRequest): HiddenPixels {
  const { payload, dataKey } = request;
  const suite = request.suite ?? DEFAULT_SUITE;
  requireDataKey(dataKey);
  const { parts, covers } = planned(payload.length, request);
  return embedParts(sealReport(dataKey, suite, payload), suite, covers, parts, (partNumber) => ({
    keys: derivePartKeys(dataKey, suite, partNumber),
    signKey: deriveSignKey(dataKey, suite, partNumber),
  }));
}

interface Planned {
  readonly covers: readonly RgbImage[];
  readonly parts: readonly PlannedPart[];
}

function planned(payloadBytes: number, request: Pick<HideRequest, 'covers' | 'maxRate'>): Planned {
  const { covers } = request;
  covers.forEach(requireRgbImage);
  const { parts } = plan(payloadBytes, covers, request.maxRate ?? DEFAULT_MAX_RATE);
  return { covers, parts };
}

/** A part's keys, and the one that decides between +1 and -1. */
interface HidingKeys {
  readonly keys: PartKeys;
  readonly signKey: Uint8Array;
}

function embedParts(
  ciphertext: Uint8Array,
  suite: Suite,
  covers: readonly RgbImage[],
  parts: readonly PlannedPart[],
  keysOf: (partNumber: number) => HidingKeys,
): HiddenPixels {
  let start = 0;
  const hidden = parts.flatMap((part) => {
    const { coverIndex, partNumber, bytes } = part;
    const cover = covers[coverIndex];
    if (cover === undefined) return [];
    const body = ciphertext.subarray(start, (start += bytes));
    const { keys, signKey } = keysOf(partNumber);
    const { image, changedSamples } = embedPart(cover, keys, signKey, parts.length, body);
    const psnrDb = 10 * Math.log10((255 * 255 * image.pixels.length) / changedSamples);
    return [{ image, figures: { ...part, changedSamples, psnrDb } }];
  });
  return {
    images: hidden.map(({ image }) => image),
    figures: {
      suite,
      payloadBytes: ciphertext.length - TAG_BYTES,
      ciphertextBytes: ciphertext.length,
      parts: hidden.map(({ figures }) => figures),
      usedCovers: parts.map(({ coverIndex }) => coverIndex),
    },
  };
}

/**
 * Hides a report in one or more covers.
 * @throws StegoError BAD_ARGUMENT, CAPACITY_EXCEEDED, PAYLOAD_TOO_LARGE; nothing is made then
 */
export function hide(request: HideRequest): Promise<HideResult> {
  return Promise.resolve().then(() => {
    const { images, figures } = hidePixels(request);
    return { images: images.map((image) => encodePng(image, request.png)), figures };
  });
}

/**
 * Hides what somebody else has encrypted: position and whitening keys are enough. The choices between +1 and -1 are
 * random, for nobody needs to know them.
 * @throws StegoError BAD_ARGUMENT (too few part keys, too), CAPACITY_EXCEEDED, PAYLOAD_TOO_LARGE; nothing is made then
 */
export function hideCiphertext(request: HideCiphertextRequest): Promise<HideResult> {
  return Promise.resolve().then(() => {
    const { ciphertext, partKeys } = request;
    if (ciphertext.length < TAG_BYTES) {
      throw new StegoError('BAD_ARGUMENT', 'the ciphertext is shorter than its tag');
    }
    const { parts, covers } = planned(ciphertext.length - TAG_BYTES, request);
    const suite = request.suite ?? DEFAULT_SUITE;
    const { images, figures } = embedParts(ciphertext, suite, covers, parts, (partNumber) => {
      const keys = partKeys[partNumber - 1];
      if (keys) return { keys, signKey: randomBytes(32) };
      throw new StegoError('BAD_ARGUMENT', 'there are more parts than part keys', {
        parts: parts.length,
        partKeys: partKeys.length,
      });
    });
    return { images: images.map((image) => encodePng(image, request.png)), figures };
  });
}
