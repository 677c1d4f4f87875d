// The whole record of somebody who keeps their own keys: sealed, checked offline, and opened by nobody but them.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalise } from '@prms/chaincode';
import { derivePartKeys, openCiphertext, StegoPool } from '@prms/stego';
import { expect } from 'chai';
import { exportText, sealedWrapsSchema } from '../export-format/index.js';
import { verifyExport, type Verdict } from '../verify/index.js';
import { ExportZip } from '../verify/zip.js';
import { manifestOf, pack, withContent, withManifest, type File } from './exported-record.js';
import { OwnKeyPerson } from './own-key-person.js';
import { problemOf, text, World, type Uploaded, type Visitor } from './world.js';

const BLOOD = text('haemoglobin 9.1');
const MiB = 1024 * 1024;

describe('exporting a record sealed', function () {
  this.timeout(120_000);
  let world: World;
  let folder: string;
  let hospital: Visitor;
  let adeyemi: Visitor;
  let olga: OwnKeyPerson;
  let blood: Uploaded;
  let scan: Uploaded;
  let exported: Buffer;
  let files: File[] = [];

  const path = () => `/patients/${olga.userId}/sealed-export`;
  const download = async (who: OwnKeyPerson, report: string): Promise<string> =>
    (await who.ask(olga.userId, report, { action: 'download' })).id;
  const asked = () => Promise.all([blood, scan].map(({ id }) => download(olga, id)));

  const take = async (): Promise<Buffer> => {
    const answer = await olga.visitor.ask('POST', path(), { accesses: await asked() });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    return Buffer.from(answer.bytes);
  };
  const check = async (bytes: Uint8Array): Promise<Verdict> => {
    const file = join(folder, 'record.zip');
    await writeFile(file, bytes);
    return verifyExport(file, { expect: [] });
  };
  const unpack = async (bytes: Uint8Array): Promise<File[]> => {
    const file = join(folder, 'unpacked.zip');
    await writeFile(file, bytes);
    const zip = await ExportZip.open(file);
    const all: File[] = [];
    for (const entry of zip.entries) all.push([entry.name, await zip.whole(entry, 64 * MiB)]);
    await zip.close();
    return all;
  };
  /** As if whoever changed it had hashed it honestly, too. */
  const spoilt = (name: string, change: (content: string) => string): Promise<Buffer> =>
    withContent(files, name, change(new Map(files).get(name)?.toString() ?? ''));
  const expectFound = async (archive: Uint8Array, name: string): Promise<void> => {
    const verdict = await check(archive);
    expect(verdict.ok, name).to.equal(false);
    expect(verdict.problems.map(({ file }) => file).join(), name).to.include(name);
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'prms-sealed-'));
    const env = { PRMS_STEGO_LIMIT_BYTES: '4096', PRMS_ACCESS_TICKET_SECONDS: '60' };
    world = await World.open({ env });
    hospital = await world.hospital('North');
    adeyemi = await world.doctor('Adeyemi', hospital);
    olga = await new OwnKeyPerson(world, 'olga').register(hospital.userId);
    const { keys } = await world.gateway.services.records.user(hospital.userId);
    await olga.furnish({ id: hospital.userId, seal: keys.seal });
    const wish = { doctor: adeyemi.userId, hospital: hospital.userId };
    const { id } = await olga.act('care:request', wish);
    await adeyemi.change(`/care/${olga.userId}/${id}/approve`, { replaces: 1 });
    const actingFor = hospital.userId;
    blood = await world.upload(adeyemi, olga.visitor, { bytes: BLOOD, title: 'Blood', actingFor });
    const bytes = new Uint8Array(randomBytes(150_000));
    scan = await world.upload(adeyemi, olga.visitor, { bytes, title: 'Scan', actingFor });
    exported = await take();
    files = await unpack(exported);
  });
  after(async () => {
    await world.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('holds, and says that the plaintext was not checked and the manifest is not signed', async () => {
    const verdict = await check(exported);
    expect(verdict.problems).to.deep.equal([]);
    expect(verdict.ok).to.equal(true);
    expect(verdict.facts).to.deep.include({ by: olga.userId, included: 2, sealed: 2 });
    expect(verdict.notProven.join()).to.match(/plaintext and the titles were not checked/);
    expect(verdict.notProven.join()).to.match(/manifest is not signed/);
    const manifest = manifestOf(new Map(files));
    expect(manifest.sealed).to.deep.equal({ reason: 'KEYS_ELSEWHERE' });
    for (const [name, content] of files)
      for (const secret of ['haemoglobin', 'Blood', 'Scan'])
        expect(content.includes(secret), `${secret} in ${name}`).to.equal(false);
  });

  it('is what its owner opens without the gateway', async () => {
    const held = new Map(files);
    const sealed = manifestOf(held).reports.find(({ id }) => id === blood.id)?.sealed;
    const told: unknown = JSON.parse(held.get(sealed?.wraps ?? '')?.toString() ?? '');
    const dataKey = await olga.unwrap(sealedWrapsSchema.parse(told).wraps);
    const images = (sealed?.parts ?? []).map((name) => held.get(name) ?? Buffer.alloc(0));
    const keys = images.map((_, at) => derivePartKeys(dataKey, 'A256GCM', at + 1));
    const pool = new StegoPool({ threads: 1 });
    try {
      const found = await pool.extractCiphertext(images, keys);
      const opened = openCiphertext(dataKey, 'A256GCM', found);
      expect(Buffer.from(opened)).to.deep.equal(Buffer.from(BLOOD));
    } finally {
      await pool.destroy();
    }
  });

  it('its owner can sign the manifest; a signature by another key, or over another, is found', async () => {
    const manifest = new Map(files).get('manifest.json')?.toString() ?? '';
    const signedBy = (signature: string) =>
      pack([...files, ['manifest.sig', Buffer.from(signature)]]);
    const verdict = await check(await signedBy(olga.sign(exportText(manifest))));
    expect(verdict.problems).to.deep.equal([]);
    expect(verdict.proven.join()).to.match(/manifest, signed by .*the patient/);
    expect(verdict.notProven.join()).not.to.match(/not signed/);
    const stranger = new OwnKeyPerson(world, 'stranger');
    await expectFound(await signedBy(stranger.sign(exportText(manifest))), 'manifest.sig');
    await expectFound(await signedBy(olga.sign(exportText(`${manifest} `))), 'manifest.sig');
  });

  it('a picture, a ciphertext, a label and a wrap that were changed are found, even when they are hashed anew', async () => {
    const names = files.map(([name]) => name).filter((name) => name.startsWith('sealed/'));
    expect(names.map((name) => name.replace(/^.*-/, '')).sort()).to.deep.equal(
      ['1.bin', '1.png', 'label.bin', 'label.bin', 'wraps.json', 'wraps.json'].sort(),
    );
    for (const name of names) {
      const changed = files.map(([each, content]): File => {
        if (each !== name) return [each, content];
        const flipped = Buffer.from(content);
        flipped.writeUInt8(flipped.readUInt8(40) ^ 1, 40);
        return [each, flipped];
      });
      await expectFound(await pack(changed), name);
      if (!name.endsWith('.json')) await expectFound(await spoilt(name, () => 'planted'), name);
    }
    const wraps = names.find((name) => name.endsWith('wraps.json')) ?? '';
    const edit = (change: (document: ReturnType<typeof sealedWrapsSchema.parse>) => object) =>
      spoilt(
        wraps,
        (content) => `${canonicalise(change(sealedWrapsSchema.parse(JSON.parse(content))))}\n`,
      );
    const two = ({ wraps: [a, b] }: ReturnType<typeof sealedWrapsSchema.parse>) => {
      if (!a || !b) throw new Error('there are two');
      return [a, b] as const;
    };
    for (const change of [
      (all: ReturnType<typeof sealedWrapsSchema.parse>) => ({ ...all, wraps: [two(all)[1]] }),
      (all: ReturnType<typeof sealedWrapsSchema.parse>) => ({
        ...all,
        wraps: [{ ...two(all)[0], recipient: adeyemi.userId }, two(all)[1]],
      }),
      (all: ReturnType<typeof sealedWrapsSchema.parse>) => ({
        ...all,
        wraps: [two(all)[0], { ...two(all)[1], subject: '01J0000000000000000000000A' }],
      }),
      (all: ReturnType<typeof sealedWrapsSchema.parse>) => ({
        ...all,
        wraps: [two(all)[0], { ...two(all)[1], kid: 'A'.repeat(22) }],
      }),
      (all: ReturnType<typeof sealedWrapsSchema.parse>) => ({ ...all, report: scan.id, wraps: [] }),
    ])
      await expectFound(await edit(change), wraps);
  });

  it('so are a record that was changed, and a report that was left out or said to be open', async () => {
    const consents = await spoilt('record/care.json', (content) =>
      content.replace('"approved"', '"ended"'),
    );
    await expectFound(consents, 'record/care.json');
    await expectFound(
      await withManifest(files, (m) => ({ ...m, reports: m.reports.slice(1) })),
      '',
    );
    const open = await withManifest(files, ({ sealed: _, ...rest }) => rest);
    await expectFound(open, 'manifest');
    const without = files.filter(([name]) => !name.endsWith('label.bin'));
    await expectFound(await pack(without), 'label.bin');
  });

  it('each report is read by an operation that its owner signed', async () => {
    const { reports } = manifestOf(new Map(files));
    const log = await world.accesses(olga.visitor, olga.visitor);
    for (const { id, access } of reports) {
      const found = log.find((entry) => entry.id === access);
      expect(found).to.deep.include({ report: id, actor: olga.userId, action: 'download' });
    }
  });

  it('is refused without an access to each report, with one to look, somebody else’s, or one that is over', async () => {
    const fails = (accesses: readonly string[]) => olga.visitor.fails('POST', path(), { accesses });
    expect(await olga.visitor.fails('POST', path().replace('sealed-', ''))).to.equal(
      'KEYS_ELSEWHERE',
    );
    expect(await fails([])).to.equal('KEYS_ELSEWHERE');
    expect(await fails([await download(olga, blood.id)])).to.equal('KEYS_ELSEWHERE');
    const looked = await olga.ask(olga.userId, scan.id);
    expect(await fails([await download(olga, blood.id), looked.id])).to.equal('VALIDATION');
    expect(await fails(['01J0000000000000000000000A'])).to.equal('NOT_FOUND');
    const rosa = await new OwnKeyPerson(world, 'rosa', 'relative').register();
    expect(await fails([await download(rosa, blood.id), ...(await asked())])).to.equal('NOT_FOUND');
    const mine = { accesses: await asked() };
    for (const who of [rosa.visitor, adeyemi, hospital, await world.patient('Other')])
      expect(await who.fails('POST', path(), mine)).to.equal('FORBIDDEN');
    world.clock.advance(60_000);
    expect(await olga.visitor.fails('POST', path(), mine)).to.equal('NOT_FOUND');
    world.clock.advance(11 * 60_000);
    expect(await olga.visitor.fails('POST', path(), mine)).to.equal('FRESH_LOGIN_REQUIRED');
    await olga.logIn();
  });

  it('an export that is broken off leaves room for the next', async () => {
    const { exports } = world.gateway.services;
    const abort = new AbortController();
    const answer = await fetch(`${world.url}/api/v1${path()}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${olga.visitor.token}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ accesses: await asked() }),
      signal: abort.signal,
    });
    expect(answer.status).to.equal(200);
    abort.abort();
    for (let tries = 0; tries < 500 && exports.underWay > 0; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(exports.underWay).to.equal(0);
    expect((await check(await take())).ok).to.equal(true);
  });

  it('what was damaged, or erased after it was asked for, is listed as that', async () => {
    const accesses = await asked();
    const label = (await world.gateway.services.records.report(olga.userId, scan.id)).terms.label;
    await writeFile((await world.objects()).get(label.object) ?? '', 'damaged');
    await olga.act('report:erase', { patient: olga.userId, id: blood.id, replaces: 1 });
    const answer = await olga.visitor.ask('POST', path(), { accesses });
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    const verdict = await check(Buffer.from(answer.bytes));
    expect(verdict.problems).to.deep.equal([]);
    const { reports } = manifestOf(new Map(await unpack(Buffer.from(answer.bytes))));
    const states = Object.fromEntries(reports.map(({ id, state }) => [id, state]));
    expect(states).to.deep.equal({ [blood.id]: 'erased', [scan.id]: 'damaged' });
  });

  it('more files than an archive has places for are refused before the first byte', async () => {
    const small = await World.open({ env: { PRMS_EXPORT_REPORT_FILES: '2' } });
    try {
      const maria = await small.patient('Maria', await small.hospital('South'));
      const { id } = await small.upload(maria, maria, { bytes: BLOOD });
      const request = { action: 'download', purpose: 'treatment' };
      const one = `/patients/${maria.userId}`;
      const permit = await maria.ask('POST', `${one}/reports/${id}/access`, request);
      const { access } = permit.body as { access: string };
      const refusal = await maria.ask('POST', `${one}/sealed-export`, { accesses: [access] });
      expect(problemOf(refusal).code).to.equal('TOO_LARGE');
    } finally {
      await small.close();
    }
  });
});
