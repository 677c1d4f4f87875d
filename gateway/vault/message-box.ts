// A consultation's messages: AES-256-GCM under the consultation's key, bound to where each belongs.
import type { RandomBytes } from '../ambient.js';
import { openBox, sealBox } from './box.js';
import { encodeParts } from './bytes.js';

/** Nonce and tag: how much longer than its text a sealed message is. */
export const MESSAGE_OVERHEAD_BYTES = 28;

const aadOf = (place: readonly string[]): Buffer => encodeParts(['PRMS-message-v2', ...place]);

/** @returns nonce (12 bytes) || ciphertext || tag (16 bytes); additional data: lp("PRMS-message-v2") and lp of each part of its place */
export function sealMessage(
  key: Uint8Array,
  place: readonly string[],
  plaintext: Uint8Array,
  random: RandomBytes,
): Buffer {
  return sealBox(key, aadOf(place), plaintext, random);
}

/** `undefined` when the key or the place is another or a byte was changed. */
export function openMessage(
  key: Uint8Array,
  place: readonly string[],
  sealed: Uint8Array,
): Buffer | undefined {
  return openBox(key, aadOf(place), sealed);
}
