// What every chart has, and what charts have in common.
import type { TopLevelSpec } from 'vega-lite';
import type { StoredRun } from '../../results/read.js';
import type { MedianInterval } from '../../stats/interval.js';

export interface Chart {
  /** A file's name, without its ending. */
  readonly id: string;
  readonly title: string;
  /** What it shows, in one sentence. */
  readonly reading: string;
  readonly notes: readonly string[];
  /** What makes its runs again. */
  readonly commands: readonly string[];
  readonly spec: TopLevelSpec;
}

export const WIDTH = 800;
export const HEIGHT = 300;

/** Okabe and Ito's colours, which the colour-blind can tell apart, without those that vanish on white or on black. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#888888'];
const SHAPES = [
  'circle',
  'square',
  'triangle-up',
  'diamond',
  'triangle-down',
  'cross',
  'triangle-right',
  'triangle-left',
];
export const DASHES = [
  [1, 0],
  [7, 3],
  [2, 2],
  [8, 3, 2, 3],
  [12, 4],
  [4, 4],
  [1, 3],
];

/** The same series has the same colour and the same mark, in the legend too. */
export const coloured = (domain: readonly string[], field = 'series') =>
  nominal(domain, field, COLOURS);

export const shaped = (domain: readonly string[], field = 'series') =>
  nominal(domain, field, SHAPES);

export const dashed = (domain: readonly string[], field: string) => nominal(domain, field, DASHES);

/** The domain's names, each with a member of the palette; when it is used up it begins again. */
function nominal<T>(domain: readonly string[], field: string, palette: readonly T[]) {
  const range = domain.flatMap((_, at) => palette.slice(at % palette.length).slice(0, 1));
  return { field, type: 'nominal', title: null, scale: { domain: [...domain], range } } as const;
}

const FINE = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9];

/** A logarithmic axis from just below the least value to just above the greatest, marked at round values. */
export function logarithmic(field: string, title: string, values: readonly number[]) {
  const positive = values.filter((value) => value > 0);
  const least = Math.min(...positive, Infinity);
  const greatest = Math.max(...positive, -Infinity);
  const [low, high] = least > greatest ? [1, 10] : [least / 1.3, greatest * 1.3];
  const domain: number[] = [low, high];
  const decades = Math.log10(high / low);
  const parts =
    decades > 3.5 ? [1] : decades > 1.6 ? [1, 3] : decades > 0.7 ? [1, 2, 3, 5, 7] : FINE;
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    ticks.push(...parts.map((part) => Number((part * 10 ** power).toPrecision(2))));
  }
  return {
    field,
    type: 'quantitative',
    title,
    scale: { type: 'log', domain, nice: false, clamp: true },
    axis: { values: ticks.filter((tick) => tick >= low && tick <= high), format: ',~r' },
  } as const;
}

/** A logarithmic axis that is marked where something was measured. */
export function steps(field: string, title: string, values: readonly number[]) {
  const { axis: _, ...axis } = logarithmic(field, title, values);
  const marked = [...new Set(values)].sort((a, b) => a - b);
  return { ...axis, axis: { values: marked, format: ',~r', grid: false } } as const;
}

/** A median as a row of a chart's data; the interval only where there is more than one value. */
export function spread(interval: MedianInterval): { value: number; low?: number; high?: number } {
  const { median, low, high, count } = interval;
  return count < 2 ? { value: median } : { value: median, low, high };
}

/** A median as {@link spread} made it, among a row's other columns. */
export type Spread = ReturnType<typeof spread>;

/** What an axis has to reach from and to, bars included. */
export function extremes(rows: readonly Spread[]): number[] {
  return rows.flatMap(({ value, low = value, high = value }) => [low, high]);
}

/** A layer: each interval, as far as there are any. */
export function intervalBars<X, Y extends object, C>(x: X, y: Y, color: C) {
  return {
    transform: [{ filter: 'isValid(datum.low)' }],
    mark: { type: 'rule', strokeWidth: 1.5 } as const,
    encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
  };
}

/** Two layers: filled marks, and hollow ones, a little larger, for overload. */
export function loadMarks<E extends object>(encoding: E, size: number) {
  const marks = (
    filter: string,
    style: { filled: boolean; size: number; strokeWidth?: number },
  ) => ({
    transform: [{ filter }],
    mark: { type: 'point', ...style, opacity: 1 } as const,
    encoding,
  });
  return [
    marks('!datum.overload', { filled: true, size }),
    marks('datum.overload', { filled: false, size: size + 10, strokeWidth: 2 }),
  ];
}

/** How a chart's points come from repeats. */
export function repeatsNote(intervals: readonly MedianInterval[]): string[] {
  const counts = intervals.map(({ count }) => count);
  const [least, most] = [Math.min(...counts, Infinity), Math.max(...counts, 0)];
  if (most < 2) return [];
  const many = least === most ? `${most}` : `${least} to ${most}`;
  const few = intervals.some(({ tooFew, count }) => tooFew && count > 1);
  return [
    few
      ? `Points are medians of ${many} runs; with fewer than six runs there is no 95 % interval, and bars reach from the least to the greatest.`
      : `Points are medians of ${many} runs with 95 % intervals from order statistics.`,
  ];
}

/** Said wherever platforms that must be trusted differently stand side by side. */
export function trustNote(setups: readonly { readonly trust: string }[]): string[] {
  const classes = [...new Set(setups.map(({ trust }) => trust))];
  return classes.length < 2
    ? []
    : [
        `Platforms of different trust classes (${classes.join(', ')}) stand side by side here: what their users have to trust differs, and so the figures are not like for like.`,
      ];
}

export function commandsOf(runs: readonly StoredRun[]): string[] {
  return [...new Set(runs.map(({ result }) => result.command))];
}

/** Part of a file's name. */
export function slug(...words: readonly string[]): string {
  return words
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 80);
}
