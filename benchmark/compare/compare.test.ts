import { expect } from 'chai';
import type { RunResult } from '../results/result.js';
import { randomOf } from '../stats/random.js';
import { type Changed, resultWith } from '../testing/changed-result.js';
import { madeManifest } from '../testing/made-results.js';
import { type Change, type Comparison, compareResults } from './compare.js';
import type { MetricName } from './metrics.js';
import type { Side } from './points.js';

const MANIFEST = madeManifest([]);
const sideOf = (results: readonly RunResult[], manifest = MANIFEST): Side => ({
  manifest,
  runs: results.map((result) => ({ result })),
});

/** Repeats of a point whose latencies are some of their own, no two the same, `times` as long. */
function repeats(count: number, seed: number, times = 1, changed: Changed = {}): RunResult[] {
  const random = randomOf(seed);
  const some = (about: number): number => about * times * (1 + 0.04 * random());
  return Array.from({ length: count }, () =>
    resultWith({
      operationsPerSecond: 1000 * (1 - 1e-6 * random()),
      averageDelayMs: some(5),
      ...changed,
      latencyMs: { p50: some(4), p99: some(20), ...changed.latencyMs },
    }),
  );
}

function verdictsOf({ points }: Comparison): Partial<Record<MetricName, Change['verdict']>> {
  const changes = points.flatMap((point) => point.changes);
  return Object.fromEntries(changes.map(({ metric, verdict }) => [metric, verdict]));
}

const changeOf = ({ points }: Comparison, metric: MetricName): Change => {
  const found = points[0]?.changes.find((change) => change.metric === metric);
  if (found === undefined) throw new Error(`${metric} was not compared`);
  return found;
};

const NOTHING = 'no difference beyond noise';

describe('comparing two results', () => {
  it('the same runs, and others of the same kind: nothing beyond noise', () => {
    const same = compareResults(sideOf(repeats(10, 1)), sideOf(repeats(10, 1)));
    const others = compareResults(sideOf(repeats(10, 1)), sideOf(repeats(10, 2)));
    for (const comparison of [same, others]) {
      expect(comparison.points).to.have.length(1);
      expect(verdictsOf(comparison)).to.deep.equal({
        operationsPerSecond: NOTHING,
        latencyP50Ms: NOTHING,
        latencyP99Ms: NOTHING,
        averageDelayMs: NOTHING,
        lossRate: NOTHING,
      });
    }
    expect(changeOf(same, 'latencyP99Ms')).to.include({ relative: 0, p: 1, adjustedP: 1 });
    // All are 0: such a test could find nothing, and makes the others no harder.
    expect(changeOf(same, 'lossRate')).to.include({ a: 0, b: 0, adjustedP: null });
    expect(same.tests).to.equal(4);
  });

  it('finds what has become a tenth slower, tells faster from slower, and by how much', () => {
    const [slow, fast] = [sideOf(repeats(10, 1, 1.1)), sideOf(repeats(10, 2))];
    const worse = compareResults(fast, slow);
    expect(verdictsOf(worse)).to.deep.equal({
      operationsPerSecond: NOTHING,
      latencyP50Ms: 'worse',
      latencyP99Ms: 'worse',
      averageDelayMs: 'worse',
      lossRate: NOTHING,
    });
    expect(verdictsOf(compareResults(slow, fast)).latencyP99Ms).to.equal('better');
    const { a, b, relative, p, drawn } = changeOf(worse, 'latencyP99Ms');
    expect(p).to.be.closeTo(2 / 184_756, 1e-15);
    expect(drawn).to.equal(null);
    expect(relative).to.be.closeTo(0.1, 0.03);
    expect([a, b].every((value) => typeof value === 'number')).to.equal(true);
    expect(relative).to.be.closeTo((Number(b) - Number(a)) / Number(a), 1e-12);
  });

  it('more operations a second are better, more losses worse', () => {
    const more = (operationsPerSecond: number, lossRate: number): RunResult[] =>
      Array.from({ length: 8 }, (_, at) =>
        resultWith({ operationsPerSecond: operationsPerSecond + at, lossRate }),
      );
    const comparison = compareResults(sideOf(more(900, 0)), sideOf(more(990, 0.002)));
    expect(verdictsOf(comparison)).to.include({ operationsPerSecond: 'better', lossRate: 'worse' });
    expect(changeOf(comparison, 'lossRate')).to.include({ relative: null });
  });

  it('says that there are too few repeats where no outcome could have shown anything, and how many would do', () => {
    const three = compareResults(sideOf(repeats(3, 1)), sideOf(repeats(3, 2, 9)));
    expect(new Set(Object.values(verdictsOf(three)))).to.deep.equal(new Set(['too few repeats']));
    expect(changeOf(three, 'latencyP99Ms').p).to.be.closeTo(0.1, 1e-12);
    expect(three.tests).to.equal(0);
    // Four tests that can find something: 4 · 2 / C(2n, n) is 0.114 for four, 0.032 for five.
    expect(three.repeatsNeeded).to.equal(5);
    const five = compareResults(sideOf(repeats(5, 1)), sideOf(repeats(5, 2, 9)));
    expect(changeOf(five, 'latencyP99Ms').verdict).to.equal('worse');
    expect(changeOf(five, 'lossRate').verdict).to.equal(NOTHING);
    const one = compareResults(sideOf(repeats(1, 1)), sideOf(repeats(1, 2, 9)));
    expect(changeOf(one, 'latencyP50Ms')).to.include({ p: 1, verdict: 'too few repeats' });
  });

  it('corrects for how many tests there are: what one point shows, is not shown among thirty', () => {
    // The least p of six and six is 2 / 924: of four tests it is shown, of 120 it can't be.
    const rates = Array.from({ length: 30 }, (_, at) => 100 * (at + 1));
    const runsAt = (seed: number, times: number) => (ratePerSecond: number) =>
      repeats(6, seed + ratePerSecond, times, { load: { ratePerSecond } });
    const alone = compareResults(
      sideOf([100].flatMap(runsAt(1, 1))),
      sideOf([100].flatMap(runsAt(2, 1.5))),
    );
    const among = compareResults(
      sideOf(rates.flatMap(runsAt(1, 1))),
      sideOf(rates.flatMap((rate) => runsAt(2, rate === 100 ? 1.5 : 1)(rate))),
    );
    const [before, after] = [alone, among].map((one) => changeOf(one, 'latencyP99Ms'));
    expect(before?.p).to.equal(after?.p);
    expect(before).to.include({ verdict: 'worse' });
    expect(before?.adjustedP).to.be.closeTo((4 * 2) / 924, 0.003);
    expect(among.tests).to.equal(120);
    expect(after).to.include({ verdict: 'too few repeats' });
    expect(after?.adjustedP).to.be.closeTo((120 * 2) / 924, 1e-12);
    // 120 · 2 / C(16, 8) is 0.019, and for seven 0.07.
    expect(among.repeatsNeeded).to.equal(8);
  });

  it('a change that all tests show together needs no more repeats than a change that one shows', () => {
    const rates = [100, 200, 300];
    const runsAt = (times: number, seed: number) =>
      rates.flatMap((ratePerSecond) => repeats(8, seed, times, { load: { ratePerSecond } }));
    const comparison = compareResults(sideOf(runsAt(1, 1)), sideOf(runsAt(2, 2)));
    for (const { changes } of comparison.points) {
      expect(changes.filter(({ verdict }) => verdict === 'worse')).to.have.length(3);
    }
  });

  it('lists what is only in one of them, and pairs up nothing that was asked otherwise', () => {
    const one = resultWith({});
    const others: Changed[] = [
      { platform: { name: 'null' } },
      { platform: { batch: 100 } },
      { workload: { name: 'ycsb-a' } },
      { workload: { variant: 'full-path' } },
      { workload: { presigned: true } },
      { workload: { quick: true } },
      { load: { ratePerSecond: 2000 } },
      { load: { durationMs: 60_000 } },
      { load: { arrivals: 'poisson' } },
      { load: { mode: 'closed', ratePerSecond: null, clients: 4 } },
      { load: { mode: 'burst', ratePerSecond: null, durationMs: null, operations: 100 } },
    ];
    for (const other of others) {
      const { points, onlyIn } = compareResults(sideOf([one]), sideOf([resultWith(other)]));
      expect(points).to.deep.equal([]);
      expect(onlyIn.a).to.deep.equal([
        'embedded, records (ledger), open loop: constant 1000/s for 10 s, batch 500',
      ]);
      expect(onlyIn.b).to.have.length(1);
    }
    const all = compareResults(
      sideOf([one, ...others.map(resultWith)]),
      sideOf(others.map(resultWith)),
    );
    expect(all.points).to.have.length(others.length);
    expect(all.onlyIn).to.deep.include({ b: [] });
    const rates = [2000, 500, 10_000, 1000].map((ratePerSecond) => ({ load: { ratePerSecond } }));
    const side = sideOf(rates.map(resultWith));
    const order = compareResults(side, side).points.map(({ point }) => /(\d+)\/s/.exec(point)?.[1]);
    expect(order).to.deep.equal(['500', '1000', '2000', '10000']);
    expect(all.onlyIn.a).to.have.length(1);
  });

  it('leaves out runs that are invalid or were interrupted, and says so', () => {
    const invalid = resultWith({ run: 'x', valid: false, invalidBecause: ['it was late', 'so'] });
    const interrupted = resultWith({ run: 'y', interrupted: true });
    const comparison = compareResults(
      sideOf([...repeats(6, 1), invalid]),
      sideOf([interrupted, ...repeats(6, 2)]),
    );
    expect(comparison.points[0]?.repeats).to.deep.equal({ a: 6, b: 6 });
    expect(comparison.leftOut).to.deep.equal([
      { side: 'a', run: 'x', because: 'invalid: it was late; so' },
      { side: 'b', run: 'y', because: 'interrupted' },
    ]);
    const none = compareResults(sideOf([invalid]), sideOf(repeats(6, 2)));
    expect(none.points).to.deep.equal([]);
    expect(none.onlyIn.b).to.have.length(1);
  });

  it('compares no latency in overload, nor one that a run is too short to tell', () => {
    const overloaded = repeats(6, 1, 5, { overload: true, lossRate: 0.2 });
    const { points } = compareResults(sideOf(repeats(6, 2)), sideOf(overloaded));
    expect(points[0]?.overload).to.deep.equal({ a: 0, b: 6 });
    const compared = points[0]?.changes.map(({ metric }) => metric);
    expect(compared).to.deep.equal(['operationsPerSecond', 'lossRate']);
    const not = points[0]?.notCompared;
    expect(not?.map(({ metric }) => metric)).to.deep.equal([
      ...['latencyP50Ms', 'latencyP99Ms', 'averageDelayMs'],
    ]);
    const short = repeats(6, 3, 1, { latencyMs: { p99: null } });
    const without = compareResults(sideOf(short), sideOf(repeats(6, 2)));
    expect(without.points[0]?.notCompared).to.deep.equal([
      { metric: 'latencyP99Ms', because: 'a run is too short to say it' },
    ]);
  });

  it('a percentile beyond the time-out is greater than any that ended, however late', () => {
    const late = repeats(6, 1, 1, { latencyMs: { p99: 45_000 } });
    const over = repeats(6, 2, 1, { latencyMs: { p99: 30_000, over: ['p99', 'max'] } });
    const change = changeOf(compareResults(sideOf(late), sideOf(over)), 'latencyP99Ms');
    expect(change).to.include({ a: 45_000, b: 'over', relative: null, verdict: 'worse' });
  });

  it('says what else differs: machine, versions, tree and seeds, and how a point was run', () => {
    const machine = { ...MANIFEST.machine, kernel: 'Linux 7', loadBefore: 2 };
    const versions = { prms: '0.1.0', node: '24.0.0', openssl: '3' };
    const other = { ...MANIFEST, machine, versions, commit: null, seed: 2, createdAt: 'later' };
    const elsewhere = repeats(2, 2, 1, {
      platform: { version: '1.1.0', switchedOff: ['fsync'] },
      load: { generators: 2 },
      workload: { seed: 2 },
    });
    const { differences, points } = compareResults(sideOf(repeats(2, 1)), sideOf(elsewhere, other));
    expect(differences).to.deep.equal([
      { what: 'kernel', a: 'Linux 6.1.0', b: 'Linux 7' },
      { what: 'node', a: '20.19.0', b: '24.0.0' },
      { what: 'commit', a: MANIFEST.commit, b: 'unknown' },
      { what: 'seed', a: '1', b: '2' },
      { what: 'openssl', a: 'none', b: '3' },
    ]);
    expect(points[0]?.differences).to.deep.equal([
      { what: 'platform version', a: '1.0.0', b: '1.1.0' },
      { what: 'switched off', a: 'TLS', b: 'fsync' },
      { what: 'generators', a: '1', b: '2' },
      { what: 'workload seed', a: '1', b: '2' },
    ]);
  });
});
