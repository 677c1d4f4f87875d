// Evidence holds, shows only what was asked for, and whatever is changed in it is found out.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { conformanceChaincode, expectCode } from '../conformance/index.js';
import type { ChainAnchor, TransactionProof } from '../evidence.js';
import { linesOf, placeOf, rootFrom, treeRoot } from './hash-tree.js';
import { checkChain, checkTransaction, type EmbeddedLedger, openEmbeddedLedger } from './index.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const items = fc.uniqueArray(fc.string({ maxLength: 8 }), { maxLength: 40 });

describe('the hash tree', () => {
  it('property: every item has a place that leads to the root, and to it alone', () => {
    fc.assert(
      fc.property(items, fc.nat(), fc.string(), (texts, which, other) => {
        const list = texts.map(bytes);
        const root = treeRoot(list);
        for (const [index, item] of list.entries()) {
          const place = placeOf(list, index);
          expect(rootFrom(item, place)?.equals(root)).to.equal(true);
          if (other !== texts[index]) {
            expect(rootFrom(bytes(other), place)?.equals(root)).to.equal(false);
          }
          const index2 = which % (list.length + 1);
          if (index2 !== index) {
            expect(rootFrom(item, { ...place, index: index2 })?.equals(root) ?? false).to.equal(
              false,
            );
          }
          const longer = rootFrom(item, { ...place, count: place.count + 1 });
          expect(longer?.equals(root) ?? false).to.equal(false);
        }
      }),
    );
  });

  it('property: another list has another root, nodes taken for leaves included', () => {
    fc.assert(
      fc.property(items, items, (one, two) => {
        const same = treeRoot(one.map(bytes)).equals(treeRoot(two.map(bytes)));
        expect(same).to.equal(JSON.stringify(one) === JSON.stringify(two));
      }),
    );
    expect(() => placeOf([], 0)).to.throw(RangeError);
    const absurd = { index: 0, count: 2 ** 40, path: [] };
    expect(rootFrom(bytes('x'), absurd)).to.equal(undefined);
  });

  it('cuts a text into lines as splitting does', () => {
    for (const text of ['', 'a', 'a\n', '\n', 'a\nb', '\n\n', 'é\nü'])
      expect(linesOf(bytes(text)).map((line) => Buffer.from(line).toString())).to.deep.equal(
        text.split('\n'),
      );
  });
});

describe('evidence', () => {
  let dir = '';
  let ledger: EmbeddedLedger;
  let anchor: ChainAnchor;
  let chain: Buffer;
  let proof: TransactionProof;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'prms-evidence-'));
    ledger = await openEmbeddedLedger({
      dir,
      channel: 'shown',
      chaincodes: { one: conformanceChaincode },
    });
    const submit = (key: string): Promise<{ transactionId: string }> =>
      ledger.submit('one', 'putThenGet', [key, 'v']);
    const together = await Promise.all(['a', 'mine\nother', 'b', 'c'].map(submit));
    await submit('later');
    const evidence = await ledger.evidence();
    anchor = evidence.anchor;
    chain = await whole(evidence.chain());
    proof = await evidence.transaction(together[1]?.transactionId ?? '', (line) => line === 'mine');
  });
  after(async () => {
    await ledger.close();
    await rm(dir, { recursive: true, force: true });
  });

  const check = async (
    changes: {
      anchor?: Partial<ChainAnchor>;
      chain?: Buffer;
      proof?: Partial<TransactionProof>;
    } = {},
    expected: { block: number; hash: string }[] = [],
  ) => {
    const shown = { ...proof, ...changes.proof };
    const pieces = piecesOf(changes.chain ?? chain);
    const wishes = { keep: new Set([shown.block]), expect: expected };
    const checked = await checkChain({ ...anchor, ...changes.anchor }, pieces, wishes);
    return { checked, transaction: checkTransaction(shown, checked.dataHashes) };
  };

  it('shows the line that was asked for, and no other', async () => {
    const { checked, transaction } = await check();
    expect(checked.channel).to.equal('shown');
    expect(transaction).to.deep.include({ chaincode: 'one', fn: 'putThenGet', argCount: 2 });
    // Two lines and an answer of one: not an answer line by line.
    expect(transaction.lines).to.deep.equal([{ line: 'mine', answer: undefined }]);
    expect(JSON.stringify(proof)).not.to.include('other');
  });

  it('a hash that was noted is found on it, or missed', async () => {
    const noted = { block: anchor.height - 1, hash: anchor.headHash };
    await check({}, [noted]);
    await expectCode(check({}, [{ ...noted, block: noted.block - 1 }]), 'CORRUPT');
    const late = await expectCode(check({}, [{ ...noted, block: anchor.height }]), 'CORRUPT');
    expect(late.message).to.match(/not on this chain/);
  });

  it('property: no byte of the chain, and no field of a proof, can be another one', async () => {
    const strings = ['head', 'response', 'rest'] as const;
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(7), fc.constantFrom(...strings), async (at, bit, field) => {
        const changed = Buffer.from(chain);
        const where = at % changed.length;
        changed.writeUInt8(changed.readUInt8(where) ^ (1 << bit), where);
        await expectCode(check({ chain: changed }), 'CORRUPT');
        const flipped = flip(proof[field], at, bit);
        await expectCode(check({ proof: { [field]: flipped } }), 'CORRUPT');
        const genesis = flip(anchor.genesis, at, bit);
        await expectCode(check({ anchor: { genesis } }), 'CORRUPT');
        await expectCode(
          check({ anchor: { headSignature: flip(anchor.headSignature, at, bit) } }),
          'CORRUPT',
        );
      }),
      { numRuns: 60 },
    );
    const [line] = proof.lines;
    if (line === undefined) throw new Error('no line is shown');
    const lies: Partial<TransactionProof>[] = [
      { block: proof.block + 1 },
      { transactionId: 'f'.repeat(64) },
      { place: { ...proof.place, index: proof.place.index + 1 } },
      { place: { ...proof.place, path: proof.place.path.slice(1) } },
      { args: proof.args.slice(1) },
      { args: [...proof.args].reverse() },
      { lines: [{ ...line, line: 'forged' }] },
      { lines: [{ ...line, place: { ...line.place, index: 1 } }] },
      { lines: [{ ...line, answer: { line: 'granted', path: [] } }] },
    ];
    for (const change of lies) await expectCode(check({ proof: change }), 'CORRUPT');
    const cutOff = chain.subarray(0, chain.length - 32);
    await expectCode(check({ chain: cutOff }), 'CORRUPT');
    await expectCode(check({ chain: chain.subarray(0, chain.length - 1) }), 'CORRUPT');
    // A shorter chain, said to be whole: its head was never signed as a head by anybody but the node.
    await expectCode(check({ chain: cutOff, anchor: { height: anchor.height - 1 } }), 'CORRUPT');
  });

  it('NOT_FOUND for what is not on the ledger, was not then, or has no effect', async () => {
    const evidence = await ledger.evidence();
    await expectCode(
      evidence.transaction('0'.repeat(64), () => true),
      'NOT_FOUND',
    );
    const { transactionId } = await ledger.submit('one', 'put', ['k', 'v']);
    await expectCode(
      evidence.transaction(transactionId, () => true),
      'NOT_FOUND',
    );
    await Promise.allSettled([1, 2, 3].map(() => ledger.submit('one', 'increment', ['n', '20'])));
    const later = await ledger.evidence();
    let conflicts = 0;
    const stop = new AbortController();
    for await (const block of ledger.blocks({ fromBlock: 1, signal: stop.signal })) {
      for (const { transactionId: id, validation } of block.transactions) {
        if (validation === 'VALID') continue;
        conflicts++;
        await expectCode(
          later.transaction(id, () => true),
          'NOT_FOUND',
        );
      }
      if (block.number === later.anchor.height - 1) break;
    }
    expect(conflicts).to.be.greaterThan(0);
  });
});

function flip(text: string, at: number, bit: number): string {
  const changed = Buffer.from(text, 'base64url');
  const where = at % changed.length;
  changed.writeUInt8(changed.readUInt8(where) ^ (1 << bit), where);
  return changed.toString('base64url');
}

async function whole(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

/** In pieces that have nothing to do with hashes. */
async function* piecesOf(all: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < all.length; at += 45)
    yield await Promise.resolve(all.subarray(at, at + 45));
}
