// Hiding: encrypt once, split, embed each part, write PNGs.
import {
  DEFAULT_SUITE,
  derivePartKeys,
  deriveSignKey,
  requireDataKey,
  sealReport,
} from '../cipher/index.js';
import type { Suite } from '../cipher/index.js';
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

/** Like {@link hide}, but stops at the pixels. */
export function hidePixels(request: HideRequest): HiddenPixels {
  const { payload, dataKey, covers } = request;
  const suite = request.suite ?? DEFAULT_SUITE;
  requireDataKey(dataKey);
  covers.forEach(requireRgbImage);
  const { parts, ciphertextBytes } = plan(
    payload.length,
    covers,
    request.maxRate ?? DEFAULT_MAX_RATE,
  );
  const ciphertext = sealReport(dataKey, suite, payload);
  let start = 0;
  const hidden = parts.flatMap((part) => {
    const { coverIndex, partNumber, bytes } = part;
    const cover = covers[coverIndex];
    if (cover === undefined) return [];
    const body = ciphertext.subarray(start, (start += bytes));
    const keys = derivePartKeys(dataKey, suite, partNumber);
    const signKey = deriveSignKey(dataKey, suite, partNumber);
    const { image, changedSamples } = embedPart(cover, keys, signKey, parts.length, body);
    const psnrDb = 10 * Math.log10((255 * 255 * image.pixels.length) / changedSamples);
    return [{ image, figures: { ...part, changedSamples, psnrDb } }];
  });
  const usedCovers = parts.map(({ coverIndex }) => coverIndex);
  const payloadBytes = payload.length;
  return {
    images: hidden.map(({ image }) => image),
    figures: {
      suite,
      payloadBytes,
      ciphertextBytes,
      parts: hidden.map(({ figures }) => figures),
      usedCovers,
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
