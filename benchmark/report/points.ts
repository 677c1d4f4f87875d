// What of a results folder is drawn: runs that count, put together by workload, by what they ran on, and by load.
import type { TrustClass } from '../platforms/index.js';
import type { RunResult } from '../results/result.js';
import type { StoredRun } from '../results/read.js';
import { type MedianInterval, medianInterval } from '../stats/interval.js';
import { loadOf } from './format.js';

/** Repeats of one thing. */
export interface Point {
  readonly load: string;
  /** Operations a second, clients or operations. */
  readonly amount: number;
  readonly mode: RunResult['load']['mode'];
  /** One overloaded repeat is enough: this load is not one that holds. */
  readonly overload: boolean;
  readonly runs: readonly StoredRun[];
}

/** One platform with one setting. */
export interface Setup {
  /** Tells it from the others of its group, and always names its trust class. */
  readonly label: string;
  /** The same, but for the batch. */
  readonly labelWithoutBatch: string;
  readonly trust: TrustClass;
  readonly batch: number;
  readonly points: readonly Point[];
}

/** What may share a chart: one workload in one variant. */
export interface Group {
  readonly workload: string;
  readonly variant: string;
  readonly setups: readonly Setup[];
}

/** Neither invalid nor broken off. */
export const counts = ({ result }: StoredRun): boolean => result.valid && !result.interrupted;

export function groupsOf(runs: readonly StoredRun[]): Group[] {
  const counting = runs.filter(counts);
  const groups = by(counting, ({ result: { workload } }) => [workload.name, workload.variant]);
  return groups.map((ofGroup) => {
    const { workload } = first(ofGroup).result;
    const setups = by(ofGroup, ({ result }) => Object.values(traitsOf(result)));
    const telling = tellingTraits(setups.map((ofSetup) => traitsOf(first(ofSetup).result)));
    return {
      workload: workload.name,
      variant: workload.variant,
      setups: setups.map((ofSetup) => setupOf(ofSetup, telling)).sort(byName),
    };
  });
}

/** Middle value of the repeats, and how far it can be trusted. */
export function medianOf(
  { runs }: Point,
  value: (result: RunResult) => number | null,
): MedianInterval | null {
  const values = runs.map(({ result }) => value(result)).filter((one) => one !== null);
  // A percentile that one of the repeats can't tell is not known for the point.
  return values.length < runs.length ? null : medianInterval(values);
}

/** A percentile of latency; null where overload or a call that did not end makes it say nothing. */
export function latencyOf(point: Point, measure: 'p50' | 'p99'): MedianInterval | null {
  if (point.overload) return null;
  return medianOf(point, ({ latencyMs }) =>
    latencyMs.over.includes(measure) ? null : latencyMs[measure],
  );
}

/** Of several repeats the one in the middle by what it committed. */
export function typicalRun({ runs }: Point): StoredRun {
  const sorted = runs.toSorted(
    (a, b) => a.result.operationsPerSecond - b.result.operationsPerSecond,
  );
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? first(runs);
}

/** The highest load of an open or closed loop that held. */
export function highestHeld({ points }: Setup): Point | undefined {
  const held = points.filter(({ mode, overload }) => mode !== 'burst' && !overload);
  return held.filter(({ mode }) => mode === 'open').at(-1) ?? held.at(-1);
}

type Traits = Readonly<Record<string, string>>;

/** Everything that a run was told, but for its load, its seed, and its workload's name. */
function traitsOf({ platform, workload, load }: RunResult): Traits {
  return {
    platform: `${platform.name} (${platform.trust})`,
    version: `version ${platform.version}`,
    batch: `batch ${platform.batch}`,
    window: `window ${platform.window}`,
    lanes: `${platform.lanes} lanes`,
    generators: `${load.generators} generators`,
    signing: workload.presigned ? 'presigned' : 'signed in the run',
    size: workload.quick ? 'quick' : 'full size',
  };
}

/** Names of those that differ; the platform's always. */
function tellingTraits(all: readonly Traits[]): string[] {
  const [one = {}] = all;
  return Object.keys(one).filter(
    (name) => name === 'platform' || new Set(all.map((traits) => traits[name])).size > 1,
  );
}

function setupOf(runs: readonly StoredRun[], telling: readonly string[]): Setup {
  const { result } = first(runs);
  const traits = traitsOf(result);
  const words = (names: readonly string[]): string =>
    names.map((name) => traits[name] ?? '').join(', ');
  return {
    label: words(telling),
    labelWithoutBatch: words(telling.filter((name) => name !== 'batch')),
    trust: result.platform.trust,
    batch: result.platform.batch,
    points: pointsOf(runs),
  };
}

function pointsOf(runs: readonly StoredRun[]): Point[] {
  const points = by(runs, ({ result: { load } }) => [
    load.mode,
    load.arrivals,
    load.ratePerSecond,
    load.durationMs,
    load.operations,
    load.clients,
  ]);
  return points
    .map((repeats) => {
      const { result } = first(repeats);
      const { mode, ratePerSecond, clients, operations } = result.load;
      const amount = ratePerSecond ?? clients ?? operations ?? 0;
      const overload = repeats.some((run) => run.result.overload);
      return { load: loadOf(result), amount, mode, overload, runs: repeats };
    })
    .sort((a, b) => a.amount - b.amount);
}

const byName = (a: Setup, b: Setup): number =>
  a.label.localeCompare(b.label, 'en', { numeric: true });

/** In the order in which each key comes first. */
function by(runs: readonly StoredRun[], keyOf: (run: StoredRun) => unknown): StoredRun[][] {
  const found = new Map<string, StoredRun[]>();
  for (const run of runs) {
    const key = JSON.stringify(keyOf(run));
    const some = found.get(key);
    if (some === undefined) found.set(key, [run]);
    else some.push(run);
  }
  return [...found.values()];
}

function first<T>(some: readonly T[]): T {
  const [one] = some;
  if (one === undefined) throw new RangeError('there is nothing here');
  return one;
}
