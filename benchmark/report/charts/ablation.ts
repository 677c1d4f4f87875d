// What batching gives: throughput and latency at the same load, with more and more operations a transaction.
import type { MedianInterval } from '../../stats/interval.js';
import { figure } from '../format.js';
import { type Group, medianOf, type Point } from '../points.js';
import {
  type Chart,
  coloured,
  commandsOf,
  dashed,
  HEIGHT,
  logarithmic,
  repeatsNote,
  shaped,
  slug,
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
  const latency = [...rowsOf(latencyOf('p99'), 'p99'), ...rowsOf(latencyOf('p50'), 'p50')];
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

const latencyOf =
  (measure: 'p50' | 'p99') =>
  (point: Point): MedianInterval | null =>
    point.overload
      ? null
      : medianOf(point, ({ latencyMs }) =>
          latencyMs.over.includes(measure) ? null : latencyMs[measure],
        );

interface Row {
  readonly series: string;
  readonly line: string;
  readonly measure: string;
  readonly batch: number;
  readonly overload: boolean;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

function panel(labels: readonly string[], rows: readonly Row[], title: string, measured: boolean) {
  const all = rows.flatMap(({ value, low = value, high = value }) => [low, high]);
  const x = steps(
    'batch',
    BATCH,
    rows.map(({ batch }) => batch),
  );
  const y = logarithmic('value', title, all);
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
      {
        transform: [{ filter: 'isValid(datum.low)' }],
        mark: { type: 'rule', strokeWidth: 1.5 } as const,
        encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color },
      },
      {
        transform: [{ filter: '!datum.overload' }],
        mark: { type: 'point', filled: true, size: 60, opacity: 1 } as const,
        encoding: { x, y, color, shape },
      },
      {
        transform: [{ filter: 'datum.overload' }],
        mark: { type: 'point', filled: false, size: 70, strokeWidth: 2, opacity: 1 } as const,
        encoding: { x, y, color, shape },
      },
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
