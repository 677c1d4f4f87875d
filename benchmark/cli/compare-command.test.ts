import { expect } from 'chai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Comparison } from '../compare/index.js';
import { makeResults, type MadeRun } from '../testing/made-results.js';
import { run } from './index.js';

async function said(...words: string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const status = await run(['bench', 'compare', ...words], {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    errIsTerminal: false,
  });
  return { status, out, err };
}

const platformOf = (capacity: number): MadeRun['platform'] => ({
  ...{ name: 'embedded', trust: 'one node', capacity },
});

/** Five runs of a platform that can do so much. */
const runsAt = (capacity: number, from: number): MadeRun[] =>
  Array.from({ length: 5 }, (_, more) => ({
    at: from + more,
    platform: platformOf(capacity),
    load: { mode: 'open', ratePerSecond: 200 },
  }));

describe('prms bench compare', () => {
  let dir = '';
  const at = (name: string): string => join(dir, name);
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'prms-compare-'));
    await makeResults(at('quick'), runsAt(2000, 1));
    await makeResults(at('slow'), runsAt(300, 6));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  it('prints what changed, and with --json one object', async () => {
    const { status, out, err } = await said(at('quick'), at('slow'));
    expect({ status, err }).to.deep.equal({ status: 0, err: '' });
    expect(out).to.include(`A: ${at('quick')}\nB: ${at('slow')}\n`);
    expect(out).to.match(/latency p50, ms .* 0\.0079 +0\.0159 {2}worse\n/);
    const json = await said('--json', at('slow'), at('quick'));
    expect(json.err).to.equal('');
    const { points } = JSON.parse(json.out) as Comparison;
    const verdicts = points[0]?.changes.map(({ metric, verdict }) => [metric, verdict]);
    expect(verdicts).to.deep.include(['latencyP50Ms', 'better']);
  });

  it('a folder against itself: nothing beyond noise', async () => {
    const { out } = await said(at('slow'), at('slow'));
    expect(out).to.include('no difference beyond noise');
    expect(out).to.not.match(/better|worse/);
  });

  it('fails when nothing could be compared', async () => {
    await makeResults(at('other'), [
      { at: 1, platform: platformOf(2000), load: { mode: 'burst', operations: 100 } },
    ]);
    const { status, out } = await said(at('quick'), at('other'));
    expect(status).to.equal(1);
    expect(out).to.include('nothing was compared');
  });

  it('names the folder that is none, and what takes two of them', async () => {
    await writeFile(at('file'), '');
    for (const none of [at('gone'), at('file')]) {
      const { status, out, err } = await said(at('quick'), none);
      expect({ status, out }).to.deep.equal({ status: 1, out: '' });
      expect(err).to.include(`RESULTS: ${none}: manifest.json`);
    }
    const json = await said('--json', at('gone'), at('quick'));
    expect(json.status).to.equal(1);
    expect(JSON.parse(json.out)).to.include({ code: 'RESULTS' });
    for (const words of [[], ['a'], ['a', 'b', 'c'], ['a', 'b', '--rate', '5']]) {
      expect((await said(...words)).status).to.equal(2);
    }
  });
});
