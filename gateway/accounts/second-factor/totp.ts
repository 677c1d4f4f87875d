// Time-based one-time passwords: RFC 6238 over HOTP (RFC 4226). The forty lines are our own: a library would bring a
// second HMAC along, and the standard publishes vectors to hold them against.
import { createHmac, timingSafeEqual } from 'node:crypto';

export const TOTP_STEP_MS = 30_000;
const DIGITS = 6;

/** RFC 4226 §5.3: dynamic truncation of HMAC(secret, step). Authenticator applications expect SHA-1 and six digits. */
export function totpCode(
  secret: Uint8Array,
  step: number,
  { digits = DIGITS, hash = 'sha1' }: { digits?: number; hash?: string } = {},
): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac(hash, secret).update(counter).digest();
  const offset = mac.readUInt8(mac.length - 1) & 0xf;
  const number = mac.readUInt32BE(offset) & 0x7fff_ffff;
  return String(number % 10 ** digits).padStart(digits, '0');
}

/**
 * The step whose code was given: the present one or a neighbour (RFC 6238 §5.2, a clock that drifts by one step), and
 * later than `usedStep`, so that no code counts twice. `undefined` when it is none of them.
 */
export function acceptedStep(
  secret: Uint8Array,
  code: string,
  { nowMs, usedStep }: { readonly nowMs: number; readonly usedStep: number },
): number | undefined {
  const present = Math.floor(nowMs / TOTP_STEP_MS);
  const given = Buffer.from(code.padEnd(DIGITS).slice(0, 64), 'utf8');
  let accepted: number | undefined;
  // All three are computed whatever the code: how long it takes says nothing.
  for (const step of [present - 1, present, present + 1]) {
    const expected = Buffer.from(totpCode(secret, step), 'utf8');
    const fits = given.length === expected.length && timingSafeEqual(given, expected);
    if (fits && step > usedStep) accepted ??= step;
  }
  return accepted;
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** RFC 4648 base32 without padding, as authenticator applications take secrets. */
export function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? [])
    .map((five) => BASE32.charAt(parseInt(five.padEnd(5, '0'), 2)))
    .join('');
}

/** What an authenticator application reads from a QR code. */
export function totpUri(secret: string, loginName: string): string {
  const label = `PRMS:${encodeURIComponent(loginName)}`;
  return `otpauth://totp/${label}?secret=${secret}&issuer=PRMS&algorithm=SHA1&digits=6&period=30`;
}
