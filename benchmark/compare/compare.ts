// Two results folders: what changed beyond noise. The run is the unit: each metric of each point is a permutation test
// between the repeats of the one side and of the other, and all tests together are corrected by Holm's procedure.
import { holm } from '../stats/holm.js';
import { medianOf } from '../stats/interval.js';
import { leastPossibleP, permutationTest, type PermutationTest } from '../stats/permutation.js';
import { type Difference, differencesOf, runDifferences } from './differences.js';
import { type Metric, type MetricName, METRICS } from './metrics.js';
import { type LeftOut, type Repeats, repeatsOf, type Side } from './points.js';

/** One false alarm in twenty comparisons, however many tests each of them makes. */
export const ALPHA = 0.05;

export type Verdict = 'better' | 'worse' | 'no difference beyond noise' | 'too few repeats';

export interface Change {
  readonly metric: MetricName;
  /** Medians over the repeats; `over`: beyond the time-out. */
  readonly a: number | 'over';
  readonly b: number | 'over';
  /** (b − a) / a; null where that is no number. */
  readonly relative: number | null;
  /** Of this test alone. */
  readonly p: number;
  /** Null: p is exact. A number: it is estimated from so many divisions drawn at random. */
  readonly drawn: number | null;
  /** Holm's, over all tests of the comparison that could find anything; null for one that couldn't. */
  readonly adjustedP: number | null;
  readonly verdict: Verdict;
}

export interface NotCompared {
  readonly metric: MetricName;
  readonly because: string;
}

export interface PointComparison {
  readonly point: string;
  /** Runs that count, of each side. */
  readonly repeats: { readonly a: number; readonly b: number };
  readonly overload: { readonly a: number; readonly b: number };
  readonly changes: readonly Change[];
  readonly notCompared: readonly NotCompared[];
  readonly differences: readonly Difference[];
}

export interface Comparison {
  readonly alpha: number;
  /** Tests that could find anything, over which p is adjusted. */
  readonly tests: number;
  /** So many repeats of every point on each side let the least of the adjusted p-values fall under alpha. */
  readonly repeatsNeeded: number;
  readonly points: readonly PointComparison[];
  readonly onlyIn: { readonly a: readonly string[]; readonly b: readonly string[] };
  readonly leftOut: readonly LeftOut[];
  readonly differences: readonly Difference[];
}

export function compareResults(a: Side, b: Side): Comparison {
  const [ofA, leftOutOfA] = repeatsOf('a', a);
  const [ofB, leftOutOfB] = repeatsOf('b', b);
  const pairs = pairsOf(ofA, ofB);
  const tests = pairs.flatMap(testsOf);
  const verdicts = judge(tests);
  const family = tests.filter(couldFind).length;
  return {
    alpha: ALPHA,
    tests: family,
    repeatsNeeded: repeatsNeeded(Math.max(1, tests.filter(({ test }) => test.leastP < 1).length)),
    points: pairs.map((pair) => comparisonOf(pair, tests, verdicts)),
    onlyIn: { a: onlyIn(ofA, ofB), b: onlyIn(ofB, ofA) },
    leftOut: [...leftOutOfA, ...leftOutOfB],
    differences: differencesOf(a.manifest, b.manifest),
  };
}

interface Pair {
  readonly point: string;
  readonly a: Repeats['runs'];
  readonly b: Repeats['runs'];
}

function pairsOf(a: readonly Repeats[], b: readonly Repeats[]): Pair[] {
  const others = new Map(b.map(({ point, runs }) => [point, runs]));
  return a.flatMap(({ point, runs }) => {
    const other = others.get(point);
    return other === undefined ? [] : [{ point, a: runs, b: other }];
  });
}

function onlyIn(own: readonly Repeats[], others: readonly Repeats[]): string[] {
  const there = new Set(others.map(({ point }) => point));
  return own.map(({ point }) => point).filter((point) => !there.has(point));
}

interface Test {
  readonly pair: Pair;
  readonly metric: Metric;
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly test: PermutationTest;
}

function testsOf(pair: Pair): Test[] {
  return METRICS.flatMap((metric) => {
    if (whyNot(pair, metric) !== undefined) return [];
    const a = valuesOf(pair.a, metric);
    const b = valuesOf(pair.b, metric);
    return [{ pair, metric, a, b, test: permutationTest(a, b) }];
  });
}

const valuesOf = (runs: Repeats['runs'], metric: Metric): number[] =>
  runs.map(metric.of).filter((value) => value !== null);

function whyNot({ a, b }: Pair, metric: Metric): string | undefined {
  const runs = [...a, ...b];
  if (metric.latency && runs.some(({ overload }) => overload)) {
    return 'overload: latency says nothing there';
  }
  if (runs.some((run) => metric.of(run) === null)) return 'a run is too short to say it';
  return undefined;
}

/**
 * A test that can't reach alpha by itself, whatever had come out, takes no part in the correction: that it can't is known
 * from sizes and ties, before anybody looks which side is the greater (Tarone 1990).
 */
const couldFind = ({ test }: Test): boolean => test.leastP <= ALPHA;

/** By test: its adjusted p, and what that means. */
function judge(tests: readonly Test[]): Map<Test, Pick<Change, 'adjustedP' | 'verdict'>> {
  const family = tests.filter(couldFind);
  const ps = family.map(({ test }) => test.p);
  const adjusted = holm(ps);
  const verdicts = new Map<Test, Pick<Change, 'adjustedP' | 'verdict'>>();
  for (const one of tests) verdicts.set(one, { adjustedP: null, verdict: verdictAlone(one) });
  family.forEach((one, at) => {
    const adjustedP = adjusted[at] ?? 1;
    if (adjustedP <= ALPHA) {
      verdicts.set(one, { adjustedP, verdict: directionOf(one) });
      return;
    }
    // Would it have been seen, had it come out as far apart as it can, and all others as they did?
    const best = holm(ps.with(at, one.test.leastP))[at] ?? 1;
    const verdict = best <= ALPHA ? 'no difference beyond noise' : 'too few repeats';
    verdicts.set(one, { adjustedP, verdict });
  });
  return verdicts;
}

/** Of a test that could find nothing: because there are too few runs, or because all of many say the same. */
function verdictAlone({ test }: Test): Verdict {
  return test.leastPOfSizes <= ALPHA ? 'no difference beyond noise' : 'too few repeats';
}

function directionOf({ metric, test }: Test): Verdict {
  return test.direction > 0 === (metric.better === 'more') ? 'better' : 'worse';
}

function comparisonOf(
  pair: Pair,
  tests: readonly Test[],
  verdicts: ReturnType<typeof judge>,
): PointComparison {
  const overloads = (runs: Repeats['runs']): number =>
    runs.filter(({ overload }) => overload).length;
  const changes = tests
    .filter((one) => one.pair === pair)
    .map((one) => changeOf(one, verdicts.get(one)));
  return {
    point: pair.point,
    repeats: { a: pair.a.length, b: pair.b.length },
    overload: { a: overloads(pair.a), b: overloads(pair.b) },
    changes,
    notCompared: METRICS.flatMap((metric) => {
      const because = whyNot(pair, metric);
      return because === undefined ? [] : [{ metric: metric.name, because }];
    }),
    differences: runDifferences(pair.a, pair.b),
  };
}

function changeOf(
  { metric, a, b, test }: Test,
  judged: Pick<Change, 'adjustedP' | 'verdict'> = { adjustedP: null, verdict: 'too few repeats' },
): Change {
  const [before, after] = [middle(a), middle(b)];
  return {
    metric: metric.name,
    a: before === Infinity ? 'over' : before,
    b: after === Infinity ? 'over' : after,
    relative: relativeChange(before, after),
    p: test.p,
    drawn: test.drawn,
    ...judged,
  };
}

const middle = (values: readonly number[]): number => medianOf(values.toSorted((x, y) => x - y));

function relativeChange(before: number, after: number): number | null {
  if (before === after) return 0;
  const change = (after - before) / before;
  return Number.isFinite(change) ? change : null;
}

/** The least n with m · 2 / C(2n, n) ≤ α. */
function repeatsNeeded(tests: number): number {
  let repeats = 1;
  while (tests * leastPossibleP(repeats, repeats) > ALPHA) repeats++;
  return repeats;
}
