import { expect } from 'chai';
import type { Call, OrderedCall } from '../platforms/index.js';
import { ALPHA, chiSquareP } from '../testing/chi-square.js';
import { query, withLedger } from '../testing/ledger.js';
import { type Mood, MoodyBank } from '../testing/moody-bank.js';
import { smallBank } from './smallbank.js';
import { initialBalances } from './smallbank/accounts.js';
import type { Applied, Share, Stream, Verdict, WorkloadSetting } from './workload.js';

const SETTING: WorkloadSetting = {
  seed: 11,
  quick: true,
  variant: 'blockbench',
  presigned: false,
  channel: 'bench',
  dir: '',
};
const ALONE: Share = { generator: 0, generators: 1, calls: 100_000 };
const DRAWS = 60_000;

async function firstCalls(
  setting: WorkloadSetting,
  count: number,
  share = ALONE,
): Promise<OrderedCall[]> {
  const stream: Stream = await smallBank.open(setting, null, share);
  const calls: OrderedCall[] = [];
  for (let at = 0; at < count; at++) calls.push(ordered(await stream.next()));
  return calls;
}

function ordered(call: Call): OrderedCall {
  if (call.way === 'ordered') return call;
  throw new TypeError(`${call.kind} is not ordered`);
}

const loading = (setting: WorkloadSetting): OrderedCall[] =>
  [...smallBank.prepare(setting).phases].flatMap((phase) => [...phase].map(ordered));

const customersOf = ({ kind, line }: OrderedCall): number[] => {
  const [, , ...words] = line.split(' ').map(Number);
  return kind === 'send-payment' || kind === 'amalgamate' ? words.slice(0, 2) : words.slice(0, 1);
};

describe('workload smallbank', () => {
  it('repeats a seed, and nothing else', async () => {
    const lines = async (seed: number, generator: number): Promise<string> => {
      const share = { ...ALONE, generator, generators: 2 };
      const calls = await firstCalls({ ...SETTING, seed }, 200, share);
      // Ids tell generators apart, not streams.
      return calls.map(({ line }) => line.replace(/^\S+ /, '')).join('\n');
    };
    expect(await lines(1, 0)).to.equal(await lines(1, 0));
    const all = [await lines(1, 0), await lines(1, 1), await lines(2, 0), await lines(2, 1)];
    expect(new Set(all).size).to.equal(4);
    expect(initialBalances(SETTING)).to.deep.equal(initialBalances(SETTING));
    expect(initialBalances({ ...SETTING, seed: 1 })).not.to.deep.equal(initialBalances(SETTING));
  });

  it('begins with 100,000 customers, or 1,000 quickly, each balance uniform from 10,000 to 50,000 cents', () => {
    const balances = initialBalances({ seed: 1, quick: false });
    expect(balances).to.have.lengthOf(100_000);
    expect(loading(SETTING)).to.have.lengthOf(1000);
    for (const account of ['savings', 'checking'] as const) {
      const seen = new Uint32Array(40_001);
      for (const own of balances)
        seen[own[account] - 10_000] = (seen[own[account] - 10_000] ?? 0) + 1;
      const even = Array.from({ length: 40_001 }, () => 1 / 40_001);
      expect(seen).to.have.lengthOf(40_001);
      expect(chiSquareP(seen, even)).above(ALPHA);
    }
  });

  it('mixes kinds as BLOCKBENCH and as BenchBase do', async () => {
    const kinds = [
      'amalgamate',
      'balance',
      'deposit-checking',
      'send-payment',
      'transact-savings',
      'write-check',
    ];
    const blockbench = kinds.map(() => 1 / 6);
    const benchbase = [0.15, 0.15, 0.15, 0.25, 0.15, 0.15];
    for (const hot of ['', '-hotspot']) {
      for (const [name, mix, other] of [
        ['blockbench', blockbench, benchbase],
        ['benchbase', benchbase, blockbench],
      ] as const) {
        const calls = await firstCalls({ ...SETTING, variant: `${name}${hot}` }, DRAWS);
        const seen = kinds.map((kind) => calls.filter((call) => call.kind === kind).length);
        expect(chiSquareP(seen, mix), name).above(ALPHA);
        expect(chiSquareP(seen, other), name).below(ALPHA);
      }
    }
  });

  it('asks for customers evenly, or for 100 of them in nine calls of ten; never twice for one', async () => {
    const seenIn = async (
      variant: string,
    ): Promise<{ first: Uint32Array; second: Uint32Array }> => {
      const first = new Uint32Array(1000);
      const second = new Uint32Array(1000);
      for (const call of await firstCalls({ ...SETTING, variant }, DRAWS)) {
        const [one, two] = customersOf(call);
        if (one !== undefined) first[one] = (first[one] ?? 0) + 1;
        if (two !== undefined) second[two] = (second[two] ?? 0) + 1;
        if (one === two) expect.fail(`${call.line} is about one customer twice`);
      }
      return { first, second };
    };
    const even = Array.from({ length: 1000 }, () => 1 / 1000);
    const hot = Array.from({ length: 1000 }, (_, at) => (at < 100 ? 0.9 / 100 : 0.1 / 900));
    const uniform = await seenIn('blockbench');
    const hotspot = await seenIn('blockbench-hotspot');
    for (const which of ['first', 'second'] as const) {
      expect(chiSquareP(uniform[which], even)).above(ALPHA);
      expect(chiSquareP(hotspot[which], hot)).above(ALPHA);
      expect(chiSquareP(hotspot[which], even)).below(ALPHA);
    }
  });

  it('asks for the amounts of the table, and takes a refusal for what it is', async () => {
    const calls = await firstCalls(SETTING, 2000);
    const shape = (call: OrderedCall): string => {
      const amount = ['balance', 'amalgamate'].includes(call.kind)
        ? ''
        : call.line.split(' ').at(-1);
      return `${call.kind} ${amount} ${call.refusable === true ? 'refusable' : ''}`.trim();
    };
    expect([...new Set(calls.map(shape))].sort()).to.deep.equal([
      'amalgamate',
      'balance',
      'deposit-checking 130',
      'send-payment 500 refusable',
      'transact-savings -2020 refusable',
      'transact-savings 2020 refusable',
      'write-check 500',
    ]);
  });

  it('is right about a real ledger with conflicts, whatever the size of batches', async () => {
    const setting = { ...SETTING, variant: 'benchbase-hotspot' };
    const calls = await firstCalls(setting, 300);
    const states: string[] = [];
    for (const { batch, lanes } of [
      { batch: 7, lanes: 1 },
      { batch: 500, lanes: 1 },
      { batch: 20, lanes: 4 },
    ]) {
      await withLedger({ chaincode: 'smallbank', batch, lanes }, async (connection) => {
        await Promise.all(loading(setting).map((call) => connection.call(call)));
        const applied: Applied[] = [];
        const send = async ({ kind, line, way }: OrderedCall, lane: string): Promise<void> => {
          const { status, code, place } = await connection.call({ kind, line, way, lane });
          if (place === undefined) throw new TypeError('an ordered call has a place');
          applied.push({ kind, line, status, place, ...(code !== undefined && { code }) });
        };
        await Promise.all(calls.map((call) => send(call, lanes === 1 ? 'one' : call.lane)));
        const order = (await connection.order?.(0)) ?? [];
        const verdict = await smallBank.verify?.(setting, null, applied, order, connection);
        expect(verdict?.ok, verdict?.says.join('\n')).to.equal(true);
        if (lanes === 1) states.push(await query(connection, 'balances', '5000', ''));
        else expect(await connection.conflicts?.(0)).to.have.all.keys('MVCC_READ_CONFLICT');
      });
    }
    expect(states).to.have.lengthOf(2);
    expect(states[0]).to.equal(states[1]);
  });
});

describe('the check of smallbank', () => {
  interface Played {
    readonly verdict: Verdict;
    readonly calls: readonly OrderedCall[];
  }

  interface Options {
    readonly mood?: (line: string) => Mood;
    /** What the platform says of the order. */
    readonly told?: (ids: readonly string[]) => readonly string[];
    readonly first?: readonly string[];
    readonly answers?: (applied: Applied[]) => readonly Applied[];
    readonly lost?: readonly OrderedCall[];
  }

  /** Two thousand calls, five a transaction, on a bank with a mood. */
  async function play(options: Options = {}): Promise<Played> {
    const {
      mood,
      told = (ids: readonly string[]) => ids,
      first = [],
      answers = (all: Applied[]) => all,
      lost = [],
    } = options;
    const bank = new MoodyBank(mood);
    for (const call of loading(SETTING)) await bank.call(call);
    const calls = [...first.map(lineCall), ...(await firstCalls(SETTING, 2000))];
    const applied: Applied[] = [];
    for (let at = 0; at < calls.length; at += 5) {
      const some = calls.slice(at, at + 5);
      const receipts = await bank.transaction(some.map(({ line }) => line));
      receipts.forEach(({ status, code, place }, position) => {
        const call = some[position];
        if (call === undefined || place === undefined) throw new TypeError('a receipt too many');
        const { kind, line } = call;
        applied.push({ kind, line, status, place, ...(code !== undefined && { code }) });
      });
    }
    const order = told(await bank.order());
    // In no order: the check has to find it.
    const shuffled = answers(applied).toSorted((a, b) => (a.line < b.line ? 1 : -1));
    const verdict = await smallBank.verify?.(SETTING, null, shuffled, order, bank, lost);
    if (verdict === undefined) throw new TypeError('smallbank has a check');
    return { verdict, calls };
  }

  const lineCall = (line: string): OrderedCall => ({
    kind: line.split(' ')[1] ?? '',
    way: 'ordered',
    line,
    lane: 'one',
  });

  /** Five calls, which are one transaction; a balance is nothing to the bank. */
  const transaction = (id: string, words: string): string[] => [
    `${id} ${words}`,
    ...['a', 'b', 'c', 'd'].map((more) => `${id}${more} balance 999`),
  ];

  it('is content with a bank that does what it says', async () => {
    const { verdict } = await play();
    expect(verdict.says.join('\n')).to.equal(
      '2000 balances were compared with a serial replay of 2000 calls in commit order\n' +
        'the final total was compared with the initial one and the committed changes',
    );
    expect(verdict.ok).to.equal(true);
  });

  it('catches one lost update, and names the account', async () => {
    const { calls } = await play();
    const deposit = calls.findLast(({ kind }) => kind === 'deposit-checking');
    if (deposit === undefined) throw new TypeError('nobody deposits');
    const { verdict } = await play({
      mood: (line) => (line === deposit.line ? 'lose' : undefined),
    });
    expect(verdict.ok).to.equal(false);
    const account = `checking/${String(customersOf(deposit)[0]).padStart(7, '0')}`;
    expect(verdict.says[0]).to.match(
      /^the bank holds \d+ cents: it began with \d+, and -?\d+ were/,
    );
    expect(verdict.says[1]).to.match(
      new RegExp(`^${account} holds \\d+, and a replay of the \\d+ calls`),
    );
  });

  it('catches an update that was done twice', async () => {
    const first = transaction('x', 'deposit-checking 77 130');
    const { verdict } = await play({
      first,
      mood: (line) => (line === first[0] ? 'twice' : undefined),
    });
    expect(verdict.ok).to.equal(false);
    expect(verdict.says.join('\n')).to.match(/checking\/0000077 holds/);
  });

  it('catches two transactions that were done in another order than told', async () => {
    // Whoever is amalgamated first has nothing left to send.
    const first = [
      ...transaction('x', 'amalgamate 77 78'),
      ...transaction('y', 'deposit-checking 77 130'),
    ];
    const right = await play({ first });
    expect(right.verdict.ok).to.equal(true);
    const swapped = (ids: readonly string[]): string[] => {
      const at = loading(SETTING).length;
      return [...ids.slice(0, at), ids[at + 1] ?? '', ids[at] ?? '', ...ids.slice(at + 2)];
    };
    const { verdict } = await play({ first, told: swapped });
    expect(verdict.ok).to.equal(false);
    expect(verdict.says.join('\n')).to.match(/checking\/0000077 holds/);
    expect(verdict.says.join('\n')).not.to.match(/the bank holds/);
  });

  it('catches places in a transaction that were told wrongly', async () => {
    const first = ['x amalgamate 77 78', 'y deposit-checking 77 130'];
    const exchanged = (applied: Applied[]): Applied[] =>
      applied.map((one) => {
        const position = { x: 1, y: 0 }[one.line.slice(0, 2).trim()];
        return position === undefined ? one : { ...one, place: { ...one.place, position } };
      });
    const { verdict } = await play({ first, answers: exchanged });
    expect(verdict.ok).to.equal(false);
    expect(verdict.says.join('\n')).to.match(/checking\/0000077 holds/);
  });

  it('catches answers that the ledger does not bear out', async () => {
    const foreign = await play({ told: (ids) => ids.filter((id) => id !== 't1003') });
    expect(foreign.verdict.ok).to.equal(false);
    expect(foreign.verdict.says.join('\n')).to.match(
      /lie in t1003, which the ledger does not have/,
    );

    const doubled = await play({ answers: (applied) => [...applied, ...applied.slice(7, 8)] });
    expect(doubled.verdict.ok).to.equal(false);
    expect(doubled.verdict.says.join('\n')).to.match(/were told to lie in the same place/);

    const refused = await play({
      first: transaction('x', 'send-payment 77 78 500'),
      answers: (applied) =>
        applied.map((one) =>
          one.line.startsWith('x ')
            ? { ...one, status: 'refused', code: 'INSUFFICIENT_FUNDS' }
            : one,
        ),
    });
    expect(refused.verdict.ok).to.equal(false);
    expect(refused.verdict.says.join('\n')).to.match(
      /"x send-payment 77 78 500" was INSUFFICIENT_FUNDS, and a replay says applied/,
    );
  });

  it('leaves out whoever hangs on calls without an answer, and says so', async () => {
    const lost = 'x send-payment 77 78 500';
    const first = transaction('x', 'send-payment 77 78 500');
    const without = (applied: Applied[]): Applied[] => applied.filter(({ line }) => line !== lost);
    const unaware = await play({ first, answers: without });
    expect(unaware.verdict.ok).to.equal(false);
    const { verdict } = await play({ first, answers: without, lost: [lineCall(lost)] });
    expect(verdict.ok, verdict.says.join('\n')).to.equal(true);
    expect(verdict.says[1]).to.match(/^\d+ customers hang on 1 calls without an answer/);
    // It still finds what is wrong with everybody else.
    const broken = await play({
      first: [...first, ...transaction('z', 'deposit-checking 901 130')],
      answers: without,
      lost: [lineCall(lost)],
      mood: (line) => (line.startsWith('z ') ? 'lose' : undefined),
    });
    expect(broken.verdict.ok).to.equal(false);
    expect(broken.verdict.says[0]).to.match(/checking\/0000901 holds/);
  });
});
