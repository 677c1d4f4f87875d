// What of a run counts: whether the generator kept its schedule, and whether the platform kept up.
import type { RunResult, SeriesRow } from '../results/result.js';

/** A generator that notices a hundredth of its calls so late is part of what it measures. */
export const MAX_LATENESS_P99_MS = 10;
/** Of what was offered: less than so much committed is overload. */
export const COMMITTED_SHARE = 0.99;
/** A backlog may grow by so many seconds' worth of load. */
const GROWTH_SECONDS = 0.1;
/** …and by so many standard deviations of a count that is as it is by chance; the difference of two has √2 of them. */
const GROWTH_DEVIATIONS = 6;
/** Schedules of fewer seconds have no quarters. */
const LEAST_SECONDS = 4;

/** What is asked of a run before its figures count. */
export interface Evidence extends Pick<RunResult, 'check' | 'offered'> {
  readonly mode: RunResult['load']['mode'];
  /**
   * How late the generator noticed a call at the 99th percentile, also where a run is too short to print it: the greatest
   * value in its place would cast out every low rate for one pause of the machine.
   */
  readonly latenessP99Ms: number | null;
}

/** Why the run's figures don't count; empty: they do. */
export function reasonsAgainst({ mode, latenessP99Ms, offered, check }: Evidence): string[] {
  const reasons: string[] = [];
  if (mode === 'open' && latenessP99Ms !== null && latenessP99Ms > MAX_LATENESS_P99_MS) {
    reasons.push(
      `the generator missed its schedule: p99 of its lateness is ${latenessP99Ms.toFixed(1)} ms, more than ${MAX_LATENESS_P99_MS} ms`,
    );
  }
  if (offered === 0) reasons.push('nothing was offered');
  if (check?.ok === false) {
    reasons.push(`the state is wrong: ${check.says[0] ?? 'no reason given'}`);
  }
  return reasons;
}

/** Whether less than 99 % of what was offered committed, or the backlog grew while load was offered. */
export function isOverload(
  counts: Pick<RunResult, 'offered' | 'succeeded' | 'refused'>,
  load: Pick<RunResult['load'], 'mode' | 'ratePerSecond' | 'durationMs'>,
  series: readonly Pick<SeriesRow, 'backlog'>[],
): boolean {
  if (load.mode === 'burst') return false;
  if (counts.succeeded + counts.refused < COMMITTED_SHARE * counts.offered) return true;
  if (load.ratePerSecond === null || load.durationMs === null) return false;
  const backlogs = series.slice(0, Math.floor(load.durationMs / 1000)).map((row) => row.backlog);
  return isGrowing(backlogs, load.ratePerSecond);
}

/**
 * A backlog grows when in the last eighth of the schedule it is never back where it mostly was in the second quarter: when
 * its least value there exceeds the upper quartile here by more than a tenth of a second's worth of load, and by more than
 * chance. The first quarter is left out, for a platform may warm up; a stall or a burst that was worked off by the end is
 * none, nor are blocks that make it rise and fall; of what is not worked off by the end nobody knows that it ever will be.
 * In a minute it finds a platform that falls behind by 0.4 % of the load.
 * @param backlogs at the end of each second while load was offered
 */
function isGrowing(backlogs: readonly number[], ratePerSecond: number): boolean {
  const { length } = backlogs;
  if (length < LEAST_SECONDS) return false;
  const quarter = Math.floor(length / 4);
  const before = upperQuartile(backlogs.slice(quarter, 2 * quarter));
  const after = Math.min(...backlogs.slice(-Math.max(1, Math.floor(length / 8))));
  const chance = GROWTH_DEVIATIONS * Math.sqrt(Math.max(1, before));
  return after - before > Math.max(GROWTH_SECONDS * ratePerSecond, chance);
}

function upperQuartile(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(0.75 * sorted.length) - 1] ?? 0;
}
