// Recovery codes: 160 random bits as Crockford base32 with a 20-bit checksum, in groups of six,
// so that a mistyped code is told from a wrong one before anything is tried.
import { createHash } from 'node:crypto';
import type { RandomBytes } from '../ambient.js';
import { GatewayError } from '../errors.js';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE_BYTES = 20;
const CHECK_CHARACTERS = 4;

/** A new code: `XXXXXX-XXXXXX-XXXXXX-XXXXXX-XXXXXX-XXXXXX`. */
export function generateRecoveryCode(random: RandomBytes): string {
  const secret = random(CODE_BYTES);
  const characters = toBase32(secret) + checksum(secret);
  return (characters.match(/.{6}/g) ?? []).join('-');
}

/**
 * The 20 secret bytes of a code as a person typed it: any case, spaces and dashes anywhere, I and L for 1, O for 0.
 * @throws GatewayError VALIDATION when it can't be a code
 */
export function parseRecoveryCode(typed: string): Uint8Array {
  const characters = typed
    .slice(0, 200)
    .toUpperCase()
    .replace(/[\s-]/g, '')
    .replace(/[IL]/g, '1')
    .replace(/O/g, '0');
  const body = characters.slice(0, -CHECK_CHARACTERS);
  const secret = fromBase32(body);
  if (secret?.length !== CODE_BYTES || checksum(secret) !== characters.slice(-CHECK_CHARACTERS)) {
    throw new GatewayError(
      'VALIDATION',
      'The recovery code is mistyped: check each group of six.',
      {
        fields: [{ path: 'body.recoveryCode', message: 'mistyped' }],
      },
    );
  }
  return secret;
}

const checksum = (secret: Uint8Array): string =>
  toBase32(createHash('sha256').update('PRMS-recovery-check-v1').update(secret).digest()).slice(
    0,
    CHECK_CHARACTERS,
  );

/** Big-endian bits in fives; a rest below five bits is padded with zeros. */
function toBase32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => ALPHABET.charAt(parseInt(five.padEnd(5, '0'), 2)))
    .join('');
}

function fromBase32(text: string): Uint8Array | undefined {
  const digits = Array.from(text, (character) => ALPHABET.indexOf(character));
  if (digits.includes(-1)) return undefined;
  const bits = digits.map((digit) => digit.toString(2).padStart(5, '0')).join('');
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (eight) => parseInt(eight, 2));
}
