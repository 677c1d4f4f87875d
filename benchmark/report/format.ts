// Figures as a reader sees them.
import type { Percentiles, RunResult } from '../results/result.js';

export const NOTHING = '–';
const NO_BREAK = '\u202f';

/** `12,345`; below 100 with three significant digits. */
export function figure(value: number | null): string {
  if (value === null) return NOTHING;
  const digits = Math.abs(value) >= 100 || value === 0 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString('en', { maximumFractionDigits: digits });
}

/** With a unit that fits. */
export function duration(ms: number | null): string {
  if (ms === null) return NOTHING;
  if (ms >= 1000) return `${figure(ms / 1000)}${NO_BREAK}s`;
  if (ms >= 1 || ms === 0) return `${figure(ms)}${NO_BREAK}ms`;
  return `${figure(ms * 1000)}${NO_BREAK}µs`;
}

export function percentage(share: number): string {
  return `${(share * 100).toLocaleString('en', { maximumFractionDigits: 2 })}${NO_BREAK}%`;
}

type Quantile = 'p50' | 'p90' | 'p99' | 'p999' | 'max';

/** `> 30 s` where a lost call reached the percentile, `–` where too few values lie beyond it. */
export function percentile(of: Percentiles, name: Quantile): string {
  return of.over.includes(name) ? `> ${duration(of[name])}` : duration(of[name]);
}

/** `2,000/s`, `16 clients`, `500 at once` */
export function loadOf({ load }: RunResult): string {
  if (load.mode === 'open') return `${figure(load.ratePerSecond)}/s`;
  if (load.mode === 'closed') return `${figure(load.clients)} clients`;
  return `${figure(load.operations)} at once`;
}

/** `a`, `a and b`, `a, b and c` */
export function listed(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}
