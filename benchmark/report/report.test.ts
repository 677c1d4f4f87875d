import { expect } from 'chai';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../cli/index.js';
import { readResults } from '../results/read.js';
import { createResults, writeRun } from '../results/write.js';
import { everyChart } from '../testing/every-chart.js';
import { madeManifest, madeRun, makeResults } from '../testing/made-results.js';
import type { Chart } from './charts/chart.js';
import { chartsOf, type Report, writeReport } from './index.js';

/** `UPDATE_SNAPSHOT=1` writes it anew, to be read before it is committed. */
const SNAPSHOT = new URL('../../report/report.snapshot.json', import.meta.url);

const platform = { name: 'embedded', trust: 'one node', capacity: 300 } as const;

describe('a report', function () {
  this.timeout(60_000);
  let dir = '';
  let report: Report;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'prms-report-'));
    await makeResults(dir, everyChart());
    report = await writeReport(dir);
  });
  after(() => rm(dir, { recursive: true, force: true }));

  const text = (name: string): Promise<string> => readFile(join(dir, 'report', name), 'utf8');

  it('has the figures that it had', async () => {
    const { figures } = JSON.parse(await text('report.json')) as {
      readonly figures: readonly { readonly file: string }[];
    };
    const seen = [];
    for (const figure of figures) {
      seen.push({ ...figure, drawn: structureOf(await text(figure.file)) });
    }
    if (process.env['UPDATE_SNAPSHOT'] === '1') {
      await writeFile(SNAPSHOT, `${JSON.stringify(seen, null, 2)}\n`);
    }
    expect(seen).to.deep.equal(JSON.parse(await readFile(SNAPSHOT, 'utf8')));
  });

  it('is one page that fetches nothing and runs nothing, with every chart in it and beside it', async () => {
    const page = await text('report.html');
    expect(page).not.to.match(/<script|<link|<img|<iframe|@import|url\(|\ssrc=|\shref=/i);
    const addresses = (page.match(/https?:[^"'\s<]+/g) ?? []).filter(
      (address) => !address.startsWith('http://www.w3.org/'),
    );
    expect(addresses).to.deep.equal([]);
    const svgs = report.files.filter((file) => file.endsWith('.svg'));
    expect(svgs.length).to.be.greaterThan(20);
    for (const file of svgs) {
      const svg = await readFile(file, 'utf8');
      expect(svg).to.match(/^<svg role="img" aria-label="[^"]{20,}"/);
      expect(svg.match(/aria-label/g)).to.have.length(1);
      expect(page).to.include(svg);
    }
    expect(page.match(/<figure id=/g)).to.have.length(svgs.length);
  });

  it('names the command of each figure, and what an axis counts in', async () => {
    for (const { id, reading, commands, spec } of await charts()) {
      expect(commands, id).not.to.be.empty;
      expect(reading, id).to.match(/^\S.*\.$/);
      expect(reading, id).not.to.match(/undefined|NaN|Infinity/);
      expect(JSON.stringify(spec), id).to.match(/"title":"[^"]*(, ms|, s |second|cores|MiB|share)/);
    }
  });

  it('draws no latency of an overloaded run, and marks the load', async () => {
    const latency = (await charts()).find(({ id }) => id === 'latency-records-ledger');
    const rows = valuesIn(latency);
    const loads = (series: string, measured: boolean): unknown[] => [
      ...new Set(
        rows
          .filter((row) => row['series'] === series && 'value' in row === measured)
          .map(({ load }) => load),
      ),
    ];
    expect(loads('embedded (one node)', true)).to.deep.equal([100, 500, 2000]);
    expect(loads('embedded (one node)', false)).to.deep.equal([4000]);
    expect(loads('crash (crash-tolerant)', false)).to.deep.equal([2000, 4000]);
  });

  it('draws no percentile that too few values stand behind', async () => {
    const latency = (await charts()).find(({ id }) => id === 'latency-records-ledger');
    const p99 = valuesIn(latency).filter(({ measure }) => measure === 'p99');
    expect(p99.map(({ load }) => load)).to.deep.equal([2000]);
  });

  it('says so where platforms of different trust classes share a chart', async () => {
    for (const { id, notes, spec } of await charts()) {
      const specText = JSON.stringify(spec);
      if (id === 'harness' || !specText.includes('(crash-tolerant)')) continue;
      if (!specText.includes('(one node)')) continue;
      expect(notes.join(' '), id).to.include('different trust classes');
    }
  });

  it('never puts reads as queries and reads through the ledger into one chart', async () => {
    for (const { id, spec, commands } of await charts()) {
      if (id === 'harness') continue;
      const both =
        commands.some((c) => c.includes('a-query')) &&
        commands.some((c) => c.includes('a-ordered'));
      expect(both, `${id} ${JSON.stringify(spec).slice(0, 80)}`).to.be.false;
    }
  });

  it('lists runs that are invalid or were interrupted, and draws none of them', async () => {
    const page = (await text('report.html')).replace(/\s+/g, ' ');
    expect(page).to.match(
      /0033-embedded-records-ledger-rate500<\/code>: invalid: the generator missed its schedule/,
    );
    expect(page).to.match(/0034-embedded-records-ledger-rate500<\/code>: interrupted/);
    const { runs, manifest } = await readResults(dir);
    const valid = runs.filter(({ result }) => result.valid && !result.interrupted);
    expect(await charts()).to.deep.equal(chartsOf({ manifest, runs: valid }));
    expect(valid).to.have.length(runs.length - 2);
  });

  it('shows unknown percentiles as a dash and those beyond the time-out as more than it', async () => {
    const page = (await text('report.html')).replace(/\s+/g, ' ');
    const row = (run: string): string =>
      new RegExp(`<tr class="[^"]*"> <td class="words">${run}.*?</tr>`).exec(page)?.[0] ?? '';
    expect(row('0001-')).to.match(/>–<\/td>/);
    expect(row('0008-')).to.include('&gt; 30 s');
    expect(row('0008-')).to.match(/>overload<\/td>/);
  });

  it('has a row a run in summary.csv', async () => {
    const lines = (await text('summary.csv')).split('\r\n');
    expect(lines).to.have.length(everyChart().length + 2);
    const [head = '', first = ''] = lines;
    const cell = (name: string): string | undefined =>
      first.split(',')[head.split(',').indexOf(name)];
    expect(cell('offered')).to.equal('1000');
    expect(cell('succeeded')).to.equal('950');
    expect(cell('p99Ms')).to.equal('');
  });

  it('says when too few calls were made to tell how late they were, and draws a second of a process once', async () => {
    const { manifest, runs } = await readResults(dir);
    const [few] = runs;
    if (few === undefined) throw new Error('no runs');
    const twice = { ...few, processes: [...few.processes, ...few.processes] };
    const [once, again] = [few, twice].map((one) => chartsOf({ manifest, runs: [one] }));
    expect(again).to.deep.equal(once);
    const harness = again?.find(({ id }) => id === 'harness');
    expect(harness?.reading).to.match(
      /^No run made enough calls to tell the p99 of its lateness, and/,
    );
  });

  it('takes the place of the one before it', async () => {
    await writeFile(join(dir, 'report', 'old.svg'), '');
    const { files } = await writeReport(dir);
    expect((await readdir(join(dir, 'report'))).length).to.equal(files.length);
    expect(await readdir(dir)).to.have.members(['manifest.json', 'runs', 'report']);
  });

  it('is made by the command line', async () => {
    const said: string[] = [];
    const output = {
      out: (t: string) => said.push(t),
      err: (t: string) => said.push(t),
      errIsTerminal: false,
    };
    expect(await run(['bench', 'report', dir], output)).to.equal(0);
    expect(said.join('')).to.equal(`${join(dir, 'report', 'report.html')}\n`);
    expect(await run(['bench', 'report'], output)).to.equal(2);
    expect(await run(['bench', 'report', join(dir, 'nowhere')], output)).to.equal(1);
    expect(said.join('')).to.include('RESULTS: manifest.json: is missing');
  });

  async function charts(): Promise<Chart[]> {
    return chartsOf(await readResults(dir));
  }
});

describe('a report of hostile results', function () {
  this.timeout(60_000);
  const HOSTILE = `</text></svg></title></style><script>alert(1)</script><img src=x onerror="alert(2)">"'&`;

  it('runs nothing of what they say', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'prms-report-'));
    try {
      const manifest = madeManifest([]);
      await createResults(dir, {
        ...manifest,
        command: HOSTILE,
        commit: HOSTILE,
        versions: { [HOSTILE]: HOSTILE },
        machine: { ...manifest.machine, kernel: HOSTILE, processor: HOSTILE },
      });
      for (const [at, ratePerSecond] of [100, 200].entries()) {
        const made = madeRun({ at: at + 1, platform, load: { mode: 'open', ratePerSecond } });
        const { result, processes } = made;
        await writeRun(dir, {
          ...made,
          processes: processes.map((row) => ({ ...row, name: HOSTILE })),
          result: {
            ...result,
            command: HOSTILE,
            codes: { [HOSTILE]: 1 },
            platform: {
              ...result.platform,
              name: HOSTILE,
              version: `=1+1${HOSTILE}`,
              built: HOSTILE,
              switchedOff: [HOSTILE],
            },
            workload: { ...result.workload, name: HOSTILE, variant: `${HOSTILE}${at % 1}` },
            stagesMs: { [HOSTILE]: result.latencyMs },
            processes: result.processes.map((use) => ({ ...use, name: HOSTILE })),
            check: { ok: false, says: [HOSTILE] },
          },
        });
      }
      const invalid = madeRun({
        at: 3,
        platform,
        load: { mode: 'burst', operations: 300 },
        invalidBecause: [HOSTILE],
      });
      await writeRun(dir, { ...invalid, result: { ...invalid.result, command: '=cmd()' } });
      const { files } = await writeReport(dir);
      for (const file of files.filter((name) => /\.(html|svg)$/.test(name))) {
        const markup = await readFile(file, 'utf8');
        expect(markup, file).not.to.match(/<script|<img|<\/title><\/style>/i);
        // An attribute that was broken out of would leave this outside of every quote.
        expect(markup, file).not.to.match(/onerror="/);
      }
      expect(files.length).to.be.greaterThan(6);
      const csv = await readFile(join(dir, 'report', 'summary.csv'), 'utf8');
      expect(csv).to.include(`,'=cmd()`);
      expect(csv).to.include(`"${HOSTILE.replaceAll('"', '""')}"`);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});

/** Every row of data that a chart draws. */
function valuesIn(part: unknown): Record<string, unknown>[] {
  if (Array.isArray(part)) return part.flatMap(valuesIn);
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([name, value]: [string, unknown]) =>
    name === 'values' && Array.isArray(value)
      ? value.filter(
          (row): row is Record<string, unknown> => typeof row === 'object' && row !== null,
        )
      : valuesIn(value),
  );
}

/** What is drawn: its words, and how many marks of each kind. */
function structureOf(svg: string): { words: string; marks: Record<string, number> } {
  const words = [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, word = '']) => word);
  const marks: Record<string, number> = {};
  const groups = svg.matchAll(
    /<g class="mark-(\w+) role-mark[^"]*"[^>]*>((?:<path[^>]*>(?:<\/path>)?|<text[^>]*>[^<]*<\/text>)*)/g,
  );
  for (const [, kind = '', inside = ''] of groups) {
    const drawn = inside.match(/<(path|text)/g)?.length ?? 0;
    marks[kind] = (marks[kind] ?? 0) + drawn;
  }
  return { words: words.join(' | '), marks };
}
