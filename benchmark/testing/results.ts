// Results of runs that were never made, for tests: sound ones, but for what a test says.
import type { Manifest, Percentiles, RunResult } from '../results/result.js';

export const MANIFEST: Manifest = {
  version: 1,
  command: 'npx prms bench run',
  createdAt: '2026-01-02T03:04:05.000Z',
  machine: {
    processor: 'Any',
    cores: 2,
    memoryBytes: 8e9,
    kernel: 'Linux 6',
    filesystem: 'ext4',
    loadBefore: 0.1,
  },
  versions: { prms: '0.1.0', node: '22.0.0' },
  commit: 'abc',
  seed: 1,
  runs: [],
};

const NONE: Percentiles = {
  ...{ count: 0, mean: null, p50: null, p90: null, p99: null, p999: null, max: null, over: [] },
};
const LATENCY: Percentiles = {
  ...{ count: 60_000, mean: 5, p50: 4, p90: 8, p99: 20, p999: null, max: 40, over: [] },
};

type Changed = Partial<Omit<RunResult, 'platform' | 'workload' | 'load' | 'latencyMs'>> & {
  readonly platform?: Partial<RunResult['platform']>;
  readonly workload?: Partial<RunResult['workload']>;
  readonly load?: Partial<RunResult['load']>;
  readonly latencyMs?: Partial<Percentiles>;
};

/** A minute of 1,000 operations a second on the embedded ledger, all committed. */
export function resultWith({ platform, workload, load, latencyMs, ...rest }: Changed): RunResult {
  return {
    version: 1,
    run: '0001-embedded-records-signed-1000',
    command: 'npx prms bench run',
    startedAt: '2026-01-02T03:04:05.000Z',
    platform: {
      name: 'embedded',
      version: '0.1.0',
      built: 'here',
      trust: 'one node',
      switchedOff: [],
      ...{ window: 4000, lanes: 8, batch: 500, ...platform },
    },
    workload: {
      name: 'records',
      variant: 'ledger',
      seed: 1,
      ...{ quick: false, presigned: false, ...workload },
    },
    load: {
      mode: 'open',
      arrivals: 'constant',
      ratePerSecond: 1000,
      durationMs: 60_000,
      ...{ operations: null, clients: null, generators: 1, drainMs: 30_000, ...load },
    },
    valid: true,
    invalidBecause: [],
    overload: false,
    interrupted: false,
    ...{ offered: 60_000, sent: 60_000, succeeded: 60_000, refused: 0 },
    ...{ conflicted: 0, failed: 0, lost: 0 },
    attempts: { '1': 60_000 },
    codes: {},
    operationsPerSecond: 1000,
    transactionsPerSecond: 100,
    ledgerTransactions: 6000,
    latencyMs: { ...LATENCY, ...latencyMs },
    refusedLatencyMs: NONE,
    averageDelayMs: 5,
    lossRate: 0,
    setMs: 60_000,
    stagesMs: {},
    kinds: {},
    latenessMs: NONE,
    generatorCores: 0.1,
    processes: [],
    check: null,
    ...rest,
  };
}
