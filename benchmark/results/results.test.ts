import { expect } from 'chai';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchError } from '../errors.js';
import { makeResults, madeManifest, madeRun, type MadeRun } from '../testing/made-results.js';
import { readResults } from './read.js';
import { createResults, writeRun } from './write.js';

const platform = { name: 'embedded', trust: 'one node', capacity: 300 } as const;
const FIRST: MadeRun = { at: 1, platform, load: { mode: 'open', ratePerSecond: 100 } };
const SECOND: MadeRun = { at: 2, platform, load: { mode: 'burst', operations: 500 } };

describe('a results folder', () => {
  let dir = '';
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'prms-results-'));
    await makeResults(dir, [FIRST, SECOND]);
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const file = (name: string): string =>
    join(dir, 'runs', '0001-embedded-records-ledger-rate100', name);
  const refusal = async (): Promise<string> => {
    const error: unknown = await readResults(dir).catch((caught: unknown) => caught);
    if (!(error instanceof BenchError)) throw new Error(`no BenchError: ${String(error)}`);
    expect(error.code).to.equal('RESULTS');
    return error.message;
  };
  const edit = async (name: string, from: string | RegExp, to: string): Promise<void> => {
    const before = await readFile(file(name), 'utf8');
    const after = before.replace(from, to);
    expect(after).not.to.equal(before);
    await writeFile(file(name), after);
  };

  it('is read as it was written', async () => {
    const { manifest, runs } = await readResults(dir);
    const written = [FIRST, SECOND].map((run) => {
      const { result, series, processes, histograms } = madeRun(run);
      return { result, series, processes, histograms };
    });
    expect(runs).to.deep.equal(written);
    expect(manifest).to.deep.equal(madeManifest(written.map(({ result }) => result.run)));
  });

  it('is read as far as it was written whole', async () => {
    const [first = '', second = ''] = (await readdir(join(dir, 'runs'))).toSorted();
    await rename(join(dir, 'runs', second), join(dir, 'runs', `${second}.part`));
    const manifest = JSON.stringify(madeManifest([]));
    await writeFile(join(dir, 'manifest.json'), manifest);
    const { runs } = await readResults(dir);
    expect(runs.map(({ result }) => result.run)).to.deep.equal([first]);
  });

  it('names a run that the manifest promises and that is gone', async () => {
    await rm(file(''), { recursive: true });
    expect(await refusal()).to.match(/^manifest\.json: runs names "0001-.*not in runs\//);
  });

  it('names a file that is missing or cut off', async () => {
    const whole = await readFile(file('result.json'), 'utf8');
    await writeFile(file('result.json'), whole.slice(0, whole.length / 2));
    expect(await refusal()).to.match(/^runs\/0001-.*\/result\.json: is cut off or not JSON/);
    await rm(file('result.json'));
    expect(await refusal()).to.match(/result\.json: is missing/);
    await rm(join(dir, 'manifest.json'));
    expect(await refusal()).to.equal('manifest.json: is missing');
  });

  it('names a field that was changed so that it no longer fits', async () => {
    await edit('result.json', '"lossRate": 0', '"lossRate": "none"');
    expect(await refusal()).to.match(/result\.json: lossRate: /);
  });

  it('names a field of another version', async () => {
    await edit('result.json', '"version": 1', '"version": 2');
    expect(await refusal()).to.match(/result\.json: version: was written by another version/);
  });

  it('names a run in the folder of another', async () => {
    await rename(file(''), join(dir, 'runs', '0003-moved'));
    await writeFile(join(dir, 'manifest.json'), JSON.stringify(madeManifest([])));
    expect(await refusal()).to.match(/^runs\/0003-moved\/result\.json: run: /);
  });

  it('names the line of a table that does not fit', async () => {
    await edit('series.csv', /\n3,[0-9]+,/, '\n3,many,');
    expect(await refusal()).to.match(/series\.csv line 5: offered: is not a whole number/);
  });

  it('names a table that is cut off, or has other columns', async () => {
    await edit('processes.csv', /,[0-9]+\n$/, '');
    expect(await refusal()).to.match(/processes\.csv: the last line is cut off/);
    await edit('series.csv', 'second,', 'minute,');
    expect(await refusal()).to.match(/series\.csv: line 1: the columns are not second,/);
  });

  it('names a histogram that is none, or holds something else than the result says', async () => {
    await edit('histograms.json', /"over": 0/, '"over": 7');
    expect(await refusal()).to.match(/histograms\.json: latency: holds 957 values, .* 950$/);
    await edit('histograms.json', /"histogram": "HIST[^"]{20}/, '"histogram": "HIST');
    expect(await refusal()).to.match(/histograms\.json: latency: is no HDR histogram/);
  });

  it('is begun in an empty folder only, and what is in another one stays as it is', async () => {
    const other = join(dir, 'other');
    await mkdir(other);
    await writeFile(join(other, 'a.txt'), 'mine');
    const error: unknown = await createResults(other, madeManifest([])).catch((e: unknown) => e);
    expect(error).to.be.instanceOf(BenchError).with.property('code', 'RESULTS');
    expect(await readdir(other)).to.deep.equal(['a.txt']);
  });

  it('takes no process name for a further column', async () => {
    const run = madeRun({ ...FIRST, at: 3 });
    const [row] = run.processes;
    if (row === undefined) throw new Error('no process');
    await writeRun(dir, { ...run, processes: [{ ...row, name: 'a,b\n"c"' }] });
    const { runs } = await readResults(dir);
    expect(runs.at(-1)?.processes.map(({ name }) => name)).to.deep.equal(['a b c ']);
  });
});
