// An archive with many small files costs what its size says, and no more.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { canonicalise } from '@prms/chaincode';
import { expect } from 'chai';
import {
  archiveEnd,
  centralEntry,
  descriptor,
  EXPORT_VERSION,
  localHeader,
  manifestSchema,
  type ZipEntry,
} from '../export-format/index.js';
import { verifyExport } from './index.js';
import { ExportZip } from './zip.js';

const ENTRIES = 40_000;
const MAX_CPU_MS = 3000;

describe('an archive of 40,000 empty files', function () {
  this.timeout(120_000);
  let folder = '';
  let path = '';
  const names = Array.from({ length: ENTRIES }, (_, n) => `reports/${10_000 + n}-x.bin`);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prms-zip-'));
    path = join(folder, 'many.zip');
    await writeFile(path, archiveOf(names));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('finds each by its name in a moment', async () => {
    const zip = await ExportZip.open(path);
    const cpu = process.cpuUsage();
    const found = names.filter((name) => zip.entry(name)?.name === name);
    const spent = cpuMs(cpu);
    await zip.close();
    expect(found).to.have.length(ENTRIES);
    expect(spent).to.be.lessThan(MAX_CPU_MS);
  });

  it('is held against its manifest in a moment', async () => {
    const cpu = process.cpuUsage();
    const { ok, problems } = await verifyExport(path, { expect: [] });
    expect(cpuMs(cpu)).to.be.lessThan(MAX_CPU_MS);
    expect(ok).to.equal(false);
    expect(problems[0]?.message).to.equal('is not in its place in the archive');
  });
});

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

/** The manifest names the files the other way round, so that none of them is read. */
function archiveOf(names: readonly string[]): Buffer {
  const sha256 = createHash('sha256').digest('hex');
  const patient = 'A'.repeat(43);
  const manifest = manifestSchema.parse({
    kind: 'PRMS-export',
    v: EXPORT_VERSION,
    ledger: 'records',
    patient,
    by: patient,
    kid: 'A'.repeat(22),
    at: 1_893_456_000_000,
    chain: {
      kind: 'embedded',
      genesis: 'AAAA',
      height: 1,
      headHash: sha256,
      headSignature: 'AAAA',
    },
    files: [...names].reverse().map((name) => ({ name, bytes: 0, sha256 })),
    reports: [],
  });
  const pieces: Buffer[] = [];
  const entries: ZipEntry[] = [];
  let at = 0;
  const add = (name: string, content: Buffer): void => {
    const entry = { name, size: content.length, crc32: crc32(content), offset: at };
    entries.push(entry);
    for (const piece of [localHeader(name), content, descriptor(entry)]) {
      pieces.push(piece);
      at += piece.length;
    }
  };
  for (const name of names) add(name, Buffer.alloc(0));
  add('manifest.json', Buffer.from(canonicalise(manifest)));
  add('manifest.sig', Buffer.from('AAAA'));
  const directory = Buffer.concat(entries.map(centralEntry));
  return Buffer.concat([...pieces, directory, archiveEnd(entries, at, directory.length)]);
}
