// Reads a results folder and believes nothing: what is missing, cut off, from another version or changed by hand so that it
// no longer fits is named by file and field.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BenchError } from '../errors.js';
import { Latencies } from '../stats/latencies.js';
import {
  type Manifest,
  manifestSchema,
  type ProcessRow,
  resultSchema,
  type RunResult,
  type SeriesRow,
  type StoredHistograms,
} from './result.js';
import { MANIFEST, PROCESS_COLUMNS, RUNS, SERIES_COLUMNS } from './write.js';

export interface StoredRun {
  readonly result: RunResult;
  readonly series: readonly SeriesRow[];
  readonly processes: readonly ProcessRow[];
  readonly histograms: StoredHistograms;
}

export interface Results {
  readonly manifest: Manifest;
  /** In the order in which they were made. */
  readonly runs: readonly StoredRun[];
}

/**
 * Everything in a results folder. A run that was written whole and that the manifest doesn't name yet, because the harness
 * was cut off in between, is read, too; one that was never finished is passed over.
 * @throws BenchError RESULTS that names file and field
 */
export async function readResults(dir: string): Promise<Results> {
  const manifest = fitted(MANIFEST, manifestSchema, await readJson(dir, MANIFEST));
  const whole = (await namesIn(dir)).filter((name) => !name.endsWith('.part'));
  for (const name of manifest.runs) {
    if (!whole.includes(name)) {
      throw wrong(MANIFEST, `runs names ${JSON.stringify(name)}, which is not in ${RUNS}/`);
    }
  }
  const runs: StoredRun[] = [];
  for (const name of whole) runs.push(await readRun(dir, name));
  return { manifest, runs };
}

async function namesIn(dir: string): Promise<string[]> {
  const entries = await readdir(join(dir, RUNS), { withFileTypes: true }).catch(
    (error: unknown) => {
      throw wrong(RUNS, reasonOf(error), error);
    },
  );
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  // Numbers have leading zeros up to 9999; beyond, they grow longer.
  return folders.sort((a, b) => parseInt(a, 10) - parseInt(b, 10) || (a < b ? -1 : 1));
}

async function readRun(dir: string, name: string): Promise<StoredRun> {
  const at = (file: string): string => `${RUNS}/${name}/${file}`;
  const result = fitted(at('result.json'), resultSchema, await readJson(dir, at('result.json')));
  if (result.run !== name) {
    throw wrong(at('result.json'), `run: says ${JSON.stringify(result.run)} in another's folder`);
  }
  const histograms = await readHistograms(dir, at('histograms.json'), result);
  const series = await readCsv(dir, at('series.csv'), SERIES_COLUMNS, seriesRowSchema);
  const processes = await readCsv(dir, at('processes.csv'), PROCESS_COLUMNS, processRowSchema);
  return { result, series, processes, histograms };
}

const encodedSchema = z.strictObject({
  histogram: z.string(),
  over: z.int().nonnegative(),
  sumMs: z.number().nonnegative(),
});

const histogramsSchema = z.strictObject({
  latency: encodedSchema,
  refused: encodedSchema,
  lateness: encodedSchema,
  kinds: z.record(z.string(), encodedSchema),
}) satisfies z.ZodType<StoredHistograms>;

/** Each must decode, and hold as many values as the result says. */
async function readHistograms(
  dir: string,
  file: string,
  result: RunResult,
): Promise<StoredHistograms> {
  const histograms = fitted(file, histogramsSchema, await readJson(dir, file));
  const { latency, refused, lateness, kinds } = histograms;
  const counted = [
    ['latency', latency, result.latencyMs.count],
    ['refused', refused, result.refusedLatencyMs.count],
    ['lateness', lateness, result.latenessMs.count],
    ...Object.entries(kinds).map(
      ([kind, encoded]) =>
        [`kinds.${kind}`, encoded, result.kinds[kind]?.latencyMs.count ?? 0] as const,
    ),
  ] as const;
  for (const [field, encoded, count] of counted) {
    const held = countOf(file, field, encoded);
    if (held !== count) {
      throw wrong(file, `${field}: holds ${held} values, and result.json says ${count}`);
    }
  }
  return histograms;
}

function countOf(file: string, field: string, encoded: StoredHistograms['latency']): number {
  try {
    return Latencies.decode(encoded).count;
  } catch (error) {
    throw wrong(file, `${field}: is no HDR histogram`, error);
  }
}

const number = z
  .string()
  .regex(/^-?\d+(\.\d+)?(e[+-]\d+)?$/, 'is not a number')
  .transform(Number);
const whole = z
  .string()
  .regex(/^-?\d+$/, 'is not a whole number')
  .transform(Number);
const numberOrNothing = z.union([z.literal('').transform(() => null), number]);

const seriesRowSchema = z.strictObject({
  second: whole,
  offered: whole,
  succeeded: whole,
  refused: whole,
  failed: whole,
  backlog: whole,
  p50Ms: numberOrNothing,
  p99Ms: numberOrNothing,
  maxMs: numberOrNothing,
}) satisfies z.ZodType<SeriesRow>;

const processRowSchema = z.strictObject({
  second: whole,
  name: z.string(),
  pid: whole,
  cores: number,
  residentBytes: number,
  readBytes: number,
  writtenBytes: number,
}) satisfies z.ZodType<ProcessRow>;

async function readCsv<T>(
  dir: string,
  file: string,
  columns: readonly string[],
  schema: z.ZodType<T>,
): Promise<T[]> {
  const lines = (await readText(dir, file)).split('\n');
  if (lines.pop() !== '') throw wrong(file, 'the last line is cut off');
  if (lines.shift() !== columns.join(',')) {
    throw wrong(file, `line 1: the columns are not ${columns.join(',')}`);
  }
  return lines.map((line, at) => {
    const cells = line.split(',');
    if (cells.length !== columns.length) {
      throw wrong(file, `line ${at + 2}: ${cells.length} cells instead of ${columns.length}`);
    }
    const row = Object.fromEntries(columns.map((column, cell) => [column, cells[cell]]));
    return fitted(`${file} line ${at + 2}`, schema, row);
  });
}

async function readJson(dir: string, file: string): Promise<unknown> {
  const text = await readText(dir, file);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw wrong(file, 'is cut off or not JSON', error);
  }
}

async function readText(dir: string, file: string): Promise<string> {
  try {
    return await readFile(join(dir, file), 'utf8');
  } catch (error) {
    throw wrong(file, reasonOf(error), error);
  }
}

function fitted<T>(file: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.map(String).join('.') ?? '';
  if (field === 'version') throw wrong(file, 'version: was written by another version of this');
  throw wrong(file, [field, issue?.message ?? 'does not fit'].filter((s) => s !== '').join(': '));
}

const wrong = (file: string, what: string, cause?: unknown): BenchError =>
  new BenchError('RESULTS', `${file}: ${what}`, cause === undefined ? {} : { cause });

function reasonOf(error: unknown): string {
  const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
  return missing ? 'is missing' : `can't be read: ${String(error)}`;
}
