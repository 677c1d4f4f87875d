// Opens a key file by docs/own-keys.md alone, as a client would: strictly, so that no byte of it can be another.
import { hashRaw } from '@node-rs/argon2';
import { z } from 'zod';

const bytes = z.string().refine((text) => decode(text).toString('base64url') === text);
const fileSchema = z.strictObject({
  format: z.literal('PRMS-key-file'),
  version: z.literal(1),
  userId: z.string(),
  ledger: z.string(),
  exportedAt: z.int(),
  kdf: z.strictObject({
    name: z.literal('argon2id'),
    passes: z.int().max(20),
    memoryKiB: z.int().max(2_097_152),
    lanes: z.int().max(16),
    salt: bytes,
  }),
  keys: z.array(
    z.strictObject({
      use: z.enum(['sign', 'unseal', 'epoch']),
      kid: z.string(),
      publicKey: bytes,
      present: z.boolean(),
    }),
  ),
  box: bytes,
});

export interface OpenedKey {
  readonly use: string;
  readonly kid: string;
  readonly present: boolean;
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** @throws Error when the text is no key file of this passphrase, or was changed */
export async function openKeyFile(text: string, passphrase: string): Promise<OpenedKey[]> {
  const { kdf, keys, box, ...head } = fileSchema.parse(JSON.parse(text));
  const kek = await hashRaw(passphrase.normalize('NFKC'), {
    timeCost: kdf.passes,
    memoryCost: kdf.memoryKiB,
    parallelism: kdf.lanes,
    outputLen: 32,
    salt: decode(kdf.salt),
  });
  const bound = [
    ...[head.format, head.version, head.userId, head.ledger, head.exportedAt],
    ...[kdf.name, kdf.passes, kdf.memoryKiB, kdf.lanes, kdf.salt],
    ...keys.flatMap(({ use, kid, publicKey, present }) => [use, kid, publicKey, present]),
  ].join('\0');
  const sealed = new Uint8Array(decode(box));
  const key = await crypto.subtle.importKey('raw', new Uint8Array(kek), 'AES-GCM', false, [
    'decrypt',
  ]);
  const how = {
    name: 'AES-GCM',
    iv: sealed.subarray(0, 12),
    additionalData: new Uint8Array(Buffer.from(bound, 'utf8')),
  };
  const plain = new Uint8Array(await crypto.subtle.decrypt(how, key, sealed.subarray(12)));
  if (plain.length !== 32 * keys.length) throw new Error('not 32 bytes a key');
  return keys.map(({ publicKey, ...rest }, i) => ({
    ...rest,
    publicKey: decode(publicKey),
    privateKey: plain.subarray(32 * i, 32 * i + 32),
  }));
}

function decode(text: string): Buffer {
  return Buffer.from(text, 'base64url');
}
