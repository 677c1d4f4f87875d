// The file in which a user takes their private keys away, sealed under a passphrase of its own. docs/own-keys.md is its
// specification: a client opens it with Argon2id and AES-256-GCM and nothing else.
import { z } from 'zod';
import type { RandomBytes } from '../ambient.js';
import { sealBox } from './box.js';
import { wipe } from './bytes.js';
import type { Party } from './fair-turns.js';
import type { PrivateKeyEntry } from './key-bundle.js';
import { encodePublicKey, publicKeyOf } from './p256.js';
import type { PasswordDeriver } from './password.js';

const FORMAT = 'PRMS-key-file';
const VERSION = 1;

/** All byte strings are base64url without padding. */
export const keyFileSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  userId: z.string(),
  ledger: z.string(),
  exportedAt: z.int(),
  kdf: z.strictObject({
    name: z.literal('argon2id'),
    passes: z.int(),
    memoryKiB: z.int(),
    lanes: z.int(),
    salt: z.string(),
  }),
  /** In the order in which the private keys stand in the box. */
  keys: z.array(
    z.strictObject({
      use: z.enum(['sign', 'unseal', 'epoch']),
      kid: z.string(),
      publicKey: z.string(),
      /** The ledger has it for the user now; earlier ones open what was wrapped for them. */
      present: z.boolean(),
    }),
  ),
  /** Nonce, ciphertext and tag. */
  box: z.string(),
});
export type KeyFile = z.infer<typeof keyFileSchema>;

/** Whose file it is. */
export interface KeyFileOwner {
  readonly userId: string;
  readonly ledger: string;
  readonly exportedAt: number;
  /** Ids of the keys that the ledger has for the user. */
  readonly present: readonly string[];
}

/**
 * @param keys asked when the passphrase has had its turn: a session that has ended meanwhile has nothing to give
 * @throws GatewayError BUSY, and whatever `keys` throws
 */
export async function sealKeyFile(
  { deriver, random }: { readonly deriver: PasswordDeriver; readonly random: RandomBytes },
  { present, ...owner }: KeyFileOwner,
  keys: () => readonly PrivateKeyEntry[],
  lock: { readonly passphrase: string; readonly party: Party },
): Promise<KeyFile> {
  const salt = random(16);
  const kek = await deriver.derive(lock.passphrase, salt, deriver.cost, lock.party);
  try {
    const held = keys();
    const file: Omit<KeyFile, 'box'> = {
      format: FORMAT,
      version: VERSION,
      ...owner,
      kdf: { name: 'argon2id', ...deriver.cost, salt: Buffer.from(salt).toString('base64url') },
      keys: held.map(({ use, kid, privateKey }) => ({
        use,
        kid,
        publicKey: encodePublicKey(publicKeyOf(privateKey)),
        present: present.includes(kid),
      })),
    };
    const plain = Buffer.concat(held.map(({ privateKey }) => privateKey));
    const box = sealBox(kek, boundText(file), plain, random);
    wipe(plain);
    return { ...file, box: box.toString('base64url') };
  } finally {
    wipe(kek);
  }
}

/** Everything that stands in clear, joined by NUL: no byte of it can be changed without the box staying shut. */
function boundText({
  format,
  version,
  userId,
  ledger,
  exportedAt,
  kdf,
  keys,
}: Omit<KeyFile, 'box'>) {
  const parts = [format, version, userId, ledger, exportedAt];
  const cost = [kdf.name, kdf.passes, kdf.memoryKiB, kdf.lanes, kdf.salt];
  const listed = keys.flatMap(({ use, kid, publicKey, present }) => [use, kid, publicKey, present]);
  return Buffer.from([...parts, ...cost, ...listed].join('\0'), 'utf8');
}
