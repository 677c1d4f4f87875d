// AES-GCM (NIST SP 800-38D) as one call each way: ciphertext and tag travel together.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { StegoError } from '../errors.js';
import { deriveCipherKeys, deriveKey } from './keys.js';
import { DEFAULT_SUITE, TAG_BYTES, requireDataKey, suiteFacts } from './suite.js';
import type { Suite } from './suite.js';

/** Ciphertext followed by the 16-byte tag. */
export function gcmSeal(
  suite: Suite,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv(suiteFacts(suite).algorithm, key, nonce, {
    authTagLength: TAG_BYTES,
  });
  cipher.setAAD(aad);
  const body = cipher.update(plaintext);
  return Buffer.concat([body, cipher.final(), cipher.getAuthTag()]);
}

/** The plaintext. @throws StegoError AUTHENTICATION_FAILED when any bit differs from what was sealed. */
export function gcmOpen(
  suite: Suite,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): Uint8Array {
  if (sealed.length < TAG_BYTES) {
    throw new StegoError('AUTHENTICATION_FAILED', 'the ciphertext is shorter than its tag');
  }
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(suiteFacts(suite).algorithm, key, nonce, {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(end));
  const body = decipher.update(sealed.subarray(0, end));
  try {
    return Buffer.concat([body, decipher.final()]);
  } catch (cause) {
    throw new StegoError(
      'AUTHENTICATION_FAILED',
      'the ciphertext does not belong to this key, or was changed',
      {},
      { cause },
    );
  }
}

/** Encrypts a whole report. A data key may do this once: the nonce is derived from it. */
export function sealReport(dataKey: Uint8Array, suite: Suite, plaintext: Uint8Array): Uint8Array {
  const { key, nonce } = deriveCipherKeys(dataKey, suite);
  return gcmSeal(suite, key, nonce, Buffer.from(suite, 'latin1'), plaintext);
}

/**
 * Decrypts what {@link sealReport} made, for instance the answer of `extractCiphertext`.
 * @throws StegoError AUTHENTICATION_FAILED for a wrong key or a changed ciphertext
 */
export function openCiphertext(
  dataKey: Uint8Array,
  suite: Suite = DEFAULT_SUITE,
  ciphertext: Uint8Array,
): Uint8Array {
  const { key, nonce } = deriveCipherKeys(dataKey, suite);
  return gcmOpen(suite, key, nonce, Buffer.from(suite, 'latin1'), ciphertext);
}

const BLOB_NONCE_BYTES = 12;

function blobKey(dataKey: Uint8Array): Uint8Array {
  requireDataKey(dataKey);
  return deriveKey(dataKey, 'blob', new Uint8Array(0), 32);
}

/**
 * Encrypts a small thing that belongs to a report (its title, say) with AES-256-GCM and a random
 * nonce, so it may be called again for the same data key.
 * @param aad - what the blob is bound to: a report's id, for instance
 * @returns 12-byte nonce, ciphertext, 16-byte tag
 */
export function sealBlob(
  dataKey: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
  nonce: Uint8Array = randomBytes(BLOB_NONCE_BYTES),
): Uint8Array {
  return Buffer.concat([nonce, gcmSeal('A256GCM', blobKey(dataKey), nonce, aad, plaintext)]);
}

/** Undoes {@link sealBlob}. @throws StegoError AUTHENTICATION_FAILED */
export function openBlob(dataKey: Uint8Array, aad: Uint8Array, blob: Uint8Array): Uint8Array {
  const key = blobKey(dataKey);
  if (blob.length < BLOB_NONCE_BYTES + TAG_BYTES) {
    throw new StegoError('AUTHENTICATION_FAILED', 'the blob is shorter than its nonce and tag');
  }
  const nonce = blob.subarray(0, BLOB_NONCE_BYTES);
  return gcmOpen('A256GCM', key, nonce, aad, blob.subarray(BLOB_NONCE_BYTES));
}
