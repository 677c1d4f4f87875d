import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Level } from 'level';
import { z } from 'zod';
import { GatewayError } from '../errors.js';
import { failure, temporaryFolder } from '../testing/index.js';
import type { TemporaryFolder } from '../testing/index.js';
import { storeConformance } from './conformance/index.js';
import { Documents, openStore } from './index.js';
import type { Store } from './index.js';

storeConformance('level', async () => {
  const folder = await temporaryFolder();
  const open = (): Promise<Store> => openStore(join(folder.path, 'store'));
  return { store: await open(), reopen: open, dispose: () => folder.remove() };
});

describe('store on level', () => {
  let folder: TemporaryFolder;
  let store: Store;
  beforeEach(async () => {
    folder = await temporaryFolder();
    store = await openStore(join(folder.path, 'store'));
  });
  afterEach(async () => {
    await store.close();
    await folder.remove();
  });

  it('makes its folder readable by its owner alone', async () => {
    expect((await stat(join(folder.path, 'store'))).mode & 0o777).to.equal(0o700);
  });

  it('says so when the folder is in use', async () => {
    const error = await failure(GatewayError, () => openStore(join(folder.path, 'store')));
    expect(error.code).to.equal('STORE_LOCKED');
  });

  it('finishes what was under way before it closes', async () => {
    const work = store.commit([{ space: 'a', key: 'k', value: Buffer.from('v') }], { sync: true });
    await store.close();
    expect(await work).to.equal(true);
    store = await openStore(join(folder.path, 'store'));
    expect(await store.get('a', 'k')).to.not.equal(undefined);
  });

  describe('and its disk', () => {
    /** What LevelDB was told with each batch, and whether it has answered. */
    let batches: { sync: boolean; written: boolean }[];
    const put = (key: string, sync?: boolean) =>
      store.commit(
        [{ space: 'a', key, value: Buffer.from('v') }],
        sync === undefined ? {} : { sync },
      );

    beforeEach(() => {
      batches = [];
      const plain: unknown = Reflect.get(Level.prototype, 'batch');
      if (typeof plain !== 'function') throw new Error('LevelDB has no batch');
      const value = async function (this: unknown, ...call: unknown[]) {
        const told = { ...z.object({ sync: z.boolean() }).parse(call[1]), written: false };
        batches.push(told);
        const done: unknown = Reflect.apply(plain, this, call);
        await done;
        told.written = true;
      };
      Object.defineProperty(Level.prototype, 'batch', { value, configurable: true });
    });
    afterEach(() => void Reflect.deleteProperty(Level.prototype, 'batch'));

    it('waits for the disk when a commit asks for it, and only then', async () => {
      await put('durable', true);
      await put('plain');
      await put('plain, too', false);
      expect(batches.map(({ sync }) => sync)).to.deep.equal([true, false, false]);
      expect(batches.every(({ written }) => written)).to.equal(true);
    });

    it('waits with all that is written together when one of them asks', async () => {
      await Promise.all([put('one'), put('two', true), put('three')]);
      expect(batches).to.deep.equal([{ sync: true, written: true }]);
      expect(await store.getMany('a', ['one', 'two', 'three'])).to.not.include(undefined);
    });
  });

  describe('on a disk that refuses a write', () => {
    const full = Object.assign(new Error('IO error: No space left on device'), {
      code: 'LEVEL_IO_ERROR',
    });
    const key = (n: number) => `k${n}`;
    const put = (n: number) =>
      store.commit([{ space: 'a', key: key(n), value: Buffer.from([n]) }], { sync: true });
    const refused = () => {
      const value = () => Promise.reject(full);
      Object.defineProperty(Level.prototype, 'batch', { value, configurable: true });
    };
    const taken = () => void Reflect.deleteProperty(Level.prototype, 'batch');
    const recovered = async () => {
      for (let tries = 0; !store.accepting && tries < 400; tries++) await sleep(25);
      expect(store.accepting).to.equal(true);
    };

    beforeEach(async () => {
      await store.close();
      store = await openStore(join(folder.path, 'store'), { retryMs: 20, spareBytes: 1000 });
      for (let n = 0; n < 9; n++) await put(n);
    });
    afterEach(taken);

    it('takes nothing until it has been opened anew, then goes on by itself', async () => {
      refused();
      const refusals = await Promise.all(
        [put(10), put(11)].map((work) => failure(GatewayError, () => work)),
      );
      expect(refusals.map(({ code }) => code)).to.deep.equal([
        'STORE_UNAVAILABLE',
        'STORE_UNAVAILABLE',
      ]);
      expect(store.accepting).to.equal(false);
      taken();
      expect((await failure(GatewayError, () => put(12))).code).to.equal('STORE_UNAVAILABLE');
      expect(await store.get('a', key(8))).to.not.equal(undefined);
      await recovered();
      expect(await put(13)).to.equal(true);
      const keys = [8, 10, 11, 12, 13].map(key);
      const found = await store.getMany('a', keys);
      expect(found.map((value) => value?.[0])).to.deep.equal([
        8,
        undefined,
        undefined,
        undefined,
        13,
      ]);
    });

    it('goes on with what is being listed, without a gap or a double', async () => {
      const found: string[] = [];
      for await (const { key: each } of store.list('a')) {
        found.push(each);
        if (found.length !== 3) continue;
        refused();
        await failure(GatewayError, () => put(10));
        taken();
        await recovered();
      }
      expect(found).to.deep.equal(Array.from({ length: 9 }, (_, n) => key(n)));
    });
  });

  describe('documents', () => {
    const schema = z.object({ n: z.int() });
    it('come back as they were put, and change without losing a change', async () => {
      const documents = new Documents(store, 'docs', schema);
      expect(await documents.putIfAbsent('k', { n: 0 })).to.equal(true);
      expect(await documents.putIfAbsent('k', { n: 9 })).to.equal(false);
      await Promise.all(
        Array.from({ length: 20 }, () =>
          documents.update('k', (present) => ({ n: (present?.n ?? 0) + 1 })),
        ),
      );
      expect(await documents.get('k')).to.deep.equal({ n: 20 });
      await documents.put('l', { n: 1 });
      expect(await documents.getMany(['l', 'm'])).to.deep.equal([{ n: 1 }, undefined]);
      await documents.update('k', () => undefined);
      const left: string[] = [];
      for await (const { key } of documents.list()) left.push(key);
      expect(left).to.deep.equal(['l']);
    });

    it('that are damaged are an error, not a wrong value', async () => {
      const documents = new Documents(store, 'docs', schema);
      for (const stored of ['{', '{"n":"1"}']) {
        await store.commit([{ space: 'docs', key: 'k', value: Buffer.from(stored) }]);
        expect((await failure(GatewayError, () => documents.get('k'))).code).to.equal(
          'STORE_DAMAGED',
        );
      }
    });
  });
});
