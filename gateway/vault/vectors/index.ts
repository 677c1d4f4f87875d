// Reads the published vectors beside this file (see README.md for their origin and licence).
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const hex = z.string().transform((text) => new Uint8Array(Buffer.from(text, 'hex')));

const hpkeVectors = z.array(
  z.object({
    aead_id: z.int(),
    info: hex,
    ikmE: hex,
    ikmR: hex,
    skRm: hex,
    pkRm: hex,
    enc: hex,
    encryptions: z.array(z.object({ aad: hex, ct: hex, pt: hex, nonce: hex })),
  }),
);

/** Base-mode vectors of RFC 9180 for P-256. */
export const rfc9180Vectors = hpkeVectors.parse(
  JSON.parse(
    readFileSync(new URL('../../../vault/vectors/rfc9180-p256-base.json', import.meta.url), 'utf8'),
  ),
);

const wrapVectorsSchema = z.object({
  recipientPrivateKey: hex,
  recipientPublicKey: hex,
  wraps: z.array(
    z.object({
      purpose: z.enum(['report', 'epoch', 'escrow', 'tags', 'consultation']),
      subject: z.string(),
      ledger: z.string(),
      recipient: z.string(),
      kid: z.string(),
      secret: hex,
      wrapped: hex,
      object: z.string(),
    }),
  ),
});

/** Key wraps of each kind, for one recipient. */
export const wrapVectors = wrapVectorsSchema.parse(
  JSON.parse(readFileSync(new URL('../../../vault/vectors/wraps.json', import.meta.url), 'utf8')),
);
