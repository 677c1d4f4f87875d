// What of a run counts: whether the generator kept its schedule, and whether the platform kept up.
import type { RunResult, SeriesRow } from '../results/result.js';

/** A generator that notices a hundredth of its calls so late is part of what it measures. */
export const MAX_LATENESS_P99_MS = 10;
/** Of what was offered: less than so much committed is overload. */
export const COMMITTED_SHARE = 0.99;
/** A backlog that grew by more than so many seconds' worth of load between the second and the last quarter of the schedule. */
const GROWTH_SECONDS = 0.1;

/** Why the run's figures don't count; empty: they do. */
export function reasonsAgainst(
  result: Pick<RunResult, 'latenessMs' | 'load' | 'check' | 'offered'>,
): string[] {
  const reasons: string[] = [];
  const { p99, max } = result.latenessMs;
  const late = p99 ?? max;
  if (result.load.mode === 'open' && late !== null && late > MAX_LATENESS_P99_MS) {
    reasons.push(
      `the generator missed its schedule: p99 of its lateness is ${late.toFixed(1)} ms, more than ${MAX_LATENESS_P99_MS} ms`,
    );
  }
  if (result.offered === 0) reasons.push('nothing was offered');
  if (result.check?.ok === false) {
    reasons.push(`the state is wrong: ${result.check.says[0] ?? 'no reason given'}`);
  }
  return reasons;
}

/** Whether less than 99 % of what was offered committed, or the backlog grew while load was offered. */
export function isOverload(
  counts: Pick<RunResult, 'offered' | 'succeeded' | 'refused'>,
  load: RunResult['load'],
  series: readonly SeriesRow[],
): boolean {
  if (load.mode === 'burst') return false;
  if (counts.succeeded + counts.refused < COMMITTED_SHARE * counts.offered) return true;
  if (load.ratePerSecond === null || load.durationMs === null) return false;
  const seconds = series.slice(0, Math.floor(load.durationMs / 1000));
  if (seconds.length < 4) return false;
  const quarter = Math.floor(seconds.length / 4);
  const before = meanBacklog(seconds.slice(quarter, 2 * quarter));
  const after = meanBacklog(seconds.slice(-quarter));
  return after - before > GROWTH_SECONDS * load.ratePerSecond;
}

function meanBacklog(rows: readonly SeriesRow[]): number {
  return rows.reduce((sum, { backlog }) => sum + backlog, 0) / rows.length;
}
