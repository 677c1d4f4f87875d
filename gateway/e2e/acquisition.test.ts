// Hospitals' systems: let in by the office, sending reports with nobody logged in, and nothing else.
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { handIn, intakeForm, letIn, MoodyCloud, PROMPT, settled } from './systems.js';
import { hospitalTerms, problemOf, terms, text, World, type Visitor } from './world.js';

const result = text('Haemoglobin 11.2 g/dL');
const listSchema = z.object({
  items: z.array(
    z.looseObject({
      id: z.string(),
      state: z.string(),
      service: z.string(),
      reason: z.string().optional(),
    }),
  ),
});
const servicesSchema = z.object({
  items: z.array(
    z.looseObject({ id: z.string(), name: z.string(), status: z.string(), version: z.int() }),
  ),
});

describe('data acquisition through HTTP', function () {
  this.timeout(60_000);
  let world: World;
  const cloud = new MoodyCloud();
  let north: Visitor, south: Visitor, adeyemi: Visitor, maria: Visitor, wen: Visitor, lab: Visitor;

  before(async () => {
    world = await World.open({ env: PROMPT, wrapCloud: (plain) => cloud.over(plain) });
    north = await world.hospital('North');
    south = await world.hospital('South', north);
    adeyemi = await world.doctor('Adeyemi', north);
    maria = await world.patient('Maria', north);
    wen = await world.patient('Wen');
    await world.care(maria, adeyemi, north);
    lab = await letIn(world, north, 'Laboratory');
  });
  after(() => world.close());

  const anchored = async (sent: Parameters<typeof handIn>[1], system = lab) => {
    const { id } = await handIn(system, sent);
    return settled(world, system, id);
  };

  it('a system’s report appears in the patient’s record, by the system and in its hospital’s name', async () => {
    const {
      state,
      report = '',
      attempts,
    } = await anchored({ patient: maria, bytes: result, title: 'Blood count' });
    expect({ state, attempts }).to.deep.equal({ state: 'anchored', attempts: 1 });
    expect(await world.read(maria, maria, report)).to.deep.equal(result);
    const shown = (await world.reports(maria, maria)).find(({ id }) => id === report);
    expect(shown).to.include({ author: lab.userId, actingFor: north.userId });
    expect(shown?.label?.title).to.equal('Blood count');
    // A consent by category holds for it: the tag is the same as the doctor's would be.
    await world.grant(
      maria,
      maria,
      terms(adeyemi, { kind: 'partial', categories: ['laboratory'] }),
    );
    expect(await world.read(adeyemi, maria, report, { actingFor: north.userId })).to.deep.equal(
      result,
    );
    expect(await readdir(join(world.dataDir, 'acquisition'))).to.deep.equal([]);
  });

  it('is let in by its hospital’s office alone; its token is shown once, replaced, and ended', async () => {
    const body = { profile: { name: 'PACS' } };
    for (const other of [adeyemi, maria])
      expect(await other.fails('POST', '/services', body)).to.equal('FORBIDDEN');
    const pacs = await letIn(world, north, 'PACS');
    expect(pacs.token).to.match(/^prms_svc_/);
    const listed = await north.get('/services', servicesSchema);
    expect(listed.items.map(({ name }) => name).sort()).to.deep.equal(['Laboratory', 'PACS']);
    expect(JSON.stringify(listed)).to.not.include(pacs.token);
    expect((await south.get('/services', servicesSchema)).items).to.deep.equal([]);
    expect(await south.fails('POST', `/services/${pacs.userId}/token`)).to.equal('NOT_FOUND');

    const before = pacs.token;
    const { token } = await north.post(
      `/services/${pacs.userId}/token`,
      undefined,
      z.object({ token: z.string() }),
    );
    expect(
      await pacs.fails('POST', '/intake/reports', intakeForm({ patient: maria, bytes: result })),
    ).to.equal('UNAUTHENTICATED');
    pacs.token = token;
    expect((await anchored({ patient: maria, bytes: result }, pacs)).state).to.equal('anchored');
    expect(before).to.not.equal(token);

    const end = { replaces: 1 };
    expect(await south.fails('POST', `/services/${pacs.userId}/end`, end)).to.equal('NOT_FOUND');
    await north.change(`/services/${pacs.userId}/end`, end);
    expect(
      await pacs.fails('POST', '/intake/reports', intakeForm({ patient: maria, bytes: result })),
    ).to.equal('UNAUTHENTICATED');
    expect(await north.fails('POST', `/services/${pacs.userId}/token`)).to.equal('CONFLICT');
    const { items } = await north.get('/services', servicesSchema);
    expect(items.find(({ id }) => id === pacs.userId)).to.include({
      status: 'suspended',
      version: 2,
    });
  });

  it('needs a fresh log-in of the office to be let in, renewed or ended', async () => {
    world.clock.advance(20 * 60_000);
    for (const path of [
      '/services',
      `/services/${lab.userId}/token`,
      `/services/${lab.userId}/end`,
    ])
      expect(await north.fails('POST', path, { profile: { name: 'X' } }), path).to.equal(
        'FRESH_LOGIN_REQUIRED',
      );
    await north.logIn();
  });

  it('its token opens the intake and nothing else; a person’s opens no intake', async () => {
    for (const path of [
      '/sessions',
      `/patients/${maria.userId}/reports`,
      '/services',
      '/acquisitions',
    ])
      expect(await lab.fails('GET', path), path).to.equal('UNAUTHENTICATED');
    const form = () => intakeForm({ patient: maria, bytes: result });
    for (const person of [north, adeyemi, maria])
      expect(await person.fails('POST', '/intake/reports', form())).to.equal('UNAUTHENTICATED');
    const stranger = world.visitor('stranger');
    expect(await stranger.fails('POST', '/intake/reports', form())).to.equal('UNAUTHENTICATED');
    stranger.token = `prms_svc_${'A'.repeat(43)}`;
    expect(await stranger.fails('POST', '/intake/reports', form())).to.equal('UNAUTHENTICATED');
    // A document's fate is its sender's to know.
    const { id } = await handIn(lab, { patient: maria, bytes: result });
    const other = await letIn(world, north, 'Other');
    expect(await other.fails('GET', `/intake/reports/${id}`)).to.equal('NOT_FOUND');
    await settled(world, lab, id);
  });

  it('what the ledger refuses fails with its code, is listed for the office, and tried again by hand', async () => {
    const { id, state, code, reason } = await anchored({ patient: wen, bytes: result });
    expect({ state, code, reason }).to.deep.equal({
      state: 'failed',
      code: 'REFUSED',
      reason: 'NO_CARE',
    });
    const failed = await north.get('/acquisitions?state=failed', listSchema);
    expect(failed.items).to.have.length(1);
    expect(failed.items[0]).to.include({ id, service: lab.userId, reason: 'NO_CARE' });
    expect((await south.get('/acquisitions', listSchema)).items).to.deep.equal([]);
    expect(await south.fails('POST', `/acquisitions/${id}/retry`)).to.equal('NOT_FOUND');
    expect(await adeyemi.fails('GET', '/acquisitions')).to.equal('FORBIDDEN');
    await world.grant(wen, wen, hospitalTerms(north, { kind: 'full' }, { actions: ['upload'] }));
    const { status } = await north.ask('POST', `/acquisitions/${id}/retry`);
    expect(status).to.equal(202);
    const after = await settled(world, lab, id);
    expect(after).to.include({ state: 'anchored' });
    expect(await world.read(wen, wen, after.report ?? '')).to.deep.equal(result);
    expect(await north.fails('POST', `/acquisitions/${id}/retry`)).to.equal('CONFLICT');
  });

  it('so does what is for nobody, or for whom an express denial speaks', async () => {
    const nobody = world.visitor('nobody');
    nobody.userId = 'A'.repeat(43);
    expect(await anchored({ patient: nobody, bytes: result })).to.include({
      state: 'failed',
      code: 'NOT_FOUND',
    });
    const denied = hospitalTerms(north, { kind: 'full' }, { effect: 'deny', actions: ['upload'] });
    const id = await world.grant(maria, maria, denied);
    expect(await anchored({ patient: maria, bytes: result })).to.include({
      state: 'failed',
      reason: 'CONSENT_DENIED',
    });
    await world.revoke(maria, maria, id);
  });

  it('what still waits from a system that is ended is refused', async () => {
    const doomed = await letIn(world, north, 'Doomed');
    cloud.away = true;
    const { id } = await handIn(doomed, { patient: maria, bytes: result });
    await settled(world, doomed, id, ({ attempts }) => attempts > 0);
    await north.change(`/services/${doomed.userId}/end`, { replaces: 1 });
    cloud.away = false;
    world.clock.advance(60_000);
    const states = async () =>
      (await north.get('/acquisitions?limit=500', listSchema)).items.find((d) => d.id === id);
    for (let i = 0; i < 200 && (await states())?.state === 'waiting'; i++) world.clock.advance(20);
    expect(await states()).to.include({ state: 'failed', reason: 'ACTOR_NOT_ACTIVE' });
  });

  it('the same document twice is one report; another under its identifier is a conflict, or replaces it', async () => {
    const sent = { patient: maria, bytes: result, identifier: 'urn:lab|4711' };
    const first = await anchored(sent);
    const again = await lab.ask('POST', '/intake/reports', intakeForm(sent));
    expect(again.status).to.equal(200);
    expect(again.body).to.deep.include({ id: first.id, report: first.report });
    const count = async () => (await world.reports(maria, maria)).length;
    const before = await count();
    const corrected = { ...sent, bytes: text('Haemoglobin 12.1 g/dL') };
    const problem = problemOf(await lab.ask('POST', '/intake/reports', intakeForm(corrected)));
    expect(problem).to.include({ code: 'CONFLICT', status: 409 });
    expect(problem.ids).to.deep.equal({ document: first.id });
    expect(await count()).to.equal(before);
    const next = await anchored({ ...corrected, replaces: 'urn:lab|4711' });
    const shown = (await world.reports(maria, maria)).find(({ id }) => id === next.report);
    expect(shown).to.include({ supersedes: first.report });
    // Named anew: the identifier is the correction's now, and the correction sent twice is one.
    expect((await anchored({ ...corrected, replaces: 'urn:lab|4711' })).report).to.equal(
      next.report,
    );
    const other = { ...sent, identifier: 'urn:lab|4712', replaces: 'urn:lab|none' };
    expect(await lab.fails('POST', '/intake/reports', intakeForm(other))).to.equal('VALIDATION');
    const wens = { ...sent, patient: wen, identifier: 'urn:lab|4713', replaces: 'urn:lab|4711' };
    expect(await lab.fails('POST', '/intake/reports', intakeForm(wens))).to.equal('VALIDATION');
  });

  it('sent many times at once it is one report', async () => {
    const sent = { patient: maria, bytes: text('At once'), identifier: 'urn:lab|at-once' };
    const answers = await Promise.all(Array.from({ length: 4 }, () => handIn(lab, sent)));
    expect(new Set(answers.map(({ id }) => id)).size).to.equal(1);
    const before = (await world.reports(maria, maria)).length;
    await settled(world, lab, answers[0]?.id ?? '');
    expect((await world.reports(maria, maria)).length).to.be.within(before, before + 1);
    const all = await north.get('/acquisitions?limit=500', listSchema);
    expect(all.items.filter(({ state }) => state === 'waiting')).to.deep.equal([]);
  });

  it('while the cloud is away it waits, encrypted; when the cloud is back it is anchored', async () => {
    cloud.away = true;
    const secret = text('Nobody who steals the disk may read this line');
    const answer = await lab.ask(
      'POST',
      '/intake/reports',
      intakeForm({ patient: maria, bytes: secret }),
    );
    expect(answer.status).to.equal(202);
    const { id } = z.looseObject({ id: z.string() }).parse(answer.body);
    expect(answer.headers.get('location')).to.equal(`/api/v1/intake/reports/${id}`);
    const trying = await settled(world, lab, id, ({ attempts }) => attempts >= 3);
    expect(trying).to.include({ state: 'waiting', code: 'CLOUD_UNAVAILABLE' });
    const folder = join(world.dataDir, 'acquisition');
    const files = await readdir(folder);
    expect(files).to.not.be.empty;
    for (const file of files)
      expect((await readFile(join(folder, file))).includes('steals the disk')).to.equal(false);
    cloud.away = false;
    const { report = '' } = await settled(world, lab, id);
    expect(await world.read(maria, maria, report)).to.deep.equal(secret);
  });

  it('what is malformed, cut off or too large is refused and leaves nothing', async () => {
    const folder = join(world.dataDir, 'acquisition');
    const before = await readdir(folder);
    const post = (form: FormData) => lab.fails('POST', '/intake/reports', form);
    const noFile = new FormData();
    noFile.append('meta', '{}');
    expect(await post(noFile)).to.equal('BAD_REQUEST');
    expect(await post(intakeForm({ patient: maria, bytes: result, title: '' }))).to.equal(
      'VALIDATION',
    );
    expect(await post(intakeForm({ patient: maria, bytes: result, surprise: 1 }))).to.equal(
      'VALIDATION',
    );
    const noMeta = intakeForm({ patient: maria, bytes: result });
    noMeta.delete('meta');
    expect(await post(noMeta)).to.equal('BAD_REQUEST');
    const twoMetas = intakeForm({ patient: maria, bytes: result });
    twoMetas.append('meta', '{}');
    expect(await post(twoMetas)).to.equal('BAD_REQUEST');
    expect(await lab.fails('POST', '/intake/reports', { patient: maria.userId })).to.equal(
      'UNSUPPORTED_MEDIA',
    );
    await cutOff(world.url, lab.token);
    for (let i = 0; i < 100 && (await readdir(folder)).length > before.length; i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await readdir(folder)).to.deep.equal(before);
    // The broken reception holds no place: as many as may be sent at once are taken.
    const sent = Array.from({ length: 4 }, (_, i) =>
      handIn(lab, { patient: maria, bytes: text(`r${i}`) }),
    );
    for (const { id } of await Promise.all(sent)) await settled(world, lab, id);
  });
});

/** Sends the beginning of a form and hangs up. */
async function cutOff(url: string, token: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const body =
    '--b\r\ncontent-disposition: form-data; name="report"; filename="r"\r\n\r\n' + 'x'.repeat(2000);
  socket.write(
    `POST /api/v1/intake/reports HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n` +
      `content-type: multipart/form-data; boundary=b\r\ncontent-length: 100000\r\n\r\n${body}`,
  );
  await new Promise((resolve) => setTimeout(resolve, 200));
  socket.destroy();
}

describe('the queue’s bounds', function () {
  this.timeout(60_000);

  it('full of documents or bytes it says BUSY and when to come back; too large is too large', async () => {
    const cloud = new MoodyCloud();
    const env = {
      ...PROMPT,
      PRMS_ACQUISITION_DOCUMENTS: '3',
      PRMS_ACQUISITION_BYTES: '6000',
      PRMS_MAX_REPORT_BYTES: '4096',
      PRMS_STEGO_LIMIT_BYTES: '4096',
      PRMS_ACQUISITION_RETRY_HOURS: '1',
      PRMS_ACQUISITION_KEEP_DAYS: '1',
    };
    const world = await World.open({ env, wrapCloud: (plain) => cloud.over(plain) });
    try {
      const north = await world.hospital('North');
      const maria = await world.patient('Maria', north);
      await world.care(maria, await world.doctor('Adeyemi', north), north);
      const lab = await letIn(world, north, 'Laboratory');
      const post = (length: number) =>
        lab.ask(
          'POST',
          '/intake/reports',
          intakeForm({ patient: maria, bytes: new Uint8Array(length) }),
        );
      expect(problemOf(await post(5000))).to.include({ code: 'TOO_LARGE', limitBytes: 4096 });
      cloud.away = true;
      const first = await handIn(lab, { patient: maria, bytes: new Uint8Array(4000) });
      const bytes = await post(4000);
      expect(problemOf(bytes)).to.include({ code: 'BUSY', status: 503 });
      expect(bytes.headers.get('retry-after')).to.equal('10');
      await post(10);
      await post(10);
      expect(problemOf(await post(10))).to.include({ code: 'BUSY' });
      expect(await readdir(join(world.dataDir, 'acquisition'))).to.have.length(3);

      // A cloud that stays away fails them in the end; what has failed for long is forgotten, and makes room.
      await settled(world, lab, first.id, ({ attempts }) => attempts > 0);
      world.clock.advance(61 * 60_000);
      expect(await settled(world, lab, first.id)).to.include({
        state: 'failed',
        code: 'CLOUD_UNAVAILABLE',
      });
      world.clock.advance(25 * 60 * 60_000);
      await world.gateway.services.acquisition.queue.sweep();
      expect(await lab.fails('GET', `/intake/reports/${first.id}`)).to.equal('NOT_FOUND');
      expect((await post(10)).status).to.equal(202);
    } finally {
      await world.close();
    }
  });
});
