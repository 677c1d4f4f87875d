// ECDSA P-256 with SHA-256 over operations (FIPS 186-5; 64-byte r ‖ s, low-S only), and the hashes that name keys and bytes.

import { createHash, createPublicKey, hash, verify, type KeyObject } from 'node:crypto';
import { SIGNING_PREFIX } from '../model/index.js';

/** Order of the P-256 group (SP 800-186 §3.2.1.3). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
/** The largest `s` of a low-S signature, big-endian. */
const HALF_ORDER = Buffer.from((ORDER / 2n).toString(16).padStart(64, '0'), 'hex');
/** Importing a key costs some 200 µs, ten times what checking a signature with it does. */
const MAX_CACHED_KEYS = 20_000;
const cachedKeys = new Map<string, KeyObject | null>();

export interface SignatureCheck {
  /** 65-byte uncompressed point, base64url. */
  readonly publicKey: string;
  /** What was signed. */
  readonly text: string;
  readonly signature: string;
}

/** Does the signature belong to this text and key? False, never an error, for keys off the curve and high-S signatures. */
export function isSignedBy({ publicKey, text, signature }: SignatureCheck): boolean {
  const key = importKey(publicKey);
  const bytes = Buffer.from(signature, 'base64url');
  if (!key || bytes.length !== 64 || !isLowS(bytes)) return false;
  return verify('sha256', Buffer.from(text, 'utf8'), { key, dsaEncoding: 'ieee-p1363' }, bytes);
}

/** One signature would otherwise have a twin (r, n − s) that anybody can make. */
function isLowS(signature: Buffer): boolean {
  return HALF_ORDER.compare(signature, 32) >= 0;
}

/**
 * Of a signature (r, s) and its twin (r, n − s) the one that the ledger takes. Changes the given bytes.
 * @param signature 64 bytes, r ‖ s
 */
export function lowS(signature: Buffer): Buffer {
  if (isLowS(signature)) return signature;
  const s = ORDER - BigInt(`0x${signature.toString('hex', 32)}`);
  signature.write(s.toString(16).padStart(64, '0'), 32, 'hex');
  return signature;
}

function importKey(publicKey: string): KeyObject | null {
  const known = cachedKeys.get(publicKey);
  if (known !== undefined) return known;
  const key = importPoint(publicKey);
  if (cachedKeys.size >= MAX_CACHED_KEYS) cachedKeys.clear();
  cachedKeys.set(publicKey, key);
  return key;
}

function importPoint(publicKey: string): KeyObject | null {
  const point = Buffer.from(publicKey, 'base64url');
  // Only the uncompressed form (SEC 1 §2.3.3), and one text a point: another would be the same key under another id.
  if (point.length !== 65 || point[0] !== 4 || point.toString('base64url') !== publicKey)
    return null;
  const coordinate = (from: number) => point.toString('base64url', from, from + 32);
  try {
    // OpenSSL checks that the point is on the curve.
    return createPublicKey({
      key: { kty: 'EC', crv: 'P-256', x: coordinate(1), y: coordinate(33) },
      format: 'jwk',
    });
  } catch {
    return null;
  }
}

/** Is this the encoding of a point on the curve? */
export function isPoint(publicKey: string): boolean {
  return importKey(publicKey) !== null;
}

/** What an operation's signature covers. */
export function signedText(operationBytes: string): string {
  return SIGNING_PREFIX + operationBytes;
}

/** SHA-256 of a text's UTF-8 bytes, base64url. */
export function hashText(text: string): string {
  return hash('sha256', text, 'base64url');
}

/** The id of the user whose first public signing key this is. */
export function userIdOf(publicKey: string): string {
  return keyDigest('PRMS-user-v1\0', publicKey).toString('base64url');
}

/** The id of a signing key. */
export function kidOf(publicKey: string): string {
  return keyDigest('PRMS-kid-v1\0', publicKey).toString('base64url', 0, 16);
}

function keyDigest(label: string, publicKey: string): Buffer {
  return createHash('sha256')
    .update(label, 'utf8')
    .update(Buffer.from(publicKey, 'base64url'))
    .digest();
}

/** What a new signing key signs to show that somebody holds it. */
export function possessionText(user: string, operation: string): string {
  return `PRMS-key-v1\0${user}\0${operation}`;
}
