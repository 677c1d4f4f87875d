// What batching gives: throughput and latency at the same load, with more and more operations a transaction.
import type { MedianInterval } from '../../stats/interval.js';
import { figure } from '../format.js';
import { type Group, latencyOf, medianOf, type Point } from '../points.js';
import {
  type Chart,
  coloured,
  commandsOf,
  dashed,
  extremes,
  HEIGHT,
  intervalBars,
  loadMarks,
  logarithmic,
  repeatsNote,
  shaped,
  slug,
  type Spread,
  spread,
  steps,
  trustNote,
  WIDTH,
} from './chart.js';

const PANEL_WIDTH = WIDTH / 2 - 60;
const BATCH = 'batch, operations a transaction at most (log)';

interface Line {
  readonly label: string;
  readonly trust: string;
  readonly tried: readonly { readonly batch: number; readonly point: Point }[];
}

export function ablationChart(group: Group): Chart[] {
  const lines = linesOf(group);
  if (lines.length === 0) return [];
  const labels = lines.map(({ label }) => label);
  const intervals: MedianInterval[] = [];
  const rowsOf = (valueOf: (point: Point) => MedianInterval | null, measure: string) =>
    lines.flatMap(({ label, tried }) =>
      tried.flatMap(({ batch, point }) => {
        const median = valueOf(point);
        if (median === null) return [];
        intervals.push(median);
        const { overload } = point;
        return [
          {
            series: label,
            line: `${label} ${measure}`,
            measure,
            batch,
            overload,
            ...spread(median),
          },
        ];
      }),
    );
  const throughput = rowsOf(throughputOf, 'throughput');
  const latency = [
    ...rowsOf((point) => latencyOf(point, 'p99'), 'p99'),
    ...rowsOf((point) => latencyOf(point, 'p50'), 'p50'),
  ];
  const panels = [
    panel(labels, throughput, 'committed, operations a second (log)', false),
    panel(labels, latency, 'latency, ms (log)', true),
  ];
  return [
    {
      id: slug('batches', group.workload, group.variant),
      title: `Batch size: ${group.workload}, ${group.variant}`,
      reading: `${lines.map(readingOf).join('; ')}.`,
      notes: [
        'Hollow marks: overload; its latencies are not drawn.',
        ...repeatsNote(intervals),
        ...trustNote(lines),
      ],
      commands: commandsOf(lines.flatMap(({ tried }) => tried.flatMap(({ point }) => point.runs))),
      spec: { hconcat: latency.length > 0 ? panels : panels.slice(0, 1) },
    },
  ];
}

/** The same setup and load with at least two batch sizes. */
function linesOf({ setups }: Group): Line[] {
  const lines = new Map<string, { batch: number; point: Point; trust: string }[]>();
  for (const { labelWithoutBatch, batch, trust, points } of setups) {
    for (const point of points.filter(({ mode }) => mode !== 'burst')) {
      const label = `${labelWithoutBatch}, ${point.load}`;
      lines.set(label, [...(lines.get(label) ?? []), { batch, point, trust }]);
    }
  }
  return [...lines]
    .map(([label, tried]) => ({
      label,
      trust: tried[0]?.trust ?? '',
      tried: tried.toSorted((a, b) => a.batch - b.batch),
    }))
    .filter(({ tried }) => new Set(tried.map(({ batch }) => batch)).size > 1);
}

const throughputOf = (point: Point): MedianInterval | null =>
  medianOf(point, ({ operationsPerSecond }) => operationsPerSecond);

interface Row extends Spread {
  readonly series: string;
  readonly line: string;
  readonly measure: string;
  readonly batch: number;
  readonly overload: boolean;
}

function panel(labels: readonly string[], rows: readonly Row[], title: string, measured: boolean) {
  const x = steps(
    'batch',
    BATCH,
    rows.map(({ batch }) => batch),
  );
  const y = logarithmic('value', title, extremes(rows));
  const [color, shape] = [coloured(labels), shaped(labels)];
  const line = { x, y, color, detail: { field: 'line' } } as const;
  return {
    width: PANEL_WIDTH,
    height: HEIGHT,
    data: { values: [...rows] },
    layer: [
      {
        mark: { type: 'line', strokeWidth: 2 } as const,
        encoding: measured
          ? {
              ...line,
              strokeDash: { ...dashed(['p99', 'p50'], 'measure'), legend: { symbolSize: 600 } },
            }
          : line,
      },
      intervalBars(x, y, color),
      ...loadMarks({ x, y, color, shape }, 60),
    ],
  };
}

function readingOf({ label, tried }: Line): string {
  const rated = tried.map(({ batch, point }) => ({
    batch,
    ops: throughputOf(point)?.median ?? 0,
  }));
  const best = rated.reduce((a, b) => (b.ops > a.ops * 1.01 ? b : a));
  return `${label}: ${figure(best.ops)} operations a second with batches of ${best.batch}, ${figure(rated[0]?.ops ?? 0)} with batches of ${rated[0]?.batch ?? 0}`;
}
