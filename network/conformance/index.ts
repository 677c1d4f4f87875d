// The conformance suite: what every implementation of the ledger port promises, as mocha tests.
// Run over each implementation; on a network the state outlives a run, so every test uses keys of its own.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { checkChain, type CheckedTransaction, checkTransaction } from '../embedded/index.js';
import type { LedgerEvidence, TransactionProof } from '../evidence.js';
import { type Ledger, LedgerError, type LedgerErrorCode, type LedgerEvent } from '../ledger.js';
import { CONFORMANCE_CHAINCODES } from './chaincode.js';

export { conformanceChaincode, CONFORMANCE_CHAINCODES } from './chaincode.js';

export interface ConformanceSubject {
  readonly ledger: Ledger;
  /** After the ledger was closed: removes what is left. */
  readonly cleanUp: () => Promise<void>;
}

const [ONE, TWO] = CONFORMANCE_CHAINCODES;
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Rejects unless `work` fails with this code. */
export async function expectCode(
  work: Promise<unknown>,
  code: LedgerErrorCode,
): Promise<LedgerError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error, `expected ${code}`).to.be.instanceOf(LedgerError);
  if (!(error instanceof LedgerError)) throw new Error('unreachable');
  expect(error.code, error.message).to.equal(code);
  return error;
}

/** Declares the suite; `open` is called for every test. */
export function ledgerConformance(name: string, open: () => Promise<ConformanceSubject>): void {
  describe(`ledger conformance: ${name}`, () => {
    let subject: ConformanceSubject;
    let ledger: Ledger;
    let tag = '';

    beforeEach(async () => {
      subject = await open();
      ledger = subject.ledger;
      tag = randomBytes(6).toString('hex');
    });
    afterEach(async () => {
      await ledger.close();
      await subject.cleanUp();
    });

    const get = async (key: string, chaincode: string = ONE): Promise<string> =>
      text(await ledger.evaluate(chaincode, 'get', [key]));

    describe('transactions', () => {
      it('shows what was committed as soon as submit has answered', async () => {
        const done = await ledger.submit(ONE, 'put', [tag, 'value']);
        expect(await get(tag)).to.equal('value');
        expect(done.transactionId).to.match(/^[0-9a-f]{64}$/);
        expect(done.blockNumber).to.be.within(1, (await ledger.height()) - 1);
      });

      it('answers with what the function returned', async () => {
        const { result } = await ledger.submit(ONE, 'increment', [tag, '0']);
        expect(text(result)).to.equal('1');
      });

      it('does not show a transaction its own writes', async () => {
        await ledger.submit(ONE, 'put', [tag, 'before']);
        const { result } = await ledger.submit(ONE, 'putThenGet', [tag, 'after']);
        expect(text(result)).to.equal('before');
        expect(await get(tag)).to.equal('after');
      });

      it('throws the writes of evaluate away', async () => {
        const height = await ledger.height();
        await ledger.evaluate(ONE, 'put', [tag, 'value']);
        expect(await get(tag)).to.equal('');
        expect(await ledger.height()).to.equal(height);
      });

      it('deletes', async () => {
        await ledger.submit(ONE, 'put', [tag, 'value']);
        await ledger.submit(ONE, 'remove', [tag]);
        expect(await get(tag)).to.equal('');
      });

      it('keeps chaincodes apart', async () => {
        await ledger.submit(ONE, 'put', [tag, 'one']);
        await ledger.submit(TWO, 'put', [tag, 'two']);
        expect(await get(tag, ONE)).to.equal('one');
        expect(await get(tag, TWO)).to.equal('two');
      });

      it('tells the chaincode who asks, where and when', async () => {
        const before = Date.now() - 60_000;
        const answer: unknown = JSON.parse(text(await ledger.evaluate(ONE, 'whoAmI', [])));
        expect(answer).to.have.property('channel', ledger.channel);
        expect(answer)
          .to.have.property('id')
          .that.matches(/^x509::\/.*CN=/);
        expect(answer).to.have.property('mspId').that.is.a('string').and.not.equals('');
        expect(answer)
          .to.have.property('timestampMs')
          .that.is.within(before, Date.now() + 60_000);
      });
    });

    describe('conflicts', () => {
      it('lets one of two overlapping changes of a key win and names the other MVCC_CONFLICT', async () => {
        const outcomes = await Promise.allSettled(
          Array.from({ length: 4 }, () => ledger.submit(ONE, 'increment', [tag, '100'])),
        );
        const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
        expect(failed).to.have.length.within(1, 3);
        for (const { reason } of failed) expect(reason).to.have.property('code', 'MVCC_CONFLICT');
        expect(await get(tag)).to.equal(String(4 - failed.length));
      });

      it('finds phantoms: a range that gained a key', async () => {
        await ledger.submit(ONE, 'put', [`${tag}/a`, '1']);
        const counting = ledger.submit(ONE, 'countInto', [`${tag}/`, `${tag}0`, `${tag}-n`, '300']);
        await Promise.all([
          ledger.submit(ONE, 'put', [`${tag}/b`, '1']),
          expectCode(counting, 'PHANTOM_CONFLICT'),
        ]);
        expect(await get(`${tag}-n`)).to.equal('');
      });

      it('does not mind a change outside the range', async () => {
        const counting = ledger.submit(ONE, 'countInto', [`${tag}/`, `${tag}0`, `${tag}-n`, '300']);
        await ledger.submit(ONE, 'put', [`${tag}1`, '1']);
        expect(text((await counting).result)).to.equal('0');
      });
    });

    describe('queries', () => {
      it('reads ranges in key order, the end left out', async () => {
        for (const part of ['c', 'a', 'd', 'b'])
          await ledger.submit(ONE, 'put', [tag + part, part]);
        const found = await ledger.evaluate(ONE, 'range', [`${tag}a`, `${tag}d`]);
        expect(JSON.parse(text(found))).to.deep.equal([`${tag}a=a`, `${tag}b=b`, `${tag}c=c`]);
      });

      it('turns pages with bookmarks, without loss or doubling', async () => {
        const all = Array.from({ length: 7 }, (_, at) => `${tag}${at}`);
        for (const key of all) await ledger.submit(ONE, 'put', [key, 'x']);
        const seen: string[] = [];
        let bookmark = '';
        do {
          const args = [tag, `${tag}~`, '3', bookmark];
          const page = parsePage(await ledger.evaluate(ONE, 'page', args));
          expect(page.count).to.equal(page.keys.length);
          seen.push(...page.keys);
          bookmark = page.bookmark;
        } while (bookmark !== '');
        expect(seen).to.deep.equal(all);
      });

      it('finds composite keys by their first parts and hides them from simple ranges', async () => {
        await ledger.submit(ONE, 'putComposite', [tag, 'x,1', 'a']);
        await ledger.submit(ONE, 'putComposite', [tag, 'x,2', 'b']);
        await ledger.submit(ONE, 'putComposite', [tag, 'xx,1', 'c']);
        const some = await ledger.evaluate(ONE, 'composites', [tag, 'x']);
        expect(JSON.parse(text(some))).to.deep.equal(['x,1=a', 'x,2=b']);
        const simple = await ledger.evaluate(ONE, 'range', ['', '']);
        expect(text(simple)).to.not.include('\\u0000').and.not.include(tag);
      });

      it("tells a key's history, newest first, deletions included", async () => {
        const first = await ledger.submit(ONE, 'put', [tag, '1']);
        const second = await ledger.submit(ONE, 'put', [tag, '2']);
        const third = await ledger.submit(ONE, 'remove', [tag]);
        const told: unknown = JSON.parse(text(await ledger.evaluate(ONE, 'history', [tag])));
        expect(told).to.deep.equal([
          { txId: third.transactionId, isDelete: true, value: '' },
          { txId: second.transactionId, isDelete: false, value: '2' },
          { txId: first.transactionId, isDelete: false, value: '1' },
        ]);
      });
    });

    describe('transient data', () => {
      it('reaches the chaincode and stays out of the state', async () => {
        const transient = { secret: Buffer.from('not for the ledger') };
        const { result } = await ledger.submit(ONE, 'measureSecret', [tag], { transient });
        expect(text(result)).to.equal('18');
        expect(await get(tag)).to.equal('18');
      });
    });

    describe('events and blocks', () => {
      it('replays from a block and goes on live, without gap or doubling', async () => {
        const fromBlock = await ledger.height();
        const names = Array.from({ length: 12 }, (_, at) => `${tag}-${at}`);
        for (const name of names.slice(0, 6)) await ledger.submit(ONE, 'emit', [name, 'old']);
        const told = collect(ledger, fromBlock, tag, names.length);
        for (const name of names.slice(6)) await ledger.submit(ONE, 'emit', [name, 'new']);
        const events = await told;
        expect(events.map(({ name }) => name)).to.deep.equal(names);
        expect(text(events[0]?.payload ?? Buffer.alloc(0))).to.equal('old');
        expect(events[0]).to.include({ chaincode: ONE });
      });

      it('begins now unless told otherwise', async () => {
        await ledger.submit(ONE, 'emit', [`${tag}-before`, 'x']);
        const stop = new AbortController();
        const events = ledger.events({ signal: stop.signal });
        await ledger.submit(ONE, 'emit', [`${tag}-after`, 'x']);
        for await (const event of events) {
          if (!event.name.startsWith(tag)) continue;
          expect(event.name).to.equal(`${tag}-after`);
          break;
        }
        stop.abort();
      });

      it('tells no event of a transaction that lost', async () => {
        const fromBlock = await ledger.height();
        const outcomes = await Promise.allSettled(
          Array.from({ length: 3 }, () => ledger.submit(ONE, 'increment', [tag, '100'])),
        );
        expect(outcomes.some(({ status }) => status === 'rejected')).to.equal(true);
        await ledger.submit(ONE, 'emit', [`${tag}-last`, 'x']);
        const events = await collect(ledger, fromBlock, tag, 1);
        expect(events.map(({ name }) => name)).to.deep.equal([`${tag}-last`]);
      });

      it('chains blocks by hash and lists their transactions', async () => {
        const fromBlock = await ledger.height();
        const { transactionId, blockNumber } = await ledger.submit(ONE, 'put', [tag, '1']);
        const last = await ledger.submit(ONE, 'put', [tag, '2']);
        let previous: string | undefined;
        for await (const block of ledger.blocks({ fromBlock })) {
          expect(block.hash).to.match(/^[0-9a-f]{64}$/);
          if (previous !== undefined) expect(block.previousHash).to.equal(previous);
          previous = block.hash;
          const ids = block.transactions.map((transaction) => transaction.transactionId);
          if (block.number === blockNumber) expect(ids).to.include(transactionId);
          if (block.number === last.blockNumber) break;
        }
        expect(last.blockNumber).to.be.greaterThan(blockNumber);
      });

      it('stops following when the signal aborts', async () => {
        const stop = new AbortController();
        const walk = (async () => {
          let count = 0;
          for await (const { number } of ledger.blocks({ signal: stop.signal })) count += number;
          return count;
        })();
        setTimeout(() => stop.abort(), 30);
        expect(await walk).to.equal(0);
      });
    });

    describe('evidence', () => {
      /** What the evidence proves of a transaction, by whoever checks it without the ledger. */
      const proven = async (
        evidence: LedgerEvidence,
        transactionId: string,
        wanted: (line: string) => boolean,
      ): Promise<{ proof: TransactionProof; checked: CheckedTransaction }> => {
        const proof = await evidence.transaction(transactionId, wanted);
        const keep = new Set([proof.block]);
        const { channel, dataHashes } = await checkChain(evidence.anchor, evidence.chain(), {
          keep,
        });
        expect(channel).to.equal(ledger.channel);
        return { proof, checked: checkTransaction(proof, dataHashes) };
      };

      it('proves a line and its answer, up to the head of that moment', async () => {
        const done = await ledger.submit(ONE, 'increment', [tag, '0']);
        const evidence = await ledger.evidence();
        expect(evidence.anchor.height).to.be.greaterThan(done.blockNumber);
        await ledger.submit(ONE, 'put', [`${tag}-later`, 'x']);
        const { checked } = await proven(evidence, done.transactionId, () => true);
        expect(checked).to.deep.include({ chaincode: ONE, fn: 'increment', argCount: 2 });
        expect(checked.block).to.equal(done.blockNumber);
        expect(checked.lines).to.deep.equal([{ line: tag, answer: '1' }]);
      });

      it('shows no line but those that were asked for', async () => {
        const lines = [`${tag}-mine`, `${tag}-other`, `${tag}-mine too`];
        const done = await ledger.submit(ONE, 'put', [lines.join('\n'), 'value']);
        const evidence = await ledger.evidence();
        const { proof, checked } = await proven(evidence, done.transactionId, (line) =>
          line.includes('mine'),
        );
        expect(checked.lines.map(({ line }) => line)).to.deep.equal([lines[0], lines[2]]);
        expect(JSON.stringify(proof)).not.to.include('other');
      });

      it('NOT_FOUND for a transaction that is not on the ledger', async () => {
        const evidence = await ledger.evidence();
        await expectCode(
          evidence.transaction('0'.repeat(64), () => true),
          'NOT_FOUND',
        );
      });
    });

    describe('errors', () => {
      it('CHAINCODE_FAILED carries what the chaincode said, and nothing is written', async () => {
        const error = await expectCode(
          ledger.submit(ONE, 'fail', [tag, 'no bed free']),
          'CHAINCODE_FAILED',
        );
        expect(error.message).to.include('no bed free');
        await expectCode(ledger.evaluate(ONE, 'fail', [tag, 'no bed free']), 'CHAINCODE_FAILED');
        expect(await get(tag)).to.equal('');
      });

      it('CHAINCODE_FAILED for a wrong number of arguments and for an empty key', async () => {
        await expectCode(ledger.submit(ONE, 'put', [tag]), 'CHAINCODE_FAILED');
        await expectCode(ledger.submit(ONE, 'put', ['', 'x']), 'CHAINCODE_FAILED');
      });

      it('TIMEOUT when the deadline passes', async () => {
        const slow = ledger.submit(ONE, 'increment', [tag, '400'], { deadlineMs: 50 });
        await expectCode(slow, 'TIMEOUT');
      });

      it('NOT_FOUND for a chaincode that is not there', async () => {
        await expectCode(ledger.submit('nobody', 'put', [tag, 'x']), 'NOT_FOUND');
        await expectCode(ledger.evaluate('nobody', 'get', [tag]), 'NOT_FOUND');
      });

      it('CLOSED after close, which ends followers and may be called twice', async () => {
        const walk = (async () => {
          for await (const { number } of ledger.blocks())
            expect.fail(`block ${number} came from nowhere`);
        })();
        await ledger.close();
        await ledger.close();
        await walk;
        await expectCode(ledger.submit(ONE, 'put', [tag, 'x']), 'CLOSED');
        await expectCode(ledger.evaluate(ONE, 'get', [tag]), 'CLOSED');
        await expectCode(ledger.evidence(), 'CLOSED');
      });

      it('close waits for what was accepted', async () => {
        const submitted = ledger.submit(ONE, 'increment', [tag, '100']);
        await ledger.close();
        expect(text((await submitted).result)).to.equal('1');
      });
    });
  });
}

/** The first `count` events whose names start with `tag`. */
async function collect(
  ledger: Ledger,
  fromBlock: number,
  tag: string,
  count: number,
): Promise<LedgerEvent[]> {
  const found: LedgerEvent[] = [];
  for await (const event of ledger.events({ fromBlock })) {
    if (event.name.startsWith(tag)) found.push(event);
    if (found.length === count) break;
  }
  return found;
}

interface Page {
  readonly keys: readonly string[];
  readonly bookmark: string;
  readonly count: number;
}

function parsePage(bytes: Uint8Array): Page {
  const page: unknown = JSON.parse(text(bytes));
  if (typeof page !== 'object' || page === null) throw new Error('not a page');
  if (!('keys' in page && 'bookmark' in page && 'count' in page)) throw new Error('not a page');
  const { keys, bookmark, count } = page;
  if (!Array.isArray(keys) || typeof bookmark !== 'string' || typeof count !== 'number') {
    throw new Error('not a page');
  }
  return { keys: keys.map(String), bookmark, count };
}
