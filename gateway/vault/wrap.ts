// Key wraps: a secret encrypted to one recipient's public key with HPKE (RFC 9180), base mode,
// DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core';
import { GatewayError } from '../errors.js';
import { encodeParts } from './bytes.js';
import { publicKeyOf } from './p256.js';

/**
 * What a wrapped secret is: a report's data key; an epoch's private key for a full grantee; the same for the
 * hospital that may open it in an emergency; the key that makes a patient's categories opaque; a consultation's message key.
 */
export const wrapPurposes = ['report', 'epoch', 'escrow', 'tags', 'consultation'] as const;
export type WrapPurpose = (typeof wrapPurposes)[number];

/**
 * Everything that a wrap is bound to; all of it must be given again to open it.
 *
 * Encoding, with `lp(x)` = 16-bit big-endian length of x in bytes, then x as UTF-8:
 * - HPKE `info` = lp("PRMS-wrap-v1") || lp(purpose) || lp(ledger)
 * - HPKE `aad`  = lp(subject) || lp(recipient) || lp(kid)
 */
export interface WrapBinding {
  readonly purpose: WrapPurpose;
  /** The channel's name. */
  readonly ledger: string;
  /** The report's, epoch's or consultation's id. */
  readonly subject: string;
  /** The user's or hospital's id. */
  readonly recipient: string;
  /** Which of the recipient's keys. */
  readonly kid: string;
}

/** First byte of a wrap. */
const WRAP_VERSION = 1;
const ENC_BYTES = 65;
const TAG_BYTES = 16;
const MAX_SECRET_BYTES = 4096;

const suite = new CipherSuite({
  kem: new DhkemP256HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

/**
 * Wraps `secret` (1 to 4096 bytes) for a recipient.
 * @returns 0x01 || enc (65 bytes) || ciphertext (as long as the secret) || tag (16 bytes)
 * @throws GatewayError VALIDATION when the public key is no point of P-256
 */
export async function wrapKey(
  wrap: WrapBinding & { readonly recipientPublicKey: Uint8Array; readonly secret: Uint8Array },
): Promise<Uint8Array> {
  if (wrap.secret.length === 0 || wrap.secret.length > MAX_SECRET_BYTES) {
    throw new RangeError(`a wrapped secret has 1 to ${MAX_SECRET_BYTES} bytes`);
  }
  const recipientPublicKey = await importRecipient(wrap);
  const sealed = await suite.seal(
    { recipientPublicKey, info: infoOf(wrap) },
    wrap.secret,
    aadOf(wrap),
  );
  return Buffer.concat([Buffer.of(WRAP_VERSION), Buffer.from(sealed.enc), Buffer.from(sealed.ct)]);
}

/**
 * Opens a wrap with the recipient's private key.
 * @throws GatewayError WRAP_DAMAGED when the bytes, the key or any part of the binding is another
 */
export async function unwrapKey(
  wrap: WrapBinding & { readonly recipientPrivateKey: Uint8Array; readonly wrapped: Uint8Array },
): Promise<Uint8Array> {
  const { wrapped } = wrap;
  const shortest = 1 + ENC_BYTES + TAG_BYTES + 1;
  if (
    wrapped.length < shortest ||
    wrapped.length > shortest + MAX_SECRET_BYTES ||
    wrapped[0] !== WRAP_VERSION
  ) {
    throw damaged(wrap);
  }
  try {
    const enc = wrapped.slice(1, 1 + ENC_BYTES);
    const params = {
      recipientKey: await recipientKeyPair(wrap.recipientPrivateKey),
      enc,
      info: infoOf(wrap),
    };
    return new Uint8Array(await suite.open(params, wrapped.slice(1 + ENC_BYTES), aadOf(wrap)));
  } catch (cause) {
    throw damaged(wrap, cause);
  }
}

const infoOf = ({ purpose, ledger }: WrapBinding): Uint8Array =>
  encodeParts(['PRMS-wrap-v1', purpose, ledger]);

const aadOf = ({ subject, recipient, kid }: WrapBinding): Uint8Array =>
  encodeParts([subject, recipient, kid]);

async function importRecipient(
  wrap: WrapBinding & { readonly recipientPublicKey: Uint8Array },
): Promise<CryptoKey> {
  try {
    return await suite.kem.deserializePublicKey(wrap.recipientPublicKey);
  } catch (cause) {
    const ids = { recipient: wrap.recipient, kid: wrap.kid };
    throw new GatewayError('VALIDATION', 'The recipient’s public key is not a point of P-256.', {
      cause,
      ids,
    });
  }
}

/** The pair, so that the library need not derive the public key by exporting the private one. */
async function recipientKeyPair(privateKey: Uint8Array): Promise<CryptoKeyPair> {
  return {
    privateKey: await suite.kem.deserializePrivateKey(privateKey),
    publicKey: await suite.kem.deserializePublicKey(publicKeyOf(privateKey)),
  };
}

function damaged({ purpose, subject, recipient, kid }: WrapBinding, cause?: unknown): GatewayError {
  return new GatewayError('WRAP_DAMAGED', `The key wrap of ${purpose} ${subject} does not open.`, {
    cause,
    ids: { [purpose]: subject, recipient, kid },
  });
}
