// Objects that lie in the clouds and that nobody references: all of a listing, less what the walk meets. On disk, for a
// bucket may hold more names than fit into memory.
import { z } from 'zod';
import { Documents, type Store } from '../../store/index.js';
import type { ScrubRound, StrayObject } from './progress.js';

const SPACE = 'scrub-strays';
const SAMPLE = 100;

export class Strays {
  /** By `object name/cloud`: its size in bytes. */
  readonly #sizes: Documents<number>;

  constructor(private readonly store: Store) {
    this.#sizes = new Documents(store, SPACE, z.int());
  }

  async clear(): Promise<void> {
    for await (const { key } of this.#sizes.list()) await this.#sizes.delete(key);
  }

  async add(
    cloud: string,
    objects: readonly { readonly objectName: string; readonly sizeBytes: number }[],
  ): Promise<void> {
    await this.store.commit(
      objects.map(({ objectName, sizeBytes }) =>
        this.#sizes.write(`${objectName}/${cloud}`, sizeBytes),
      ),
    );
  }

  /** Somebody references these, in whatever cloud they lie. */
  async remove(objectNames: readonly string[]): Promise<void> {
    for (const objectName of objectNames) {
      for await (const { key } of this.#sizes.list({ prefix: `${objectName}/` }))
        await this.#sizes.delete(key);
    }
  }

  /** How many are left, and some of them. */
  async tell(): Promise<ScrubRound['strays']> {
    const sample: StrayObject[] = [];
    let [count, bytes] = [0, 0];
    for await (const { key, value } of this.#sizes.list()) {
      count += 1;
      bytes += value;
      const at = key.lastIndexOf('/');
      if (sample.length < SAMPLE)
        sample.push({ objectName: key.slice(0, at), cloud: key.slice(at + 1), sizeBytes: value });
    }
    return { count, bytes, sample };
  }
}
