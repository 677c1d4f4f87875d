// The cipher suites of the format, and the check that every secret handed in has the right shape.
import { StegoError } from '../errors.js';

/** AES-GCM (NIST SP 800-38D) with a 256-bit or a 128-bit key, 96-bit nonce, 128-bit tag. */
export type Suite = 'A256GCM' | 'A128GCM';

/** The suite used when the caller names none. */
export const DEFAULT_SUITE: Suite = 'A256GCM';

/** Bytes of a report's data key, whatever the suite. */
export const DATA_KEY_BYTES = 32;

/** Bytes that GCM appends to the plaintext. */
export const TAG_BYTES = 16;

interface SuiteFacts {
  readonly algorithm: 'aes-256-gcm' | 'aes-128-gcm';
  readonly keyBytes: number;
}

const SUITES: Readonly<Record<Suite, SuiteFacts>> = {
  A256GCM: { algorithm: 'aes-256-gcm', keyBytes: 32 },
  A128GCM: { algorithm: 'aes-128-gcm', keyBytes: 16 },
};

/** True for the name of a suite; for names that come from outside. */
export function isSuite(name: string): name is Suite {
  return Object.hasOwn(SUITES, name);
}

/** Node's name of the cipher and its key length. @throws StegoError BAD_ARGUMENT for an unknown suite. */
export function suiteFacts(suite: string): SuiteFacts {
  if (!isSuite(suite)) {
    throw new StegoError('BAD_ARGUMENT', 'unknown suite: use A256GCM or A128GCM', { suite });
  }
  return SUITES[suite];
}

/** @throws StegoError BAD_ARGUMENT unless `key` is 32 bytes. */
export function requireDataKey(key: Uint8Array): void {
  if (!(key instanceof Uint8Array) || key.length !== DATA_KEY_BYTES) {
    throw new StegoError('BAD_ARGUMENT', `the data key must be ${DATA_KEY_BYTES} bytes`);
  }
}
