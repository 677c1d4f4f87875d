// Names of things on the ledger. A user's id is the hash of their first public key; an operation's id is a ULID whose
// time part is the operation's own `issuedAt`, so that documents named after it lie on the ledger in the order of time.

import { z } from 'zod';

/** SHA-256 in base64url without padding: 43 characters of which the last carries two zero bits. */
const DIGEST = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
/** 16 bytes in base64url: 22 characters of which the last carries four zero bits. */
const SHORT_DIGEST = /^[A-Za-z0-9_-]{21}[AQgw]$/;
/** An uncompressed P-256 point (0x04 ‖ x ‖ y, SEC 1 §2.3.3) in base64url: 65 bytes, 87 characters. */
const POINT = /^B[A-P][A-Za-z0-9_-]{84}[AEIMQUYcgkosw048]$/;
/** 64-byte r ‖ s in base64url. */
const SIGNATURE = /^[A-Za-z0-9_-]{85}[AQgw]$/;
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

export const digestSchema = z.string().regex(DIGEST);
/** A user, hospital, or any other key holder: base64url(SHA-256("PRMS-user-v1\0" ‖ first public signing key)). */
export const userIdSchema = digestSchema;
/** A signing key: the first 16 bytes of SHA-256("PRMS-kid-v1\0" ‖ public key), base64url. */
export const kidSchema = z.string().regex(SHORT_DIGEST);
/** An operation and the document that it creates. */
export const operationIdSchema = z.string().regex(ULID);
/** An opaque category of one patient's reports: the first 16 bytes of an HMAC, base64url. */
export const tagSchema = z.string().regex(SHORT_DIGEST);
export const publicKeySchema = z.string().regex(POINT);
export const signatureSchema = z.string().regex(SIGNATURE);
export const monthSchema = z.string().regex(/^[1-9][0-9]{3}-(0[1-9]|1[0-2])$/);
/** Milliseconds since the epoch, UTC. Bounded by what a ULID can hold. */
export const instantSchema = z
  .int()
  .min(0)
  .max(2 ** 48 - 1);
/** The version of a document or entry that a changing operation replaces. */
export const versionSchema = z.int().min(1);

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * A ULID: 48 bits of `instantMs`, then 80 random bits, in Crockford base32.
 * @param random ten random bytes
 */
export function operationId(instantMs: number, random: Uint8Array): string {
  if (random.length !== 10) throw new RangeError('an operation id needs ten random bytes');
  if (!instantSchema.safeParse(instantMs).success)
    throw new RangeError('an operation id needs an instant of at most 48 bits');
  let bits = BigInt(instantMs);
  for (const byte of random) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let i = 0; i < 26; i++, bits >>= 5n) text = CROCKFORD.charAt(Number(bits & 31n)) + text;
  return text;
}

/** The time part of an operation id, milliseconds since the epoch. */
export function instantOf(id: string): number {
  let instantMs = 0;
  for (const letter of id.slice(0, 10)) instantMs = instantMs * 32 + CROCKFORD.indexOf(letter);
  return instantMs;
}

/** The id with every base32 digit complemented: a key built from it makes a range read newest first. Its own inverse. */
export function newestFirst(id: string): string {
  let text = '';
  for (const letter of id) text += CROCKFORD.charAt(31 - CROCKFORD.indexOf(letter));
  return text;
}

/** The calendar month (UTC) of an instant, `YYYY-MM`. */
export function monthOf(instantMs: number): string {
  return new Date(instantMs).toISOString().slice(0, 7);
}
