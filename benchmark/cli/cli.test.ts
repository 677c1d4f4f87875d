// The command line: what it takes, what it refuses and with which status, and what it prints.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { BenchError } from '../errors.js';
import { manifestSchema, resultSchema } from '../results/result.js';
import { run } from './index.js';
import { parseRunWords, RATES } from './words.js';

class Listener {
  out = '';
  err = '';
  readonly output = {
    out: (text: string) => void (this.out += text),
    err: (text: string) => void (this.err += text),
    errIsTerminal: false,
  };
}

async function said(...words: string[]): Promise<{ status: number; out: string; err: string }> {
  const listener = new Listener();
  const status = await run(['bench', ...words], listener.output);
  return { status, out: listener.out, err: listener.err };
}

function refusal(...words: string[]): string {
  try {
    parseRunWords(words);
  } catch (error) {
    if (error instanceof BenchError && error.code === 'USAGE') return error.message;
    throw error;
  }
  return 'taken';
}

describe('prms bench: words', () => {
  it('without any: the rates of the paper, a minute each', () => {
    const { loads, repeats, batches, drainMs } = parseRunWords([]);
    expect(loads.map((load) => load.mode === 'open' && load.ratePerSecond)).to.deep.equal(RATES);
    expect(loads.every((load) => load.mode === 'open' && load.durationMs === 60_000)).to.equal(
      true,
    );
    expect({ repeats, batches, drainMs }).to.deep.equal({
      repeats: 1,
      batches: [undefined],
      drainMs: 30_000,
    });
  });

  it('lists, times and numbers', () => {
    const { loads } = parseRunWords([
      '--rate',
      '50,0.5',
      '--duration',
      '500ms',
      '--arrivals',
      'poisson',
    ]);
    expect(loads).to.deep.equal([
      { mode: 'open', arrivals: 'poisson', ratePerSecond: 50, durationMs: 500 },
      { mode: 'open', arrivals: 'poisson', ratePerSecond: 0.5, durationMs: 500 },
    ]);
    expect(parseRunWords(['--set', '100,1000']).loads).to.deep.equal([
      { mode: 'burst', operations: 100 },
      { mode: 'burst', operations: 1000 },
    ]);
    expect(parseRunWords(['--closed', '8', '--quick']).loads).to.deep.equal([
      { mode: 'closed', clients: 8, durationMs: 5000 },
    ]);
    expect(parseRunWords(['--batch', '1,500']).batches).to.deep.equal([1, 500]);
    expect(parseRunWords(['--lanes', '1']).lanes).to.equal(1);
  });

  const bad: readonly (readonly [words: readonly string[], names: string])[] = [
    [['--rate', '0'], '--rate'],
    [['--rate', '1e3'], '--rate'],
    [['--rate', '5,'], '--rate'],
    [['--rate', '-5'], '--rate'],
    [['--set', '1.5'], '--set'],
    [['--duration', '60'], '--duration'],
    [['--duration', '0s'], '--duration'],
    [['--duration', '999h'], '--duration'],
    [['--repeats', '0'], '--repeats'],
    [['--batch', '1001'], '--batch'],
    [['--generators', '65'], '--generators'],
    [['--lanes', '0'], '--lanes'],
    [['--seed', 'x'], '--seed'],
    [['--arrivals', 'sometimes'], '--arrivals'],
    [['--rate', '5', '--set', '5'], 'not several'],
    [['--search', '--closed', '5'], 'not several'],
    [['--spead', '5'], '--spead'],
    [['5000'], '5000'],
  ];
  for (const [words, names] of bad) {
    it(`refuses ${words.join(' ')}`, () => {
      expect(refusal(...words)).to.contain(names);
    });
  }
});

describe('prms bench', function () {
  this.timeout(60_000);
  let dir = '';
  beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'prms-bench-test-'))));
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('has help, and says what it does not know', async () => {
    const help = await said('--help');
    expect(help.status).to.equal(0);
    expect(help.out).to.contain('--workload').and.to.contain('do-nothing');
    for (const words of [
      [],
      ['walk'],
      ['run', '--platform', 'fabrik'],
      ['run', '--workload', 'record'],
      ['run', '--workload', 'do-nothing', '--variant', 'x'],
      ['run', '--workload', 'do-nothing', '--presigned'],
    ]) {
      const { status, out, err } = await said(...words);
      expect(status, words.join(' ')).to.equal(2);
      expect(out).to.equal('');
      expect(err).to.contain('prms bench --help');
    }
  });

  it('run --json prints one object: the result, which is on disk too', async () => {
    const words = ['--platform', 'embedded', '--workload', 'do-nothing', '--rate', '50'];
    const { out } = await said('run', ...words, '--duration', '1s', '--json', '--out', dir);
    const result = resultSchema.parse(JSON.parse(out));
    expect(result).to.include({ offered: 50, succeeded: 50 });
    const stored: unknown = JSON.parse(
      await readFile(join(dir, 'runs', result.run, 'result.json'), 'utf8'),
    );
    expect(stored).to.deep.equal(result);
    const manifest = manifestSchema.parse(
      JSON.parse(await readFile(join(dir, 'manifest.json'), 'utf8')),
    );
    expect(manifest.runs).to.deep.equal([result.run]);
    expect(manifest.command).to.contain(words.join(' '));
  });

  it('the records workload on the embedded ledger: all applied but for what is meant to be refused, and the ledger agrees', async () => {
    const { out } = await said(
      'run',
      '--rate',
      '300',
      '--quick',
      '--duration',
      '3s',
      '--json',
      '--out',
      dir,
    );
    const result = resultSchema.parse(JSON.parse(out));
    expect(result).to.include({ offered: 900, conflicted: 0, failed: 0, lost: 0 });
    expect(result.refused).to.be.within(10, 100);
    expect(result.succeeded + result.refused).to.equal(900);
    expect(result.check?.ok).to.equal(true);
    expect(result.stagesMs).to.include.keys('sign', 'check', 'order', 'commit');
    expect(Object.keys(result.kinds)).to.have.length(6);
  });

  it('repeats every point of the grid, each in a folder of its own', async () => {
    const words = ['--platform', 'null', '--workload', 'do-nothing', '--rate', '100,200'];
    const { err } = await said(
      'run',
      ...words,
      '--duration',
      '100ms',
      '--repeats',
      '2',
      '--out',
      dir,
    );
    const runs = await readdir(join(dir, 'runs'));
    expect(runs.map((name) => name.replace(/^\d+-/, '')).sort()).to.deep.equal([
      'null-do-nothing-ordered-100',
      'null-do-nothing-ordered-100',
      'null-do-nothing-ordered-200',
      'null-do-nothing-ordered-200',
    ]);
    expect(runs.map((name) => name.slice(0, 4)).sort()).to.deep.equal([
      '0001',
      '0002',
      '0003',
      '0004',
    ]);
    expect(err).to.contain(`prms bench report ${dir}`);
  });
});
