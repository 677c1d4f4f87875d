// How latencies are distributed, from the histograms: repeats of a point are added up, not averaged.
import { Latencies } from '../../stats/latencies.js';
import { duration } from '../format.js';
import type { Group, Point, Setup } from '../points.js';
import {
  type Chart,
  coloured,
  commandsOf,
  dashed,
  HEIGHT,
  logarithmic,
  shaped,
  slug,
  WIDTH,
} from './chart.js';

/** Shares of calls at which a curve is drawn: even in the middle, closer towards the end. */
const SHARES = [
  0.001,
  0.01,
  ...Array.from({ length: 48 }, (_, at) => (at + 1) / 50),
  ...[0.97, 0.98, 0.985, 0.99, 0.995, 0.999],
];
const MARKED = [0.5, 0.9, 0.99];

/** One chart a setup, one curve a load. */
export function distributionCharts(group: Group): Chart[] {
  return group.setups.flatMap((setup) => {
    const points = setup.points.filter(({ mode, overload }) => mode !== 'burst' && !overload);
    const curves = points.map((point) => ({ point, latencies: sumOf(point) }));
    const drawn = curves.filter(({ latencies }) => latencies.count >= 200);
    return drawn.length === 0 ? [] : [distributionChart(group, setup, drawn)];
  });
}

interface Curve {
  readonly point: Point;
  readonly latencies: Latencies;
}

function distributionChart(group: Group, setup: Setup, curves: readonly Curve[]): Chart {
  const rows = curves.flatMap(rowsOf);
  const loads = curves.map(({ point }) => point.load);
  const x = logarithmic(
    'ms',
    'latency, ms (log)',
    rows.map(({ ms }) => ms),
  );
  const y = {
    field: 'share',
    type: 'quantitative',
    title: 'ended within, share of calls',
    scale: { domainMin: 0, domainMax: 1 },
    axis: { format: '.0%' },
  } as const;
  const color = coloured(loads);
  return {
    id: slug('distribution', group.workload, group.variant, setup.label),
    title: `Distribution of latencies: ${group.workload}, ${group.variant}, ${setup.label}`,
    reading: readingOf(curves),
    notes: [
      'Loads that held; marks at half, 90 % and 99 % of calls. Lost and failed calls count as beyond the end of each curve.',
    ],
    commands: commandsOf(curves.flatMap(({ point }) => point.runs)),
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
            strokeDash: dashed(loads, 'series'),
            order: { field: 'share', type: 'quantitative' },
          },
        },
        {
          transform: [{ filter: 'datum.marked' }],
          mark: { type: 'point', filled: true, size: 60, opacity: 1 },
          encoding: { x, y, color, shape: shaped(loads) },
        },
      ],
    },
  };
}

function rowsOf({ point, latencies }: Curve) {
  return [...SHARES].flatMap((share) => {
    const ms = latencies.quantileMs(share);
    // HDR's least value is a microsecond; a logarithm has no room for nothing.
    return typeof ms === 'number'
      ? [{ series: point.load, share, ms: Math.max(ms, 0.001), marked: MARKED.includes(share) }]
      : [];
  });
}

function sumOf({ runs }: Point): Latencies {
  const sum = new Latencies();
  for (const { histograms } of runs) sum.add(Latencies.decode(histograms.latency));
  return sum;
}

function readingOf(curves: readonly Curve[]): string {
  const last = curves.at(-1);
  if (last === undefined) return '';
  const at = (share: number): string => {
    const ms = last.latencies.quantileMs(share);
    return typeof ms === 'number' ? duration(ms) : 'more than the time-out';
  };
  return `At ${last.point.load} half of the calls ended within ${at(0.5)}, and nine of ten within ${at(0.9)}.`;
}
