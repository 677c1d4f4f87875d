// One generator: a stream of calls, a schedule, a connection and a tally, brought together.
import type { Answer, Call, Connection } from '../platforms/index.js';
import { CallError } from '../platforms/index.js';
import { randomOf } from '../stats/random.js';
import type { Stream } from '../workloads/index.js';
import type { LoopClock } from './clock.js';
import { closedLoop, type LoopEnd, type LoopOptions, openLoop } from './loop.js';
import type { GeneratorPlan } from './plan.js';
import type { RawRecords } from './raw.js';
import { BurstSchedule, ConstantSchedule, PoissonSchedule, type Schedule } from './schedule.js';
import type { Tally } from './tally.js';

export interface GeneratorParts {
  readonly plan: Pick<GeneratorPlan, 'load' | 'share' | 'window' | 'drainMs'> & {
    readonly workloadSetting: { readonly seed: number };
  };
  readonly connection: Connection;
  readonly stream: Stream;
  readonly clock: LoopClock;
  readonly tally: Tally;
  readonly signal: AbortSignal;
  readonly raw?: RawRecords | undefined;
}

/** Makes the plan's load, once, and drains. */
export async function generate(parts: GeneratorParts): Promise<void> {
  const { plan, clock, tally, signal } = parts;
  const send = sender(parts);
  // Calls are sent without anybody waiting for them: an error of the stream's own ends the run here.
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  const options: LoopOptions = {
    clock,
    signal,
    window: plan.window,
    drainMs: plan.drainMs,
    due: (intendedMs, latenessMs) => {
      tally.due(intendedMs, latenessMs);
    },
    send: (intendedMs) => {
      try {
        return send(intendedMs).catch(fail);
      } catch (error) {
        fail(error);
        return Promise.resolve();
      }
    },
  };
  const end = await Promise.race([loop(plan, options), failed]);
  tally.lost(end.unsent.length + end.unanswered);
}

function loop(plan: GeneratorParts['plan'], options: LoopOptions): Promise<LoopEnd> {
  const { load } = plan;
  if (load.mode === 'closed') return closedLoop(load.durationMs, options);
  return openLoop(scheduleOf(plan), options);
}

function scheduleOf({ load, share, workloadSetting }: GeneratorParts['plan']): Schedule {
  const { generator, generators } = share;
  if (load.mode === 'burst') {
    const rest = load.operations % generators;
    return new BurstSchedule(Math.floor(load.operations / generators) + (generator < rest ? 1 : 0));
  }
  if (load.mode === 'closed') throw new RangeError('a closed loop has no schedule');
  const { arrivals, ratePerSecond, durationMs } = load;
  if (arrivals === 'constant') return new ConstantSchedule(ratePerSecond, durationMs, share);
  // Streams of calls use the streams of the seed from 0 on.
  const random = randomOf(workloadSetting.seed, 0x10000 + generator);
  return new PoissonSchedule(ratePerSecond / generators, durationMs, random);
}

/**
 * Sends one call and counts how it ends; what ends after the drain is not counted twice, for nobody listens then. Rejects
 * only when the stream itself fails.
 */
function sender(parts: GeneratorParts): (intendedMs: number) => Promise<void> {
  const { connection, stream, clock, tally, raw } = parts;
  const ended = (call: Call, end: Answer | CallError): void | Promise<void> => {
    const stages = stream.ended?.(call, end);
    if (stages instanceof Promise) return stages.then((spent) => tally.spent(spent));
    tally.spent(stages);
  };
  const answered = (call: Call, answer: Answer, intendedMs: number): void | Promise<void> => {
    const endMs = clock.nowMs();
    tally.answered(call, answer, intendedMs, endMs);
    raw?.ended(call.kind, intendedMs, endMs, answer.status, answer.attempts);
    return ended(call, answer);
  };
  const failed = (call: Call, cause: unknown, intendedMs: number): void | Promise<void> => {
    const error =
      cause instanceof CallError ? cause : new CallError('FAILED', String(cause), 1, { cause });
    const endMs = clock.nowMs();
    tally.failed(call, error, endMs);
    raw?.ended(call.kind, intendedMs, endMs, error.code, error.attempts);
    return ended(call, error);
  };
  const send = (call: Call, waitedMs: number, intendedMs: number): Promise<void> => {
    tally.sent(call, waitedMs);
    return connection.call(call).then(
      (answer) => answered(call, answer, intendedMs),
      (error: unknown) => failed(call, error, intendedMs),
    );
  };
  return (intendedMs) => {
    const waitedMs = Math.max(0, clock.nowMs() - intendedMs);
    const call = stream.next();
    if (!(call instanceof Promise)) return send(call, waitedMs, intendedMs);
    return call.then((made) => send(made, waitedMs, intendedMs));
  };
}
