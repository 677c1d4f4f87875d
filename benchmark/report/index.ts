// From a results folder to what people read: a page, its charts, a table for spreadsheets, and the same as JSON.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BenchError } from '../errors.js';
import { readResults, type Results } from '../results/read.js';
import { ablationChart } from './charts/ablation.js';
import { burstChart } from './charts/burst.js';
import type { Chart } from './charts/chart.js';
import { distributionCharts } from './charts/distribution.js';
import { harnessChart } from './charts/harness.js';
import { latencyChart, throughputChart } from './charts/load.js';
import { secondsCharts } from './charts/seconds.js';
import { stagesChart } from './charts/stages.js';
import { summaryCsv } from './columns.js';
import { type Drawn, pageOf } from './page.js';
import { groupsOf } from './points.js';
import { drawn } from './svg.js';

export interface Report {
  /** Path of the page. */
  readonly html: string;
  /** Paths of all files, the page among them. */
  readonly files: readonly string[];
}

/** The report's folder within the results folder. */
export const REPORT = 'report';

/**
 * Writes `report/` into a results folder, in place of the one that was there.
 * @throws BenchError RESULTS when the folder can't be read, or written into
 */
export async function writeReport(dir: string): Promise<Report> {
  const results = await readResults(dir);
  const files = filesOf(results, await drawAll(results));
  const into = join(dir, REPORT);
  const making = `${into}.part`;
  try {
    await rm(making, { recursive: true, force: true });
    await mkdir(making);
    for (const [name, text] of files) await writeFile(join(making, name), text);
    await rm(into, { recursive: true, force: true });
    await rename(making, into);
  } catch (error) {
    throw new BenchError('RESULTS', `can't write ${into}: ${String(error)}`, { cause: error });
  }
  return { html: join(into, PAGE), files: [...files.keys()].map((name) => join(into, name)) };
}

const PAGE = 'report.html';

/** Every chart that there are data for. */
export function chartsOf({ runs }: Results): Chart[] {
  const perGroup = groupsOf(runs).flatMap((group) => [
    ...throughputChart(group),
    ...latencyChart(group),
    ...distributionCharts(group),
    ...burstChart(group),
    ...ablationChart(group),
    ...stagesChart(group),
    ...secondsCharts(group),
  ]);
  return withOwnIds([...perGroup, ...harnessChart(runs)]);
}

/** Names that come to the same file name get a number. */
function withOwnIds(charts: readonly Chart[]): Chart[] {
  const seen = new Map<string, number>();
  return charts.map((chart) => {
    const times = (seen.get(chart.id) ?? 0) + 1;
    seen.set(chart.id, times);
    return times === 1 ? chart : { ...chart, id: `${chart.id}--${times}` };
  });
}

async function drawAll(results: Results): Promise<Drawn[]> {
  const all: Drawn[] = [];
  for (const chart of chartsOf(results)) {
    all.push({ chart, svg: await drawn(chart.spec, `${chart.title}. ${chart.reading}`) });
  }
  return all;
}

function filesOf(results: Results, all: readonly Drawn[]): Map<string, string> {
  const figures = all.map(({ chart: { spec: _, ...said } }) => ({
    ...said,
    file: `${said.id}.svg`,
  }));
  const runs = results.runs.map(({ result }) => result);
  const json = { version: 1, manifest: results.manifest, figures, runs };
  return new Map([
    [PAGE, pageOf(results, all)],
    ['report.json', `${JSON.stringify(json, null, 2)}\n`],
    ['summary.csv', summaryCsv(runs)],
    ...all.map(({ chart, svg }): [string, string] => [`${chart.id}.svg`, svg]),
  ]);
}
