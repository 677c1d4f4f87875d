// Which runs of two results folders are of the same question: a point is everything that was asked for, and nothing that
// was found.
import type { Manifest, RunResult } from '../results/result.js';

/** A results folder, or as much of it as a comparison needs. */
export interface Side {
  readonly manifest: Manifest;
  readonly runs: readonly { readonly result: RunResult }[];
}

/** A run whose figures say nothing. */
export interface LeftOut {
  readonly side: 'a' | 'b';
  readonly run: string;
  readonly because: string;
}

export interface Repeats {
  /** The point in words; the same words, the same point. */
  readonly point: string;
  readonly runs: readonly RunResult[];
}

/** Runs that count, by point, in the points' natural order; and those that don't. */
export function repeatsOf(side: 'a' | 'b', { runs }: Side): [Repeats[], LeftOut[]] {
  const points = new Map<string, RunResult[]>();
  const leftOut: LeftOut[] = [];
  for (const { result } of runs) {
    const because = whyLeftOut(result);
    if (because !== undefined) {
      leftOut.push({ side, run: result.run, because });
      continue;
    }
    const point = pointOf(result);
    const repeats = points.get(point);
    if (repeats === undefined) points.set(point, [result]);
    else repeats.push(result);
  }
  const repeats = [...points].map(([point, of]) => ({ point, runs: of }));
  repeats.sort((a, b) => a.point.localeCompare(b.point, 'en', { numeric: true }));
  return [repeats, leftOut];
}

function whyLeftOut({ valid, invalidBecause, interrupted }: RunResult): string | undefined {
  if (!valid) return `invalid: ${invalidBecause.join('; ')}`;
  return interrupted ? 'interrupted' : undefined;
}

/** `embedded, records (signed), open loop: constant 1000/s for 60 s, batch 500, presigned` */
export function pointOf({ platform, workload, load }: RunResult): string {
  const words = [
    platform.name,
    `${workload.name} (${workload.variant})`,
    loadOf(load),
    `batch ${platform.batch}`,
  ];
  if (workload.presigned) words.push('presigned');
  if (workload.quick) words.push('quick');
  return words.join(', ');
}

function loadOf(load: RunResult['load']): string {
  const seconds = `for ${(load.durationMs ?? 0) / 1000} s`;
  switch (load.mode) {
    case 'open':
      return `open loop: ${load.arrivals ?? ''} ${load.ratePerSecond ?? 0}/s ${seconds}`;
    case 'closed':
      return `closed loop: ${load.clients ?? 0} clients ${seconds}`;
    case 'burst':
      return `${load.operations ?? 0} operations at once`;
  }
}
