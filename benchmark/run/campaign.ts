// Several runs of one question: each point of the grid repeated, in random order, so that a change of the machine's mood
// falls on all of them. The run is the unit of every comparison, not the operation.
import { join } from 'node:path';
import { describeCommit, describeMachine, describeVersions } from '../measure/machine.js';
import type { Manifest, RunResult } from '../results/result.js';
import { createResults, RUNS, writeManifest, writeRun } from '../results/write.js';
import { randomOf, wholeBelow } from '../stats/random.js';
import { resultOf } from './result-of.js';
import { type Measured, measure, type Stage } from './run.js';
import type { RunSetting } from './setting.js';

export interface CampaignOptions {
  readonly dir: string;
  readonly command: string;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly told: (stage: Stage, run: string, at: number, of: number) => void;
  readonly finished: (result: RunResult) => void;
}

/** Keeps results of runs in one folder, numbered in the order in which they were made. */
export class Campaign {
  readonly results: RunResult[] = [];

  private constructor(
    private readonly options: CampaignOptions,
    private readonly manifest: Manifest,
  ) {}

  /** @throws BenchError RESULTS */
  static async begin(options: CampaignOptions): Promise<Campaign> {
    const manifest: Manifest = {
      version: 1,
      command: options.command,
      createdAt: new Date().toISOString(),
      machine: await describeMachine(),
      versions: await describeVersions(),
      commit: await describeCommit(),
      seed: options.seed,
      runs: [],
    };
    await createResults(options.dir, manifest);
    return new Campaign(options, manifest);
  }

  /** One run, measured and kept. @throws BenchError */
  async run(setting: RunSetting, of: number): Promise<RunResult> {
    const { dir, signal, told, finished } = this.options;
    const at = this.results.length + 1;
    const name = nameOf(setting, at);
    const rawDir = join(dir, RUNS);
    const measured = await measure(setting, {
      signal,
      rawDir,
      told: (stage) => {
        told(stage, name, at, of);
      },
    });
    const result = resultOf(measured, name);
    await this.#keep(measured, result, rawDir);
    this.results.push(result);
    finished(result);
    return result;
  }

  /** Every setting so often, in random order, until all are done or somebody stops it. */
  async all(settings: readonly RunSetting[], repeats: number): Promise<void> {
    const order = shuffled(
      settings.flatMap((setting) => Array.from({ length: repeats }, () => setting)),
      this.options.seed,
    );
    const of = this.results.length + order.length;
    for (const setting of order) {
      if (this.options.signal.aborted) return;
      await this.run(setting, of);
    }
  }

  async #keep(measured: Measured, result: RunResult, rawDir: string): Promise<void> {
    const { sum, setting } = measured;
    const kinds = Object.entries(sum.kinds).map(([name, { latency }]) => [name, latency.encode()]);
    await writeRun(this.options.dir, {
      result,
      series: sum.series(),
      processes: measured.processRows,
      histograms: {
        latency: sum.latency.encode(),
        refused: sum.refused.encode(),
        lateness: sum.lateness.encode(),
        kinds: Object.fromEntries(kinds) as Record<string, ReturnType<typeof sum.latency.encode>>,
      },
      rawFiles: setting.raw
        ? Array.from({ length: setting.generators }, (_, at) => join(rawDir, `raw-${at}.csv.gz`))
        : [],
    });
    this.manifest.runs.push(result.run);
    await writeManifest(this.options.dir, this.manifest);
  }
}

/** `0003-embedded-records-ledger-5000` */
function nameOf({ platform, workload, variant, load }: RunSetting, at: number): string {
  const amount = {
    open: () => String(load.mode === 'open' ? load.ratePerSecond : 0),
    closed: () => `closed${load.mode === 'closed' ? load.clients : 0}`,
    burst: () => `set${load.mode === 'burst' ? load.operations : 0}`,
  }[load.mode]();
  const plain = (name: string): string => name.replace(/^.*\//, '').replace(/[^a-z0-9.-]/gi, '_');
  const words = [platform, workload, variant, amount].map(plain).join('-');
  return `${String(at).padStart(4, '0')}-${words}`;
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = randomOf(seed, 0x20000);
  const order = [...items];
  for (let at = order.length - 1; at > 0; at--) {
    const other = wholeBelow(random, at + 1);
    const [a, b] = [order[at], order[other]];
    if (a !== undefined && b !== undefined) [order[at], order[other]] = [b, a];
  }
  return order;
}
