// A user's private keys at rest: sealed under a random bundle key, which is locked twice, under the password
// (Argon2id) and under the recovery code. Opening the lock is the proof of the password: no second hash is kept.
import { hkdfSync } from 'node:crypto';
import { z } from 'zod';
import type { RandomBytes } from '../ambient.js';
import { GatewayError } from '../errors.js';
import { openBox, sealBox } from './box.js';
import { decodeParts, encodeParts, wipe } from './bytes.js';
import { ANYBODY, type Party } from './fair-turns.js';
import { sealKeyFile, type KeyFile, type KeyFileOwner } from './key-file.js';
import type { PasswordDeriver } from './password.js';
import { generateRecoveryCode, parseRecoveryCode } from './recovery-code.js';

/** One private key: to sign operations, to open wraps, or an epoch's vault key. */
export interface PrivateKeyEntry {
  readonly use: 'sign' | 'unseal' | 'epoch';
  /** The key's id; for an epoch, the epoch's id. */
  readonly kid: string;
  /** 32-byte P-256 scalar. */
  readonly privateKey: Uint8Array;
}

const bytes = z.string().regex(/^[A-Za-z0-9_-]+$/);

/** A bundle as it is stored. All byte strings are base64url. */
export const keyBundleSchema = z.strictObject({
  v: z.literal(1),
  password: z.strictObject({
    kdf: z.literal('argon2id'),
    passes: z.int().min(1).max(20),
    memoryKiB: z.int().min(8).max(2_097_152),
    lanes: z.int().min(1).max(16),
    salt: bytes,
    box: bytes,
  }),
  recovery: z.strictObject({ kdf: z.literal('hkdf-sha256'), salt: bytes, box: bytes }),
  keys: bytes,
});
export type KeyBundle = z.infer<typeof keyBundleSchema>;

/** What opening a bundle gives. Wipe both when done. */
export interface OpenedBundle {
  readonly bundleKey: Uint8Array;
  readonly keys: readonly PrivateKeyEntry[];
}

/** Seals, opens and changes bundles. `owner` (the user's id) is bound into every part. */
export class KeyBundles {
  constructor(
    private readonly deriver: PasswordDeriver,
    private readonly random: RandomBytes,
  ) {}

  /** Seals keys under a password and a new recovery code, which is shown to the user once and kept nowhere. */
  async seal(
    owner: string,
    keys: readonly PrivateKeyEntry[],
    password: string,
    party?: Party,
  ): Promise<{ bundle: KeyBundle; recoveryCode: string }> {
    const bundleKey = this.random(32);
    const { recovery, recoveryCode } = this.lockByCode(owner, bundleKey);
    const bundle: KeyBundle = {
      v: 1,
      password: await this.lockByPassword(owner, bundleKey, password, party),
      recovery,
      keys: this.sealKeys(owner, bundleKey, keys),
    };
    wipe(bundleKey);
    return { bundle, recoveryCode };
  }

  /** @throws GatewayError WRONG_CREDENTIALS | STORE_DAMAGED | BUSY */
  async open(
    owner: string,
    bundle: KeyBundle,
    password: string,
    party?: Party,
  ): Promise<OpenedBundle> {
    const { salt, box, ...cost } = bundle.password;
    const kek = await this.deriver.derive(password, decode(salt), cost, party);
    return this.openWith(owner, bundle, kek, decode(box), 'password');
  }

  /** Does the work of `open` for a user that does not exist, and fails alike. */
  async openNobody(password: string, party?: Party): Promise<never> {
    const kek = await this.deriver.derive(password, this.random(16), this.deriver.cost, party);
    openBox(kek, lockAad('nobody', 'password'), this.random(12 + 32 + 16));
    wipe(kek);
    throw wrongCredentials();
  }

  /** @throws GatewayError WRONG_CREDENTIALS, VALIDATION when the code is mistyped, STORE_DAMAGED */
  recover(owner: string, bundle: KeyBundle, recoveryCode: string): OpenedBundle {
    const secret = parseRecoveryCode(recoveryCode);
    const kek = recoveryKek(secret, decode(bundle.recovery.salt));
    wipe(secret);
    return this.openWith(owner, bundle, kek, decode(bundle.recovery.box), 'recovery');
  }

  /** The bundle with another password; keys and recovery code stay. */
  async changePassword(
    owner: string,
    bundle: KeyBundle,
    opened: OpenedBundle,
    password: string,
    party?: Party,
  ): Promise<KeyBundle> {
    const lock = await this.lockByPassword(owner, opened.bundleKey, password, party);
    return { ...bundle, password: lock };
  }

  /** The bundle with a new recovery code; the old code no longer opens it. */
  changeRecoveryCode(
    owner: string,
    bundle: KeyBundle,
    opened: OpenedBundle,
  ): { bundle: KeyBundle; recoveryCode: string } {
    const { recovery, recoveryCode } = this.lockByCode(owner, opened.bundleKey);
    return { bundle: { ...bundle, recovery }, recoveryCode };
  }

  /** The bundle with other keys (a new epoch, a rotation); needs neither password nor code. */
  replaceKeys(
    owner: string,
    bundle: KeyBundle,
    bundleKey: Uint8Array,
    keys: readonly PrivateKeyEntry[],
  ): KeyBundle {
    return { ...bundle, keys: this.sealKeys(owner, bundleKey, keys) };
  }

  /** Does this bundle, opened by its bundle key, still have keys? Not when its user has taken them away since. */
  holdsKeys(owner: string, bundle: KeyBundle, bundleKey: Uint8Array): boolean {
    const plain = openBox(bundleKey, keysAad(owner), decode(bundle.keys));
    const holds = plain !== undefined && plain.length > 0;
    if (plain !== undefined) wipe(plain);
    return holds;
  }

  /** Keys in the file in which their user takes them away; see `sealKeyFile`. */
  export(
    owner: KeyFileOwner,
    keys: () => readonly PrivateKeyEntry[],
    lock: { readonly passphrase: string; readonly party: Party },
  ): Promise<KeyFile> {
    return sealKeyFile({ deriver: this.deriver, random: this.random }, owner, keys, lock);
  }

  private async lockByPassword(
    owner: string,
    bundleKey: Uint8Array,
    password: string,
    party: Party = ANYBODY,
  ): Promise<KeyBundle['password']> {
    const salt = this.random(16);
    const kek = await this.deriver.derive(password, salt, this.deriver.cost, party);
    const box = sealBox(kek, lockAad(owner, 'password'), bundleKey, this.random);
    wipe(kek);
    return { kdf: 'argon2id', ...this.deriver.cost, salt: encode(salt), box: encode(box) };
  }

  private lockByCode(
    owner: string,
    bundleKey: Uint8Array,
  ): { recovery: KeyBundle['recovery']; recoveryCode: string } {
    const recoveryCode = generateRecoveryCode(this.random);
    const salt = this.random(16);
    const kek = recoveryKek(parseRecoveryCode(recoveryCode), salt);
    const box = sealBox(kek, lockAad(owner, 'recovery'), bundleKey, this.random);
    wipe(kek);
    return { recovery: { kdf: 'hkdf-sha256', salt: encode(salt), box: encode(box) }, recoveryCode };
  }

  private openWith(
    owner: string,
    bundle: KeyBundle,
    kek: Uint8Array,
    box: Uint8Array,
    lock: 'password' | 'recovery',
  ): OpenedBundle {
    const bundleKey = openBox(kek, lockAad(owner, lock), box);
    wipe(kek);
    if (bundleKey === undefined) throw wrongCredentials();
    const plain = openBox(bundleKey, keysAad(owner), decode(bundle.keys));
    const keys = plain === undefined ? undefined : decodeKeys(plain);
    if (keys === undefined) {
      throw new GatewayError('STORE_DAMAGED', 'The stored keys of a user are damaged.', {
        ids: { user: owner },
      });
    }
    return { bundleKey, keys };
  }

  private sealKeys(owner: string, bundleKey: Uint8Array, keys: readonly PrivateKeyEntry[]): string {
    const plain = encodeParts(keys.flatMap(({ use, kid, privateKey }) => [use, kid, privateKey]));
    const box = sealBox(bundleKey, keysAad(owner), plain, this.random);
    wipe(plain);
    return encode(box);
  }
}

const lockAad = (owner: string, lock: string): Uint8Array =>
  encodeParts(['PRMS-bundle-lock-v1', lock, owner]);
const keysAad = (owner: string): Uint8Array => encodeParts(['PRMS-bundle-keys-v1', owner]);

/** 160 random bits need no slow hash: HKDF-SHA-256 is enough. */
const recoveryKek = (secret: Uint8Array, salt: Uint8Array): Uint8Array =>
  Buffer.from(hkdfSync('sha256', secret, salt, 'PRMS-recovery-v1', 32));

const useSchema = z.enum(['sign', 'unseal', 'epoch']);

function decodeKeys(plain: Uint8Array): PrivateKeyEntry[] | undefined {
  const parts = decodeParts(plain);
  wipe(plain);
  if (parts === undefined || parts.length % 3 !== 0) return undefined;
  const keys: PrivateKeyEntry[] = [];
  for (let at = 0; at < parts.length; at += 3) {
    const use = useSchema.safeParse(parts[at]?.toString('utf8'));
    const kid = parts[at + 1];
    const privateKey = parts[at + 2];
    if (!use.success || kid === undefined || privateKey?.length !== 32) return undefined;
    keys.push({ use: use.data, kid: kid.toString('utf8'), privateKey });
  }
  return keys;
}

const encode = (value: Uint8Array): string => Buffer.from(value).toString('base64url');
const decode = (text: string): Uint8Array => Buffer.from(text, 'base64url');

/** The same for an unknown name, a wrong password and a wrong code. */
function wrongCredentials(): GatewayError {
  return new GatewayError(
    'WRONG_CREDENTIALS',
    'The name and the password or code do not belong together.',
  );
}
