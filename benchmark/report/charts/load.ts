// What a platform makes of growing load: throughput and latency against operations offered a second.
import type { MedianInterval } from '../../stats/interval.js';
import { duration, figure, listed } from '../format.js';
import { type Group, highestHeld, latencyOf, medianOf, type Point, type Setup } from '../points.js';
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
  spread,
  steps,
  trustNote,
  WIDTH,
} from './chart.js';

const OFFERED = 'offered load, operations a second (log)';
const MEASURES = ['p99', 'p50'] as const;

interface OpenSetup extends Setup {
  readonly open: readonly Point[];
}

/** Setups that were tried at several loads. */
function openSetups({ setups }: Group): OpenSetup[] {
  return setups
    .map((setup) => ({ ...setup, open: setup.points.filter(({ mode }) => mode === 'open') }))
    .filter(({ open }) => new Set(open.map(({ amount }) => amount)).size > 1);
}

export function throughputChart(group: Group): Chart[] {
  const setups = openSetups(group);
  if (setups.length === 0) return [];
  const intervals: MedianInterval[] = [];
  const rows = setups.flatMap(({ label, open }) =>
    open.flatMap((point) => {
      const median = medianOf(point, (result) => result.operationsPerSecond);
      if (median === null || median.median <= 0) return [];
      intervals.push(median);
      return [{ series: label, load: point.amount, overload: point.overload, ...spread(median) }];
    }),
  );
  const loads = rows.map(({ load }) => load);
  const [least, most] = [Math.min(...loads), Math.max(...loads)];
  const labels = setups.map(({ label }) => label);
  const x = steps('load', OFFERED, loads);
  const all = extremes(rows);
  const y = logarithmic('value', 'committed, operations a second (log)', [...all, least, most]);
  const [color, shape] = [coloured(labels), shaped(labels)];
  return [
    {
      id: slug('throughput', group.workload, group.variant),
      title: `Throughput against offered load: ${group.workload}, ${group.variant}`,
      reading: `${setups.map(throughputOf).join('; ')}.`,
      notes: [
        'Successes only. On the dashed line everything that was offered commits; hollow marks are overload.',
        ...repeatsNote(intervals),
        ...trustNote(setups),
      ],
      commands: commandsOf(setups.flatMap(({ open }) => open.flatMap(({ runs }) => runs))),
      spec: {
        width: WIDTH,
        height: HEIGHT,
        data: { values: rows },
        layer: [
          {
            data: { values: [least, most].map((load) => ({ load, value: load })) },
            mark: { type: 'line', color: 'currentColor', opacity: 0.5, strokeDash: [3, 4] },
            encoding: { x, y },
          },
          { mark: { type: 'line', strokeWidth: 2 }, encoding: { x, y, color } },
          intervalBars(x, y, color),
          ...loadMarks({ x, y, color, shape }, 70),
        ],
      },
    },
  ];
}

function throughputOf({ label, open }: OpenSetup): string {
  const best = open
    .map((point) => ({ point, ops: medianOf(point, (r) => r.operationsPerSecond)?.median ?? 0 }))
    .reduce((a, b) => (b.ops > a.ops ? b : a));
  const tooMuch = open.find(({ overload }) => overload);
  const most = `${label} commits at most ${figure(best.ops)} operations a second, at ${best.point.load} offered`;
  return tooMuch === undefined
    ? `${most}, and keeps up with every load that was tried`
    : `${most}, and is overloaded from ${tooMuch.load} on`;
}

export function latencyChart(group: Group): Chart[] {
  const setups = openSetups(group);
  const intervals: MedianInterval[] = [];
  const rows = setups.flatMap(({ label, open }) =>
    open.flatMap((point) =>
      MEASURES.flatMap((measure) => {
        const median = latencyOf(point, measure);
        if (median === null) return [];
        intervals.push(median);
        const line = `${label} ${measure}`;
        return [{ series: label, measure, line, load: point.amount, ...spread(median) }];
      }),
    ),
  );
  if (rows.length === 0) return [];
  const labels = setups.map(({ label }) => label);
  const loads = setups.flatMap(({ open }) => open.map(({ amount }) => amount));
  const all = extremes(rows);
  const x = steps('load', OFFERED, loads);
  const y = logarithmic('value', 'latency, ms (log)', all);
  const [color, shape] = [coloured(labels), shaped(labels)];
  const overloads = setups.flatMap(({ label, open }) =>
    open.filter(({ overload }) => overload).map(({ amount }) => ({ series: label, load: amount })),
  );
  return [
    {
      id: slug('latency', group.workload, group.variant),
      title: `Latency against offered load: ${group.workload}, ${group.variant}`,
      reading: `At the highest load that held: ${setups.map(latencyAtHighest).join('; ')}.`,
      notes: [
        'From the intended start to the durable commit. A percentile is drawn only where a hundred values lie beyond it.',
        ...(overloads.length > 0
          ? ['A cross at the top: overload, where latency says nothing and is not drawn.']
          : []),
        ...repeatsNote(intervals),
        ...trustNote(setups),
      ],
      commands: commandsOf(setups.flatMap(({ open }) => open.flatMap(({ runs }) => runs))),
      spec: {
        width: WIDTH,
        height: HEIGHT,
        data: { values: rows },
        layer: [
          {
            mark: { type: 'line', strokeWidth: 2 },
            encoding: {
              x,
              y,
              color,
              strokeDash: { ...dashed(MEASURES, 'measure'), legend: { symbolSize: 600 } },
              detail: { field: 'line' },
            },
          },
          intervalBars(x, y, color),
          {
            mark: { type: 'point', filled: true, size: 70, opacity: 1 },
            encoding: { x, y, color, shape },
          },
          // One below the other, so that none hides another.
          ...labels.map((label, at) => ({
            data: { values: overloads.filter(({ series }) => series === label) },
            mark: { type: 'text', text: '✕', fontSize: 11, fontWeight: 'bold' } as const,
            encoding: { x, y: { value: 6 + 13 * at }, color },
          })),
        ],
      },
    },
  ];
}

function latencyAtHighest(setup: OpenSetup): string {
  const point = highestHeld({ ...setup, points: setup.open });
  if (point === undefined) return `${setup.label}, there was none`;
  const [p50, p99] = [latencyOf(point, 'p50'), latencyOf(point, 'p99')];
  const known = [
    p50 === null ? '' : `p50 ${duration(p50.median)}`,
    p99 === null ? '' : `p99 ${duration(p99.median)}`,
  ].filter((word) => word !== '');
  const said = known.length === 0 ? 'too few values for a percentile' : listed(known);
  return `${setup.label}, ${said} at ${point.load}`;
}
