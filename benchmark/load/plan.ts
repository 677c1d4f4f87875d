// What one generator is told to do, in a form that travels to its thread.
import type { PlatformSetting } from '../platforms/index.js';
import type { Share, WorkloadSetting } from '../workloads/index.js';
import type { EncodedTally } from './tally.js';

export type Arrivals = 'constant' | 'poisson';

/** How load is offered. */
export type LoadPlan =
  | {
      readonly mode: 'open';
      readonly arrivals: Arrivals;
      /** Of all generators together. */
      readonly ratePerSecond: number;
      readonly durationMs: number;
    }
  /** So many calls always under way, of all generators together. */
  | { readonly mode: 'closed'; readonly clients: number; readonly durationMs: number }
  /** So many operations, all due at the start, of all generators together. */
  | { readonly mode: 'burst'; readonly operations: number };

export interface GeneratorPlan {
  /** Name of a platform, or its module's address. */
  readonly platform: string;
  readonly platformSetting: PlatformSetting;
  readonly address: unknown;
  /** Name of a workload, or its module's address. */
  readonly workload: string;
  readonly workloadSetting: WorkloadSetting;
  readonly world: unknown;
  readonly share: Share;
  readonly load: LoadPlan;
  /** Calls that this generator may have under way. */
  readonly window: number;
  readonly drainMs: number;
  /** Where to write a record of each call; undefined: nowhere. */
  readonly rawFile?: string;
}

export type ToGenerator =
  { readonly say: 'start'; readonly atEpochMs: number } | { readonly say: 'stop' };

/** What a generator says of a run that goes on. */
export interface Progress {
  readonly offered: number;
  readonly ended: number;
  readonly failed: number;
}

export type FromGenerator =
  | { readonly say: 'ready' }
  | ({ readonly say: 'progress' } & Progress)
  | {
      readonly say: 'done';
      readonly tally: EncodedTally;
      /** Processor milliseconds of the generator's thread, over the run. */
      readonly processorMs: number;
      readonly ranMs: number;
    }
  | { readonly say: 'failed'; readonly message: string };
