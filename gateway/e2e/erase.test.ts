// Erasing on two clouds: the ledger says so, nothing is left anywhere in the end, whatever was down or crashed in between,
// and nothing that a cloud kept is shown again.
import { cp, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { CloudError, type Cloud } from '../clouds/index.js';
import { problemOf, terms, text, World, type Uploaded, type Visitor } from './world.js';

/** Clouds by name, of which some are down. */
class Outage {
  readonly down = new Set<string>();

  over(cloud: Cloud): Cloud {
    const up = (): void => {
      if (this.down.has(cloud.name)) throw new CloudError('UNAVAILABLE', 'the cloud is down');
    };
    const whenUp =
      <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        up();
        return call(...args);
      };
    return {
      name: cloud.name,
      putIfAbsent: whenUp((...args) => cloud.putIfAbsent(...args)),
      get: whenUp((...args) => cloud.get(...args)),
      head: whenUp((...args) => cloud.head(...args)),
      delete: whenUp((...args) => cloud.delete(...args)),
      list: whenUp((...args) => cloud.list(...args)),
    };
  }
}

const stateSchema = z.object({
  report: z.string(),
  state: z.enum(['none', 'deleting', 'done', 'elsewhere']),
  by: z.string().optional(),
  erasedAt: z.int().optional(),
  agreedAt: z.int().optional(),
  clouds: z.array(z.object({ cloud: z.string(), left: z.int().optional() })),
});

const FIRST = 'filesystem';
const SECOND = 'filesystem-2';

describe('erasing on two clouds', function () {
  this.timeout(60_000);
  let world: World;
  let north: Visitor;
  let doctor: Visitor;
  let maria: Visitor;
  const outage = new Outage();

  before(async () => {
    world = await World.open({
      wrapCloud: (plain) => outage.over(plain),
      env: {
        PRMS_CLOUD_SECOND: 'filesystem',
        PRMS_STEGO_LIMIT_BYTES: '65536',
        PRMS_CLOUD_ATTEMPTS: '1',
        PRMS_CLOUD_REST_MS: '0',
      },
    });
    north = await world.hospital('North');
    doctor = await world.doctor('Adeyemi', north);
    maria = await world.patient('Maria', north);
    await world.care(maria, doctor, north);
  });
  after(() => world.close());
  afterEach(() => outage.down.clear());

  const path = (): string => `/patients/${maria.userId}`;
  const folders = (): string[] => [world.cloudDir, join(world.dataDir, 'clouds-second')];
  const held = async (): Promise<string[][]> =>
    Promise.all(
      folders().map(async (folder) => {
        const entries = await readdir(folder, { recursive: true, withFileTypes: true });
        return entries
          .filter((entry) => entry.isFile())
          .map(({ name }) => name)
          .sort();
      }),
    );
  const add = (content = 'to be erased'): Promise<Uploaded> =>
    world.upload(maria, maria, { bytes: text(content) });
  const erase = (who: Visitor, id: string, replaces = 1) =>
    who.ask('POST', `${path()}/reports/${id}/erase`, { replaces });
  const state = (who: Visitor, id: string) =>
    who.get(`${path()}/reports/${id}/erasure`, stateSchema);
  const finish = () => world.gateway.services.erasures.finish();

  it('leaves nothing of it on either, and says when, by whom, and that it is done', async () => {
    const before = await held();
    const { id } = await add();
    await world.grant(maria, maria, terms(doctor, { kind: 'selective', reports: [id] }));
    expect((await held())[1]?.length).to.equal((before[1]?.length ?? 0) + 4);
    expect((await state(maria, id)).state).to.equal('none');
    const { ticket } = await world.open(maria, maria, id);
    const erasedAt = world.clock.now();
    expect((await erase(maria, id)).status).to.equal(200);
    expect(await held()).to.deep.equal(before);
    expect(await state(maria, id)).to.deep.include({
      state: 'done',
      by: maria.userId,
      erasedAt,
      clouds: [FIRST, SECOND].map((cloud) => ({ cloud, left: 0 })),
    });
    // The ticket that was open ended, and a later read names what happened.
    expect((await world.content(maria, ticket)).status).to.equal(404);
    const read = await maria.ask('POST', `${path()}/reports/${id}/access`, {
      action: 'view',
      purpose: 'treatment',
    });
    expect(read.status).to.equal(410);
    expect(problemOf(read)).to.deep.include({ code: 'GONE', reason: 'REPORT_ERASED' });
    expect(problemOf(read).ids).to.deep.include({
      report: id,
      erasedBy: maria.userId,
      erasedAt,
      erasure: 'done',
    });
    const [listed] = await world.reports(maria, maria);
    expect(listed).to.include({ id, status: 'erased' });
    const image = await maria.ask('GET', `${path()}/reports/${id}/stego/0`);
    expect(problemOf(image)).to.include({ code: 'GONE', reason: 'REPORT_ERASED' });
    expect((await erase(maria, id, 2)).status).to.equal(403);
  });

  it('goes on until a cloud that was down has agreed, and tells which one', async () => {
    const before = await held();
    const { id } = await add();
    outage.down.add(SECOND);
    expect((await erase(maria, id)).status).to.equal(200);
    const half = await state(maria, id);
    expect(half.state).to.equal('deleting');
    expect(half).not.to.have.property('agreedAt');
    expect(half.clouds).to.deep.equal([{ cloud: FIRST, left: 0 }, { cloud: SECOND }]);
    expect((await held())[0]).to.deep.equal(before[0]);
    expect((await held())[1]).not.to.deep.equal(before[1]);
    const read = await maria.ask('POST', `${path()}/reports/${id}/access`, {
      action: 'view',
      purpose: 'treatment',
    });
    expect(problemOf(read).ids).to.deep.include({ erasure: 'deleting' });
    expect(await finish()).to.equal(1);
    outage.down.clear();
    expect(await finish()).to.equal(0);
    expect(await held()).to.deep.equal(before);
    expect((await state(maria, id)).state).to.equal('done');
  });

  it('both down: the ledger says so all the same, and a restart goes on', async () => {
    const before = await held();
    const { id } = await add();
    outage.down.add(FIRST).add(SECOND);
    expect((await erase(maria, id)).status).to.equal(200);
    expect((await state(maria, id)).clouds).to.deep.equal([{ cloud: FIRST }, { cloud: SECOND }]);
    outage.down.clear();
    await world.restart();
    expect(await held()).to.deep.equal(before);
    for (const who of [maria, doctor, north]) await who.logIn();
    expect((await state(maria, id)).state).to.equal('done');
  });

  it('what a cloud kept and puts back is not shown, and deleted again', async () => {
    const before = await held();
    const { id } = await add();
    const copy = await mkdtemp(join(tmpdir(), 'prms-kept-'));
    for (const [n, folder] of folders().entries())
      await cp(folder, join(copy, String(n)), { recursive: true });
    await erase(maria, id);
    expect(await held()).to.deep.equal(before);
    for (const [n, folder] of folders().entries())
      await cp(join(copy, String(n)), folder, { recursive: true });
    await rm(copy, { recursive: true });
    expect(await held()).not.to.deep.equal(before);
    expect(await world.refused(maria, maria, id)).to.equal('GONE:REPORT_ERASED');
    const image = await maria.ask('GET', `${path()}/reports/${id}/stego/0`);
    expect(image.status).to.equal(410);
    const [listed] = await world.reports(maria, maria);
    expect(listed).not.to.have.property('label');
    await finish();
    expect(await held()).to.deep.equal(before);
    // A day later, when nothing signed before can be applied any more, a last time; then it is left alone.
    world.clock.advance(25 * 60 * 60 * 1000);
    await finish();
    for (const who of [maria, doctor, north]) await who.logIn();
    expect((await state(maria, id)).state).to.equal('done');
  });

  it('racing a grant, no wrap of its key stays', async () => {
    const before = await held();
    for (let round = 0; round < 3; round++) {
      const { id } = await add();
      const body = { terms: terms(doctor, { kind: 'selective', reports: [id] }) };
      const [erased] = await Promise.all([
        erase(maria, id),
        maria.ask('POST', `${path()}/consents`, body),
      ]);
      expect(erased.status).to.equal(200);
      await finish();
    }
    expect(await held()).to.deep.equal(before);
  });

  it('wraps of ended consents, of earlier keys and earlier epochs go as well', async () => {
    const before = await held();
    const { id } = await add();
    const consent = await world.grant(
      maria,
      maria,
      terms(doctor, { kind: 'selective', reports: [id] }),
    );
    await doctor.change('/me/keys/rotate');
    await doctor.logIn();
    // Its wrap stays where the cloud is down when it is taken back.
    outage.down.add(SECOND);
    await maria.ask('POST', `${path()}/consents/${consent}/revoke`, { replaces: 1 });
    outage.down.clear();
    await erase(maria, id);
    await finish();
    const [first, second] = await held();
    const left = (now: string[] | undefined, then: string[] | undefined) =>
      (now ?? []).filter((name) => then?.includes(name) !== true);
    expect(left(first, before[0])).to.deep.equal([]);
    expect(left(second, before[1])).to.deep.equal([]);
  });

  it('while it is downloaded: the download breaks off, and nobody calls it damaged', async () => {
    const bytes = new Uint8Array(3_000_000).map((_, at) => at % 253);
    const { id } = await world.upload(maria, maria, { bytes });
    const { ticket, access } = await world.open(maria, maria, id);
    const response = await fetch(`${world.url}/api/v1/tickets/${ticket}/content`, {
      headers: { authorization: `Bearer ${maria.token}` },
    });
    if (!response.body) throw new Error('there is a body');
    const chunks = piecesOf(response.body)[Symbol.asyncIterator]();
    let got = (await chunks.next()).value ?? 0;
    await erase(maria, id);
    const end = await (async () => {
      for (;;) {
        const next = await chunks.next();
        if (next.done === true) return 'ended';
        got += next.value;
      }
    })().catch(() => 'broke off');
    // What was on its way arrives; if all of it was, nothing could be called back.
    expect(end === 'broke off' || got === bytes.length).to.equal(true);
    const entry = (await world.accesses(maria, maria)).find((each) => each.id === access);
    expect(entry).not.to.have.property('damaged');
    const again = await world.content(maria, ticket);
    expect(again.status).to.equal(404);
  });

  it('by a guardian; not by another relative, the doctor, the author, the hospital or a stranger', async () => {
    const { id } = await world.upload(doctor, maria, {
      bytes: text('by the doctor'),
      actingFor: north.userId,
    });
    const [keeper, guardian, stranger] = [
      await world.relative('Lena'),
      await world.relative('Piotr'),
      await world.patient('Tomas'),
    ];
    const notAfter = world.clock.now() + 30 * 86_400_000;
    await maria.change(`${path()}/kin`, { relative: keeper.userId, rights: ['view', 'keep'] });
    await maria.change(`${path()}/kin`, {
      relative: guardian.userId,
      rights: ['guardian'],
      notAfter,
    });
    for (const [who, code] of [
      [keeper, 'REFUSED:NO_KIN_RIGHT'],
      [doctor, 'REFUSED:NOT_OWNER'],
      [north, 'REFUSED:NOT_OWNER'],
      [stranger, 'REFUSED:NOT_OWNER'],
    ] as const) {
      expect(await who.fails('POST', `${path()}/reports/${id}/erase`, { replaces: 1 })).to.equal(
        code,
      );
    }
    expect((await state(maria, id)).state).to.equal('none');
    expect(await world.read(maria, maria, id)).to.deep.equal(text('by the doctor'));
    expect(await stranger.fails('GET', `${path()}/reports/${id}/erasure`)).to.equal('FORBIDDEN');
    expect((await erase(guardian, id)).status).to.equal(200);
    expect(await state(doctor, id)).to.deep.include({ state: 'done', by: guardian.userId });
  });

  it('a whole record, operation by operation; once more, and there is nothing to do', async () => {
    const tomas = await world.patient('Tomas B', north);
    const mine = `/patients/${tomas.userId}`;
    const before = await held();
    for (const n of [1, 2, 3]) await world.upload(tomas, tomas, { bytes: text(`number ${n}`) });
    const body = { confirm: tomas.userId };
    expect(await tomas.fails('POST', `${mine}/erase`, { confirm: maria.userId })).to.equal(
      'VALIDATION',
    );
    expect(await maria.fails('POST', `${mine}/erase`, body)).to.equal('REFUSED:NOT_OWNER');
    expect(await doctor.fails('POST', `${mine}/erase`, body)).to.equal('FORBIDDEN');
    expect((await tomas.ask('POST', `${mine}/erase`, body)).body).to.deep.equal({
      erased: 3,
      before: 0,
      failed: [],
    });
    expect(await held()).to.deep.equal(before);
    expect((await tomas.ask('POST', `${mine}/erase`, body)).body).to.deep.equal({
      erased: 0,
      before: 3,
      failed: [],
    });
    for (const { status } of await world.reports(tomas, tomas)) expect(status).to.equal('erased');
    world.clock.advance(11 * 60_000);
    expect(await tomas.fails('POST', `${mine}/erase`, body)).to.equal('FRESH_LOGIN_REQUIRED');
  });

  it('a cloud that can not be written says so, and keeps nothing once it can', async () => {
    const before = await held();
    const { id } = await add();
    const [, second = ''] = folders();
    // The disk of the second cloud is away: a file lies where its folder was.
    await rename(second, `${second}.away`);
    await writeFile(second, 'not a folder');
    await erase(maria, id);
    expect((await state(maria, id)).state).to.equal('deleting');
    await rm(second);
    await rename(`${second}.away`, second);
    await finish();
    expect(await held()).to.deep.equal(before);
    expect((await state(maria, id)).state).to.equal('done');
  });
});

/** The lengths of a body's pieces, as they come. */
async function* piecesOf(body: AsyncIterable<unknown>): AsyncGenerator<number, undefined> {
  for await (const piece of body) if (piece instanceof Uint8Array) yield piece.length;
  return undefined;
}
