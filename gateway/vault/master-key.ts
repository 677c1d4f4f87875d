// The gateway's master key: the hospital's service keys and users' profiles rest under it. It lives in a file of
// mode 0600 in the data folder or comes from the environment, and never seals anything directly.
import { hkdfSync } from 'node:crypto';
import { chmod, mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RandomBytes } from '../ambient.js';
import { GatewayError } from '../errors.js';
import { openBox, sealBox } from './box.js';
import { encodeParts } from './bytes.js';

/** Seals and opens under keys derived from the master key, one per context. */
export class MasterKey {
  constructor(
    private readonly master: Uint8Array,
    private readonly random: RandomBytes,
  ) {
    if (master.length !== 32) throw new RangeError('a master key has 32 bytes');
  }

  /**
   * 0x01 || nonce (12) || AES-256-GCM ciphertext || tag (16), with the key HKDF-SHA-256(master, info) and `info`
   * as additional data, where info = lp("PRMS-master-v1") || lp(context) || lp(subject).
   */
  sealUnderMaster(context: string, subject: string, plaintext: Uint8Array): Uint8Array {
    const info = encodeParts(['PRMS-master-v1', context, subject]);
    return Buffer.concat([Buffer.of(1), sealBox(this.keyFor(info), info, plaintext, this.random)]);
  }

  /** @throws GatewayError STORE_DAMAGED when the bytes were changed, swapped or sealed under another master key */
  openUnderMaster(context: string, subject: string, sealed: Uint8Array): Uint8Array {
    const info = encodeParts(['PRMS-master-v1', context, subject]);
    const plain =
      sealed[0] === 1 ? openBox(this.keyFor(info), info, sealed.subarray(1)) : undefined;
    if (plain !== undefined) return plain;
    throw new GatewayError(
      'STORE_DAMAGED',
      `A sealed ${context} does not open: is it the right master key?`,
      {
        ids: { context, subject },
      },
    );
  }

  /** A key of its own for a keyed hash, such as CSRF tokens or the index of login names. */
  derive(purpose: string): Uint8Array {
    return this.keyFor(encodeParts(['PRMS-master-derive-v1', purpose]));
  }

  private keyFor(info: Uint8Array): Uint8Array {
    return Buffer.from(hkdfSync('sha256', this.master, Buffer.alloc(0), info, 32));
  }
}

/**
 * The master key from `configured` (64 hex digits, `PRMS_MASTER_KEY`) or, when that is empty, from `file`, which is
 * made at the first start.
 * @throws GatewayError CONFIG when the file is readable by others or holds something else
 */
export async function loadMasterKey(options: {
  readonly configured: string;
  readonly file: string;
  readonly random: RandomBytes;
}): Promise<MasterKey> {
  const { configured, file, random } = options;
  const hex = configured === '' ? await readOrCreate(file, random) : configured;
  if (!/^[0-9a-f]{64}$/.test(hex)) {
    throw new GatewayError(
      'CONFIG',
      `${file} does not hold 64 hex digits: restore it from a backup.`,
    );
  }
  return new MasterKey(Buffer.from(hex, 'hex'), random);
}

async function readOrCreate(file: string, random: RandomBytes): Promise<string> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  try {
    // `wx` makes it or fails: two first starts can't each believe in their own key.
    const handle = await open(file, 'wx', 0o600);
    try {
      const hex = Buffer.from(random(32)).toString('hex');
      await handle.writeFile(`${hex}\n`);
      await handle.sync();
      await chmod(file, 0o600);
      return hex;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) {
      throw new GatewayError('CONFIG', `The key file ${file} can't be made.`, { cause });
    }
  }
  if (((await stat(file)).mode & 0o077) !== 0) {
    throw new GatewayError(
      'CONFIG',
      `${file} can be read by others: chmod 600 it, and think of it as leaked.`,
    );
  }
  return (await readFile(file, 'utf8')).trim();
}
