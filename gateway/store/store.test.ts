import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
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
