// Results that nobody measured: made from a few numbers, the same each time, to try what reads results.
import type { TrustClass } from '../platforms/index.js';
import type { Manifest, Percentiles, ProcessRow, RunResult, SeriesRow } from '../results/result.js';
import { createResults, type RunFiles, writeManifest, writeRun } from '../results/write.js';
import { Latencies } from '../stats/latencies.js';
import { type Random, randomOf } from '../stats/random.js';

export interface MadePlatform {
  readonly name: string;
  readonly trust: TrustClass;
  /** Operations that it commits a second at most. */
  readonly capacity: number;
}

export interface MadeRun {
  /** Its number in the folder, from 1. */
  readonly at: number;
  readonly platform: MadePlatform;
  readonly workload?: string;
  readonly variant?: string;
  readonly batch?: number;
  readonly load:
    | { readonly mode: 'open'; readonly ratePerSecond: number }
    | { readonly mode: 'closed'; readonly clients: number }
    | { readonly mode: 'burst'; readonly operations: number };
  /** A second in which nothing ends. */
  readonly stallAt?: number;
  readonly invalidBecause?: readonly string[];
  readonly interrupted?: boolean;
}

const SECONDS = 10;
const DRAIN_MS = 30_000;
/** Of what a platform answers, so much is refused by design. */
const REFUSED_SHARE = 0.05;
const FLOOR_MS = 4;
const OPERATIONS_A_TRANSACTION = 20;

/** A folder with these runs. */
export async function makeResults(dir: string, runs: readonly MadeRun[]): Promise<void> {
  await createResults(dir, madeManifest([]));
  const names: string[] = [];
  for (const run of runs) {
    const files = madeRun(run);
    await writeRun(dir, files);
    names.push(files.result.run);
  }
  await writeManifest(dir, madeManifest(names));
}

export function madeManifest(runs: string[]): Manifest {
  return {
    version: 1,
    command: 'npx prms bench run --rate 100,2000 --repeats 3',
    createdAt: '2026-01-02T03:04:05.000Z',
    machine: {
      processor: 'Made Processor 2.0 GHz',
      cores: 2,
      memoryBytes: 8 * 2 ** 30,
      kernel: 'Linux 6.1.0',
      filesystem: 'ext4',
      loadBefore: 0.12,
    },
    versions: { prms: '0.1.0', node: '20.19.0' },
    commit: '0123456789abcdef0123456789abcdef01234567',
    seed: 1,
    runs,
  };
}

/** One run as the harness would keep it. */
export function madeRun(run: MadeRun): RunFiles {
  const made = countsOf(run);
  const latencies = latenciesOf(run, made);
  const { all, refused, lateness, kind } = latencies;
  const { counts, ranMs } = made;
  const transactions = counts.sent / Math.min(OPERATIONS_A_TRANSACTION, run.batch ?? 500);
  const result: RunResult = {
    ...identityOf(run),
    valid: run.invalidBecause === undefined,
    invalidBecause: [...(run.invalidBecause ?? [])],
    overload: run.load.mode === 'open' && counts.lost > 0.01 * counts.offered,
    interrupted: run.interrupted ?? false,
    ...counts,
    attempts: { '1': counts.sent },
    codes: { NO_CARE: counts.refused },
    operationsPerSecond: (counts.succeeded / ranMs) * 1000,
    transactionsPerSecond: (transactions / ranMs) * 1000,
    ledgerTransactions: Math.round(transactions),
    latencyMs: all.percentiles(DRAIN_MS),
    refusedLatencyMs: refused.percentiles(DRAIN_MS),
    averageDelayMs: run.load.mode === 'burst' ? ranMs / 2 : all.meanMs,
    lossRate: counts.lost / counts.offered,
    setMs: ranMs,
    stagesMs: stagesOf(latencies),
    kinds: {
      'access:request': { ...counts, succeeded: kind.count, latencyMs: kind.percentiles(DRAIN_MS) },
    },
    latenessMs: lateness.percentiles(DRAIN_MS),
    generatorCores: 0.02 + counts.offered / SECONDS / 60_000,
    networkBytes: 1_234_567,
    processes: processRows(made.busy, SECONDS - 1).map(({ name, pid, cores, residentBytes }) => ({
      name,
      pid,
      cores,
      maxResidentBytes: residentBytes,
      readBytes: 0,
      writtenBytes: 2 ** 20,
    })),
    check: { ok: true, says: ['every balance is what a serial replay gives'] },
  };
  return {
    result,
    series: seriesOf(run, made),
    processes: Array.from({ length: SECONDS }, (_, at) => processRows(made.busy, at)).flat(),
    histograms: {
      latency: all.encode(),
      refused: refused.encode(),
      lateness: lateness.encode(),
      kinds: { 'access:request': kind.encode() },
    },
    rawFiles: [],
  };
}

type MadeCounts = ReturnType<typeof countsOf>;

function countsOf({ platform, load }: MadeRun) {
  const { capacity } = platform;
  const offered = {
    open: () => (load.mode === 'open' ? load.ratePerSecond * SECONDS : 0),
    closed: () => Math.round(capacity * 0.9 * SECONDS),
    burst: () => (load.mode === 'burst' ? load.operations : 0),
  }[load.mode]();
  const sent = Math.min(offered, capacity * SECONDS);
  const refused = Math.round(sent * REFUSED_SHARE);
  return {
    counts: {
      offered,
      sent,
      succeeded: sent - refused,
      refused,
      conflicted: 0,
      failed: 0,
      lost: offered - sent,
    },
    busy: Math.min(0.98, offered / SECONDS / capacity),
    ranMs: load.mode === 'burst' ? (sent / capacity) * 1000 + 40 : SECONDS * 1000,
  };
}

type MadeLatencies = ReturnType<typeof latenciesOf>;

function latenciesOf({ at }: MadeRun, { counts, busy }: MadeCounts) {
  const random = randomOf(at, 0x5eed);
  const all = values(random, counts.succeeded, FLOOR_MS, busy);
  all.recordOver(counts.lost);
  return {
    all,
    refused: values(random, counts.refused, FLOOR_MS / 2, busy),
    lateness: values(random, counts.offered, 0.02, 0),
    kind: values(random, Math.round(counts.succeeded / 2), FLOOR_MS, busy),
    order: values(random, counts.succeeded, 1.5, busy),
    sign: values(random, counts.succeeded, 0.2, 0),
  };
}

/** A floor and an exponential queue above it, longer the busier the platform. */
function values(random: Random, count: number, floorMs: number, busy: number): Latencies {
  const latencies = new Latencies();
  for (let each = 0; each < count; each++) {
    latencies.record(floorMs - (floorMs * Math.log(1 - random())) / (1 - busy));
  }
  return latencies;
}

function stagesOf({ order, sign }: MadeLatencies): Record<string, Percentiles> {
  return { sign: sign.percentiles(DRAIN_MS), order: order.percentiles(DRAIN_MS) };
}

function identityOf(run: MadeRun) {
  const { at, platform, workload = 'records', variant = 'ledger', batch = 500, load } = run;
  const amount = {
    open: () => (load.mode === 'open' ? load.ratePerSecond : 0),
    closed: () => (load.mode === 'closed' ? load.clients : 0),
    burst: () => (load.mode === 'burst' ? load.operations : 0),
  }[load.mode]();
  const word = { open: 'rate', closed: 'closed', burst: 'set' }[load.mode];
  return {
    version: 1 as const,
    run: `${String(at).padStart(4, '0')}-${platform.name}-${workload}-${variant}-${word}${amount}`,
    command: `npx prms bench run --platform ${platform.name} --workload ${workload} --variant ${variant} --${word} ${amount} --batch ${batch}`,
    startedAt: new Date(Date.UTC(2026, 0, 2, 3, at)).toISOString(),
    platform: {
      name: platform.name,
      version: '1.0.0',
      built: 'made',
      trust: platform.trust,
      switchedOff: ['TLS'],
      window: 4096,
      lanes: 8,
      batch,
    },
    workload: { name: workload, variant, seed: 1, quick: false, presigned: false },
    load: {
      mode: load.mode,
      arrivals: load.mode === 'open' ? ('constant' as const) : null,
      ratePerSecond: load.mode === 'open' ? load.ratePerSecond : null,
      durationMs: load.mode === 'burst' ? null : SECONDS * 1000,
      operations: load.mode === 'burst' ? load.operations : null,
      clients: load.mode === 'closed' ? load.clients : null,
      generators: 1,
      drainMs: DRAIN_MS,
    },
  };
}

function seriesOf(run: MadeRun, { counts, busy }: MadeCounts): SeriesRow[] {
  const offered = Math.round(counts.offered / SECONDS);
  const capacity = run.platform.capacity;
  let backlog = 0;
  return Array.from({ length: SECONDS + 1 }, (_, second) => {
    const due = second < SECONDS ? offered : 0;
    const ended = second === run.stallAt ? 0 : Math.min(capacity, due + backlog);
    backlog += due - ended;
    const refused = Math.round(ended * REFUSED_SHARE);
    const wait = FLOOR_MS / (1 - busy) + (backlog / capacity) * 1000;
    return {
      second,
      offered: due,
      succeeded: ended - refused,
      refused,
      failed: 0,
      backlog,
      p50Ms: ended === 0 ? null : wait,
      p99Ms: ended === 0 ? null : wait * 3,
      maxMs: ended === 0 ? null : wait * 4,
    };
  });
}

function processRows(busy: number, second: number): ProcessRow[] {
  const common = { second, readBytes: 0, writtenBytes: 2 ** 17 };
  const residentBytes = (120 + second * 3) * 2 ** 20;
  return [
    { ...common, name: 'harness', pid: 11, cores: 0.1 + busy / 3, residentBytes },
    { ...common, name: 'ledger', pid: 12, cores: busy * 1.1, residentBytes: residentBytes * 2 },
  ];
}
