// A run second by second: what was offered and what ended, how long it took, what waited; and what the processes used.
import type { StoredRun } from '../../results/read.js';
import type { ProcessRow, SeriesRow } from '../../results/result.js';
import { duration, figure, listed, loadOf } from '../format.js';
import { type Group, highestHeld, type Point, type Setup, typicalRun } from '../points.js';
import { type Chart, coloured, commandsOf, dashed, logarithmic, slug, WIDTH } from './chart.js';

const PANEL = 130;
/** Room for the legend beside the panels. */
const PANEL_WIDTH = WIDTH - 60;
const SECOND = {
  field: 'second',
  type: 'quantitative',
  title: null,
  scale: { nice: false },
  axis: { grid: false, labels: false, tickMinStep: 1, format: 'd' },
} as const;
/** Of the lowest panel, which speaks for those above it. */
const LAST_SECOND = {
  ...SECOND,
  title: 'seconds since the first intended start',
  axis: { ...SECOND.axis, labels: true },
} as const;

/** Of each setup: the highest load that held, and the lowest that did not. */
export function secondsCharts(group: Group): Chart[] {
  return group.setups.flatMap((setup) =>
    shownPoints(setup).flatMap((point) => {
      const run = typicalRun(point);
      return [...timeChart(group, setup, run), ...processChart(group, setup, run)];
    }),
  );
}

function shownPoints(setup: Setup): Point[] {
  const tooMuch = setup.points.find(({ mode, overload }) => mode !== 'burst' && overload);
  return [highestHeld(setup), tooMuch].filter((point) => point !== undefined);
}

/** Calls waited, and none ended. */
const isStall = ({ succeeded, refused, failed, backlog }: SeriesRow): boolean =>
  succeeded + refused + failed === 0 && backlog > 0;

function timeChart(group: Group, setup: Setup, { result, series, ...run }: StoredRun): Chart[] {
  if (series.length < 2) return [];
  const stalls = series
    .filter(isStall)
    .map(({ second }) => ({ second: second - 0.5, until: second + 0.5 }));
  const ended = (['succeeded', 'refused', 'failed'] as const).filter((what) =>
    series.some((row) => row[what] > 0),
  );
  const counted = ['offered', ...ended] as const;
  const many = panel(
    series.flatMap((row) =>
      counted.map((what) => ({ second: row.second, what, value: row[what] })),
    ),
    [...counted],
    'calls a second',
  );
  const latencies = series.flatMap(({ second, p50Ms, p99Ms }) => [
    { second, what: 'p99', value: p99Ms === null ? null : Math.max(p99Ms, 0.001) },
    { second, what: 'p50', value: p50Ms === null ? null : Math.max(p50Ms, 0.001) },
  ]);
  const slow = panel(latencies, ['p99', 'p50'], 'latency, ms (log)', { log: true });
  const shade = (x: typeof SECOND | typeof LAST_SECOND) =>
    ({
      data: { values: stalls },
      mark: { type: 'rect', color: 'currentColor', opacity: 0.18 },
      encoding: { x, x2: { field: 'until' } },
    }) as const;
  const waiting = panel(
    series.map(({ second, backlog }) => ({ second, what: 'backlog', value: backlog })),
    ['backlog'],
    'calls waiting',
    { last: true },
  );
  const over = result.overload ? ' (overload)' : '';
  return [
    {
      id: slug('seconds', result.run),
      title: `Second by second: ${group.workload}, ${group.variant}, ${setup.label}, ${loadOf(result)}${over}`,
      reading: secondsReading(series, result.overload),
      notes: [
        `Run ${result.run}.${result.overload ? ' Overload: latency says nothing and is not drawn.' : ''}`,
        ...(stalls.length > 0 ? ['Shaded: calls waited, and none ended.'] : []),
      ],
      commands: commandsOf([{ result, series, ...run }]),
      spec: {
        vconcat: [
          { ...many, layer: [shade(SECOND), ...many.layer] },
          // Under overload latency is a matter of how long the run was.
          ...(result.overload ? [] : [{ ...slow, layer: [shade(SECOND), ...slow.layer] }]),
          { ...waiting, layer: [shade(LAST_SECOND), ...waiting.layer] },
        ],
        resolve: {
          scale: {
            x: 'shared',
            color: 'independent',
            strokeDash: 'independent',
            shape: 'independent',
          },
        },
        spacing: 10,
      },
    },
  ];
}

interface Row {
  readonly second: number;
  readonly what: string;
  readonly value: number | null;
}

function panel(
  rows: readonly Row[],
  names: readonly string[],
  title: string,
  { log = false, last = false } = {},
) {
  const legend = { orient: 'right', symbolSize: 600 } as const;
  const values = rows.map(({ value }) => value).filter((value) => value !== null);
  const y = log
    ? logarithmic('value', title, values)
    : ({
        field: 'value',
        type: 'quantitative',
        title,
        scale: { domainMin: 0, ...(Math.max(...values) <= 0 && { domainMax: 1 }) },
        axis: { tickCount: 4, format: ',~r' },
      } as const);
  return {
    width: PANEL_WIDTH,
    height: PANEL,
    layer: [
      {
        data: { values: [...rows] },
        mark: { type: 'line', strokeWidth: 1.8, invalid: 'break-paths-show-path-domains' },
        encoding: {
          x: last ? LAST_SECOND : SECOND,
          y,
          color: { ...coloured(names, 'what'), legend },
          strokeDash: { ...dashed(names, 'what'), legend },
        },
      } as const,
    ],
  };
}

function secondsReading(series: readonly SeriesRow[], overload: boolean): string {
  const stalls = series.filter(isStall).length;
  const most = series.reduce((a, b) => (b.backlog > a.backlog ? b : a));
  const slowest = Math.max(...series.map(({ maxMs }) => maxMs ?? 0));
  const stalled =
    stalls === 0
      ? 'No second passed in which calls waited and none ended'
      : `In ${stalls} of ${series.length} seconds calls waited and none ended`;
  const waited =
    most.backlog <= 0
      ? 'none waited at the end of a second'
      : `most calls, ${figure(most.backlog)}, waited at the end of second ${most.second}`;
  const took = overload ? '' : `, and the slowest took ${duration(slowest)}`;
  return `${stalled}; ${waited}${took}.`;
}

const MEBIBYTE = 2 ** 20;

/** The last sample of a run is taken when it ends, often within a second that has one: a piece of a second is no second. */
function oneASecond(rows: readonly ProcessRow[]): ProcessRow[] {
  const seen = new Set<string>();
  return rows.filter(({ pid, second }) => {
    const key = `${pid} ${second}`;
    return !seen.has(key) && seen.add(key);
  });
}

function processChart(group: Group, setup: Setup, run: StoredRun): Chart[] {
  const { result } = run;
  const processes = oneASecond(run.processes);
  if (new Set(processes.map(({ second }) => second)).size < 2) return [];
  // Two processes of one name are told apart by their numbers.
  const pids = new Map<string, Set<number>>();
  for (const { name, pid } of processes) pids.set(name, (pids.get(name) ?? new Set()).add(pid));
  const nameOf = ({ name, pid }: { name: string; pid: number }): string =>
    (pids.get(name)?.size ?? 0) > 1 ? `${name} ${pid}` : name;
  const names = [...new Set(processes.map(nameOf))];
  const rows = (valueOf: (row: StoredRun['processes'][number]) => number): Row[] =>
    processes.map((row) => ({ second: row.second, what: nameOf(row), value: valueOf(row) }));
  const cores = panel(
    rows((row) => row.cores),
    names,
    'processor, cores',
  );
  const memory = panel(
    rows((row) => row.residentBytes / MEBIBYTE),
    names,
    'memory, MiB',
    { last: true },
  );
  return [
    {
      id: slug('processes', result.run),
      title: `Processor and memory: ${group.workload}, ${group.variant}, ${setup.label}, ${loadOf(result)}${result.overload ? ' (overload)' : ''}`,
      reading: `${listed(result.processes.map(({ name, cores: used, maxResidentBytes }) => `${name} used ${figure(used)} cores and at most ${figure(maxResidentBytes / MEBIBYTE)} MiB`))}.`,
      notes: [`Run ${result.run}. Resident memory; the harness includes the generators' threads.`],
      commands: commandsOf([run]),
      spec: {
        vconcat: [cores, memory],
        resolve: { scale: { x: 'shared' } },
        spacing: 10,
      },
    },
  ];
}
