// P-256 keys as bytes (private: 32-byte scalar; public: 65-byte uncompressed point) and ECDSA over SHA-256
// with 64-byte r||s signatures in low-S form (FIPS 186-5; SEC 1). Bytes, unlike key objects, can be wiped.
import { createECDH, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { RandomBytes } from '../ambient.js';

export interface KeyPair {
  /** 32 bytes. */
  readonly privateKey: Uint8Array;
  /** 65 bytes: 0x04 || x || y. */
  readonly publicKey: Uint8Array;
}

/** Makes a key pair by rejection sampling (FIPS 186-5 A.2.2). */
export function generateKeyPair(random: RandomBytes): KeyPair {
  for (;;) {
    const privateKey = Buffer.from(random(32));
    const scalar = toBigInt(privateKey);
    if (scalar > 0n && scalar < ORDER) return { privateKey, publicKey: publicKeyOf(privateKey) };
  }
}

/** The public point of a private scalar. */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(privateKey);
  return ecdh.getPublicKey(null, 'uncompressed');
}

/** How public keys are written in documents: unpadded base64url of the 65 bytes. */
export const encodePublicKey = (publicKey: Uint8Array): string =>
  Buffer.from(publicKey).toString('base64url');

/** The inverse; `undefined` when the text is not the canonical form of a point on the curve. */
export function decodePublicKey(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== 65 || bytes[0] !== 4 || bytes.toString('base64url') !== text)
    return undefined;
  try {
    importPublicKey(bytes);
    return bytes;
  } catch {
    return undefined;
  }
}

/** Signs `message` (hashed with SHA-256). 64 bytes, s at most half the group's order. */
export function signP256(privateKey: Uint8Array, message: Uint8Array): Uint8Array {
  const signature = sign('sha256', message, {
    key: importPrivateKey(privateKey),
    dsaEncoding: 'ieee-p1363',
  });
  const s = toBigInt(signature.subarray(32));
  if (s > HALF_ORDER) fromBigInt(ORDER - s).copy(signature, 32);
  return signature;
}

/** Checks a signature; one with a high s, though mathematically valid, is refused. */
export function verifyP256(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (signature.length !== 64 || toBigInt(signature.subarray(32)) > HALF_ORDER) return false;
  try {
    const key = importPublicKey(publicKey);
    return verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature);
  } catch {
    return false; // not a point of the curve
  }
}

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const HALF_ORDER = ORDER / 2n;

const toBigInt = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const fromBigInt = (value: bigint): Buffer =>
  Buffer.from(value.toString(16).padStart(64, '0'), 'hex');

// RFC 5915 ECPrivateKey inside RFC 5208 PKCS #8, and RFC 5480 SubjectPublicKeyInfo, around the raw bytes.
const PKCS8_HEAD = Buffer.from(
  '308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420',
  'hex',
);
const PKCS8_MIDDLE = Buffer.from('a144034200', 'hex');
const SPKI_HEAD = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');

function importPrivateKey(privateKey: Uint8Array): KeyObject {
  const der = Buffer.concat([PKCS8_HEAD, privateKey, PKCS8_MIDDLE, publicKeyOf(privateKey)]);
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    der.fill(0);
  }
}

const importPublicKey = (publicKey: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([SPKI_HEAD, publicKey]), format: 'der', type: 'spki' });
