// The instrument itself: how late its generators were, and what they used. Every run is a point; none is hidden in a median.
import { MAX_LATENESS_P99_MS } from '../../run/verdicts.js';
import type { StoredRun } from '../../results/read.js';
import { duration, figure } from '../format.js';
import { counts } from '../points.js';
import {
  type Chart,
  coloured,
  commandsOf,
  HEIGHT,
  logarithmic,
  shaped,
  steps,
  WIDTH,
} from './chart.js';

const PANEL_WIDTH = WIDTH / 2 - 60;
const OFFERED = 'offered load, operations a second (log)';

export function harnessChart(runs: readonly StoredRun[]): Chart[] {
  const shown = runs.filter((run) => counts(run) && run.result.load.ratePerSecond !== null);
  if (shown.length === 0) return [];
  const rows = shown.map(({ result }) => ({
    series: `${result.platform.name}, ${result.workload.name}`,
    load: result.load.ratePerSecond ?? 0,
    lateness: result.latenessMs.p99 === null ? null : Math.max(result.latenessMs.p99, 0.001),
    cores: result.generatorCores,
  }));
  const latest = Math.max(...rows.map(({ lateness }) => lateness ?? 0));
  const busiest = Math.max(...rows.map(({ cores }) => cores));
  const labels = [...new Set(rows.map(({ series }) => series))];
  const x = steps(
    'load',
    OFFERED,
    rows.map(({ load }) => load),
  );
  const y = logarithmic('lateness', 'lateness, p99, ms (log)', [
    MAX_LATENESS_P99_MS,
    ...rows.flatMap(({ lateness }) => lateness ?? []),
  ]);
  const marks = {
    mark: { type: 'point', filled: true, size: 50, opacity: 0.75 },
  } as const;
  const series = { color: coloured(labels), shape: shaped(labels) } as const;
  return [
    {
      id: 'harness',
      title: 'The harness: lateness, and what the generators used',
      reading: `${latest === 0 ? 'No run made enough calls to tell the p99 of its lateness' : `The generators' p99 lateness was at most ${duration(latest)}`}, and the generators used at most ${figure(busiest)} cores together.`,
      notes: [
        `Every valid run of an open loop is a point. A run that lies above the dashed line, at ${MAX_LATENESS_P99_MS} ms, is invalid and not drawn.`,
      ],
      commands: commandsOf(shown),
      spec: {
        hconcat: [
          {
            width: PANEL_WIDTH,
            height: HEIGHT * 0.7,
            data: { values: rows },
            layer: [
              {
                data: { values: [{ lateness: MAX_LATENESS_P99_MS }] },
                mark: { type: 'rule', strokeDash: [4, 4], color: 'currentColor', opacity: 0.6 },
                encoding: { y },
              },
              { ...marks, encoding: { x, y, ...series } },
            ],
          },
          {
            width: PANEL_WIDTH,
            height: HEIGHT * 0.7,
            data: { values: rows },
            ...marks,
            encoding: {
              x,
              y: {
                field: 'cores',
                type: 'quantitative',
                title: "generators' processor, cores",
                scale: { domainMin: 0 },
              },
              ...series,
            },
          },
        ],
      },
    },
  ];
}
