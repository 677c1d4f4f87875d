// A report that a client has encrypted, as the form that it sends: written after docs/stego-format.md, independent of the
// package that the gateway uses.
import { createCipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { instantOf, reportTermsSchema } from '@prms/chaincode';
import { derivePartKeys, sealBlob, type PartKeys } from '@prms/stego';
import { z } from 'zod';
import { tagOf } from '../services/circle.js';
import { commitment } from '../vault/index.js';

export const preparedSchema = z.looseObject({ id: z.string() });
export const receivedSchema = z.looseObject({
  terms: reportTermsSchema,
  wrapFor: z.array(z.object({ id: z.string(), sealKey: z.string() })),
});

export interface SealedChange {
  readonly cover?: Uint8Array;
  readonly parts?: readonly object[] | undefined;
  readonly meta?: object;
  /** Written over the label's usual words. */
  readonly label?: object;
}

export interface SealedReport {
  readonly id: string;
  readonly dataKey: Uint8Array;
  readonly twist: { readonly id: string; readonly issuedAt: number };
  form(): FormData;
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

/** As docs/stego-format.md says, section 3: independent of the package that the gateway uses. */
function sealReport(dataKey: Uint8Array, plain: Uint8Array): Uint8Array {
  const info = (label: string) => `PRMS-stego-v1 ${label}\0A256GCM`;
  const key = Buffer.from(hkdfSync('sha256', dataKey, '', info('cipher'), 32));
  const nonce = Buffer.from(hkdfSync('sha256', dataKey, '', info('nonce'), 12));
  return sealed(key, nonce, Buffer.from('A256GCM'), plain);
}

/** Section 8, of a report that fits one chunk. */
function sealChunk(dataKey: Uint8Array, plain: Uint8Array, aad: Uint8Array): Uint8Array {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(1_048_576);
  const derive = (label: string, length: number) =>
    Buffer.from(
      hkdfSync(
        'sha256',
        dataKey,
        '',
        Buffer.concat([Buffer.from(`PRMS-stego-v1 ${label}\0`), size]),
        length,
      ),
    );
  const nonce = Buffer.concat([derive('chunks nonce', 7), Buffer.from([0, 0, 0, 0, 1])]);
  return sealed(derive('chunks', 32), nonce, aad, plain);
}

function sealed(
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

const sent = ({ position, whitening }: PartKeys) => ({
  position: base64url(position),
  whitening: base64url(whitening),
});

export function sealForm(
  id: string,
  plain: Uint8Array,
  tagKey: Uint8Array,
  change: SealedChange = {},
): SealedReport {
  const dataKey = new Uint8Array(randomBytes(32));
  const sha256 = createHash('sha256').update(plain).digest();
  const keys = [1, 2, 3].map((n) => sent(derivePartKeys(dataKey, 'A256GCM', n)));
  const aad = Buffer.from(`PRMS-report-v1\0${id}`, 'utf8');
  const about = { title: 'Sealed', fileName: 'own.bin', mediaType: 'application/octet-stream' };
  const label = {
    ...about,
    bytes: plain.length,
    sha256: sha256.toString('hex'),
    category: 'own',
    ...change.label,
  };
  const meta = {
    parts: 'parts' in change ? change.parts : keys,
    label: base64url(sealBlob(dataKey, aad, Buffer.from(JSON.stringify(label)))),
    commitment: base64url(commitment(dataKey, id, sha256)),
    tag: tagOf(tagKey, 'own'),
    month: '2030-01',
    ...change.meta,
  };
  const form = () => {
    const made = new FormData();
    made.append('meta', JSON.stringify(meta));
    const sealed =
      plain.length > 4096 ? sealChunk(dataKey, plain, aad) : sealReport(dataKey, plain);
    made.append('ciphertext', new Blob([new Uint8Array(sealed)]), 'sealed.bin');
    if (change.cover) made.append('cover', new Blob([new Uint8Array(change.cover)]), 'c.png');
    return made;
  };
  return { id, dataKey, form, twist: { id, issuedAt: instantOf(id) } };
}
