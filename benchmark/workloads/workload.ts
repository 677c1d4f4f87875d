// What a workload is: something that fills a chaincode's state, streams calls for ever, and may know afterwards whether
// the state is right. One file each; `docs/benchmark.md` walks through writing one.
import type { Answer, Call, CallError, Connection, Place } from '../platforms/platform.js';

/** What a workload was told; the same setting gives the same calls, but for signatures and times. */
export interface WorkloadSetting {
  /** Seeds every stream. */
  readonly seed: number;
  /** Small state, for tests and first looks. */
  readonly quick: boolean;
  /** One of the workload's variants. */
  readonly variant: string;
  /** Send signed calls that were signed beforehand. */
  readonly presigned: boolean;
  /** The ledger's channel: signed operations name it. */
  readonly channel: string;
  /** A folder for files of its own. */
  readonly dir: string;
}

/** Which part of the load a stream makes. */
export interface Share {
  /** From 0. */
  readonly generator: number;
  readonly generators: number;
  /** Calls that this stream will be asked for at most; presigned ones are made beforehand. */
  readonly calls: number;
  /** How long they may take altogether, drain included, where that is known: presigned calls have to live so long. */
  readonly lastsMs?: number;
}

/** What has to be on the ledger before the measured part. */
export interface Preparation {
  /** Phases follow each other; the calls of one go in as fast as they can. Every one must be applied. */
  readonly phases: Iterable<Iterable<Call>>;
  /** What streams have to know of it once all phases are in; travels to other threads. */
  world(): unknown;
}

/** Milliseconds that a workload spent on a call after it had ended, by stage: `fetch`, `reveal`. */
export type EndedStages = Readonly<Record<string, number>>;

/** One generator's calls. */
export interface Stream {
  next(): Call | Promise<Call>;
  /**
   * How a call of this stream ended, in case that later ones build on it, or that a user would now go on with something. What
   * takes time then is no part of the call's latency; the call keeps its place in the window meanwhile. An error ends the run.
   */
  ended?(
    call: Call,
    end: Answer | CallError,
  ): EndedStages | undefined | Promise<EndedStages | undefined>;
  close?(): Promise<void>;
}

/** A call that left something on the ledger, for the workload's own check. */
export interface Applied {
  readonly kind: string;
  readonly line: string;
  readonly status: Answer['status'];
  readonly code?: string;
  readonly place: Place;
}

/** What a workload's own check found. */
export interface Verdict {
  readonly ok: boolean;
  /** What was checked, in a sentence each; what is wrong, first. */
  readonly says: readonly string[];
}

export interface Workload {
  readonly name: string;
  /** One line for `--help`. */
  readonly summary: string;
  readonly chaincode: string;
  /** Names and what they mean; the first is the default. */
  readonly variants: Readonly<Record<string, string>>;
  /** True: signs its calls, so `--presigned` means something. */
  readonly signs: boolean;
  prepare(setting: WorkloadSetting): Preparation;
  /** In the generator's thread. */
  open(setting: WorkloadSetting, world: unknown, share: Share): Stream | Promise<Stream>;
  /**
   * After the run: does the state agree with what was answered?
   * @param order ids of valid transactions as they lie on the ledger
   * @param lost ordered calls that nobody knows the end of: what they touch can't be checked
   */
  verify?(
    setting: WorkloadSetting,
    world: unknown,
    applied: readonly Applied[],
    order: readonly string[],
    connection: Connection,
    lost?: readonly Call[],
  ): Promise<Verdict>;
}
