// One made result, but for what a test changes of it.
import type { Percentiles, RunResult } from '../results/result.js';
import { madeRun } from './made-results.js';

const { result: MADE } = madeRun({
  at: 1,
  platform: { name: 'embedded', trust: 'one node', capacity: 2000 },
  load: { mode: 'open', ratePerSecond: 1000 },
});

export type Changed = Partial<Omit<RunResult, 'platform' | 'workload' | 'load' | 'latencyMs'>> & {
  readonly platform?: Partial<RunResult['platform']>;
  readonly workload?: Partial<RunResult['workload']>;
  readonly load?: Partial<RunResult['load']>;
  readonly latencyMs?: Partial<Percentiles>;
};

/** Ten seconds of 1,000 operations a second on the embedded ledger, all committed, in round figures. */
export function resultWith({ platform, workload, load, latencyMs, ...rest }: Changed): RunResult {
  return {
    ...MADE,
    ...{ operationsPerSecond: 1000, averageDelayMs: 5, lossRate: 0, ...rest },
    platform: { ...MADE.platform, ...platform },
    workload: { ...MADE.workload, ...workload },
    load: { ...MADE.load, ...load },
    latencyMs: { ...MADE.latencyMs, p50: 4, p99: 20, ...latencyMs },
  };
}
