// A fixed number of operations, all due at once: system execution time and average delay against their number.
import type { MedianInterval } from '../../stats/interval.js';
import type { RunResult } from '../../results/result.js';
import { duration, figure, percentage } from '../format.js';
import { type Group, medianOf, type Setup } from '../points.js';
import {
  type Chart,
  coloured,
  commandsOf,
  extremes,
  HEIGHT,
  intervalBars,
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

const PANEL_WIDTH = WIDTH / 3 - 50;
const AMOUNT = 'operations (log)';

const seconds = (ms: number | null): number | null => (ms === null ? null : ms / 1000);

export function burstChart(group: Group): Chart[] {
  const setups = group.setups
    .map((setup) => ({ ...setup, points: setup.points.filter(({ mode }) => mode === 'burst') }))
    .filter(({ points }) => points.length > 0);
  if (setups.length === 0) return [];
  const intervals: MedianInterval[] = [];
  const rowsOf = (value: (result: RunResult) => number | null) =>
    setups.flatMap(({ label, points }) =>
      points.flatMap((point) => {
        const median = medianOf(point, value);
        if (median === null) return [];
        intervals.push(median);
        return [{ series: label, amount: point.amount, ...spread(median) }];
      }),
    );
  const labels = setups.map(({ label }) => label);
  const time = (title: string, rows: readonly Row[]) =>
    panel(labels, rows, logarithmic('value', title, extremes(rows)));
  const losses = rowsOf(({ lossRate }) => lossRate);
  const loss = {
    field: 'value',
    type: 'quantitative',
    title: 'loss rate, share of operations',
    // Without any loss the line lies on the ground, not in the middle.
    scale: { domainMin: 0, domainMax: Math.max(0.01, ...losses.map(({ value }) => value)) },
    axis: { format: '.2~%', tickCount: 5 },
  } as const;
  return [
    {
      id: slug('set', group.workload, group.variant),
      title: `System execution time and average delay: ${group.workload}, ${group.variant}`,
      reading: `${setups.map(readingOf).join('; ')}.`,
      notes: [
        'System execution time: from the first intended start to the last commit. Average delay: mean of commit − intended start over committed operations only, hence the loss rate beside it.',
        ...repeatsNote(intervals),
        ...trustNote(setups),
      ],
      commands: commandsOf(setups.flatMap(({ points }) => points.flatMap(({ runs }) => runs))),
      spec: {
        hconcat: [
          time(
            'system execution time, s (log)',
            rowsOf(({ setMs }) => seconds(setMs)),
          ),
          time(
            'average delay, s (log)',
            rowsOf(({ averageDelayMs }) => seconds(averageDelayMs)),
          ),
          panel(labels, losses, loss),
        ],
      },
    },
  ];
}

interface Row extends Spread {
  readonly series: string;
  readonly amount: number;
}

function panel<Y extends object>(labels: readonly string[], rows: readonly Row[], y: Y) {
  const x = steps(
    'amount',
    AMOUNT,
    rows.map(({ amount }) => amount),
  );
  const [color, shape] = [coloured(labels), shaped(labels)];
  return {
    width: PANEL_WIDTH,
    height: HEIGHT,
    data: { values: [...rows] },
    layer: [
      { mark: { type: 'line', strokeWidth: 2 } as const, encoding: { x, y, color } },
      intervalBars(x, y, color),
      {
        mark: { type: 'point', filled: true, size: 60, opacity: 1 } as const,
        encoding: { x, y, color, shape },
      },
    ],
  };
}

function readingOf({ label, points }: Setup): string {
  const last = points.at(-1);
  if (last === undefined) return label;
  const set = medianOf(last, ({ setMs }) => setMs)?.median ?? null;
  const delay = medianOf(last, ({ averageDelayMs }) => averageDelayMs)?.median ?? null;
  const loss = medianOf(last, ({ lossRate }) => lossRate)?.median ?? 0;
  return `${label} takes ${duration(set)} for ${figure(last.amount)} operations, ${duration(delay)} on average at a loss rate of ${percentage(loss)}`;
}
