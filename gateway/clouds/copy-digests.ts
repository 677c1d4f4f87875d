// What copies must hash to whose hash the ledger does not hold (key wraps): noted when this gateway has written one, and
// forgotten before it is deleted. So a spoilt copy can be told from a good one by whoever can't open either.
import { z } from 'zod';
import { Documents, type Store } from '../store/index.js';

export class CopyDigests {
  readonly #digests: Documents<string>;

  constructor(store: Store) {
    this.#digests = new Documents(store, 'copy-digests', z.string());
  }

  /** 64 hex digits; `undefined` when this gateway has not written the object. */
  of(objectName: string): Promise<string | undefined> {
    return this.#digests.get(objectName);
  }

  /** Those of the names that have one. */
  async known(objectNames: readonly string[]): Promise<string[]> {
    const found = await this.#digests.getMany(objectNames);
    return objectNames.filter((_, at) => found[at] !== undefined);
  }

  async note(objectName: string, sha256: string): Promise<void> {
    await this.#digests.put(objectName, sha256, { sync: true });
  }

  async forget(objectName: string): Promise<void> {
    if ((await this.of(objectName)) !== undefined)
      await this.#digests.delete(objectName, { sync: true });
  }
}
