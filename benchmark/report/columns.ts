// One row a run: the same columns for the page's table and for summary.csv, which has plain numbers.
import type { RunResult } from '../results/result.js';
import { duration, figure, loadOf, NOTHING, percentage, percentile } from './format.js';

export interface Column {
  /** On the page. */
  readonly title: string;
  readonly shown: (result: RunResult) => string;
  /** Words, which stand to the left. */
  readonly words?: true;
}

const count = (
  name: 'offered' | 'sent' | 'succeeded' | 'refused' | 'conflicted' | 'failed' | 'lost',
): Column => ({
  title: name,
  shown: (result) => figure(result[name]),
});

const latency = (name: 'p50' | 'p90' | 'p99' | 'p999' | 'max', title: string): Column => ({
  title,
  shown: ({ latencyMs }) => percentile(latencyMs, name),
});

export const COLUMNS: readonly Column[] = [
  { title: 'run', words: true, shown: ({ run }) => run },
  { title: 'load', shown: loadOf },
  { title: 'batch', shown: ({ platform }) => figure(platform.batch) },
  { title: 'validity', words: true, shown: standingOf },
  ...(['offered', 'sent', 'succeeded', 'refused', 'conflicted', 'failed', 'lost'] as const).map(
    count,
  ),
  { title: 'op/s', shown: ({ operationsPerSecond }) => figure(operationsPerSecond) },
  { title: 'tx/s', shown: ({ transactionsPerSecond }) => figure(transactionsPerSecond) },
  latency('p50', 'p50'),
  latency('p90', 'p90'),
  latency('p99', 'p99'),
  latency('p999', 'p99.9'),
  latency('max', 'max'),
  { title: 'average delay', shown: ({ averageDelayMs }) => duration(averageDelayMs) },
  { title: 'loss rate', shown: ({ lossRate }) => percentage(lossRate) },
  { title: 'SET', shown: ({ setMs }) => duration(setMs) },
  { title: 'lateness p99', shown: ({ latenessMs }) => percentile(latenessMs, 'p99') },
  { title: 'generator cores', shown: ({ generatorCores }) => figure(generatorCores) },
  {
    title: 'check',
    words: true,
    shown: ({ check }) => (check === null ? NOTHING : check.ok ? 'holds' : 'FAILS'),
  },
];

/** `valid`, or everything that takes from a run's worth. */
export function standingOf({ valid, overload, interrupted }: RunResult): string {
  const words = [
    ...(valid ? [] : ['INVALID']),
    ...(overload ? ['overload'] : []),
    ...(interrupted ? ['interrupted'] : []),
  ];
  return words.length === 0 ? 'valid' : words.join(', ');
}

type Cell = string | number | boolean | null;

const PERCENTILES = ['p50', 'p90', 'p99', 'p999', 'max'] as const;

/** Plain figures, milliseconds; a percentile beyond the time-out is `>` and the time-out. */
const CELLS: Readonly<Record<string, (result: RunResult) => Cell>> = {
  run: ({ run }) => run,
  platform: ({ platform }) => platform.name,
  trust: ({ platform }) => platform.trust,
  workload: ({ workload }) => workload.name,
  variant: ({ workload }) => workload.variant,
  presigned: ({ workload }) => workload.presigned,
  quick: ({ workload }) => workload.quick,
  batch: ({ platform }) => platform.batch,
  mode: ({ load }) => load.mode,
  ratePerSecond: ({ load }) => load.ratePerSecond,
  clients: ({ load }) => load.clients,
  operations: ({ load }) => load.operations,
  valid: ({ valid }) => valid,
  invalidBecause: ({ invalidBecause }) => invalidBecause.join('; '),
  overload: ({ overload }) => overload,
  interrupted: ({ interrupted }) => interrupted,
  offered: ({ offered }) => offered,
  sent: ({ sent }) => sent,
  succeeded: ({ succeeded }) => succeeded,
  refused: ({ refused }) => refused,
  conflicted: ({ conflicted }) => conflicted,
  failed: ({ failed }) => failed,
  lost: ({ lost }) => lost,
  operationsPerSecond: ({ operationsPerSecond }) => operationsPerSecond,
  transactionsPerSecond: ({ transactionsPerSecond }) => transactionsPerSecond,
  ...Object.fromEntries(
    PERCENTILES.map((name) => [
      `${name}Ms`,
      ({ latencyMs }: RunResult): Cell =>
        latencyMs.over.includes(name) ? `>${latencyMs[name] ?? ''}` : latencyMs[name],
    ]),
  ),
  averageDelayMs: ({ averageDelayMs }) => averageDelayMs,
  lossRate: ({ lossRate }) => lossRate,
  setMs: ({ setMs }) => setMs,
  latenessP99Ms: ({ latenessMs }) => latenessMs.p99,
  generatorCores: ({ generatorCores }) => generatorCores,
  networkBytes: ({ networkBytes }) => networkBytes,
  command: ({ command }) => command,
};

/** `summary.csv`, RFC 4180. */
export function summaryCsv(results: readonly RunResult[]): string {
  const rows = results.map((result) => Object.values(CELLS).map((cell) => quoted(cell(result))));
  return [Object.keys(CELLS), ...rows].map((row) => `${row.join(',')}\r\n`).join('');
}

/** A text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, CSV injection). */
function quoted(cell: Cell): string {
  if (typeof cell !== 'string') return String(cell ?? '');
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
