// What is done to an exported record afterwards is found out, and the file is named.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalise, retrace } from '@prms/chaincode';
import { checkChain } from '@prms/network';
import { expect } from 'chai';
import fc from 'fast-check';
import { FILES, type Manifest } from '../export-format/index.js';
import { verifyCommand, type Verdict } from '../verify/index.js';
import { proveOperations, readProof } from '../verify/operations.js';
import { checkReports } from '../verify/reports.js';
import {
  documentsIn,
  manifestOf,
  pack,
  piecesOf,
  RecordWorld,
  withContent,
  withManifest,
  type File,
} from './exported-record.js';

describe('an exported record that was tampered with', function () {
  this.timeout(180_000);
  let record: RecordWorld;
  let exported: Buffer;
  let files: File[] = [];

  before(async () => {
    record = await RecordWorld.open();
    exported = await record.take(record.maria);
    files = await record.unpack(exported);
  });
  after(() => record.close());

  const expectFound = async (bytes: Uint8Array, file: RegExp, what: string): Promise<Verdict> => {
    const verdict = await record.check(bytes);
    expect(verdict.ok, what).to.equal(false);
    expect(verdict.problems.map((problem) => problem.file).join(), what).to.match(file);
    return verdict;
  };
  /** Another archive in the same layout. */
  const packed = async (change: (files: File[]) => File[]): Promise<Buffer> =>
    pack(change([...files]));

  it('property: any flipped bit is found, and a file named', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(7), async (at, bit) => {
        const changed = Buffer.from(exported);
        const where = at % changed.length;
        changed.writeUInt8(changed.readUInt8(where) ^ (1 << bit), where);
        const verdict = await record.check(changed);
        expect(verdict.ok, `byte ${where}`).to.equal(false);
        const inside = await record.holderOf(exported, where);
        const named = verdict.problems.map(({ file }) => file).join();
        if (inside !== undefined) expect(named, `byte ${where}`).to.include(inside);
      }),
      { numRuns: 150 },
    );
  });

  it('property: cut anywhere, or with anything behind it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        async (at, tail) => {
          const cut = exported.subarray(0, at % exported.length);
          expect((await record.check(cut)).ok).to.equal(false);
          expect((await record.check(Buffer.concat([exported, tail]))).ok).to.equal(false);
          expect((await record.check(Buffer.concat([tail, exported]))).ok).to.equal(false);
        },
      ),
      { numRuns: 30 },
    );
    expect((await record.check(Buffer.alloc(0))).ok).to.equal(false);
  });

  it('a report dropped, two swapped, one too many, one twice', async () => {
    const mine = files.filter(([name]) => name.startsWith('reports/'));
    const [first, second] = mine;
    if (!first || !second) throw new Error('there are reports');
    const dropped = await packed((all) => all.filter(([name]) => name !== first[0]));
    await expectFound(dropped, new RegExp(first[0]), 'dropped');
    const swapped = await packed((all) =>
      all.map(([name, content]) =>
        name === first[0]
          ? [name, second[1]]
          : name === second[0]
            ? [name, first[1]]
            : [name, content],
      ),
    );
    await expectFound(swapped, new RegExp(first[0]), 'swapped');
    const extra: File = ['reports/99999-more.txt', Buffer.from('planted')];
    await expectFound(await packed((all) => [...all, extra]), /99999/, 'one too many');
    const twice = await packed((all) => [...all, first]);
    expect((await expectFound(twice, /reports/, 'twice')).problems[0]?.message).to.match(/twice/);
  });

  it('names that lead elsewhere, and compressed bombs', async () => {
    for (const name of [
      '../evil.txt',
      '/etc/passwd',
      'reports/../../x',
      'a\\b.txt',
      'other.txt',
      'README.TXT',
    ]) {
      const archive = await packed((all) => [...all, [name, Buffer.from('x')]]);
      expect((await record.check(archive)).ok, name).to.equal(false);
    }
    // Method 8 says “compressed”: nothing is ever unpacked.
    const bomb = Buffer.from(exported);
    bomb.writeUInt16LE(8, 8);
    await expectFound(bomb, /README/, 'bomb');
  });

  it('a manifest that was changed, honestly hashed or not', async () => {
    const changes: [RegExp, (manifest: Manifest) => Manifest][] = [
      [/manifest/, (m) => ({ ...m, at: m.at + 1 })],
      [/manifest/, (m) => ({ ...m, by: record.doctor.userId })],
      [/manifest/, (m) => ({ ...m, reports: m.reports.slice(1) })],
      [/manifest/, (m) => ({ ...m, chain: { ...m.chain, height: m.chain.height - 1 } })],
      [/chain|manifest/, (m) => ({ ...m, chain: { ...m.chain, headHash: '0'.repeat(64) } })],
    ];
    for (const [file, change] of changes) {
      const archive = await withManifest(files, change);
      await expectFound(archive, new RegExp(`${file.source}|chain`), change.toString());
    }
  });

  it('a manifest of another version of the format, which is refused by that name', async () => {
    const manifest = manifestOf(new Map(files));
    for (const v of [1, 3]) {
      const other = Buffer.from(canonicalise({ ...manifest, v }));
      const archive = await packed((all) =>
        all.map(([name, content]) => [name, name === FILES.manifest ? other : content]),
      );
      const { problems } = await expectFound(archive, /^manifest\.json$/, `version ${v}`);
      expect(problems[0]?.message).to.include(`is of version ${v} of the export format`);
    }
  });

  it('a report left out of manifest and archive alike: its anchor is in the evidence, and the signature is missing', async () => {
    const manifest = manifestOf(new Map(files));
    const gone = manifest.reports[0]?.content?.file ?? '';
    const without = files.filter(([name]) => name !== gone);
    const archive = await withManifest(without, (m) => ({
      ...m,
      files: m.files.filter(({ name }) => name !== gone),
      reports: m.reports.slice(1),
    }));
    await expectFound(archive, /manifest/, 'left out');
  });

  it('operations and receipts that were forged, lost or moved', async () => {
    const name = 'ledger/operations.ndjson';
    const lines = new Map(files).get(name)?.toString().trimEnd().split('\n') ?? [];
    const forgeries: Record<string, (line: string) => string> = {
      'a receipt': (line) => line.replace('applied', 'refused'),
      'a receipt’s outcome': (line) =>
        line.replace('\\"decision\\":\\"refuse\\"', '\\"decision\\":\\"permit\\"'),
      'an operation’s patient': (line) => line.replaceAll(record.maria.userId, record.lena.userId),
      'a block’s number': (line) =>
        line.replace(/"block":(\d+)/, (_, n: string) => `"block":${Number(n) + 1}`),
    };
    for (const [what, forge] of Object.entries(forgeries)) {
      const forged = lines.map(forge).join('\n');
      expect(forged, what).not.to.equal(lines.join('\n'));
      await expectFound(await withContent(files, name, `${forged}\n`), /operations/, what);
    }
    for (const dropped of [0, 3, lines.length - 1]) {
      const fewer = lines.filter((_, at) => at !== dropped).join('\n');
      expect((await record.check(await withContent(files, name, `${fewer}\n`))).ok).to.equal(false);
    }
  });

  it('a record whose entries say something else than was signed', async () => {
    const edits: [string, RegExp, string][] = [
      ['record/consents.json', /"purposes":\["treatment"\]/, '"purposes":["research"]'],
      ['record/kin.json', /"rights":\["view"\]/, '"rights":["guardian"]'],
      ['record/accesses.ndjson', /"decision":"refuse"/, '"decision":"permit"'],
      ['record/accesses.ndjson', /"purpose":"treatment"/, '"purpose":"research"'],
      ['record/reports.ndjson', /"storage":"stego"/, '"storage":"encrypted"'],
      ['record/care.json', /"doctor":"[\w-]{43}"/, `"doctor":"${record.lena.userId}"`],
    ];
    for (const [name, pattern, replacement] of edits) {
      const before = new Map(files).get(name)?.toString() ?? '';
      expect(before, name).to.match(pattern);
      const archive = await withContent(files, name, before.replace(pattern, replacement));
      // Hashed honestly, so only signature and evidence are in the way; the signature is looked at first.
      expect((await record.check(archive)).ok, name).to.equal(false);
    }
  });

  it('the evidence alone finds what a thief of the exporter’s key would sign', async () => {
    const held = new Map(files);
    const manifest = manifestOf(held);
    const proofs = documentsIn(held, FILES.operations).map(readProof);
    const wishes = { keep: new Set(proofs.map(({ block }) => block)) };
    const chain = await checkChain(
      manifest.chain,
      piecesOf(held.get(FILES.chain) ?? Buffer.alloc(0)),
      wishes,
    );
    const operations = proveOperations(proofs, manifest.ledger, chain.dataHashes);
    const { genesis, applied } = operations;
    const { patient } = manifest;
    const now = await retrace([...applied.values()], { genesis, patient });
    checkReports(manifest, operations, now);
    const [first] = manifest.reports;
    if (!first?.content) throw new Error('there are reports');
    const lies: [RegExp, Manifest['reports']][] = [
      [/leaves out report/, manifest.reports.slice(1)],
      [/twice/, [...manifest.reports, first]],
      [/not what its author anchored/, [{ ...first, author: record.lena.userId }]],
      [/other places/, [{ ...first, locators: [] }]],
      [/another status/, [{ ...first, status: 'superseded' }]],
      [/another time/, [{ ...first, anchoredAt: first.anchoredAt + 1 }]],
      [/was not withdrawn/, [{ ...first, state: 'withdrawn', content: undefined }]],
      [/was not erased/, [{ ...first, state: 'erased', content: undefined }]],
      [
        /commitment does not fit/,
        [{ ...first, content: { ...first.content, commitmentKey: 'A'.repeat(43) } }],
      ],
      [/not read on the record/, [{ ...first, access: first.id }]],
      [/not anchored/, [{ ...first, id: first.access ?? '' }]],
    ];
    for (const [words, lie] of lies) {
      const named = new Set(lie.map(({ content }) => content?.file));
      const kept = manifest.files.filter(
        ({ name }) => !name.startsWith('reports/') || named.has(name),
      );
      const changed = { ...manifest, files: kept, reports: lie };
      expect(() => checkReports(changed, operations, now), words.source).to.throw(words);
    }
  });

  it('whatever goes wrong is a sentence, never a stack trace', async () => {
    const good = join(record.folder, 'sentence.zip');
    await writeFile(good, exported);
    let err = '';
    const out = (): never => {
      throw new Error('without a code');
    };
    const status = await verifyCommand([good], { out, err: (words) => void (err += words) });
    expect(status).to.equal(1);
    expect(err).to.match(/sentence\.zip can’t be read: without a code\n$/);
  });

  it('the command line: 0, 1 and 2, in words and as JSON', async () => {
    const run = async (...words: string[]) => {
      let [out, err] = ['', ''];
      const listen = { out: (t: string) => void (out += t), err: (t: string) => void (err += t) };
      return { status: await verifyCommand(words, listen), out, err };
    };
    const good = join(record.folder, 'good.zip');
    await writeFile(good, exported);
    expect(await run(good)).to.deep.include({ status: 0 });
    expect((await run(good)).out)
      .to.match(/holds\./)
      .and.to.match(/not proven/);
    const json = await run(good, '--json');
    expect(JSON.parse(json.out)).to.deep.include({ ok: true });
    const bad = join(record.folder, 'bad.zip');
    await writeFile(bad, exported.subarray(0, 999));
    expect((await run(bad)).status).to.equal(1);
    expect((await run(join(record.folder, 'nowhere.zip'))).status).to.equal(1);
    await writeFile(bad, 'hello');
    expect((await run(bad)).out).to.match(/nothing that a gateway exports/);
    for (const wrong of [[], [good, good], [good, '--expect', '7'], ['--what', good]])
      expect((await run(...wrong)).status, wrong.join()).to.equal(2);
    expect((await run('--help')).out).to.match(/Usage: prms verify/);
  });
});
