// Everything secret is derived from a report's data key by HKDF (RFC 5869), one label per purpose,
// so that no key is ever used for two things.
import { hkdfSync } from 'node:crypto';
import { StegoError } from '../errors.js';
import { DEFAULT_SUITE, requireDataKey, suiteFacts } from './suite.js';
import type { Suite } from './suite.js';

/** Every HKDF label starts with this. */
export const LABEL_PREFIX = 'PRMS-stego-v1 ';

/** A report may be spread over this many images at most. */
export const MAX_PARTS = 64;

/**
 * What a reader needs to extract one part's share of the ciphertext, and no more: neither key
 * decrypts anything.
 */
export interface PartKeys {
  /** 32 bytes: which samples carry the part, in which order. */
  readonly position: Uint8Array;
  /** 32 bytes: the mask that makes every embedded bit look random, and the header's check. */
  readonly whitening: Uint8Array;
}

/** The cipher's own key and nonce. */
export interface CipherKeys {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
}

/**
 * HKDF-SHA256 with an empty salt.
 * @param label - purpose, without the common prefix
 * @param context - bytes appended to the label after a zero byte
 */
export function deriveKey(
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  lengthBytes: number,
): Uint8Array {
  const info = Buffer.concat([Buffer.from(`${LABEL_PREFIX}${label}\0`, 'latin1'), context]);
  return new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), info, lengthBytes));
}

function partContext(suite: Suite, partNumber: number): Uint8Array {
  suiteFacts(suite);
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > MAX_PARTS) {
    throw new StegoError('BAD_ARGUMENT', `a part number is 1 to ${MAX_PARTS}`, { partNumber });
  }
  const context = Buffer.alloc(suite.length + 3);
  context.write(suite, 'latin1');
  context.writeUInt16BE(partNumber, suite.length + 1);
  return context;
}

/**
 * Position and whitening keys of one part.
 * @param partNumber - 1 to {@link MAX_PARTS}, in the order of the ciphertext
 * @throws StegoError BAD_ARGUMENT
 */
export function derivePartKeys(
  dataKey: Uint8Array,
  suite: Suite = DEFAULT_SUITE,
  partNumber = 1,
): PartKeys {
  requireDataKey(dataKey);
  const context = partContext(suite, partNumber);
  return {
    position: deriveKey(dataKey, 'position', context, 32),
    whitening: deriveKey(dataKey, 'whitening', context, 32),
  };
}

/** The key of the ±1 choices of one part. Only the one who hides needs it. */
export function deriveSignKey(dataKey: Uint8Array, suite: Suite, partNumber: number): Uint8Array {
  requireDataKey(dataKey);
  return deriveKey(dataKey, 'sign', partContext(suite, partNumber), 32);
}

/**
 * Cipher key and nonce. Deriving the nonce is safe only because a data key encrypts one report,
 * once: see `docs/stego-format.md`.
 */
export function deriveCipherKeys(dataKey: Uint8Array, suite: Suite): CipherKeys {
  requireDataKey(dataKey);
  const { keyBytes } = suiteFacts(suite);
  const context = Buffer.from(suite, 'latin1');
  return {
    key: deriveKey(dataKey, 'cipher', context, keyBytes),
    nonce: deriveKey(dataKey, 'nonce', context, 12),
  };
}
