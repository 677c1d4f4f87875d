// From what was measured to what is kept.
import type { LoadPlan } from '../load/plan.js';
import type { Percentiles, RunResult } from '../results/result.js';
import type { Latencies } from '../stats/latencies.js';
import type { Measured } from './run.js';
import { isOverload, reasonsAgainst } from './verdicts.js';

export function resultOf(measured: Measured, run: string): RunResult {
  const { setting, sum, reports, platform, platformSetting } = measured;
  const { drainMs } = setting;
  const series = sum.series();
  const load = loadOf(setting.load, setting);
  const { firstDueMs, lastCommitMs, counts } = sum;
  const setMs = firstDueMs === null || lastCommitMs === null ? null : lastCommitMs - firstDueMs;
  const perSecond = (count: number): number =>
    setMs === null || setMs <= 0 ? 0 : (count / setMs) * 1000;
  const shown = (latencies: Latencies): Percentiles => latencies.percentiles(drainMs);
  const checked = measured.verdict && { ok: measured.verdict.ok, says: [...measured.verdict.says] };
  const latenessMs = shown(sum.lateness);
  const latenessP99 = sum.lateness.quantileMs(0.99);
  const reasons = reasonsAgainst({
    mode: load.mode,
    latenessP99Ms: latenessP99 === 'over' ? Infinity : latenessP99,
    offered: counts.offered,
    check: checked,
  });
  return {
    version: 1,
    run,
    command: setting.command,
    startedAt: measured.startedAt.toISOString(),
    platform: {
      name: platform.name,
      version: measured.version,
      built: measured.built,
      trust: platform.trust,
      switchedOff: [...measured.switchedOff],
      window: measured.window,
      lanes: platformSetting.lanes,
      batch: platformSetting.batch,
    },
    workload: {
      name: setting.workload,
      variant: setting.variant,
      seed: setting.seed,
      quick: setting.quick,
      presigned: setting.presigned,
    },
    load,
    valid: reasons.length === 0,
    invalidBecause: reasons,
    overload: isOverload(counts, load, series),
    interrupted: measured.interrupted,
    ...counts,
    attempts: sum.attempts,
    codes: sum.codes,
    operationsPerSecond: perSecond(counts.succeeded),
    transactionsPerSecond: perSecond(sum.transactions.size),
    ledgerTransactions: sum.transactions.size,
    latencyMs: shown(sum.latency),
    refusedLatencyMs: shown(sum.refused),
    averageDelayMs: sum.latency.meanMs,
    lossRate: lossRate(counts),
    setMs,
    stagesMs: mapValues(sum.stages, shown),
    kinds: mapValues(sum.kinds, (kind) => ({ ...kind.counts, latencyMs: shown(kind.latency) })),
    latenessMs,
    generatorCores: reports.reduce(
      (cores, { processorMs, ranMs }) => cores + processorMs / ranMs,
      0,
    ),
    processes: [...measured.processes],
    networkBytes: measured.networkBytes,
    check: checked,
  };
}

function lossRate({ offered, conflicted, failed, lost }: Measured['sum']['counts']): number {
  return offered === 0 ? 0 : (conflicted + failed + lost) / offered;
}

function loadOf(load: LoadPlan, { generators, drainMs }: Measured['setting']): RunResult['load'] {
  const common = { mode: load.mode, generators, drainMs };
  const none = {
    arrivals: null,
    ratePerSecond: null,
    durationMs: null,
    operations: null,
    clients: null,
  };
  if (load.mode === 'open') {
    const { arrivals, ratePerSecond, durationMs } = load;
    return { ...none, ...common, arrivals, ratePerSecond, durationMs };
  }
  if (load.mode === 'closed') {
    return { ...none, ...common, clients: load.clients, durationMs: load.durationMs };
  }
  return { ...none, ...common, operations: load.operations };
}

function mapValues<A, B>(of: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, map(value)]));
}
