import { expect } from 'chai';
import type { RunResult } from '../results/result.js';
import { type Changed, resultWith } from '../testing/changed-result.js';
import { madeManifest } from '../testing/made-results.js';
import { compareResults } from './compare.js';
import { formatComparison } from './format.js';
import type { Side } from './points.js';

const side = (results: readonly RunResult[], seed = 1): Side => ({
  manifest: { ...madeManifest([]), seed },
  runs: results.map((result) => ({ result })),
});
const some = (count: number, p99: number, changed: Changed = {}) =>
  Array.from({ length: count }, (_, at) =>
    resultWith({ ...changed, latencyMs: { p99: p99 + at / 100 } }),
  );

describe('a comparison as text', () => {
  it('reads like this', () => {
    const late = { run: '0007-x', valid: false, invalidBecause: ['late'] };
    const twice = { load: { ratePerSecond: 2000 } };
    const a = side([...some(5, 20), resultWith(late)]);
    const b = side([...some(5, 1222), ...some(1, 20, twice)], 2);
    expect(formatComparison(compareResults(a, b), { a: 'before', b: 'after' })).to.equal(
      `A: before
B: after

Differs between A and B, and may be why:
  seed: 1 → 2

embedded, records (ledger), open loop: constant 1000/s for 10 s, batch 500
  5 repeats against 5
  median                       A            B     change          p   adjusted  verdict
  operations/s             1,000        1,000      0.0 %     1.0000          –  no difference beyond noise
  latency p50, ms          4.000        4.000      0.0 %     1.0000          –  no difference beyond noise
  latency p99, ms          20.02        1,222  +6004.0 %     0.0079     0.0079  worse
  average delay, ms        5.000        5.000      0.0 %     1.0000          –  no difference beyond noise
  loss rate, %             0.000        0.000      0.0 %     1.0000          –  no difference beyond noise

Only in B, not compared:
  embedded, records (ledger), open loop: constant 2000/s for 10 s, batch 500

Left out:
  A 0007-x: invalid: late

Permutation tests between runs, two-sided; 1 of 5 could find something, and p is adjusted over these (Holm).
A difference is shown where the adjusted p is at most 0.05.
`,
    );
  });

  it('says what is overload, what is not compared, and how many repeats it takes', () => {
    const overloaded = some(2, 20, { overload: true, lossRate: 0.25 });
    const text = formatComparison(compareResults(side(some(3, 20)), side(overloaded)), {
      ...{ a: 'x', b: 'y' },
    });
    expect(text).to.include('3 repeats against 2; overload in 0 and 2 of them');
    expect(text).to.include('latency p99, ms: not compared: overload: latency says nothing there');
    expect(text).to.match(/loss rate, % +0.000 +25.000 +– +0.1000 +– {2}too few repeats/);
    expect(text).to.include('4 of each point on each side can (--repeats 4)');
    const nothing = formatComparison(compareResults(side([]), side(overloaded)), {
      ...{ a: 'x', b: 'y' },
    });
    expect(nothing).to.include('nothing was compared');
  });

  it('shows an estimated p as one', () => {
    const comparison = compareResults(side(some(60, 20)), side(some(60, 20.05)));
    const text = formatComparison(comparison, { a: 'x', b: 'y' });
    expect(text).to.match(/latency p99, ms .* ≈ 0\.\d{4}/);
    expect(text).to.include('≈: estimated from random divisions');
  });

  it('lets nothing that a folder says move the cursor', () => {
    const hostile = some(5, 20, { platform: { name: 'x\u001b[2J\r\u202ey' } });
    const text = formatComparison(compareResults(side(hostile), side(hostile)), {
      ...{ a: 'a\u0007', b: 'b\n\n' },
    });
    expect(text.replaceAll('\n', '')).to.not.match(/[\p{Cc}\p{Cf}]/u);
    expect(text).to.include('x\ufffd[2J\ufffd\ufffdy');
  });
});
