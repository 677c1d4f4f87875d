// A comparison as text, for a terminal of a hundred columns.
import type { Change, Comparison, PointComparison } from './compare.js';
import type { Difference } from './differences.js';
import type { MetricName } from './metrics.js';

/** How the two sides are called. */
export interface SideNames {
  readonly a: string;
  readonly b: string;
}

/** Ends with a line break; what a folder says can't move the cursor. */
export function formatComparison(comparison: Comparison, names: SideNames): string {
  const { points, onlyIn, leftOut, differences } = comparison;
  const lines = [
    `A: ${names.a}`,
    `B: ${names.b}`,
    ...listed('Differs between A and B, and may be why:', differences.map(difference)),
    ...points.flatMap(pointLines),
    ...listed('Only in A, not compared:', onlyIn.a),
    ...listed('Only in B, not compared:', onlyIn.b),
    ...listed(
      'Left out:',
      leftOut.map(({ side, run, because }) => `${side.toUpperCase()} ${run}: ${because}`),
    ),
    '',
    ...ending(comparison),
  ];
  return lines.map((line) => `${line.replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd')}\n`).join('');
}

function listed(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : ['', title, ...items.map((item) => `  ${item}`)];
}

const difference = ({ what, a, b }: Difference): string => `${what}: ${a} → ${b}`;

function pointLines(point: PointComparison): string[] {
  const { repeats, overload, changes, notCompared, differences } = point;
  const marks = [`${repeats.a} repeats against ${repeats.b}`];
  if (overload.a + overload.b > 0)
    marks.push(`overload in ${overload.a} and ${overload.b} of them`);
  return [
    '',
    point.point,
    `  ${marks.join('; ')}`,
    ...differences.map((one) => `  differs: ${difference(one)}`),
    ...(changes.length === 0 ? [] : [row(HEADINGS), ...changes.map((one) => row(cells(one)))]),
    ...notCompared.map(({ metric, because }) => `  ${LABELS[metric]}: not compared: ${because}`),
  ];
}

const LABELS: Readonly<Record<MetricName, string>> = {
  operationsPerSecond: 'operations/s',
  latencyP50Ms: 'latency p50, ms',
  latencyP99Ms: 'latency p99, ms',
  averageDelayMs: 'average delay, ms',
  lossRate: 'loss rate, %',
};
const HEADINGS = ['median', 'A', 'B', 'change', 'p', 'adjusted', 'verdict'] as const;
const WIDTHS = [17, 11, 11, 9, 9, 9] as const;

function row(words: readonly string[]): string {
  const padded = words.map((word, at) => {
    const width = WIDTHS[at];
    if (width === undefined) return word;
    return at === 0 ? word.padEnd(width) : word.padStart(width);
  });
  return `  ${padded.join('  ')}`;
}

function cells({ metric, a, b, relative, p, drawn, adjustedP, verdict }: Change): string[] {
  const shown = (value: number | 'over'): string => {
    if (value === 'over') return 'time-out';
    return metric === 'lossRate' ? (value * 100).toFixed(3) : figure(value);
  };
  return [
    LABELS[metric],
    shown(a),
    shown(b),
    relative === null ? '–' : `${relative > 0 ? '+' : ''}${(relative * 100).toFixed(1)} %`,
    probability(p, drawn),
    adjustedP === null ? '–' : probability(adjustedP, drawn),
    verdict,
  ];
}

/** To three places where that says something. */
function figure(value: number): string {
  const digits = value >= 1000 ? 0 : value >= 100 ? 1 : value >= 10 ? 2 : 3;
  const places = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return value.toLocaleString('en', places);
}

function probability(p: number, drawn: number | null): string {
  const sure = drawn === null ? '' : '≈ ';
  return p < 0.0001 ? '< 0.0001' : sure + p.toFixed(4);
}

function ending({ alpha, tests, points, repeatsNeeded }: Comparison): string[] {
  if (points.length === 0) return ['No point is in both: nothing was compared.'];
  const changes = points.flatMap((point) => point.changes);
  const lines = [
    `Permutation tests between runs, two-sided; ${tests} of ${changes.length} could find something, and p is adjusted over these (Holm).`,
    `A difference is shown where the adjusted p is at most ${alpha}.`,
  ];
  if (changes.some(({ drawn }) => drawn !== null))
    lines.push('≈: estimated from random divisions.');
  if (changes.some(({ verdict }) => verdict === 'too few repeats')) {
    lines.push(
      `Too few repeats: no outcome could have shown a difference; ${repeatsNeeded} of each point on each side can (--repeats ${repeatsNeeded}).`,
    );
  }
  return lines;
}
