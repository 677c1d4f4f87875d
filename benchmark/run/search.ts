// The sustainable rate: the highest at which at least 99 % commit and no backlog grows. Doubles until a rate is too much,
// then halves the gap between the highest that held and the lowest that did not.
import type { RunResult } from '../results/result.js';

export interface SearchOptions {
  readonly fromRate: number;
  readonly maxRate: number;
  /** Done when the gap is no more than this part of the rate that held. */
  readonly precision: number;
  readonly signal: AbortSignal;
  /** Makes one short run at a rate. */
  readonly tryRate: (ratePerSecond: number) => Promise<RunResult>;
}

export interface Sustainable {
  /** Null when not even the lowest rate held. */
  readonly ratePerSecond: number | null;
  /** The lowest rate that was seen to be too much; null: the search ended at its upper bound. */
  readonly tooMuch: number | null;
}

/** A run of which nothing is known can't say that a rate holds. */
function holds(result: RunResult): boolean {
  return result.valid && !result.overload && !result.interrupted;
}

export async function searchRate(options: SearchOptions): Promise<Sustainable> {
  const { fromRate, maxRate, precision, signal, tryRate } = options;
  let held: number | null = null;
  let tooMuch: number | null = null;
  let rate = fromRate;
  while (!signal.aborted) {
    if (holds(await tryRate(rate))) held = rate;
    else tooMuch = rate;
    if (held !== null && held >= maxRate) break;
    const next = nextRate(held, tooMuch, options);
    if (next === undefined) break;
    if (held !== null && tooMuch !== null && tooMuch - held <= precision * held) break;
    rate = next;
  }
  return { ratePerSecond: held, tooMuch };
}

function nextRate(
  held: number | null,
  tooMuch: number | null,
  { maxRate }: SearchOptions,
): number | undefined {
  if (tooMuch === null) return Math.min(maxRate, (held ?? 1) * 2);
  if (held !== null) return tooMuch - held <= 1 ? undefined : Math.floor((held + tooMuch) / 2);
  // Not even this rate: try lower ones, down to one a second.
  return tooMuch <= 1 ? undefined : Math.max(1, Math.floor(tooMuch / 2));
}
