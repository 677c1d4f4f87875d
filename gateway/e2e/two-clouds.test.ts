// Two clouds of different makers: a folder at home, and an S3 server (a fake that checks signatures). What is bad, missing
// or old on one is read from the other, healed and traced; the scrubber finds what nobody reads.
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { Copies, CopyNotes, openFilesystemCloud } from '../clouds/index.js';
import { openS3Cloud } from '../clouds/s3.js';
import { S3Fake, s3OptionsFor } from '../clouds/testing/s3-fake.js';
import { Scrubber } from '../services/scrubber/index.js';
import { openStore } from '../store/index.js';
import { temporaryFolder } from '../testing/index.js';
import { BreakableClouds } from './breakable-clouds.js';
import { secondCloudEnv } from './second-cloud.js';
import { problemOf, terms, text, uploadForm, World, type Visitor } from './world.js';

const copiesSchema = z.object({
  items: z.array(
    z.looseObject({
      cloud: z.string(),
      wish: z.string(),
      fault: z.string(),
      report: z.string().optional(),
    }),
  ),
  bookmark: z.string(),
});
const healthSchema = z.looseObject({
  clouds: z.array(z.object({ name: z.string(), answering: z.boolean() })),
  open: z.int(),
  scrub: z
    .looseObject({
      last: z
        .looseObject({
          counts: z.record(z.string(), z.int()),
          strays: z.looseObject({ count: z.int(), sample: z.array(z.looseObject({})) }),
        })
        .optional(),
    })
    .optional(),
});

describe('a gateway on two clouds', function () {
  this.timeout(60_000);
  let fake: S3Fake;
  let world: World;
  let north: Visitor;
  let maria: Visitor;
  const { down, over: breakable } = new BreakableClouds();

  before(async () => {
    fake = await S3Fake.start();
    world = await World.open({ wrapCloud: breakable, env: secondCloudEnv(fake) });
    north = await world.hospital('North');
  });
  beforeEach(async () => {
    down.clear();
    fake.fault = () => undefined;
    maria = await world.patient('Maria');
  });
  after(async () => {
    await world.close();
    await fake.stop();
  });

  const add = (content: string) => world.upload(maria, maria, { bytes: text(content) });
  const read = async (report: string) =>
    Buffer.from(await world.read(maria, maria, report)).toString();
  const settled = async () => {
    // Healing goes on behind the answer.
    for (let tries = 0; (await copies('open')).length > 0 && tries < 200; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const copies = async (state: 'open' | 'healed') =>
    (await north.get(`/clouds/copies?limit=500&state=${state}`, copiesSchema)).items;
  const healedOf = async (report: string) => {
    const shown = await maria.get(
      `/patients/${maria.userId}/reports/${report}`,
      z.looseObject({
        healed: z.array(z.looseObject({ cloud: z.string(), fault: z.string() })).optional(),
      }),
    );
    return (shown.healed ?? []).map(({ cloud, fault }) => `${cloud}: ${fault}`);
  };
  const pathOf = async (object: string) => {
    const path = (await world.objects()).get(object);
    if (path === undefined) throw new Error('the object is not in the folder');
    return path;
  };
  const imageOf = async (content: string) => {
    const uploaded = await add(content);
    const object = uploaded.images[0]?.object ?? '';
    return { id: uploaded.id, object, path: await pathOf(object), key: `prms/${object}` };
  };
  const flip = (bytes: Buffer) => {
    const changed = Buffer.from(bytes);
    changed[changed.length >> 1] = (changed[changed.length >> 1] ?? 0) ^ 1;
    return changed;
  };

  it('keeps every object on both, and the ledger names both', async () => {
    const { id } = await imageOf('kept twice');
    const names = [...(await world.objects()).keys()].sort();
    const keys = [...fake.objects.keys()].map((key) => key.slice('prms/'.length)).sort();
    expect(keys).to.deep.equal(names);
    const report = await world.gateway.services.records.report(maria.userId, id);
    for (const { cloud, also } of [...report.terms.parts, report.terms.label])
      expect([cloud, also]).to.deep.equal(['filesystem', ['north-s3']]);
    expect(await read(id)).to.equal('kept twice');
    expect(await healedOf(id)).to.deep.equal([]);
  });

  for (const [fault, what, harm] of [
    ['bad', 'one flipped bit', async (path: string) => writeFile(path, flip(await readFile(path)))],
    ['bad', 'an empty copy', (path: string) => writeFile(path, '')],
    ['missing', 'a deleted copy', (path: string) => rm(path)],
    [
      'bad',
      'an old copy: another report’s bytes',
      async (path: string, older: string) => writeFile(path, await readFile(older)),
    ],
  ] as const) {
    it(`reads on past ${what} at home, heals it, and the patient and the hospital see it`, async () => {
      const older = await imageOf('an older report');
      const { id, path, key } = await imageOf('still here');
      await harm(path, older.path);
      expect(await read(id)).to.equal('still here');
      await settled();
      expect((await readFile(path)).equals(fake.objects.get(key) ?? Buffer.alloc(0))).to.equal(
        true,
      );
      expect(await healedOf(id)).to.deep.equal([`filesystem: ${fault}`]);
      const told = (await copies('healed')).filter(({ report }) => report === id);
      expect(told.map(({ cloud, fault: seen }) => [cloud, seen])).to.deep.equal([
        ['filesystem', fault],
      ]);
      const metrics = await (await fetch(`${world.url}/metrics`)).text();
      expect(metrics).to.match(
        /prms_cloud_copies_total\{cloud="filesystem",outcome="healed"\} [1-9]/,
      );
      const [access] = await world.accesses(maria, maria);
      expect(access?.damaged, 'nothing was damaged for the reader').to.equal(undefined);
    });
  }

  it('takes an old copy on the second cloud for nothing while home is down, and heals it when it is back', async () => {
    const { id, path, key } = await imageOf('the second cloud has it, too');
    fake.objects.set(key, await readFile((await imageOf('an older report')).path));
    down.add('filesystem');
    const { ticket } = await world.open(maria, maria, id);
    const answer = await world.content(maria, ticket);
    expect(problemOf(answer).code).to.equal('CLOUD_UNAVAILABLE');
    expect((await copies('open')).map(({ cloud }) => cloud)).to.deep.equal(['north-s3']);
    down.clear();
    expect(await world.gateway.services.scrubber.payNotes()).to.equal(0);
    expect(fake.objects.get(key)?.equals(await readFile(path))).to.equal(true);
    expect(await healedOf(id)).to.deep.equal(['north-s3: bad']);
    expect(await read(id)).to.equal('the second cloud has it, too');
  });

  it('is REPORT_DAMAGED, naming the report, when both copies are bad, and heals nothing from nothing', async () => {
    const { id, path, key } = await imageOf('lost for good');
    await writeFile(path, flip(await readFile(path)));
    fake.objects.set(key, flip(fake.objects.get(key) ?? Buffer.alloc(0)));
    const { ticket } = await world.open(maria, maria, id);
    const answer = await world.content(maria, ticket);
    expect(answer.status).to.equal(502);
    const problem = problemOf(answer);
    expect(problem.code).to.equal('REPORT_DAMAGED');
    expect(problem.ids?.['report']).to.equal(id);
    const [access] = await world.accesses(maria, maria);
    expect(access?.damaged).to.equal(true);
    const open = (await copies('open')).filter(({ report }) => report === id);
    expect(open.map(({ cloud }) => cloud).sort()).to.deep.equal(['filesystem', 'north-s3']);
    // Somebody brings one copy back: the other is healed from it.
    await writeFile(path, flip(await readFile(path)));
    expect(await world.gateway.services.scrubber.payNotes()).to.equal(0);
    expect(await read(id)).to.equal('lost for good');
    expect(fake.objects.get(key)?.equals(await readFile(path))).to.equal(true);
  });

  it('heals a large report’s copy, whose bytes go on from the other cloud', async () => {
    const content = Buffer.alloc(150_000, 'abcdefgh');
    const { id } = await world.upload(maria, maria, { bytes: content });
    const report = await world.gateway.services.records.report(maria.userId, id);
    const path = await pathOf(report.terms.parts[0]?.object ?? '');
    await writeFile(path, flip(await readFile(path)));
    expect(Buffer.from(await world.read(maria, maria, id)).equals(content)).to.equal(true);
    await settled();
    expect(await healedOf(id)).to.deep.equal(['filesystem: bad']);
  });

  it('heals wraps that are missing or do not open on one cloud', async () => {
    const doctor = await world.doctor('Adeyemi', north);
    const before = new Set((await world.objects()).keys());
    const { id } = await add('for a doctor');
    await world.grant(maria, maria, terms(doctor, { kind: 'selective', reports: [id] }));
    const wraps = [...(await world.objects())].filter(
      ([name]) => !before.has(name) && fake.objects.get(`prms/${name}`)?.length === 114,
    );
    expect(wraps, 'the vault’s, and the doctor’s').to.have.length(2);
    for (const harm of [
      (path: string) => rm(path),
      async (path: string) => writeFile(path, flip(await readFile(path))),
    ]) {
      for (const [, path] of wraps) await harm(path);
      expect(await read(id)).to.equal('for a doctor');
      expect(
        Buffer.from(await world.read(doctor, maria, id, { actingFor: north.userId })).toString(),
      ).to.equal('for a doctor');
      await settled();
      for (const [name, path] of wraps)
        expect(
          (await readFile(path)).equals(fake.objects.get(`prms/${name}`) ?? Buffer.alloc(0)),
        ).to.equal(true);
    }
  });

  it('reads on while either cloud is down, and stores: what is owed is made good', async () => {
    const { id } = await imageOf('before');
    for (const cloud of ['filesystem', 'north-s3']) {
      down.add(cloud);
      expect(await read(id)).to.equal('before');
      const during = await add(`while ${cloud} is down`);
      expect(await read(during.id)).to.equal(`while ${cloud} is down`);
      const owed = (await copies('open')).filter((copy) => copy.cloud === cloud);
      expect(owed.length).to.be.greaterThan(2);
      expect(owed.every(({ fault, wish }) => fault === 'unanswered' && wish === 'store')).to.equal(
        true,
      );
      expect(await world.gateway.services.scrubber.payNotes()).to.equal(owed.length);
      down.clear();
      expect(await world.gateway.services.scrubber.payNotes()).to.equal(0);
      expect(await copies('open')).to.deep.equal([]);
      for (const name of (await world.objects()).keys())
        expect(fake.objects.has(`prms/${name}`), name).to.equal(true);
      expect((await world.objects()).size).to.equal(fake.objects.size);
    }
  });

  it('erases on both; a cloud that is down is told when it is back', async () => {
    const { id, path, key } = await imageOf('to be forgotten');
    const [{ version } = { version: 0 }] = await world.reports(maria, maria);
    down.add('north-s3');
    await maria.change(`/patients/${maria.userId}/reports/${id}/erase`, { replaces: version });
    down.clear();
    await world.gateway.services.erasures.finish();
    expect(existsSync(path)).to.equal(false);
    expect(fake.objects.has(key)).to.equal(false);
    expect(await world.gateway.services.scrubber.payNotes()).to.equal(0);
    // Whatever a cloud brings back, the scrubber deletes again.
    fake.objects.set(key, Buffer.from('brought back'));
    const { last } = await world.gateway.services.scrubber.round();
    expect(last?.counts.erasedFound).to.equal(1);
    expect(fake.objects.has(key)).to.equal(false);
  });

  it('finds what nobody reads: the scrubber heals it, counts strays, and deletes none', async () => {
    const one = await imageOf('never read');
    const two = await imageOf('never read either');
    await rm(one.path);
    fake.objects.set(two.key, flip(fake.objects.get(two.key) ?? Buffer.alloc(0)));
    fake.objects.set('prms/whoever-put-this', Buffer.from('stray'));
    world.clock.advance(25 * 3_600_000);
    await world.gateway.services.scrubber.step();
    await world.gateway.services.scrubber.round();
    await north.logIn();
    const { scrub, clouds, open } = await north.get('/clouds', healthSchema);
    expect(clouds).to.deep.equal([
      { name: 'filesystem', answering: true },
      { name: 'north-s3', answering: true },
    ]);
    expect(open).to.equal(0);
    expect(scrub?.last?.counts).to.include({
      missing: 1,
      bad: 1,
      healed: 2,
      unanswered: 0,
      elsewhere: 0,
    });
    expect(scrub?.last?.strays.count).to.equal(1);
    expect(scrub?.last?.strays.sample).to.deep.equal([
      { cloud: 'north-s3', objectName: 'whoever-put-this', sizeBytes: 5 },
    ]);
    expect(fake.objects.has('prms/whoever-put-this')).to.equal(true);
    fake.objects.delete('prms/whoever-put-this');
    expect(
      (await readFile(one.path)).equals(fake.objects.get(one.key) ?? Buffer.alloc(0)),
    ).to.equal(true);
    expect(
      (await readFile(two.path)).equals(fake.objects.get(two.key) ?? Buffer.alloc(0)),
    ).to.equal(true);
    await maria.logIn();
    expect(await healedOf(one.id)).to.deep.equal(['filesystem: missing']);
    expect(await healedOf(two.id)).to.deep.equal(['north-s3: bad']);
  });

  it('goes on where it was after a restart: nothing is looked at twice, nothing is left out', async () => {
    const folder = await temporaryFolder();
    const home = await openFilesystemCloud({ name: 'filesystem', root: world.cloudDir });
    const second = openS3Cloud({ ...s3OptionsFor(fake), name: 'north-s3' });
    const { records } = world.gateway.services;
    const open = async () => {
      const store = await openStore(join(folder.path, 'store'));
      const pair = new Copies({
        clouds: [home, second],
        notes: new CopyNotes(store),
        clock: world.clock,
        whenMissing: 'owe',
        queue: 10,
        restMs: 0,
      });
      const scrubber = new Scrubber({
        records,
        copies: pair,
        store,
        clock: world.clock,
        pace: { copiesPerSecond: 1e6, bytesPerSecond: 1e12 },
        roundMs: 1000,
        pause: () => Promise.resolve(),
      });
      return { store, scrubber };
    };
    const whole = await open();
    const { last: expected } = await whole.scrubber.round();
    await whole.store.close();
    await rm(join(folder.path, 'store'), { recursive: true });
    expect(expected?.counts.reports).to.be.greaterThan(5);
    for (let steps = 0; ; steps += 1) {
      const { store, scrubber } = await open();
      await scrubber.step();
      const progress = await scrubber.progress();
      await store.close();
      if (progress?.phase !== 'resting') continue;
      expect(progress.last?.counts).to.deep.equal(expected?.counts);
      expect(progress.last?.strays).to.deep.equal(expected?.strays);
      expect(steps).to.be.greaterThan(5);
      break;
    }
    await folder.remove();
  });

  it('shows the clouds to hospitals and auditors alone', async () => {
    for (const path of ['/clouds', '/clouds/copies'])
      expect(await maria.fails('GET', path)).to.equal('FORBIDDEN');
    const waiting = await world.auditor('Nobody yet');
    expect(await waiting.fails('GET', '/clouds')).to.equal('FORBIDDEN');
    expect(await north.fails('GET', '/clouds/copies?state=lost')).to.equal('VALIDATION');
  });

  it('pages through the copies', async () => {
    const all = await copies('healed');
    expect(all.length).to.be.greaterThan(3);
    const found: unknown[] = [];
    let bookmark = '';
    do {
      const query = `limit=2&state=healed&bookmark=${encodeURIComponent(bookmark)}`;
      const page = await north.get(`/clouds/copies?${query}`, copiesSchema);
      found.push(...page.items);
      bookmark = page.bookmark;
    } while (bookmark !== '');
    expect(found).to.deep.equal(all);
  });

  it('refuses an upload that only one cloud takes, when it is told to, and leaves nothing', async () => {
    const other = await S3Fake.start();
    const strict = await World.open({
      wrapCloud: breakable,
      env: { ...secondCloudEnv(other), PRMS_CLOUD_WHEN_MISSING: 'refuse' },
    });
    await strict.hospital('South');
    const patient = await strict.patient('Pavel');
    const before = (await strict.objects()).size;
    down.add('north-s3');
    const form = uploadForm({ bytes: text('refused') });
    expect(await patient.fails('POST', `/patients/${patient.userId}/reports`, form)).to.equal(
      'CLOUD_UNAVAILABLE',
    );
    expect((await strict.objects()).size).to.equal(before);
    down.clear();
    await strict.close();
    await other.stop();
  });
});
