import { expect } from 'chai';
import { BenchError } from '../errors.js';
import { type Answer, type Call, CallError, type Connection } from '../platforms/index.js';
import { hashModulo, hashOf } from '../stats/fnv.js';
import { ALPHA, chiSquareP } from '../testing/chi-square.js';
import { query, withLedger } from '../testing/ledger.js';
import type { Applied, Share, Stream, Verdict, WorkloadSetting } from './workload.js';
import { ycsb } from './ycsb.js';
import { keyOf } from './ycsb/records.js';

const SETTING: WorkloadSetting = {
  seed: 5,
  quick: true,
  variant: 'a-query',
  presigned: false,
  channel: 'bench',
  dir: '',
};
const LOADED = 1000;
const ALONE: Share = { generator: 0, generators: 1, calls: 10_000 };
const DRAWS = 20_000;
const APPLIED: Answer = { status: 'applied', attempts: 1 };

const open = async (variant: string, share = ALONE, seed = SETTING.seed): Promise<Stream> =>
  ycsb.open({ ...SETTING, variant, seed }, null, share);

/** @param end how every call ends; undefined: never */
async function take(stream: Stream, count: number, end?: Answer | CallError): Promise<Call[]> {
  const calls: Call[] = [];
  for (let at = 0; at < count; at++) {
    const call = await stream.next();
    calls.push(call);
    if (end !== undefined) await stream.ended?.(call, end);
  }
  return calls;
}

const argumentsOf = (call: Call): readonly string[] =>
  call.way === 'ordered' ? call.line.split(' ').slice(2) : call.args;
const keyAsked = (call: Call): string => argumentsOf(call)[0] ?? '';
const withoutId = (call: Call): string =>
  call.way === 'ordered' ? call.line.replace(/^\S+ /, '') : [call.fn, ...call.args].join(' ');
const loading = (setting: WorkloadSetting): Call[] =>
  [...ycsb.prepare(setting).phases].flatMap((phase) => [...phase]);

function counted<T>(all: readonly T[], cells: readonly T[]): number[] {
  return cells.map((cell) => all.filter((one) => one === cell).length);
}

describe('workload ycsb', () => {
  it('repeats a seed, and nothing else', async () => {
    const lines = async (seed: number, generator: number): Promise<string> => {
      const stream = await open('a-ordered', { ...ALONE, generator, generators: 2 }, seed);
      return (await take(stream, 100)).map(withoutId).join('\n');
    };
    expect(await lines(1, 0)).to.equal(await lines(1, 0));
    const all = [await lines(1, 0), await lines(1, 1), await lines(2, 0), await lines(2, 1)];
    expect(new Set(all).size).to.equal(4);
    expect(loading(SETTING)).to.deep.equal(loading(SETTING));
  });

  it('loads 1,000 records quickly, each with ten fields of 100 random printable bytes, in hashed order', () => {
    const calls = loading(SETTING);
    expect(calls).to.have.lengthOf(LOADED);
    const letters = new Map<string, number>();
    for (const [record, call] of calls.entries()) {
      const [key, ...values] = argumentsOf(call);
      expect(key).to.equal(keyOf(record));
      expect(values).to.have.lengthOf(10);
      for (const value of values) {
        expect(value).to.have.lengthOf(100);
        for (const letter of value) letters.set(letter, (letters.get(letter) ?? 0) + 1);
      }
    }
    expect(letters.size).to.equal(64);
    const even = Array.from({ length: 64 }, () => 1 / 64);
    expect(chiSquareP([...letters.values()], even)).above(ALPHA);
    const sorted = calls.map(keyAsked).toSorted();
    expect(new Set(sorted).size).to.equal(LOADED);
    expect(sorted).not.to.deep.equal(calls.map(keyAsked));
  });

  const MIXES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
    a: { read: 0.5, update: 0.5 },
    b: { read: 0.95, update: 0.05 },
    c: { read: 1 },
    d: { read: 0.95, insert: 0.05 },
    e: { scan: 0.95, insert: 0.05 },
    f: { read: 0.5, 'read-modify-write': 0.5 },
  };
  const KINDS = ['read', 'update', 'insert', 'scan', 'read-modify-write'];

  for (const [name, mix] of Object.entries(MIXES)) {
    it(`${name}: ${Object.entries(mix)
      .map(([kind, share]) => `${share * 100} % ${kind}`)
      .join(', ')}; reads as queries, or all of it ordered`, async () => {
      for (const reads of ['query', 'ordered']) {
        const calls = await take(await open(`${name}-${reads}`), DRAWS, APPLIED);
        const seen = counted(
          calls.map(({ kind }) => kind),
          KINDS,
        );
        const theory = KINDS.map((kind) => mix[kind] ?? 0);
        expect(chiSquareP(seen, theory)).above(ALPHA);
        // It would notice three in a hundred.
        const [first = '', second = 'update'] = Object.keys(mix);
        const other = {
          ...mix,
          [first]: (mix[first] ?? 0) - 0.03,
          [second]: (mix[second] ?? 0) + 0.03,
        };
        expect(
          chiSquareP(
            seen,
            KINDS.map((kind) => other[kind] ?? 0),
          ),
        ).below(ALPHA);
        const asks = calls.filter(({ kind }) => kind === 'read' || kind === 'scan');
        expect(new Set(asks.map(({ way }) => way))).to.deep.equal(new Set([reads]));
        const writes = calls.filter(({ kind }) => kind !== 'read' && kind !== 'scan');
        expect(writes.every(({ way }) => way === 'ordered')).to.equal(true);
      }
    });
  }

  it('has the variants a to f, twice each, a-query first, and no other', async () => {
    const names = Object.keys(ycsb.variants);
    expect(names).to.have.lengthOf(12);
    expect(names[0]).to.equal('a-query');
    const refused = await open('g-query').catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(BenchError).with.property('code', 'USAGE');
  });

  it('a asks by the scrambled zipfian, and updates one field in ten with 100 new bytes', async () => {
    const calls = await take(await open('a-ordered'), DRAWS);
    const asked = counted(calls.map(keyAsked), [keyOf(hashModulo(hashOf(0), LOADED))]);
    // The most popular of YCSB's ranks has 1/26.469; the others add about as much as to any record.
    expect((asked[0] ?? 0) / DRAWS).to.be.closeTo(1 / 26.469, 0.008);
    const updates = calls.filter(({ kind }) => kind === 'update').map(argumentsOf);
    const fields = Array.from({ length: 10 }, (_, at) => String(at));
    const seen = counted(
      updates.map(([, field]) => field),
      fields,
    );
    expect(
      chiSquareP(
        seen,
        fields.map(() => 0.1),
      ),
    ).above(ALPHA);
    expect(new Set(updates.map(([, , value]) => value)).size).to.equal(updates.length);
    expect(updates.every(([, , value]) => value?.length === 100)).to.equal(true);
  });

  it('e scans 1 to 100 records, every length as often, and asks only for records that are there', async () => {
    const calls = await take(await open('e-query'), DRAWS, APPLIED);
    const scans = calls.filter(({ kind }) => kind === 'scan').map(argumentsOf);
    const lengths = Array.from({ length: 100 }, (_, at) => String(at + 1));
    const seen = counted(
      scans.map(([, length]) => length),
      lengths,
    );
    expect(seen.reduce((sum, count) => sum + count, 0)).to.equal(scans.length);
    expect(
      chiSquareP(
        seen,
        lengths.map(() => 0.01),
      ),
    ).above(ALPHA);
    const there = new Set(Array.from({ length: LOADED }, (_, record) => keyOf(record)));
    let inserted = 0;
    for (const call of calls) {
      if (call.kind === 'insert') there.add(keyAsked(call));
      else if (!there.has(keyAsked(call))) expect.fail(`${keyAsked(call)} is not there`);
      else if (!loadedKeys.has(keyAsked(call))) inserted++;
    }
    expect(inserted).above(50);
  });

  const loadedKeys = new Set(Array.from({ length: LOADED }, (_, record) => keyOf(record)));

  it('d asks for the newest most, and only for those that it knows to be there', async () => {
    const stream = await open('d-query');
    const failed = new CallError('FAILED', 'no');
    const refused: Answer = { status: 'refused', code: 'EXISTS', attempts: 1 };
    // Nothing that is not acknowledged is asked for, however long it goes on.
    for (const end of [undefined, failed, refused]) {
      for (const call of await take(stream, 4000, end)) {
        if (call.kind === 'read') expect(loadedKeys.has(keyAsked(call))).to.equal(true);
      }
    }
    // Once it is, the newest is the most popular.
    let newest = '';
    let [reads, ofNewest] = [0, 0];
    for (let at = 0; at < DRAWS; at++) {
      const call = await stream.next();
      await stream.ended?.(call, APPLIED);
      if (call.kind === 'insert') newest = keyAsked(call);
      else if (newest !== '') {
        reads++;
        if (keyAsked(call) === newest) ofNewest++;
      }
    }
    // 1/ζ(n, 0.99), n from 1,000 to 3,000 records.
    expect(ofNewest / reads).within(0.115, 0.135);
  });

  it('inserts what no other generator does, and nothing that was loaded', async () => {
    const generators = 3;
    const keys: string[] = [...loadedKeys];
    for (let generator = 0; generator < generators; generator++) {
      const stream = await open('d-ordered', { ...ALONE, generator, generators });
      const calls = await take(stream, 10_000, APPLIED);
      keys.push(...calls.filter(({ kind }) => kind === 'insert').map(keyAsked));
    }
    expect(keys.length).above(LOADED + 1000);
    expect(new Set(keys).size).to.equal(keys.length);
  });
});

describe('workload ycsb on a real ledger', () => {
  /** Loads, runs calls in one order, and checks. */
  async function run(
    variant: string,
    batch: number,
    then: (connection: Connection, applied: Applied[], order: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const setting = { ...SETTING, variant };
    await withLedger({ chaincode: 'ycsb', batch }, async (connection) => {
      await Promise.all(loading(setting).map((call) => connection.call(call)));
      const stream = await open(variant);
      const applied: Applied[] = [];
      const calls = await take(stream, 150, APPLIED);
      const send = async (call: Call): Promise<void> => {
        const answer = await connection.call(
          call.way === 'ordered' ? { ...call, lane: 'x' } : call,
        );
        expect(answer.status, answer.code).to.equal('applied');
        if (call.way !== 'ordered' || answer.place === undefined) return;
        applied.push({
          kind: call.kind,
          line: call.line,
          status: answer.status,
          place: answer.place,
        });
      };
      await Promise.all(calls.map(send));
      await then(connection, applied, (await connection.order?.(0)) ?? []);
    });
  }

  const check = (
    connection: Connection,
    applied: readonly Applied[],
    order: readonly string[],
    lost: readonly Call[] = [],
  ): Promise<Verdict> | undefined => ycsb.verify?.(SETTING, null, applied, order, connection, lost);

  for (const variant of ['a-query', 'e-ordered', 'f-ordered']) {
    it(`${variant} leaves the same table whatever the size of batches, and the check agrees`, async () => {
      const tables: string[] = [];
      for (const batch of [9, 500]) {
        await run(variant, batch, async (connection, applied, order) => {
          const verdict = await check(connection, applied, order);
          expect(verdict?.ok, verdict?.says.join('\n')).to.equal(true);
          tables.push(await query(connection, 'scan', 'user0', '1000'));
        });
      }
      expect(tables[0]).to.have.length.above(1_000_000);
      expect(tables[0]).to.equal(tables[1]);
    });
  }

  it('is caught when an update is not there, and is told of calls that nobody knows the end of', async () => {
    await run('f-ordered', 500, async (connection, applied, order) => {
      const last = applied.findLast(({ kind }) => kind === 'read-modify-write');
      const [, , key = ''] = last?.line.split(' ') ?? [];
      // The answers say that there was one more than the ledger did.
      const place = { block: 0, transactionId: order.at(-1) ?? '', position: 1_000_000 };
      const line = `z update ${key} 3 ${'!'.repeat(100)}`;
      const more: Applied = { kind: 'update', line, status: 'applied', place };
      const verdict = await check(connection, [...applied, more], order);
      expect(verdict?.ok).to.equal(false);
      expect(verdict?.says[0]).to.match(new RegExp(`^${key} is not what was written last`));
      const lost: Call = { kind: 'update', way: 'ordered', line, lane: key };
      const aware = await check(connection, [...applied, more], order, [lost]);
      expect(aware?.ok, aware?.says.join('\n')).to.equal(true);
      expect(aware?.says.join('\n')).to.match(/1 records were touched by calls without an answer/);
    });
  });

  it('is caught when an insert is not there', async () => {
    await run('a-query', 500, async (connection, applied, order) => {
      const place = { block: 0, transactionId: order.at(-1) ?? '', position: 1_000_000 };
      const line = `z insert ${keyOf(5_000)} ${Array.from({ length: 10 }, () => 'x'.repeat(100)).join(' ')}`;
      const more: Applied = { kind: 'insert', line, status: 'applied', place };
      const verdict = await check(connection, [...applied, more], order);
      expect(verdict?.says[0]).to.match(/it is missing$/);
      expect(verdict?.ok).to.equal(false);
    });
  });
});
