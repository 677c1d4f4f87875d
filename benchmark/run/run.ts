// One run, from an empty platform to its result. Every run has a platform of its own: nothing carries over.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchError } from '../errors.js';
import { Crew, type GeneratorReport } from '../load/crew.js';
import type { GeneratorPlan, Progress } from '../load/plan.js';
import { TallySum } from '../load/tally.js';
import { sentBytes } from '../measure/network.js';
import { ProcessWatch } from '../measure/processes.js';
import {
  type Connection,
  loadPlatform,
  type Platform,
  type PlatformSetting,
  type StartedPlatform,
} from '../platforms/index.js';
import type { ProcessRow, ProcessUse } from '../results/result.js';
import {
  loadWorkload,
  type Preparation,
  type Verdict,
  type Workload,
  type WorkloadSetting,
} from '../workloads/index.js';
import { prepareState } from './prepare.js';
import { mostCalls, type RunSetting } from './setting.js';

/** What a run is doing, for a display. */
export type Stage =
  | { readonly stage: 'starting' | 'connecting' | 'draining' | 'checking' | 'stopping' }
  | { readonly stage: 'preparing'; readonly calls: number }
  | ({ readonly stage: 'running'; readonly elapsedMs: number } & Progress);

export interface RunOptions {
  /** Aborted: what is there is measured, and the run ends as interrupted. */
  readonly signal: AbortSignal;
  readonly told: (stage: Stage) => void;
  /** Where records of each call go, one file a generator, when the setting asks for them. */
  readonly rawDir: string;
}

/** A run as it was measured, before it is made into a result. */
export interface Measured {
  readonly setting: RunSetting;
  readonly platform: Platform;
  readonly platformSetting: PlatformSetting;
  readonly window: number;
  readonly version: string;
  readonly built: string;
  readonly switchedOff: readonly string[];
  readonly startedAt: Date;
  readonly sum: TallySum;
  readonly reports: readonly GeneratorReport[];
  readonly processes: readonly ProcessUse[];
  readonly processRows: readonly ProcessRow[];
  readonly networkBytes: number | null;
  readonly verdict: Verdict | null;
  readonly interrupted: boolean;
}

const CHANNEL = 'bench';
/** Presigned calls of a closed loop: more than it will ask for. */
const CLOSED_CALLS_A_SECOND = 20_000;
const DISPLAY_MS = 500;

/** @throws BenchError PLATFORM | PREPARATION | GENERATOR | USAGE */
export async function measure(setting: RunSetting, options: RunOptions): Promise<Measured> {
  const platform = await loadPlatform(setting.platform);
  const workload = await loadWorkload(setting.workload);
  const missing = await platform.missing();
  if (missing !== undefined) {
    throw new BenchError('PLATFORM', `${platform.name} is not installed: ${missing}`);
  }
  const dir = await mkdtemp(join(tmpdir(), 'prms-bench-'));
  try {
    const platformSetting: PlatformSetting = {
      dir,
      chaincode: workload.chaincode,
      batch: setting.batch ?? platform.batch,
      lanes: setting.lanes ?? platform.lanes,
    };
    options.told({ stage: 'starting' });
    const started = await platform.start(platformSetting);
    try {
      return await onPlatform({ setting, platform, platformSetting, workload, started, options });
    } finally {
      options.told({ stage: 'stopping' });
      await started.stop();
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

interface Parts {
  readonly setting: RunSetting;
  readonly platform: Platform;
  readonly platformSetting: PlatformSetting;
  readonly workload: Workload;
  readonly started: StartedPlatform;
  readonly options: RunOptions;
}

async function onPlatform(parts: Parts): Promise<Measured> {
  const { setting, platform, platformSetting, workload, started, options } = parts;
  const workloadSetting: WorkloadSetting = {
    seed: setting.seed,
    quick: setting.quick,
    variant: setting.variant,
    presigned: setting.presigned,
    channel: CHANNEL,
    dir: platformSetting.dir,
  };
  const connection = await platform.connect(started.address, platformSetting);
  try {
    const preparation = workload.prepare(workloadSetting);
    await prepareState(preparation, connection, options.signal, (calls) => {
      options.told({ stage: 'preparing', calls });
    });
    const world = preparation.world();
    const ran = await load(parts, plansOf(parts, workloadSetting, world));
    options.told({ stage: 'checking' });
    const verdict = await check(parts, workloadSetting, preparation, ran.sum, connection);
    const { version, built, switchedOff } = started;
    const window = setting.window ?? platform.window;
    return {
      setting,
      platform,
      platformSetting,
      window,
      version,
      built,
      switchedOff,
      ...ran,
      verdict,
    };
  } finally {
    await connection.close();
  }
}

function plansOf(
  { setting, platform, platformSetting, started, options }: Parts,
  workloadSetting: WorkloadSetting,
  world: unknown,
): GeneratorPlan[] {
  const { load, generators } = setting;
  const durationMs = load.mode === 'closed' ? load.durationMs : 0;
  const calls = mostCalls(load) ?? (durationMs / 1000) * CLOSED_CALLS_A_SECOND;
  const lastsMs = load.mode === 'burst' ? setting.drainMs : load.durationMs + setting.drainMs;
  const window = load.mode === 'closed' ? load.clients : (setting.window ?? platform.window);
  return Array.from({ length: generators }, (_, generator) => ({
    platform: setting.platform,
    platformSetting,
    address: started.address,
    workload: setting.workload,
    workloadSetting,
    world,
    share: { generator, generators, calls: Math.ceil(calls / generators) + 1, lastsMs },
    load,
    window: Math.max(1, Math.floor(window / generators)),
    drainMs: setting.drainMs,
    ...(setting.raw && { rawFile: join(options.rawDir, `raw-${generator}.csv.gz`) }),
  }));
}

async function load(
  { started, options }: Parts,
  plans: readonly GeneratorPlan[],
): Promise<
  Pick<
    Measured,
    'startedAt' | 'sum' | 'reports' | 'processes' | 'processRows' | 'networkBytes' | 'interrupted'
  >
> {
  const { signal, told } = options;
  told({ stage: 'connecting' });
  const crew = new Crew(plans);
  const stop = (): void => {
    crew.stop();
  };
  try {
    await unlessEnded(crew.ready(), started);
    const watched = [{ name: 'harness', pid: process.pid }, ...started.processes];
    const watch = await ProcessWatch.begin(watched);
    const sentBefore = await sentBytes();
    const startedAt = new Date(crew.start());
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    const display = setInterval(() => {
      const elapsedMs = Math.max(0, Date.now() - startedAt.getTime());
      told({ stage: 'running', elapsedMs, ...crew.progress() });
    }, DISPLAY_MS);
    try {
      const reports = await unlessEnded(crew.done(), started);
      const processes = await watch.end();
      const sum = new TallySum();
      for (const { tally } of reports) sum.add(tally);
      const sent = await sentBytes();
      const networkBytes =
        sentBefore === undefined || sent === undefined ? null : sent - sentBefore;
      const interrupted = signal.aborted;
      const processRows = watch.rows;
      return { startedAt, sum, reports, processes, processRows, networkBytes, interrupted };
    } finally {
      clearInterval(display);
      watch.stop();
    }
  } finally {
    signal.removeEventListener('abort', stop);
    await crew.end();
  }
}

/** @throws BenchError PLATFORM as soon as the platform ends by itself */
async function unlessEnded<T>(work: Promise<T>, { ended }: StartedPlatform): Promise<T> {
  const over = ended.then((why): never => {
    throw new BenchError('PLATFORM', `the platform ended by itself: ${why}`);
  });
  // It ends in good order later, when nobody listens.
  over.catch(() => undefined);
  return Promise.race([work, over]);
}

async function check(
  { workload }: Parts,
  workloadSetting: WorkloadSetting,
  preparation: Preparation,
  sum: TallySum,
  connection: Connection,
): Promise<Verdict | null> {
  if (workload.verify === undefined || connection.order === undefined) return null;
  const order = await connection.order(0);
  const { applied, lostCalls } = sum;
  const world = preparation.world();
  return workload.verify(workloadSetting, world, applied, order, connection, lostCalls);
}
