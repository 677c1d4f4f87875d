// Reasons and notes: the text rests here, sealed; the ledger holds its salted hash, so that it can't be changed later.

import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { RandomBytes } from '../../ambient.js';
import { Documents, type Store } from '../../store/index.js';
import type { MasterKey } from '../../vault/index.js';

const sealedSchema = z.strictObject({ salt: z.string(), sealed: z.string() });

export class SealedTexts {
  readonly #texts: Documents<z.infer<typeof sealedSchema>>;

  constructor(
    store: Store,
    private readonly master: MasterKey,
    private readonly random: RandomBytes,
  ) {
    this.#texts = new Documents(store, 'sealed-texts', sealedSchema);
  }

  /** Keeps a text under a key of the caller's. @returns SHA-256("PRMS-text-v1" NUL salt NUL text), base64url: what the ledger holds */
  async keep(key: string, text: string): Promise<string> {
    const salt = Buffer.from(this.random(16)).toString('base64url');
    const sealed = Buffer.from(this.master.sealUnderMaster('text', key, Buffer.from(text, 'utf8')));
    await this.#texts.put(key, { salt, sealed: sealed.toString('base64url') }, { sync: true });
    return createHash('sha256')
      .update(`PRMS-text-v1\0${salt}\0${text}`, 'utf8')
      .digest('base64url');
  }

  async read(key: string): Promise<string | undefined> {
    const found = await this.#texts.get(key);
    if (!found) return undefined;
    const plain = this.master.openUnderMaster('text', key, Buffer.from(found.sealed, 'base64url'));
    return Buffer.from(plain).toString('utf8');
  }
}
