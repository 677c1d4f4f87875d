// What one run leaves behind: `result.json` in a folder of its own, beside `series.csv`, `processes.csv`,
// `histograms.json` and, when asked for, `raw-0.csv.gz` and so on, one a generator. Everything that a report shows is made from these.
import { z } from 'zod';
import type { EncodedLatencies } from '../stats/latencies.js';

/** A percentile is null where fewer than 100 values lie beyond it; `over` names those that a lost or failed call reached: the value is then the time-out, and the truth is more. */
const percentilesSchema = z.strictObject({
  count: z.int().nonnegative(),
  mean: z.number().nullable(),
  p50: z.number().nullable(),
  p90: z.number().nullable(),
  p99: z.number().nullable(),
  p999: z.number().nullable(),
  max: z.number().nullable(),
  over: z.array(z.string()),
});
export type Percentiles = z.infer<typeof percentilesSchema>;

const countsSchema = z.strictObject({
  /** Due by the schedule. */
  offered: z.int().nonnegative(),
  /** Handed to the platform. */
  sent: z.int().nonnegative(),
  succeeded: z.int().nonnegative(),
  /** Refused by a rule, durably, as the workload meant it. */
  refused: z.int().nonnegative(),
  /** Given up after the last retry: others had changed what was read. */
  conflicted: z.int().nonnegative(),
  failed: z.int().nonnegative(),
  /** Not answered when the drain ended, or never sent. */
  lost: z.int().nonnegative(),
});
export type Counts = z.infer<typeof countsSchema>;

const processSchema = z.strictObject({
  name: z.string(),
  pid: z.int(),
  /** Processor seconds a second, over the measured part. */
  cores: z.number(),
  maxResidentBytes: z.number(),
  readBytes: z.number(),
  writtenBytes: z.number(),
});
export type ProcessUse = z.infer<typeof processSchema>;

export const resultSchema = z.strictObject({
  version: z.literal(1),
  /** The run's folder name. */
  run: z.string(),
  /** What makes it again. */
  command: z.string(),
  startedAt: z.iso.datetime(),
  platform: z.strictObject({
    name: z.string(),
    version: z.string(),
    built: z.string(),
    trust: z.enum(['none', 'one node', 'crash-tolerant', 'byzantine', 'proof of work']),
    switchedOff: z.array(z.string()),
    window: z.int(),
    lanes: z.int(),
    batch: z.int(),
  }),
  workload: z.strictObject({
    name: z.string(),
    variant: z.string(),
    seed: z.int(),
    quick: z.boolean(),
    presigned: z.boolean(),
  }),
  load: z.strictObject({
    mode: z.enum(['open', 'closed', 'burst']),
    arrivals: z.enum(['constant', 'poisson']).nullable(),
    /** Open loop: operations due a second. */
    ratePerSecond: z.number().nullable(),
    /** Of the schedule; null where a fixed number of operations was offered. */
    durationMs: z.number().nullable(),
    operations: z.int().nullable(),
    /** Closed loop: calls that are always under way. */
    clients: z.int().nullable(),
    generators: z.int(),
    drainMs: z.number(),
  }),
  /** False when the generator missed its schedule or the workload's own check failed: no figure below counts. */
  valid: z.boolean(),
  invalidBecause: z.array(z.string()),
  /** Less than 99 % of what was offered committed, or the backlog grew: latency says nothing, goodput and loss do. */
  overload: z.boolean(),
  /** Stopped by hand before its end. */
  interrupted: z.boolean(),
  ...countsSchema.shape,
  /** How many calls ended after so many tries. */
  attempts: z.record(z.string(), z.int()),
  /** Why calls were refused, failed or conflicted, by code. */
  codes: z.record(z.string(), z.int()),
  /** Successes only, from the first intended start to the last commit. */
  operationsPerSecond: z.number(),
  transactionsPerSecond: z.number(),
  ledgerTransactions: z.int(),
  /** From the intended start to the durable commit, successes; failed and lost ones beyond the time-out. */
  latencyMs: percentilesSchema,
  refusedLatencyMs: percentilesSchema,
  /** Mean of commit − intended start over committed operations; stands beside `lossRate`. */
  averageDelayMs: z.number().nullable(),
  lossRate: z.number(),
  /** System execution time: last commit − first intended start. */
  setMs: z.number().nullable(),
  stagesMs: z.record(z.string(), percentilesSchema),
  kinds: z.record(
    z.string(),
    z.strictObject({ ...countsSchema.shape, latencyMs: percentilesSchema }),
  ),
  /** How late the generator noticed that a call was due. */
  latenessMs: percentilesSchema,
  /** Processor seconds a second of the generators' threads, all together. */
  generatorCores: z.number(),
  processes: z.array(processSchema),
  /** Sent over all of the machine's network interfaces during the run, loopback included: the kernel doesn't count it by process. */
  networkBytes: z.number().nullable(),
  check: z.strictObject({ ok: z.boolean(), says: z.array(z.string()) }).nullable(),
});
export type RunResult = z.infer<typeof resultSchema>;

/** One second of a run. */
export interface SeriesRow {
  /** Since the first intended start. */
  readonly second: number;
  readonly offered: number;
  readonly succeeded: number;
  readonly refused: number;
  readonly failed: number;
  /** Due and not yet answered, at the second's end. */
  readonly backlog: number;
  /** Of calls that ended in this second; null when there were none. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

/** One process in one second. */
export interface ProcessRow {
  readonly second: number;
  readonly name: string;
  readonly pid: number;
  readonly cores: number;
  readonly residentBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** HDR histograms of one run, for charts of distributions and for adding runs up. */
export interface StoredHistograms {
  readonly latency: EncodedLatencies;
  readonly refused: EncodedLatencies;
  readonly lateness: EncodedLatencies;
  readonly kinds: Readonly<Record<string, EncodedLatencies>>;
}

export const manifestSchema = z.strictObject({
  version: z.literal(1),
  command: z.string(),
  createdAt: z.iso.datetime(),
  machine: z.strictObject({
    processor: z.string(),
    cores: z.int(),
    memoryBytes: z.number(),
    kernel: z.string(),
    filesystem: z.string(),
    /** Load average of the last minute before the first run. */
    loadBefore: z.number(),
  }),
  versions: z.record(z.string(), z.string()),
  /** Of the source tree; `+` behind it: with changes of its own. Null where there is no repository. */
  commit: z.string().nullable(),
  seed: z.int(),
  /** Runs in the order they were made. */
  runs: z.array(z.string()),
});
export type Manifest = z.infer<typeof manifestSchema>;
