// The commitment to a report's plaintext that stands on the ledger: it tells nothing without the data key, and no
// second plaintext fits it.
import { createHmac, hkdfSync } from 'node:crypto';

/**
 * HMAC-SHA-256(K, reportId || 0x00 || sha256) with K = HKDF-SHA-256(dataKey, empty salt, info "PRMS-commit-v1", 32 bytes)
 * (RFC 2104, RFC 5869). `reportId` is UTF-8 without NUL.
 * @param sha256Plain 32 bytes: SHA-256 of the plaintext
 * @returns 32 bytes
 */
export function commitment(
  dataKey: Uint8Array,
  reportId: string,
  sha256Plain: Uint8Array,
): Uint8Array {
  return commitmentUnder(commitmentKey(dataKey), reportId, sha256Plain);
}

/** K: it opens the commitment and nothing else, so it may be shown to whoever is to check. 32 bytes. */
export function commitmentKey(dataKey: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', dataKey, Buffer.alloc(0), 'PRMS-commit-v1', 32));
}

/** The same commitment, by whoever was given the key K. */
export function commitmentUnder(
  key: Uint8Array,
  reportId: string,
  sha256Plain: Uint8Array,
): Uint8Array {
  if (sha256Plain.length !== 32) throw new RangeError('sha256Plain has 32 bytes');
  if (reportId.includes('\0')) throw new RangeError('a report id has no NUL');
  return createHmac('sha256', key)
    .update(reportId, 'utf8')
    .update(Buffer.of(0))
    .update(sha256Plain)
    .digest();
}
