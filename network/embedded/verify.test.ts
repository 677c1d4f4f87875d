// A ledger that was tampered with is found out, and the first block that lies is named.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createPrivateKey } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { conformanceChaincode, expectCode } from '../conformance/index.js';
import {
  decodeBlock,
  encodeBlock,
  encodeProposal,
  type Outcome,
  type Proposal,
  sealTransaction,
  type Transaction,
} from './block.js';
import { effectsOf, encodeHead } from './committer.js';
import { signBytes } from './identity.js';
import {
  createIdentity,
  type EmbeddedLedger,
  openEmbeddedLedger,
  openLevelStore,
  type Store,
  type VerificationReport,
  verifyLedger,
} from './index.js';
import { blockKey, HEAD_KEY, historyKey, stateKey, transactionKey } from './keys.js';
import { encodeVersioned } from './state.js';

const chaincodes = { one: conformanceChaincode, two: conformanceChaincode };
const transientChaincodes = ['one'];
const options = { chaincodes, transientChaincodes };
const channel = 'verified';

describe('verification', () => {
  let template = '';
  let dir = '';
  let height = 0;

  before(async () => {
    template = await mkdtemp(join(tmpdir(), 'prms-verified-'));
    const ledger = await openEmbeddedLedger({ dir: template, channel, ...options });
    await live(ledger);
    height = await ledger.height();
    await ledger.close();
  });
  after(() => rm(template, { recursive: true, force: true }));

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'prms-tampered-'));
    await cp(template, dir, { recursive: true });
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const verify = (): Promise<VerificationReport> => verifyLedger({ dir, ...options });

  const tamper = async (change: (store: Store) => Promise<unknown>): Promise<void> => {
    const store = await openLevelStore(join(dir, 'db'), { createIfMissing: false });
    await change(store);
    await store.close();
  };
  const put = async (store: Store, key: string, value: Uint8Array): Promise<void> =>
    store.write([{ type: 'put', key, value }], { durable: true });
  const read = async (store: Store, key: string): Promise<Buffer> => {
    const [bytes] = await store.getMany([key]);
    if (bytes === undefined) throw new Error(`nothing at ${key}`);
    return Buffer.from(bytes);
  };
  const nodeKey = async (): Promise<KeyObject> =>
    createPrivateKey(await readFile(join(dir, 'node-key.pem'), 'utf8'));

  /** Writes block `number` anew with its transactions changed, honestly hashed, and signed with `key`. */
  const forge = async (
    store: Store,
    number: number,
    key: KeyObject,
    change: (transactions: Transaction[]) => Transaction[],
  ): Promise<Buffer> => {
    const block = decodeBlock(await read(store, blockKey(number)));
    const transactions = change([...block.transactions]).map((transaction) => ({
      sealed: sealTransaction(transaction),
      validation: transaction.validation,
    }));
    const forged = encodeBlock(block, transactions, (bytes) => signBytes(key, bytes));
    await put(store, blockKey(number), forged.bytes);
    return forged.hash;
  };
  /** The same for the last block, whose hash no other block holds: the head is set to match. */
  const forgeLast = async (
    key: KeyObject,
    change: (transaction: Transaction) => Transaction,
  ): Promise<void> => {
    await tamper(async (store) => {
      const hash = await forge(store, height - 1, key, (all) => all.map(change));
      await put(store, HEAD_KEY, encodeHead({ height, hash }));
    });
  };

  const expectLie = async (block: number, words: RegExp): Promise<void> => {
    const report = await verify();
    expect(report.ok).to.equal(false);
    expect(report.lie?.message).to.match(words);
    expect(report.lie?.block).to.equal(block);
  };

  it('finds an honest ledger honest, conflicts, transient data and several creators included', async () => {
    const report = await verify();
    expect(report).to.deep.include({ ok: true, channel, height, notRunAgain: 1 });
    expect(report.conflicts).to.be.greaterThan(0);
    expect(report.transactions).to.be.greaterThan(12);
    expect(report.stateKeys).to.be.greaterThan(5);
    expect(report.headHash).to.match(/^[0-9a-f]{64}$/);
  });

  it('works on an open ledger, too, while it goes on', async () => {
    const ledger = await openEmbeddedLedger({ dir, channel, ...options });
    const [report] = await Promise.all([ledger.verify(), ledger.submit('one', 'put', ['x', 'y'])]);
    expect(report).to.deep.include({ ok: true, height });
    expect(await ledger.verify()).to.deep.include({ ok: true, height: height + 1 });
    await expectCode(verify(), 'LOCKED');
    await ledger.close();
  });

  it('gives the thread back between blocks, and one report to whoever asks meanwhile', async () => {
    const ledger = await openEmbeddedLedger({ dir, channel, ...options });
    let turns = 0;
    const seen: number[] = [];
    const clock = setInterval(() => turns++, 0);
    const [one, two] = await Promise.all([
      ledger.verify({ onProgress: () => seen.push(turns) }),
      ledger.verify(),
    ]);
    clearInterval(clock);
    expect(two).to.equal(one);
    expect(seen).to.have.length(height - 1);
    expect(turns).to.be.greaterThan(1);
    const waiting = ledger.verify({ tempDir: join(dir, 'nowhere') });
    const refused = ledger.verify({ tempDir: join(dir, 'later') });
    const outcomes = Promise.allSettled([waiting, refused]);
    await ledger.close();
    const [, late] = await outcomes;
    expect(late).to.have.nested.property('reason.code', 'CLOSED');
  });

  it('NOT_FOUND where there is no ledger', async () => {
    const empty = join(dir, 'nothing');
    await expectCode(verifyLedger({ dir: empty, chaincodes }), 'NOT_FOUND');
  });

  it('property: any flipped bit in any block is found, and that block named', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.nat(7), async (which, where, bit) => {
        const number = which % height;
        let original: Buffer = Buffer.alloc(0);
        await tamper(async (store) => {
          original = await read(store, blockKey(number));
          const changed = Buffer.from(original);
          const at = where % changed.length;
          changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at);
          await put(store, blockKey(number), changed);
        });
        const report = await verify();
        expect(report.lie?.block).to.equal(number);
        await tamper((store) => put(store, blockKey(number), original));
      }),
      { numRuns: 60 },
    );
    expect((await verify()).ok).to.equal(true);
  });

  it('a missing last block, with and without its trace in the head', async () => {
    const last = height - 1;
    await tamper((store) => store.write([{ type: 'del', key: blockKey(last) }], { durable: true }));
    await expectLie(last, /no block/);
    await tamper(async (store) => {
      const before = decodeBlock(await read(store, blockKey(last - 1)));
      await put(store, HEAD_KEY, encodeHead({ height: last, hash: before.hash }));
    });
    expect((await verify()).lie?.message).to.match(/no block wrote it|not the one written/);
  });

  it('a block in the middle that is missing, and one too many behind the end', async () => {
    await tamper((store) => store.write([{ type: 'del', key: blockKey(3) }], { durable: true }));
    await expectLie(3, /no block 3/);
    await rm(dir, { recursive: true });
    await cp(template, dir, { recursive: true });
    await tamper(async (store) => put(store, blockKey(height), await read(store, blockKey(2))));
    await expectLie(height, /behind the last/);
  });

  it('two blocks that changed places', async () => {
    await tamper(async (store) => {
      const [two, three] = [await read(store, blockKey(2)), await read(store, blockKey(3))];
      await put(store, blockKey(2), three);
      await put(store, blockKey(3), two);
    });
    await expectLie(2, /another one/);
  });

  it("a forged block signed with another key, and one signed with the node's own", async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await tamper(async (store) => await forge(store, 2, privateKey, (all) => all));
    await expectLie(2, /not signed with the node's key/);
    const own = await nodeKey();
    await tamper(async (store) => await forge(store, 2, own, () => []));
    await expectLie(3, /does not follow/);
  });

  it('a node that lies about a result, a write, an event, a verdict, a signature', async () => {
    const own = await nodeKey();
    const other = Buffer.from('other');
    const lies: [RegExp, (transaction: Transaction) => Transaction][] = [
      [/other results/, (t) => ({ ...t, outcome: { ...t.outcome, response: other } })],
      [
        /other reads or writes/,
        (t) => ({ ...t, outcome: { ...t.outcome, writes: [{ key: 'mine', value: other }] } }),
      ],
      [
        /other events/,
        (t) => ({ ...t, outcome: { ...t.outcome, event: { name: 'x', payload: other } } }),
      ],
      [/should be VALID/, (t) => ({ ...t, validation: 'MVCC_READ_CONFLICT' })],
      [/not signed by its creator/, (t) => ({ ...t, signature: Buffer.alloc(64, 7) })],
      [/its own future/, (t) => ({ ...t, simulatedHeight: height + 1 })],
      [
        /should be MVCC_READ_CONFLICT/,
        (t) => ({ ...t, outcome: { ...t.outcome, reads: [{ key: 'k', version: null }] } }),
      ],
    ];
    for (const [words, change] of lies) {
      await forgeLast(own, change);
      await expectLie(height - 1, words);
      await rm(dir, { recursive: true });
      await cp(template, dir, { recursive: true });
    }
  });

  it('a node that writes what no rule allows, and claims transient data so as not to be run again', async () => {
    const own = await nodeKey();
    let creator: Proposal['creator'] = { mspId: '', certificate: '' };
    await tamper(async (store) => {
      const genesis = decodeBlock(await read(store, blockKey(0)));
      creator = genesis.config?.node ?? creator;
    });
    const forged = Buffer.from('{"role":"doctor"}');
    const foreign: [RegExp, Partial<Proposal>][] = [
      [/claims transient data, which chaincode two never uses/, { chaincode: 'two', fn: 'forge' }],
      [/claims transient data, which chaincode two never uses/, { chaincode: 'two', fn: 'put' }],
      [/calls forge, which chaincode one does not have/, { chaincode: 'one', fn: 'forge' }],
      [/chaincode three, which this verification does not know/, { chaincode: 'three' }],
      [/run again, is refused/, { chaincode: 'two', fn: 'forge', hasTransient: false }],
    ];
    for (const [words, change] of foreign) {
      await tamper(async (store) => {
        const last = decodeBlock(await read(store, blockKey(height - 1)));
        const [model] = last.transactions;
        if (model === undefined) throw new Error('the last block is empty');
        const proposal = { ...model.proposal, creator, hasTransient: true, ...change };
        const outcome = onlyWrites({ key: 'user/FORGED', value: forged });
        const sealed = sealTransaction({ ...signedBy(own, model, proposal), outcome });
        const link = { number: height, previousHash: last.hash };
        const block = encodeBlock(link, [{ sealed, validation: 'VALID' }], (bytes) =>
          signBytes(own, bytes),
        );
        const head = encodeHead({ height: height + 1, hash: block.hash });
        await put(store, blockKey(height), block.bytes);
        await put(store, HEAD_KEY, head);
        // State and history as an honest node would have written them: nothing else gives it away.
        const effects = effectsOf(proposal.chaincode, outcome.writes, height, 0);
        await store.write(effects, { durable: true });
      });
      await expectLie(height, words);
      await rm(dir, { recursive: true });
      await cp(template, dir, { recursive: true });
    }
  });

  it('an honest chain with transient data, or a chaincode, that verification was not told of', async () => {
    const strict = await verifyLedger({ dir, chaincodes });
    expect(strict.ok).to.equal(false);
    expect(strict.lie?.message).to.match(/claims transient data, which chaincode one never uses/);
    const unknown = await verifyLedger({
      ...options,
      dir,
      chaincodes: { one: conformanceChaincode },
    });
    expect(unknown.lie?.message).to.match(
      /of chaincode two, which this verification does not know/,
    );
    expect(unknown.lie?.block).to.be.within(1, height - 1);
  });

  it('state and history that the blocks do not bear out', async () => {
    const cases: [RegExp, (store: Store) => Promise<void>][] = [
      [
        /not the one written/,
        (store) =>
          put(store, stateKey('one', 'k'), encodeVersioned({ block: 2, tx: 0 }, Buffer.from('!'))),
      ],
      [
        /no block wrote it/,
        (store) =>
          put(
            store,
            stateKey('one', 'extra'),
            encodeVersioned({ block: 1, tx: 0 }, Buffer.from('!')),
          ),
      ],
      [
        /missing though/,
        (store) => store.write([{ type: 'del', key: stateKey('one', 'k') }], { durable: true }),
      ],
      [
        /history entry/,
        (store) =>
          store.write([{ type: 'del', key: historyKey('one', 'k', 1, 0) }], { durable: true }),
      ],
      [
        /place of transaction 0000/,
        (store) => put(store, transactionKey('0'.repeat(64)), Buffer.from('1')),
      ],
    ];
    for (const [words, change] of cases) {
      await tamper(change);
      const report = await verify();
      expect(report.lie?.message).to.match(words);
      await rm(dir, { recursive: true });
      await cp(template, dir, { recursive: true });
    }
  });

  it('a chain that was replaced as a whole, when a hash was noted before', async () => {
    const { headHash } = await verify();
    const noted = { dir, ...options, expect: [{ block: height - 1, hash: headHash }] };
    expect((await verifyLedger(noted)).ok).to.equal(true);
    await rm(dir, { recursive: true });
    const other = await openEmbeddedLedger({ dir, channel, ...options });
    await live(other);
    await other.close();
    expect((await verify()).ok).to.equal(true);
    expect((await verifyLedger(noted)).lie?.message).to.match(/noted/);
  });

  it('a genesis block that names a key which is not the one beside it', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'prms-other-'));
    const other = await openEmbeddedLedger({ dir: elsewhere, channel, ...options });
    await other.close();
    await cp(join(elsewhere, 'node-key.pem'), join(dir, 'node-key.pem'));
    await rm(elsewhere, { recursive: true });
    await expectLie(0, /another key/);
    await expectCode(openEmbeddedLedger({ dir, channel, ...options }), 'INVALID');
  });
});

/** The transaction as the node itself would have proposed it, signed honestly. */
function signedBy(key: KeyObject, transaction: Transaction, proposal: Proposal): Transaction {
  const proposalBytes = encodeProposal(proposal);
  return { ...transaction, proposal, proposalBytes, signature: signBytes(key, proposalBytes) };
}

function onlyWrites(...writes: Outcome['writes']): Outcome {
  return { reads: [], ranges: [], writes, response: Buffer.alloc(0), event: null };
}

/** A little of everything. The last transaction reads and writes 'k'. */
async function live(ledger: EmbeddedLedger): Promise<void> {
  const submit = (fn: string, ...args: string[]): Promise<unknown> =>
    ledger.submit('one', fn, args);
  await submit('put', 'k', 'v1');
  await submit('increment', 'n', '0');
  await submit('put', 'k', 'v2');
  await Promise.allSettled(Array.from({ length: 3 }, () => submit('increment', 'n', '20')));
  await submit('putComposite', 'type', 'a,b', 'x');
  await submit('put', 'gone', 'soon');
  await submit('remove', 'gone');
  await Promise.allSettled([
    submit('countInto', 'a', 'z', 'A', '30'),
    submit('put', 'm', 'phantom'),
  ]);
  await submit('countInto', 'a', 'z', 'B', '0');
  await submit('emit', 'told', 'payload');
  await ledger.submit('two', 'put', ['k', 'elsewhere']);
  await ledger.submit('one', 'measureSecret', ['s'], {
    transient: { secret: Buffer.from('hush') },
  });
  const doctor = await createIdentity({ mspId: 'HospitalMSP', commonName: 'doctor' });
  await ledger.as(doctor).submit('one', 'putThenGet', ['k', 'v3']);
}
