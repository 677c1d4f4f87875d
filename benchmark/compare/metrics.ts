// The figures of a run that are compared, and which way of each is the better one.
import type { RunResult } from '../results/result.js';

export type MetricName =
  'operationsPerSecond' | 'latencyP50Ms' | 'latencyP99Ms' | 'averageDelayMs' | 'lossRate';

export interface Metric {
  readonly name: MetricName;
  readonly better: 'more' | 'less';
  /** Says nothing in overload, where it grows for as long as the run lasts. */
  readonly latency: boolean;
  /** Infinity: beyond the time-out. Null: the run was too short to say. */
  readonly of: (result: RunResult) => number | null;
}

export const METRICS: readonly Metric[] = [
  {
    name: 'operationsPerSecond',
    better: 'more',
    latency: false,
    of: (result) => result.operationsPerSecond,
  },
  { name: 'latencyP50Ms', better: 'less', latency: true, of: percentile('p50') },
  { name: 'latencyP99Ms', better: 'less', latency: true, of: percentile('p99') },
  { name: 'averageDelayMs', better: 'less', latency: true, of: (result) => result.averageDelayMs },
  { name: 'lossRate', better: 'less', latency: false, of: (result) => result.lossRate },
];

function percentile(name: 'p50' | 'p99'): Metric['of'] {
  return ({ latencyMs }) => (latencyMs.over.includes(name) ? Infinity : latencyMs[name]);
}
