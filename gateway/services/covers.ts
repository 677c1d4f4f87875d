// Users' own covers. A photo waits here, sealed, until a report is hidden in it; then only keyed hashes remain, so that
// nobody ever uses the same picture twice (two images from one cover give the hidden bits away).

import { createHmac } from 'node:crypto';
import { capacityBytes, coverFingerprint, type Cover, type StegoPool } from '@prms/stego';
import { z } from 'zod';
import type { Clock, RandomBytes } from '../ambient.js';
import { GatewayError } from '../errors.js';
import { Documents, type Store } from '../store/index.js';
import type { MasterKey } from '../vault/index.js';
import type { Actor } from './actor.js';

const coverSchema = z.strictObject({
  id: z.string(),
  width: z.int(),
  height: z.int(),
  capacityBytes: z.int(),
  /** Size of the file that waits. */
  bytes: z.int(),
  addedAt: z.int(),
});
export type CoverInfo = z.infer<typeof coverSchema>;

/** A cover that is about to be used, and how to give it back when it was not needed. */
export interface ReservedCover {
  readonly cover: Cover;
  readonly synthesised: boolean;
  /** Of one that waited: its id. */
  readonly waitingId?: string;
  release(): Promise<void>;
  /** It now carries a report: forget the photo, remember its marks. */
  spend(): Promise<void>;
}

export class Covers {
  readonly #infos: Documents<CoverInfo>;
  readonly #markKey: Uint8Array;

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly pool: Pick<StegoPool, 'readCover' | 'synthesiseCover'>;
      readonly master: MasterKey;
      readonly clock: Clock;
      readonly random: RandomBytes;
      readonly maxRate: number;
      readonly perAccount: number;
      readonly bytesPerAccount: number;
      /** A larger picture is refused when it comes; one that waits already is used. */
      readonly maxPixels: number;
    },
  ) {
    this.#infos = new Documents(parts.store, 'covers', coverSchema);
    this.#markKey = parts.master.derive('used-covers');
  }

  /** Puts a photo aside for later. @throws GatewayError CONFLICT when it has carried a report before */
  async add(actor: Actor, bytes: Uint8Array): Promise<CoverInfo> {
    const cover = await this.#read(bytes);
    if (await this.#known(cover)) throw usedBefore();
    const waiting = await this.list(actor);
    const total = waiting.reduce((sum, info) => sum + info.bytes, bytes.length);
    const { perAccount, bytesPerAccount } = this.parts;
    if (waiting.length >= perAccount || total > bytesPerAccount) {
      throw new GatewayError(
        'CONFLICT',
        `At most ${perAccount} covers of ${bytesPerAccount} bytes in all can wait.`,
      );
    }
    const id = Buffer.from(this.parts.random(16)).toString('base64url');
    const { width, height } = cover;
    const info = {
      id,
      width,
      height,
      capacityBytes: capacityBytes(cover, { maxRate: this.parts.maxRate }),
      bytes: bytes.length,
      addedAt: this.parts.clock.now(),
    };
    const sealed = this.parts.master.sealUnderMaster('cover', `${actor.userId}.${id}`, bytes);
    const key = `${actor.userId}/${id}`;
    await this.parts.store.commit(
      [this.#infos.write(key, info), { space: 'cover-bytes', key, value: sealed }],
      { sync: true },
    );
    return info;
  }

  async list(actor: Actor): Promise<readonly CoverInfo[]> {
    const infos: CoverInfo[] = [];
    for await (const { value } of this.#infos.list({ prefix: `${actor.userId}/` }))
      infos.push(value);
    return infos;
  }

  async remove(actor: Actor, id: string): Promise<void> {
    const key = `${actor.userId}/${id}`;
    if (!(await this.#infos.get(key)))
      throw new GatewayError('NOT_FOUND', 'There is no such cover.', { ids: { cover: id } });
    await this.#forget(key);
  }

  #read(bytes: Uint8Array): Promise<Cover> {
    const { pool, maxPixels } = this.parts;
    return pool.readCover(bytes, { maxPixels });
  }

  async #forget(key: string): Promise<void> {
    const writes = [
      this.#infos.write(key, undefined),
      { space: 'cover-bytes', key, value: undefined },
    ];
    await this.parts.store.commit(writes, { sync: true });
  }

  /** Takes a cover that came with the report. @throws GatewayError CONFLICT when it has been used */
  async reserve(bytes: Uint8Array): Promise<ReservedCover> {
    return this.#reserve(await this.#read(bytes), false);
  }

  /**
   * Takes one of the owner's waiting covers; undefined when none is left.
   * @param except those that this very upload has taken already
   */
  async reserveOwn(actor: Actor, except: readonly string[]): Promise<ReservedCover | undefined> {
    for (const { id } of await this.list(actor)) {
      if (except.includes(id)) continue;
      const key = `${actor.userId}/${id}`;
      const sealed = await this.parts.store.get('cover-bytes', key);
      if (!sealed) continue;
      const bytes = this.parts.master.openUnderMaster('cover', `${actor.userId}.${id}`, sealed);
      const reserved = await this.#reserve(await this.parts.pool.readCover(bytes), false).catch(
        (error: unknown) => {
          if (error instanceof GatewayError && error.code === 'CONFLICT') return undefined;
          throw error;
        },
      );
      // Somebody else has used the same picture in the meantime: it is of no use any more.
      if (!reserved) await this.#forget(key);
      else
        return {
          ...reserved,
          waitingId: id,
          spend: () => this.#forget(key),
        };
    }
    return undefined;
  }

  /** Makes a picture with a camera's noise, large enough for so many bytes. */
  async synthesise(payloadBytes: number): Promise<ReservedCover> {
    const samples = ((payloadBytes + 1024) * 8) / this.parts.maxRate;
    const side = Math.max(512, Math.ceil(Math.sqrt(samples / 3) * 1.02));
    const [width, height] = [
      Math.min(4096, side),
      Math.min(4096, Math.ceil((side * side) / Math.min(4096, side))),
    ];
    return this.#reserve(
      await this.parts.pool.synthesiseCover({ width, height, seed: this.parts.random(32) }),
      true,
    );
  }

  /** The marks are written before the cover is used: of two who take the same picture at once, one is refused. */
  async #reserve(cover: Cover, synthesised: boolean): Promise<ReservedCover> {
    const keys = this.#marks(cover);
    const value = Buffer.from('1');
    const writes = keys.map((key) => ({ space: 'used-covers', key, value }));
    const expect = keys.map((key) => ({ space: 'used-covers', key, value: undefined }));
    if (!(await this.parts.store.commit(writes, { expect, sync: true }))) throw usedBefore();
    const release = async () => {
      await this.parts.store.commit(
        keys.map((key) => ({ space: 'used-covers', key, value: undefined })),
        { sync: true },
      );
    };
    return { cover, synthesised, release, spend: () => Promise.resolve() };
  }

  async #known(cover: Cover): Promise<boolean> {
    return (await this.parts.store.getMany('used-covers', this.#marks(cover))).some(
      (mark) => mark !== undefined,
    );
  }

  #marks(cover: Cover): string[] {
    const { file, decoded, pixels } = coverFingerprint(cover);
    const marks = [file, decoded, pixels].map((digest) =>
      createHmac('sha256', this.#markKey).update(digest).digest('base64url'),
    );
    return [...new Set(marks)];
  }
}

function usedBefore(): GatewayError {
  return new GatewayError(
    'CONFLICT',
    'This picture has carried a report before: choose another one.',
  );
}
