// The command line, from words to files: the whole way round, exit statuses, and no silent overwriting.
import { expect } from 'chai';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './index.js';

const sample = (name: string): string =>
  fileURLToPath(new URL(`../../../samples/${name}`, import.meta.url));

describe('prms stego', () => {
  let folder = '';
  let printed = '';
  let complained = '';
  const at = (name: string): string => join(folder, name);

  function stego(...args: string[]): Promise<number> {
    printed = '';
    complained = '';
    const console = {
      out: (text: string) => void (printed += text),
      err: (text: string) => void (complained += text),
    };
    return run(['stego', ...args], console);
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prms-stego-'));
    expect(await stego('keygen', '--out', at('key.txt'))).to.equal(0);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const report = sample('reports/lab-report.pdf');
  const hide = (...more: string[]) =>
    stego(
      ...['hide', '--cover', sample('covers/chelsea.png'), '--in', report],
      ...['--out', at('stego.png'), '--key-file', at('key.txt'), ...more],
    );

  it('makes keys that only their owner reads', async () => {
    expect((await stat(at('key.txt'))).mode & 0o777).to.equal(0o600);
    expect(await readFile(at('key.txt'), 'utf8')).to.match(/^[0-9a-f]{64}\n$/);
    expect(await stego('keygen')).to.equal(0);
    expect(printed).to.match(/^[0-9a-f]{64}\n$/);
  });

  it('hides and reveals the identical bytes, and prints figures', async () => {
    expect(await hide('--json')).to.equal(0);
    const figures: unknown = JSON.parse(printed);
    expect(figures).to.have.nested.property('images[0].psnrDb').above(55);
    expect(figures).to.have.nested.property('images[0].ssim').above(0.999);
    expect(figures).to.have.nested.property('images[0].bitsPerSample').below(0.2);
    const reveal = ['reveal', '--in', at('stego.png'), '--out', at('back.pdf')];
    expect(await stego(...reveal, '--key-file', at('key.txt'))).to.equal(0);
    const [back, original] = await Promise.all([readFile(at('back.pdf')), readFile(report)]);
    expect(Buffer.compare(back, original)).to.equal(0);
    expect((await readdir(folder)).sort()).to.deep.equal(['back.pdf', 'key.txt', 'stego.png']);
  });

  it('puts several parts into a folder', async () => {
    const names = ['chelsea.png', 'coffee.png', 'retina.jpg'];
    const covers = names.flatMap((name) => ['--cover', sample(`covers/${name}`)]);
    const ct = sample('reports/CT_small.dcm');
    const key = ['--key-file', at('key.txt')];
    expect(await stego('hide', ...covers, '--in', ct, '--out', at('parts'), ...key)).to.equal(0);
    const files = (await readdir(at('parts'))).sort();
    expect(files).to.deep.equal(['part-01.png', 'part-02.png', 'part-03.png']);
    const parts = files.reverse().flatMap((name) => ['--in', join(at('parts'), name)]);
    expect(await stego('reveal', ...parts, '--out', at('ct.dcm'), ...key)).to.equal(0);
    const [back, original] = await Promise.all([readFile(at('ct.dcm')), readFile(ct)]);
    expect(Buffer.compare(back, original)).to.equal(0);
    expect(await stego('reveal', ...parts.slice(2), '--out', at('x'), ...key)).to.equal(1);
    expect(complained).to.match(/^PART_MISSING/);
  });

  it('has the paper profile', async () => {
    expect(await stego('keygen', '--profile', 'paper', '--out', at('paper.txt'))).to.equal(0);
    const paper = ['--profile', 'paper', '--key-file', at('paper.txt')];
    const cover = sample('covers/coffee.png');
    const out = at('paper.png');
    expect(await stego('hide', '--cover', cover, '--in', report, '--out', out, ...paper)).to.equal(
      0,
    );
    expect(await stego('reveal', '--in', out, '--out', at('p.pdf'), ...paper)).to.equal(0);
    expect((await readFile(at('p.pdf'))).length).to.equal((await readFile(report)).length);
  });

  it('never replaces a file unless told to', async () => {
    await writeFile(at('stego.png'), 'precious');
    expect(await hide()).to.equal(1);
    expect(complained).to.match(/^FILE_EXISTS/);
    expect(await readFile(at('stego.png'), 'utf8')).to.equal('precious');
    expect(await hide('--force')).to.equal(0);
    expect((await readFile(at('stego.png'))).length).to.be.above(1000);
  });

  it('inspects and analyses', async () => {
    expect(await stego('inspect', sample('covers/rocket.jpg'), '--json')).to.equal(0);
    expect(JSON.parse(printed)).to.have.nested.property('images[0].capacityBytes', 5008);
    expect(await stego('analyse', sample('covers/coffee.png'))).to.equal(0);
    expect(printed).to.match(/chi-square sees nothing/);
  });

  it('says 2 for bad usage and 1 for what failed', async () => {
    expect(await stego()).to.equal(2);
    expect(await stego('unhide')).to.equal(2);
    expect(await stego('constructor')).to.equal(2);
    expect(await stego('hide')).to.equal(2);
    expect(await hide('--wrong')).to.equal(2);
    expect(await hide('--max-rate', '2')).to.equal(2);
    expect(await stego('inspect')).to.equal(2);
    await writeFile(at('key.txt'), 'not a key');
    expect(await hide()).to.equal(2);
    expect(await stego('inspect', at('nothing.png'))).to.equal(1);
    expect(complained).to.match(/^FILE_UNREADABLE/);
    expect(await stego('inspect', at('key.txt'), '--json')).to.equal(1);
    expect(JSON.parse(complained)).to.have.property('code', 'UNSUPPORTED_IMAGE');
  });

  it('helps', async () => {
    for (const name of ['keygen', 'hide', 'reveal', 'inspect', 'analyse']) {
      expect(await stego(name, '--help')).to.equal(0);
      expect(printed).to.contain(`prms stego ${name}`);
    }
    expect(await stego('--help')).to.equal(0);
  });
});
