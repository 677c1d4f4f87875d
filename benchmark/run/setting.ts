// What one run is, before it is made.
import type { LoadPlan } from '../load/plan.js';

export interface RunSetting {
  /** A platform's name, or its module's address. */
  readonly platform: string;
  /** A workload's name, or its module's address. */
  readonly workload: string;
  readonly variant: string;
  readonly seed: number;
  readonly quick: boolean;
  readonly presigned: boolean;
  readonly load: LoadPlan;
  readonly generators: number;
  /** Operations in a transaction at most. Default: the platform's. */
  readonly batch?: number;
  /** Batches under way at most, for each generator. Default: the platform's. */
  readonly lanes?: number;
  /** Calls under way at most. Default: the platform's. */
  readonly window?: number;
  readonly drainMs: number;
  /** The words that make it again. */
  readonly command: string;
  readonly raw: boolean;
}

/** Calls that a run may make at most; a closed loop's are not known. */
export function mostCalls(load: LoadPlan): number | undefined {
  if (load.mode === 'burst') return load.operations;
  if (load.mode === 'closed') return undefined;
  const even = (load.ratePerSecond * load.durationMs) / 1000;
  // Poisson: six standard deviations above the mean are enough.
  return Math.ceil(load.arrivals === 'constant' ? even : even + 6 * Math.sqrt(even)) + 1;
}
