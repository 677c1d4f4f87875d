// `prms bench run`: the grid of what was asked for, run by run, into one folder.
import { join } from 'node:path';
import { BenchError } from '../errors.js';
import type { RunResult } from '../results/result.js';
import { Campaign } from '../run/campaign.js';
import { searchRate, type Sustainable } from '../run/search.js';
import type { RunSetting } from '../run/setting.js';
import { loadPlatform } from '../platforms/index.js';
import { loadWorkload } from '../workloads/index.js';
import { Display } from './display.js';
import type { Output } from './output.js';
import { parseRunWords, type RunWords } from './words.js';

/** Where a search begins, and where it ends in any case. */
const SEARCH_FROM = 100;
const SEARCH_MAX = 100_000;
const SEARCH_PRECISION = 0.05;
/** The rates at which latency is compared, as parts of the sustainable one. */
const COMPARED_AT = [0.5, 0.8, 0.95] as const;

/** @returns the exit status: 1 when a run is invalid or was interrupted */
export async function runCommand(
  argv: readonly string[],
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const words = parseRunWords(argv);
  await mustMakeSense(words);
  const command = `npx prms bench run ${argv.join(' ')}`;
  const dir =
    words.out ?? join('bench-results', `${stamp(new Date())}-${words.platform}-${words.workload}`);
  const display = new Display(output);
  const campaign = await Campaign.begin({
    dir,
    command,
    seed: words.seed,
    signal,
    told: (stage, run, at, of) => {
      display.told(stage, run, at, of);
    },
    finished: (result) => {
      display.finished(result);
    },
  });
  try {
    const found = words.search ? await search(campaign, words, command, signal) : undefined;
    if (found === undefined) await campaign.all(await settingsOf(words, command), words.repeats);
    if (words.json) output.out(`${JSON.stringify(oneObject(campaign.results, found))}\n`);
    else output.err(`results are in ${dir}: npx prms bench report ${dir}\n`);
    return campaign.results.every(({ valid, interrupted }) => valid && !interrupted) ? 0 : 1;
  } finally {
    display.clear();
  }
}

/** One run: its result. Several: their results as `runs`. A search: what it found besides. */
function oneObject(results: readonly RunResult[], found: Sustainable | undefined): unknown {
  if (found !== undefined) return { sustainable: found, runs: results };
  return results.length === 1 ? results[0] : { runs: results };
}

async function search(
  campaign: Campaign,
  words: RunWords,
  command: string,
  signal: AbortSignal,
): Promise<Sustainable> {
  const base = await baseOf(words, command);
  const open = (ratePerSecond: number): RunSetting => {
    const { arrivals, durationMs } = words;
    return { ...base, load: { mode: 'open', arrivals, ratePerSecond, durationMs } };
  };
  const found = await searchRate({
    fromRate: SEARCH_FROM,
    maxRate: SEARCH_MAX,
    precision: SEARCH_PRECISION,
    signal,
    tryRate: (rate) => campaign.run(open(rate), campaign.results.length + 1),
  });
  const { ratePerSecond } = found;
  if (ratePerSecond === null) return found;
  const compared = COMPARED_AT.map((part) => open(Math.max(1, Math.round(ratePerSecond * part))));
  await campaign.all(compared, words.repeats);
  return found;
}

async function settingsOf(words: RunWords, command: string): Promise<RunSetting[]> {
  const base = await baseOf(words, command);
  return words.batches.flatMap((batch) =>
    words.loads.map((load) => ({ ...base, load, ...(batch !== undefined && { batch }) })),
  );
}

async function baseOf(words: RunWords, command: string): Promise<Omit<RunSetting, 'load'>> {
  const workload = await loadWorkload(words.workload);
  const variant = words.variant ?? Object.keys(workload.variants)[0] ?? '';
  const { platform, seed, quick, presigned, generators, window, lanes, drainMs, raw } = words;
  return {
    platform,
    workload: words.workload,
    variant,
    seed,
    quick,
    presigned,
    generators,
    ...(window !== undefined && { window }),
    ...(lanes !== undefined && { lanes }),
    drainMs,
    command,
    raw,
  };
}

/** @throws BenchError USAGE before anything is started */
async function mustMakeSense(words: RunWords): Promise<void> {
  await loadPlatform(words.platform);
  const workload = await loadWorkload(words.workload);
  if (words.variant !== undefined && !(words.variant in workload.variants)) {
    const names = Object.keys(workload.variants).join(', ');
    throw new BenchError('USAGE', `${workload.name} has no variant "${words.variant}": ${names}`);
  }
  if (words.presigned && !workload.signs) {
    throw new BenchError('USAGE', `${workload.name} signs nothing: leave --presigned out`);
  }
}

/** `20261124-184512` */
function stamp(now: Date): string {
  return now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
}
