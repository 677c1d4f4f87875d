// Group commit against a ledger that is told when to answer and what.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { Context, Contract, Returns, Transaction } from '@prms/chaincode/fabric';
import { openEmbeddedLedger } from '../embedded/index.js';
import { expectCode } from '../conformance/index.js';
import { type Committed, LedgerError, type LedgerErrorCode } from '../ledger.js';
import { GroupCommit, parseReceipts, type GroupCommitOptions, type Receipt } from './index.js';

type Answer = (lines: readonly string[], call: number) => LedgerErrorCode | undefined;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Applies every line unless `answer` names an error. */
class FakeLedger {
  readonly calls: string[][] = [];
  readonly applied: string[] = [];
  open = 0;
  mostOpen = 0;

  constructor(private readonly answer: Answer = () => undefined) {}

  async submit(_chaincode: string, _fn: string, args: readonly string[]): Promise<Committed> {
    const lines = (args[0] ?? '').split('\n');
    this.calls.push(lines);
    this.open++;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    await turn();
    await turn();
    this.open--;
    const code = this.answer(lines, this.calls.length);
    if (code !== undefined) throw new LedgerError(code, `fake ${code}`);
    this.applied.push(...lines);
    const receipts = lines.map((id) => ({ id, status: 'applied', extra: id.length }));
    const result = Buffer.from(receipts.map((receipt) => JSON.stringify(receipt)).join('\n'));
    return { transactionId: 'tx', blockNumber: this.calls.length, result };
  }
}

function make(
  ledger: FakeLedger,
  options: Partial<GroupCommitOptions<Receipt>> = {},
): {
  group: GroupCommit;
  delays: number[];
} {
  const delays: number[] = [];
  const group = new GroupCommit({
    ledger,
    chaincode: 'records',
    fn: 'apply',
    parseReceipts,
    random: () => 0.5,
    delay: async (ms) => {
      delays.push(ms);
      await turn();
    },
    ...options,
  });
  return { group, delays };
}

const lines = (count: number): string[] => Array.from({ length: count }, (_, at) => `op-${at}`);

describe('group commit', () => {
  it('commits at once when idle and fills the next batch meanwhile', async () => {
    const ledger = new FakeLedger();
    const { group } = make(ledger);
    const first = group.submit('first', 'lane');
    await turn();
    await turn();
    const rest = lines(20).map((line) => group.submit(line, 'lane'));
    expect(ledger.calls).to.deep.equal([['first']]);
    await Promise.all([first, ...rest]);
    expect(ledger.calls).to.deep.equal([['first'], lines(20)]);
  });

  it('hands each operation its own receipt, unknown fields included, and where it lies', async () => {
    const { group } = make(new FakeLedger());
    const [a, b] = await Promise.all([group.submit('a', 'x'), group.submitAndLocate('bb', 'x')]);
    expect(a).to.deep.equal({ id: 'a', status: 'applied', extra: 1 });
    expect(b).to.deep.equal({
      receipt: { id: 'bb', status: 'applied', extra: 2 },
      transactionId: 'tx',
      blockNumber: 1,
      position: 1,
      attempts: 1,
    });
  });

  it('announces what it accepts, in order, before its batch is under way, and nothing else', async () => {
    const announced: string[] = [];
    const ledger = new FakeLedger(() => {
      expect(announced).to.have.length(3);
      return undefined;
    });
    const announce = (line: string): void => void announced.push(line);
    const { group } = make(ledger, { announce, maxQueued: 3 });
    const work = lines(3).map((line) => group.submit(line, 'x'));
    await expectCode(group.submit('one too many', 'x'), 'UNAVAILABLE');
    await Promise.all(work);
    expect(announced).to.deep.equal(lines(3));
  });

  it('keeps batches within their count and their bytes', async () => {
    const ledger = new FakeLedger();
    const { group } = make(ledger, { maxOperations: 3, maxBytes: 16 });
    await Promise.all(['aaaa', 'bbbb', 'cccc', 'dddd', 'e'].map((line) => group.submit(line, 'x')));
    expect(ledger.calls).to.deep.equal([
      ['aaaa', 'bbbb', 'cccc'],
      ['dddd', 'e'],
    ]);
    const wide = new FakeLedger();
    const { group: other } = make(wide, { maxOperations: 3, maxBytes: 11 });
    await Promise.all(['aaaa', 'bbbb', 'cccc'].map((line) => other.submit(line, 'x')));
    expect(wide.calls).to.deep.equal([['aaaa', 'bbbb'], ['cccc']]);
  });

  it('runs lanes side by side, and a lane alone in order', async () => {
    const ledger = new FakeLedger();
    const { group } = make(ledger, { lanes: 4, maxOperations: 2 });
    await Promise.all(lines(40).map((line, at) => group.submit(line, `patient-${at % 10}`)));
    expect(ledger.mostOpen).to.be.within(2, 4);
    for (let patient = 0; patient < 10; patient++) {
      const own = lines(40).filter((_, at) => at % 10 === patient);
      expect(ledger.applied.filter((line) => own.includes(line))).to.deep.equal(own);
    }
  });

  it('halves a batch that conflicts, with pauses, and loses nothing', async () => {
    const ledger = new FakeLedger((_, call) => (call <= 2 ? 'MVCC_CONFLICT' : undefined));
    const { group, delays } = make(ledger);
    await Promise.all(lines(8).map((line) => group.submit(line, 'x')));
    expect(ledger.calls.map(({ length }) => length)).to.deep.equal([8, 4, 2, 2, 4]);
    expect(ledger.applied).to.deep.equal(lines(8));
    expect(delays)
      .to.have.length(2)
      .and.satisfy((all: number[]) => all.every((ms) => ms > 0));
  });

  it('sets one culprit aside that the chaincode chokes on; the others go on, in order', async () => {
    const ledger = new FakeLedger((batch) =>
      batch.includes('op-5') ? 'CHAINCODE_FAILED' : undefined,
    );
    const { group, delays } = make(ledger);
    const work = lines(16).map((line) => group.submit(line, 'x'));
    const outcomes = await Promise.allSettled(work);
    const failed = outcomes.flatMap(({ status }, at) => (status === 'rejected' ? [at] : []));
    expect(failed).to.deep.equal([5]);
    await expectCode(work[5] ?? Promise.resolve(), 'CHAINCODE_FAILED');
    expect(ledger.applied).to.deep.equal(lines(16).filter((line) => line !== 'op-5'));
    expect(delays).to.deep.equal([]);
  });

  it('gives a lone culprit of conflicts up after the attempts allowed', async () => {
    const ledger = new FakeLedger(() => 'PHANTOM_CONFLICT');
    const { group, delays } = make(ledger, { maxAttempts: 5, firstDelayMs: 100, maxDelayMs: 500 });
    await expectCode(group.submit('op', 'x'), 'PHANTOM_CONFLICT');
    expect(ledger.calls).to.have.length(5);
    expect(delays).to.deep.equal([50, 100, 200, 250]);
    expect(group.pending).to.equal(0);
  });

  it('tries the whole batch again when the ledger is away, and gives up in the end', async () => {
    const back = new FakeLedger((_, call) => (call <= 3 ? 'UNAVAILABLE' : undefined));
    const { group } = make(back);
    await Promise.all(lines(4).map((line) => group.submit(line, 'x')));
    expect(back.calls.map(({ length }) => length)).to.deep.equal([4, 4, 4, 4]);

    const { group: other } = make(new FakeLedger(() => 'TIMEOUT'), { maxAttempts: 2 });
    const all = lines(3).map((line) => expectCode(other.submit(line, 'x'), 'TIMEOUT'));
    await Promise.all(all);
  });

  it('does not send again what may have been committed, where that does harm', async () => {
    const ledger = new FakeLedger(() => 'TIMEOUT');
    const { group } = make(ledger, { idempotent: false });
    await Promise.all(lines(3).map((line) => expectCode(group.submit(line, 'x'), 'TIMEOUT')));
    expect(ledger.calls).to.have.length(1);
    const away = new FakeLedger((_, call) => (call === 1 ? 'UNAVAILABLE' : undefined));
    await make(away, { idempotent: false }).group.submit('op', 'x');
    expect(away.calls).to.have.length(2);
  });

  it('does not try again what can not get better', async () => {
    const ledger = new FakeLedger(() => 'NOT_FOUND');
    const { group } = make(ledger);
    await Promise.all(lines(3).map((line) => expectCode(group.submit(line, 'x'), 'NOT_FOUND')));
    expect(ledger.calls).to.have.length(1);
  });

  it('refuses at once when full, when it is no line, when it is too long', async () => {
    const { group } = make(new FakeLedger(), { maxQueued: 2, maxBytes: 10 });
    const first = [group.submit('a', 'x'), group.submit('b', 'y')];
    expect(group.pending).to.equal(2);
    await expectCode(group.submit('c', 'x'), 'UNAVAILABLE');
    await Promise.all(first);
    expect(group.pending).to.equal(0);
    await expectCode(group.submit('two\nlines', 'x'), 'INVALID');
    await expectCode(group.submit('', 'x'), 'INVALID');
    await expectCode(group.submit('0123456789', 'x'), 'INVALID');
    expect(() => make(new FakeLedger(), { lanes: 0 })).to.throw(LedgerError);
  });

  it('close drains what was accepted and refuses the rest', async () => {
    const ledger = new FakeLedger();
    const { group } = make(ledger, { maxOperations: 1 });
    const accepted = lines(5).map((line) => group.submit(line, 'x'));
    const closing = group.close();
    await expectCode(group.submit('late', 'x'), 'CLOSED');
    await closing;
    expect(ledger.applied).to.deep.equal(lines(5));
    await Promise.all(accepted);
  });

  it('rejects all, and does not commit twice, when the receipts do not fit', async () => {
    const ledger = new FakeLedger();
    const { group } = make(ledger, { parseReceipts: () => [] });
    await Promise.all(
      lines(2).map((line) => expectCode(group.submit(line, 'x'), 'CHAINCODE_FAILED')),
    );
    expect(ledger.calls).to.have.length(1);
    const { group: other } = make(ledger, {
      parseReceipts: () => {
        throw new Error('unreadable');
      },
    });
    await expectCode(other.submit('a', 'x'), 'CHAINCODE_FAILED');
  });

  it('property: whatever fails when, each operation is answered once and lanes keep their order', async () => {
    const codes: (LedgerErrorCode | undefined)[] = [
      undefined,
      undefined,
      'MVCC_CONFLICT',
      'UNAVAILABLE',
      'CHAINCODE_FAILED',
    ];
    const plans = fc.array(fc.constantFrom(...codes), { maxLength: 60 });
    const arrivals = fc.array(fc.nat(4), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(plans, arrivals, async (plan, lanesOfOps) => {
        const ledger = new FakeLedger((_, call) => plan[call - 1]);
        const { group } = make(ledger, { lanes: 3, maxOperations: 7, maxAttempts: 4 });
        const outcomes = await Promise.allSettled(
          lanesOfOps.map((lane, at) => group.submit(`${lane}:${at}`, String(lane))),
        );
        expect(group.pending).to.equal(0);
        const applied = outcomes.flatMap(({ status }, at) =>
          status === 'fulfilled' ? [`${lanesOfOps[at] ?? ''}:${at}`] : [],
        );
        expect([...ledger.applied].sort()).to.deep.equal([...applied].sort());
        for (let lane = 0; lane <= 4; lane++) {
          const mine = (line: string): boolean => line.startsWith(`${lane}:`);
          expect(ledger.applied.filter(mine)).to.deep.equal(applied.filter(mine));
        }
      }),
      { numRuns: 60 },
    );
  });
});

class CountContract extends Contract {
  /** Adds one to the counter that each line names; chokes on the line "choke". */
  @Transaction()
  @Returns('string')
  async apply(ctx: Context, batch: string): Promise<string> {
    const counts = new Map<string, number>();
    const receipts: string[] = [];
    for (const line of batch.split('\n')) {
      if (line === 'choke') throw new Error('choked');
      const stored =
        counts.get(line) ?? Number(Buffer.from(await ctx.stub.getState(line)).toString());
      counts.set(line, stored + 1);
      receipts.push(JSON.stringify({ id: line, status: 'applied', count: stored + 1 }));
    }
    for (const [key, count] of counts) await ctx.stub.putState(key, Buffer.from(String(count)));
    return receipts.join('\n');
  }
}

describe('group commit on the embedded ledger', () => {
  it('counts each operation once though lanes collide and one operation chokes', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'prms-group-'));
    const chaincodes = { count: () => [new CountContract()] };
    const ledger = await openEmbeddedLedger({ dir, channel: 'test', chaincodes });
    try {
      const group = new GroupCommit({
        ...{ ledger, chaincode: 'count', fn: 'apply', parseReceipts },
        lanes: 4,
      });
      const work = Array.from({ length: 400 }, (_, at) =>
        // Lanes that do not match the keys: they conflict on purpose.
        group.submit(at === 77 ? 'choke' : `key-${at % 3}`, `lane-${at % 7}`),
      );
      const outcomes = await Promise.allSettled(work);
      await group.close();
      const failed = outcomes.filter(({ status }) => status === 'rejected');
      expect(failed).to.have.length(1);
      const sum = new Map<string, Set<unknown>>();
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') continue;
        const { id, count } = outcome.value;
        sum.set(id, (sum.get(id) ?? new Set()).add(count));
      }
      expect([...sum.values()].reduce((total, { size }) => total + size, 0)).to.equal(399);
    } finally {
      await ledger.close();
      await rm(dir, { recursive: true, force: true });
    }
  });
});
