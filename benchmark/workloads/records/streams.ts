// The streams that generators are given: calls signed as they are asked for, or with their reports hidden and stored first.
import { type Answer, type Call, CallError, type OrderedCall } from '../../platforms/platform.js';
import type { EndedStages, Stream } from '../workload.js';
import type { FullPath } from './full-path.js';
import { callOf, type Generator, type Made } from './generator.js';
import type { AnchoredReport } from './scene.js';

export interface Clocks {
  /** Wall clock: what operations say of their time. */
  readonly now: () => number;
  /** Monotonic, with a fraction: how long stages take. */
  readonly elapsedMs: () => number;
}

export class SigningStream implements Stream {
  constructor(
    private readonly generator: Generator,
    private readonly clocks: Clocks,
  ) {}

  next(): OrderedCall {
    const { now, elapsedMs } = this.clocks;
    const began = elapsedMs();
    const made = this.generator.make(now());
    return callOf(made, lineOf(made), { sign: elapsedMs() - began });
  }
}

/** The signed line, where no report has to be stored first. */
export function lineOf({ line }: Made): string {
  if (typeof line !== 'string') throw new RangeError('the report has to be stored first');
  return line;
}

/** Each report is hidden and stored before it is anchored, and each one that may be read is fetched and revealed. */
export class FullPathStream implements Stream {
  /** What a patient's next call has to wait for: their calls are handed out in the order in which they were made. */
  readonly #before = new Map<string, Promise<unknown>>();

  constructor(
    private readonly generator: Generator,
    private readonly path: FullPath,
    private readonly clocks: Clocks,
  ) {}

  next(): Call | Promise<Call> {
    const { now, elapsedMs } = this.clocks;
    const began = elapsedMs();
    const made = this.generator.make(now());
    const { line } = made;
    if (typeof line !== 'string') return this.#inOrder(made, this.#anchored(made, line));
    return this.#inOrder(made, callOf(made, line, { sign: elapsedMs() - began }));
  }

  ended(call: Call, end: Answer | CallError): Promise<EndedStages | undefined> | undefined {
    if (call.way !== 'ordered' || call.kind !== 'access:request') return undefined;
    if (end instanceof CallError || end.status !== 'applied') return undefined;
    return this.path.read(call.line);
  }

  close(): Promise<void> {
    return this.path.close();
  }

  async #anchored(made: Made, line: (report: AnchoredReport) => string): Promise<Call> {
    const { elapsedMs } = this.clocks;
    const { report, stagesMs } = await this.path.store(made.stamp.id);
    const began = elapsedMs();
    const signed = line(report);
    return callOf(made, signed, { ...stagesMs, sign: elapsedMs() - began });
  }

  #inOrder(made: Made, call: Call | Promise<Call>): Call | Promise<Call> {
    const lane = made.record.person.id;
    const before = this.#before.get(lane);
    if (before === undefined && !(call instanceof Promise)) return call;
    const handedOut = before === undefined ? Promise.resolve(call) : after(before, call);
    this.#before.set(lane, handedOut);
    const forget = (): void => {
      if (this.#before.get(lane) === handedOut) this.#before.delete(lane);
    };
    handedOut.then(forget, forget);
    return handedOut;
  }
}

/** A turn of the loop later than `before`, so that whoever waited for that one has sent it. */
async function after(before: Promise<unknown>, call: Call | Promise<Call>): Promise<Call> {
  await before;
  await new Promise((resolve) => setImmediate(resolve));
  return call;
}
