// Writes a results folder: a manifest, and one folder a run. A run appears whole or not at all.
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BenchError } from '../errors.js';
import type { Manifest, ProcessRow, RunResult, SeriesRow, StoredHistograms } from './result.js';

export interface RunFiles {
  readonly result: RunResult;
  readonly series: readonly SeriesRow[];
  readonly processes: readonly ProcessRow[];
  readonly histograms: StoredHistograms;
  /** Records of each call, already written somewhere on the same disk. */
  readonly rawFiles: readonly string[];
}

export const MANIFEST = 'manifest.json';
export const RUNS = 'runs';

/**
 * Begins a results folder, which must not exist yet or be empty.
 * @throws BenchError RESULTS
 */
export async function createResults(dir: string, manifest: Manifest): Promise<void> {
  const failed = (error: unknown): never => {
    throw new BenchError('RESULTS', `can't make ${dir}: ${String(error)}`, { cause: error });
  };
  await mkdir(dir, { recursive: true }).catch(failed);
  if ((await readdir(dir).catch(failed)).length > 0) {
    throw new BenchError('RESULTS', `${dir} is not empty: name another folder with --out`);
  }
  await mkdir(join(dir, RUNS)).catch(failed);
  await writeManifest(dir, manifest);
}

/** Replaces the manifest in one step. */
export async function writeManifest(dir: string, manifest: Manifest): Promise<void> {
  await replace(join(dir, MANIFEST), json(manifest));
}

/** Adds one run. */
export async function writeRun(dir: string, run: RunFiles): Promise<void> {
  const { result, series, processes, histograms, rawFiles } = run;
  const into = join(dir, RUNS, result.run);
  const making = `${into}.part`;
  await mkdir(making, { recursive: true });
  await writeFile(join(making, 'result.json'), json(result));
  await writeFile(join(making, 'series.csv'), csv(SERIES_COLUMNS, series));
  await writeFile(join(making, 'processes.csv'), csv(PROCESS_COLUMNS, processes));
  await writeFile(join(making, 'histograms.json'), json(histograms));
  for (const [at, file] of rawFiles.entries()) await rename(file, join(making, `raw-${at}.csv.gz`));
  await rename(making, into);
}

/** In the order of the file's columns. */
export const SERIES_COLUMNS = [
  'second',
  'offered',
  'succeeded',
  'refused',
  'failed',
  'backlog',
  'p50Ms',
  'p99Ms',
  'maxMs',
] as const satisfies readonly (keyof SeriesRow)[];

export const PROCESS_COLUMNS = [
  'second',
  'name',
  'pid',
  'cores',
  'residentBytes',
  'readBytes',
  'writtenBytes',
] as const satisfies readonly (keyof ProcessRow)[];

/** Names and numbers only: nothing that needs quotes. A name with a comma loses it. */
function csv<K extends string>(
  columns: readonly K[],
  rows: readonly Readonly<Record<K, number | string | null>>[],
): string {
  const lines = rows.map((row) => columns.map((column) => plain(row[column])).join(','));
  return [columns.join(','), ...lines, ''].join('\n');
}

const plain = (cell: number | string | null): string =>
  String(cell ?? '').replace(/[",\r\n]+/g, ' ');

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

async function replace(file: string, text: string): Promise<void> {
  await writeFile(`${file}.part`, text);
  await rename(`${file}.part`, file);
}
