// One-time codes for the day when the second factor is lost: some of 80 random bits each, kept as keyed hashes.
import { createHmac } from 'node:crypto';
import type { RandomBytes } from '../../ambient.js';

const BYTES = 10;
/** Crockford's base32: no letter that is taken for a digit. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** `XXXX-XXXX-XXXX-XXXX`, so many. */
export function newRecoveryCodes(random: RandomBytes, count: number): string[] {
  return Array.from({ length: count }, () => {
    let bits = BigInt(`0x${Buffer.from(random(BYTES)).toString('hex')}`);
    let code = '';
    for (let n = 0; n < 16; n += 1, bits >>= 5n) code += ALPHABET.charAt(Number(bits & 31n));
    return code.replace(/(.{4})(?=.)/g, '$1-');
  });
}

/** 80 random bits need no slow hash. Any case, spaces and dashes anywhere, I and L for 1, O for 0. */
export function hashRecoveryCode(key: Uint8Array, userId: string, typed: string): string {
  const code = typed
    .slice(0, 64)
    .toUpperCase()
    .replace(/[\s-]/g, '')
    .replace(/[IL]/g, '1')
    .replace(/O/g, '0');
  return createHmac('sha256', key).update(`${userId}\0${code}`, 'utf8').digest('base64url');
}
