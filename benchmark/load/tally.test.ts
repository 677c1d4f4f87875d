import { expect } from 'chai';
import { type Answer, type Call, CallError, type OrderedCall } from '../platforms/index.js';
import { Tally, TallySum } from './tally.js';

const call = (line: string): OrderedCall => ({ kind: 'pay', way: 'ordered', line, lane: 'one' });
const query: Call = { kind: 'look', way: 'query', fn: 'look', args: [] };
const APPLIED: Answer = {
  status: 'applied',
  attempts: 1,
  place: { block: 1, transactionId: 't', position: 0 },
};

function played(keepApplied: boolean): TallySum {
  const tally = new Tally(keepApplied);
  const [done, refused, conflicted, failed] = ['a', 'b', 'c', 'd'].map(call);
  const [lost, silent] = ['e', 'f'].map(call);
  if (!done || !refused || !conflicted || !failed || !lost || !silent) throw new TypeError('few');
  for (const one of [done, refused, conflicted, failed, lost, silent, query]) tally.sent(one, 0);
  tally.answered(done, APPLIED, 0, 1);
  tally.answered(refused, { ...APPLIED, status: 'refused', code: 'NO' }, 0, 1);
  tally.failed(conflicted, new CallError('CONFLICTED', 'no', 6), 1);
  tally.failed(failed, new CallError('FAILED', 'no'), 1);
  tally.failed(lost, new CallError('LOST', 'no'), 1);
  const sum = new TallySum();
  sum.add(tally.encode());
  return sum;
}

describe('what a tally keeps for the workload’s own check', () => {
  it('tells what lies on the ledger from what may', () => {
    const { applied, lostCalls } = played(true);
    expect(applied.map(({ line }) => line)).to.deep.equal(['a', 'b']);
    expect(applied[1]).to.deep.include({ status: 'refused', code: 'NO' });
    // Lost by the platform's word, and sent without a word since.
    expect(lostCalls).to.deep.equal([call('e'), call('f')]);
  });

  it('keeps nothing when nobody checks', () => {
    const { applied, lostCalls } = played(false);
    expect([applied, lostCalls]).to.deep.equal([[], []]);
  });
});
