// Blocks beside the database: what comes back, what a crash may leave, what damage does.
import { mkdtemp, open, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { Level } from 'level';
import { conformanceChaincode, expectCode } from '../conformance/index.js';
import { openEmbeddedLedger, openLevelStore, verifyLedger, type Store } from './index.js';
import { ALL_BLOCKS, blockKey } from './keys.js';

const block = (fill: number, length = 500): Buffer => Buffer.alloc(length, fill);
const chaincodes = { one: conformanceChaincode };

describe('the file of blocks', () => {
  let dir: string;
  let folder: string;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'prms-blocks-'));
    folder = join(dir, 'db');
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const using = async <T>(work: (store: Store) => Promise<T>): Promise<T> => {
    const store = await openLevelStore(folder, { createIfMissing: true });
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  };
  const put = (number: number, value: Buffer) =>
    using((store) =>
      store.write([{ type: 'put', key: blockKey(number), value }], { durable: true }),
    );

  it('gives every block back, by number and in order, in a snapshot too, after each opening', async () => {
    for (let n = 0; n < 4; n++) await put(n, block(n, 100 + n));
    await using(async (store) => {
      const snapshot = store.snapshot();
      await store.write([{ type: 'put', key: blockKey(2), value: block(9) }], { durable: true });
      const keys = [blockKey(3), 'm/nothing', blockKey(2)];
      expect(await store.getMany(keys)).to.deep.equal([block(3, 103), undefined, block(9)]);
      expect(await snapshot.getMany(keys)).to.deep.equal([block(3, 103), undefined, block(2, 102)]);
      await snapshot.close();
      const walked = [];
      for await (const [, value] of store.entries(ALL_BLOCKS)) walked.push(value[0]);
      expect(walked).to.deep.equal([0, 1, 9, 3]);
    });
  });

  it('does not carry blocks through the database', async () => {
    await put(1, block(7, 300_000));
    expect((await stat(join(folder, 'blocks.bin'))).size).to.equal(300_000);
    const level = new Level<string, Buffer>(folder, { valueEncoding: 'buffer' });
    expect((await level.get(blockKey(1))).length).to.equal(10);
    await level.close();
  });

  it('reads a block that lies in the database itself', async () => {
    const level = new Level<string, Buffer>(folder, { valueEncoding: 'buffer' });
    await level.put(blockKey(5), block(5));
    await level.close();
    const found = await using((store) => store.getMany([blockKey(5)]));
    expect(found).to.deep.equal([block(5)]);
  });

  it('passes over what a crash left behind the last block', async () => {
    await put(0, block(0));
    const file = await open(join(folder, 'blocks.bin'), 'a');
    await file.write('half a blo');
    await file.close();
    await put(1, block(1));
    const found = await using((store) => store.getMany([blockKey(0), blockKey(1)]));
    expect(found).to.deep.equal([block(0), block(1)]);
  });

  it('says so when it has been cut', async () => {
    await put(0, block(0));
    await put(1, block(1));
    await truncate(join(folder, 'blocks.bin'), 700);
    await using(async (store) => {
      expect(await store.getMany([blockKey(0)])).to.deep.equal([block(0)]);
      await expectCode(store.getMany([blockKey(1)]), 'CORRUPT');
    });
  });

  it('property: any bit flipped in it is found by a verification', async () => {
    const ledger = await openEmbeddedLedger({ dir, channel: 'test', chaincodes });
    for (let n = 0; n < 3; n++) await ledger.submit('one', 'put', [`k${n}`, 'value']);
    await ledger.close();
    const { size } = await stat(join(folder, 'blocks.bin'));
    const flip = async (at: number, bit: number): Promise<void> => {
      const file = await open(join(folder, 'blocks.bin'), 'r+');
      const byte = Buffer.alloc(1);
      await file.read(byte, 0, 1, at);
      byte.writeUInt8(byte.readUInt8(0) ^ (1 << bit));
      await file.write(byte, 0, 1, at);
      await file.close();
    };
    await fc.assert(
      fc.asyncProperty(fc.nat(size - 1), fc.nat(7), async (at, bit) => {
        await flip(at, bit);
        expect((await verifyLedger({ dir, chaincodes })).ok).to.equal(false);
        await flip(at, bit);
      }),
      { numRuns: 30 },
    );
    expect((await verifyLedger({ dir, chaincodes })).ok).to.equal(true);
  });
});
