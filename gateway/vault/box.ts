// AES-256-GCM boxes (NIST SP 800-38D) with a random 96-bit nonce: nonce || ciphertext || 128-bit tag.
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { RandomBytes } from '../ambient.js';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts `plaintext` under a 32-byte key, bound to `aad`. */
export function sealBox(
  key: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
  random: RandomBytes,
): Buffer {
  const nonce = random(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(
    aad,
  );
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Opens a box; `undefined` when the key or `aad` is another or a byte was changed. */
export function openBox(key: Uint8Array, aad: Uint8Array, box: Uint8Array): Buffer | undefined {
  if (box.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const body = box.subarray(NONCE_BYTES, box.length - TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(aad).setAuthTag(box.subarray(box.length - TAG_BYTES));
  const plaintext = decipher.update(body);
  try {
    decipher.final();
    return plaintext;
  } catch {
    plaintext.fill(0);
    return undefined;
  }
}
