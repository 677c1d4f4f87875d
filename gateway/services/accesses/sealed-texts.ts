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

  /**
   * Keeps a text under what the ledger will hold of it, so that no later text can take its place.
   * @returns SHA-256("PRMS-text-v1" NUL salt NUL text), base64url
   */
  async keep(text: string): Promise<string> {
    const salt = Buffer.from(this.random(16)).toString('base64url');
    const hash = createHash('sha256')
      .update(`PRMS-text-v1\0${salt}\0${text}`, 'utf8')
      .digest('base64url');
    const sealed = Buffer.from(
      this.master.sealUnderMaster('text', hash, Buffer.from(text, 'utf8')),
    );
    await this.#texts.put(hash, { salt, sealed: sealed.toString('base64url') }, { sync: true });
    return hash;
  }

  /** The text behind a hash on the ledger; undefined when it rests at another gateway, or there is none. */
  async read(hash: string | undefined): Promise<string | undefined> {
    const found = hash === undefined ? undefined : await this.#texts.get(hash);
    if (!found || hash === undefined) return undefined;
    const plain = this.master.openUnderMaster('text', hash, Buffer.from(found.sealed, 'base64url'));
    return Buffer.from(plain).toString('utf8');
  }
}
