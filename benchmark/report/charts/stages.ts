// Where the time goes: each stage that can be seen, at the highest load that held.
import { duration, listed } from '../format.js';
import { type Group, highestHeld, type Point, type Setup, typicalRun } from '../points.js';
import {
  type Chart,
  coloured,
  commandsOf,
  logarithmic,
  shaped,
  slug,
  trustNote,
  WIDTH,
} from './chart.js';

interface Shown {
  readonly setup: Setup;
  readonly point: Point;
}

export function stagesChart(group: Group): Chart[] {
  const shown = group.setups.flatMap((setup): Shown[] => {
    const point = highestHeld(setup);
    return point === undefined ? [] : [{ setup, point }];
  });
  const rows = shown.flatMap(({ setup, point }) =>
    Object.entries(typicalRun(point).result.stagesMs).flatMap(([stage, { p50, p99 }]) =>
      // What takes less than the histogram's least value takes a microsecond at most.
      p50 === null
        ? []
        : [
            {
              series: setup.label,
              stage,
              p50: Math.max(p50, 0.001),
              p99: Math.max(p99 ?? p50, 0.001),
            },
          ],
    ),
  );
  if (rows.length === 0) return [];
  const labels = [...new Set(rows.map(({ series }) => series))];
  const stages = [...new Set(rows.map(({ stage }) => stage))];
  const x = logarithmic(
    'p50',
    'time, ms (log)',
    rows.flatMap(({ p50, p99 }) => [p50, p99]),
  );
  const y = { field: 'stage', type: 'nominal', title: null, scale: { domain: stages } } as const;
  const yOffset = { field: 'series', type: 'nominal', scale: { domain: labels } } as const;
  const color = coloured(labels);
  return [
    {
      id: slug('stages', group.workload, group.variant),
      title: `Stage times: ${group.workload}, ${group.variant}`,
      reading: `Longest at the median: ${listed(shown.map(readingOf))}.`,
      notes: [
        'The mark is the p50, the line reaches to the p99 where that is known. Stages overlap and are not made to add up.',
        `At the highest load that held: ${listed(shown.map(({ setup, point }) => `${setup.label}, ${point.load}`))}.`,
        ...trustNote(shown.map(({ setup }) => setup)),
      ],
      commands: commandsOf(shown.map(({ point }) => typicalRun(point))),
      spec: {
        width: WIDTH - 60,
        height: { step: Math.max(14, 30 / labels.length), for: 'offset' },
        data: { values: rows },
        layer: [
          {
            mark: { type: 'rule', strokeWidth: 2 },
            encoding: { x, x2: { field: 'p99' }, y, yOffset, color },
          },
          {
            mark: { type: 'point', filled: true, size: 60, opacity: 1 },
            encoding: { x, y, yOffset, color, shape: shaped(labels) },
          },
        ],
      },
    },
  ];
}

function readingOf({ setup, point }: Shown): string {
  const known = Object.entries(typicalRun(point).result.stagesMs).flatMap(([stage, { p50 }]) =>
    p50 === null ? [] : [{ stage, p50 }],
  );
  if (known.length === 0) return `none known for ${setup.label}`;
  const longest = known.reduce((a, b) => (b.p50 > a.p50 ? b : a));
  return `${longest.stage} with ${duration(longest.p50)} for ${setup.label}`;
}
