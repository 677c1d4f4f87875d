// A generator's thread. It connects, opens its stream, says `ready`, waits for `start`, runs, and hands its tally over.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { threadProcessorMs } from '../measure/thread.js';
import { loadPlatform } from '../platforms/index.js';
import { loadWorkload } from '../workloads/index.js';
import { MachineClock } from './clock.js';
import { generate } from './generator.js';
import type { FromGenerator, GeneratorPlan, ToGenerator } from './plan.js';
import { RawRecords } from './raw.js';
import { Tally } from './tally.js';

const PROGRESS_MS = 500;
/** Somebody who stopped the run waits for what is under way only so long. */
const STOPPED_DRAIN_MS = 5_000;

const plan = workerData as GeneratorPlan;
const port = mustBeThread();
const tell = (message: FromGenerator): void => {
  port.postMessage(message);
};

async function main(): Promise<void> {
  const platform = await loadPlatform(plan.platform);
  const workload = await loadWorkload(plan.workload);
  const connection = await platform.connect(plan.address, plan.platformSetting);
  const stream = await workload.open(plan.workloadSetting, plan.world, plan.share);
  const stop = new AbortController();
  const started = new Promise<number>((resolve) => {
    port.on('message', (message: ToGenerator) => {
      if (message.say === 'start') resolve(message.atEpochMs);
      else stop.abort();
    });
  });
  tell({ say: 'ready' });
  const untilStartMs = (await started) - Date.now();
  const clock = new MachineClock(performance.now() + untilStartMs);
  await clock.sleep(Math.max(0, untilStartMs));
  const tally = new Tally(workload.verify !== undefined);
  const raw = plan.rawFile === undefined ? undefined : new RawRecords();
  const progress = setInterval(() => {
    const { offered, succeeded, refused, failed, conflicted, lost } = tally.counts;
    const bad = failed + conflicted + lost;
    tell({ say: 'progress', offered, ended: succeeded + refused + bad, failed: bad });
  }, PROGRESS_MS);
  const beforeMs = threadProcessorMs();
  await Promise.race([
    generate({ plan, connection, stream, clock, tally, signal: stop.signal, raw }),
    givenUp(stop.signal),
  ]);
  const processorMs = (threadProcessorMs() ?? NaN) - (beforeMs ?? NaN);
  clearInterval(progress);
  if (plan.rawFile !== undefined) await raw?.write(plan.rawFile);
  await stream.close?.();
  tell({ say: 'done', tally: tally.encode(), processorMs, ranMs: clock.nowMs() });
  await connection.close();
}

function mustBeThread(): MessagePort {
  if (parentPort === null) throw new Error('generator.thread is a thread, not a program');
  return parentPort;
}

/** Settles some time after somebody stopped the run. */
function givenUp(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => setTimeout(resolve, STOPPED_DRAIN_MS).unref());
  });
}

main().then(
  () => {
    port.close();
  },
  (error: unknown) => {
    tell({ say: 'failed', message: error instanceof Error ? error.message : String(error) });
    port.close();
  },
);
