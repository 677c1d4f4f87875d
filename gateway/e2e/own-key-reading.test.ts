// Reading with keys of one's own: wraps, permits and ciphertext through HTTP, and everything that must be refused.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { derivePartKeys } from '@prms/stego';
import { z } from 'zod';
import { OwnKeyPerson, sentKeys, wrapsSchema, type SentWrap } from './own-key-person.js';
import { problemOf, text, World, type Uploaded, type Visitor } from './world.js';

const READS = { actions: ['view' as const], purposes: ['treatment' as const] };
const BLOOD = text('haemoglobin 9.1');

describe('reading with keys of one’s own', () => {
  let world: World;
  let hospital: Visitor;
  let adeyemi: Visitor;
  let bruun: Visitor;
  let olga: OwnKeyPerson;
  let rosa: OwnKeyPerson;
  let north: { id: string; seal: string };
  let blood: Uploaded;
  let scan: Uploaded;

  const sealOf = async ({ userId }: { userId: string }) => {
    const { keys } = await world.gateway.services.records.user(userId);
    return { id: userId, seal: keys.seal };
  };

  before(async () => {
    world = await World.open({ env: { PRMS_STEGO_LIMIT_BYTES: '4096' } });
    hospital = await world.hospital('North');
    north = await sealOf(hospital);
    adeyemi = await world.doctor('Adeyemi', hospital);
    bruun = await world.doctor('Bruun', hospital);
    olga = await new OwnKeyPerson(world, 'olga').register(hospital.userId);
    await olga.furnish(north);
    rosa = await new OwnKeyPerson(world, 'rosa', 'relative').register();
    const wish = { doctor: adeyemi.userId, hospital: hospital.userId };
    const { id } = await olga.act('care:request', wish);
    await adeyemi.change(`/care/${olga.userId}/${id}/approve`, { replaces: 1 });
    const patient = olga.visitor;
    const actingFor = hospital.userId;
    blood = await world.upload(adeyemi, patient, { bytes: BLOOD, title: 'Blood', actingFor });
    scan = await world.upload(adeyemi, patient, {
      bytes: new Uint8Array(randomBytes(5000)),
      title: 'Scan',
      category: 'imaging',
      actingFor,
    });
  });
  after(() => world.close());

  const sealed = (who: Visitor, report: string, access: string) =>
    who.fails('POST', `/patients/${olga.userId}/reports/${report}/sealed`, { access });
  const putting = (who: OwnKeyPerson, wraps: readonly SentWrap[]) =>
    who.visitor.fails('PUT', `/patients/${olga.userId}/wraps`, { wraps });

  it('a patient reads what a doctor has hidden, and the trace is their own operation', async () => {
    const read = await olga.read(olga.userId, blood.id);
    expect(Buffer.from(read.bytes)).to.deep.equal(Buffer.from(BLOOD));
    expect(read.title).to.equal('Blood');
    const accesses = await world.accesses(olga.visitor, olga.visitor);
    expect(accesses.map(({ actor, report }) => [actor, report])).to.deep.equal([
      [olga.userId, blood.id],
    ]);
  });

  it('a report too large to hide comes as its chunks, whole or in part', async () => {
    const { id: access } = await olga.ask(olga.userId, scan.id);
    const path = `/patients/${olga.userId}/reports/${scan.id}/ciphertext?access=${access}`;
    const whole = await olga.visitor.ask('GET', path);
    expect(whole.status).to.equal(200);
    expect(whole.bytes.length).to.equal(5016);
    const part = await olga.visitor.ask('GET', path, undefined, { range: 'bytes=10-4999' });
    expect(part.status).to.equal(206);
    expect(part.headers.get('content-range')).to.equal('bytes 10-4999/5016');
    expect(Buffer.from(part.bytes)).to.deep.equal(Buffer.from(whole.bytes.slice(10, 5000)));
    const beyond = await olga.visitor.ask('GET', path, undefined, { range: 'bytes=6000-' });
    expect(problemOf(beyond).code).to.equal('RANGE');
    const keys = [derivePartKeys(new Uint8Array(32), 'A256GCM', 1)];
    const asHidden = await olga.ciphertext(olga.userId, scan.id, access, keys);
    expect(problemOf(asHidden).code).to.equal('CONFLICT');
  });

  it('the titles of the list are for the patient to open', async () => {
    const [first] = await world.reports(olga.visitor, olga.visitor);
    expect(first?.label).to.equal(undefined);
    expect(first?.allowed.decision).to.equal('permit');
  });

  it('gives nothing without an access on the ledger: invented, foreign, refused, over, or for another report', async () => {
    const invented = '01J0000000000000000000000A';
    expect(await sealed(olga.visitor, blood.id, invented)).to.equal('NOT_FOUND');

    const { id: olgas } = await olga.ask(olga.userId, blood.id);
    expect(await sealed(rosa.visitor, blood.id, olgas)).to.equal('NOT_FOUND');
    expect(await sealed(bruun, blood.id, olgas)).to.equal('NOT_FOUND');
    expect(await sealed(olga.visitor, scan.id, olgas)).to.equal('NOT_FOUND');

    const refused = await rosa.ask(olga.userId, blood.id);
    expect(refused.outcome?.decision).to.equal('refuse');
    expect(await sealed(rosa.visitor, blood.id, refused.id)).to.equal('REFUSED:NO_KIN_RIGHT');

    world.clock.advance(299_999);
    expect((await olga.opening(olga.userId, blood.id, olgas)).terms.storage).to.equal('stego');
    world.clock.advance(1);
    expect(await sealed(olga.visitor, blood.id, olgas)).to.equal('NOT_FOUND');
    const keys = [derivePartKeys(new Uint8Array(32), 'A256GCM', 1)];
    const late = await olga.ciphertext(olga.userId, blood.id, olgas, keys);
    expect(problemOf(late).code).to.equal('NOT_FOUND');
  });

  it('part keys that find nothing are the caller’s fault and mark no damage', async () => {
    const { id: access } = await olga.ask(olga.userId, blood.id);
    const wrong = [derivePartKeys(new Uint8Array(32), 'A256GCM', 1)];
    const none = await olga.ciphertext(olga.userId, blood.id, access, wrong);
    expect(problemOf(none).code).to.equal('VALIDATION');
    const two = await olga.ciphertext(olga.userId, blood.id, access, [...wrong, ...wrong]);
    expect(problemOf(two).code).to.equal('VALIDATION');
    const short = { access, parts: wrong.map((keys) => ({ ...sentKeys(keys), position: 'AA' })) };
    const path = `/patients/${olga.userId}/reports/${blood.id}/ciphertext`;
    expect(await olga.visitor.fails('POST', path, short)).to.equal('VALIDATION');
    const marks = async () =>
      (await world.accesses(olga.visitor, olga.visitor)).filter(({ damaged }) => damaged).length;
    expect(await marks()).to.equal(0);
  });

  it('a relative with a partial consent reads by the wrap that the patient made, until it is taken back', async () => {
    const granting = {
      patient: olga.userId,
      terms: {
        ...READS,
        effect: 'permit' as const,
        grantee: { kind: 'user' as const, id: rosa.userId },
        scope: { kind: 'selective' as const, reports: [blood.id] },
      },
    };
    const link = { patient: olga.userId, relative: rosa.userId, rights: ['view' as const] };
    await olga.act('kin:link', link);
    const path = `/patients/${olga.userId}/reports/${blood.id}/wraps`;
    const { wraps } = await olga.visitor.get(path, wrapsSchema);
    const dataKey = await olga.unwrap(wraps);
    await olga.put(olga.userId, [await olga.wrap('report', blood.id, rosa.self, dataKey)]);
    const { id } = await olga.act('consent:grant', granting);
    const { bytes } = await rosa.read(olga.userId, blood.id);
    expect(Buffer.from(bytes)).to.deep.equal(Buffer.from(BLOOD));
    expect(await rosa.visitor.fails('GET', path)).to.equal('FORBIDDEN');

    await olga.act('consent:revoke', { patient: olga.userId, id, replaces: 1 });
    const again = await rosa.ask(olga.userId, blood.id);
    expect(await sealed(rosa.visitor, blood.id, again.id)).to.equal('REFUSED:NO_CONSENT');
  });

  it('a doctor with keys of their own reads what their hospital was given, by its keys here', async () => {
    const dora = await new OwnKeyPerson(world, 'dora', 'doctor').register();
    await dora.act('affiliation:request', { hospital: hospital.userId });
    await hospital.change(`/affiliations/${dora.userId}/authorise`, { replaces: 1 });
    await olga.put(olga.userId, [
      await olga.wrap('epoch', olga.epochSubject, north, olga.epoch.pair.privateKey),
    ]);
    const grantee = { kind: 'hospital' as const, id: hospital.userId };
    const consent = {
      ...READS,
      effect: 'permit' as const,
      grantee,
      scope: { kind: 'full' as const },
    };
    await olga.act('consent:grant', { patient: olga.userId, terms: consent });
    const actingFor = hospital.userId;
    const { bytes, title } = await dora.read(olga.userId, blood.id, { actingFor });
    expect(Buffer.from(bytes)).to.deep.equal(Buffer.from(BLOOD));
    expect(title).to.equal('Blood');
  });

  it('somebody whose keys the gateway keeps reads by a full consent of somebody who keeps theirs', async () => {
    const seal = await sealOf(bruun);
    await olga.put(olga.userId, [
      await olga.wrap('epoch', olga.epochSubject, seal, olga.epoch.pair.privateKey),
    ]);
    const grantee = { kind: 'user' as const, id: bruun.userId };
    const consent = {
      ...READS,
      effect: 'permit' as const,
      grantee,
      scope: { kind: 'full' as const },
    };
    await olga.act('consent:grant', { patient: olga.userId, terms: consent });
    const read = await world.read(bruun, olga.visitor, blood.id, { actingFor: hospital.userId });
    expect(Buffer.from(read)).to.deep.equal(Buffer.from(BLOOD));
  });

  it('stores a wrap once, and only for somebody’s present key', async () => {
    const epochKey = olga.epoch.pair.privateKey;
    const again = await olga.wrap('epoch', olga.epochSubject, olga.self, epochKey);
    expect(await olga.put(olga.userId, [again])).to.deep.equal([false]);
    const stranger = new OwnKeyPerson(world, 'stranger');
    const toNobody = await olga.wrap('epoch', olga.epochSubject, stranger.self, epochKey);
    expect(await putting(olga, [toNobody])).to.equal('NOT_FOUND');
    const otherKey = { id: olga.userId, seal: stranger.keys.seal };
    const toOther = await olga.wrap('epoch', olga.epochSubject, otherKey, epochKey);
    expect(await putting(olga, [toOther])).to.equal('VALIDATION');
  });

  it('refuses wraps that are huge, malformed, or of subjects in which one has no say', async () => {
    const epochKey = olga.epoch.pair.privateKey;
    const good = await olga.wrap('epoch', olga.epochSubject, olga.self, epochKey);
    for (const wrap of ['', 'A'.repeat(152), good.wrap.slice(4), 'x'.repeat(100_000)])
      expect(await putting(olga, [{ ...good, wrap }]), wrap.slice(0, 9)).to.equal('VALIDATION');
    const many = Array.from({ length: 65 }, () => good);
    expect(await putting(olga, many)).to.equal('TOO_LARGE');

    const eve = await new OwnKeyPerson(world, 'eve').register();
    const mine = { epoch: olga.epochSubject, escrow: olga.epochSubject, tags: olga.userId };
    for (const purpose of ['epoch', 'escrow', 'tags'] as const) {
      const wrap = await eve.wrap(purpose, mine[purpose], eve.self, randomBytes(32));
      expect(await putting(eve, [wrap]), purpose).to.equal('FORBIDDEN');
    }
    const report = await eve.wrap('report', blood.id, eve.self, randomBytes(32));
    expect(await putting(eve, [report])).to.equal('FORBIDDEN');
    const unborn = await eve.wrap(
      'report',
      '01J0000000000000000000000A',
      eve.self,
      randomBytes(32),
    );
    expect(await putting(eve, [unborn])).to.equal('NOT_FOUND');
    const link = await eve.wrap(
      'epoch',
      `${olga.userId}.1`,
      { id: olga.userId, seal: eve.keys.seal },
      randomBytes(32),
    );
    expect(await putting(eve, [link])).to.equal('FORBIDDEN');
    // The subject of one's own vault under another's record, and the other way round.
    const own = await eve.wrap('epoch', eve.epochSubject, eve.self, randomBytes(32));
    expect(await putting(olga, [own])).to.equal('VALIDATION');
    const beyond = `${olga.userId}.3.${good.kid}`;
    expect(await putting(olga, [{ ...good, subject: beyond }])).to.equal('VALIDATION');
    const toDoctor = await olga.wrap('escrow', olga.epochSubject, await sealOf(bruun), epochKey);
    expect(await putting(olga, [toDoctor])).to.equal('VALIDATION');
  });

  it('an author wraps for nobody who has no consent, so that no later grantee finds junk', async () => {
    const carl = await sealOf(await world.doctor('Carl', hospital));
    const junk = await olga.wrap('report', blood.id, carl, randomBytes(32));
    const path = `/patients/${olga.userId}/wraps`;
    expect(await adeyemi.fails('PUT', path, { wraps: [junk] })).to.equal('VALIDATION');
  });

  it('what the patient makes takes the place of what a relative has put there; never the other way round', async () => {
    const kim = await new OwnKeyPerson(world, 'kim', 'relative').register();
    const rights = ['consent' as const];
    await olga.act('kin:link', { patient: olga.userId, relative: kim.userId, rights });
    const lena = await new OwnKeyPerson(world, 'lena', 'relative').register();
    const [planted, good] = [
      await kim.wrap('tags', olga.userId, lena.self, randomBytes(32)),
      await olga.wrap('tags', olga.userId, lena.self, olga.tagKey),
    ];
    expect(await kim.put(olga.userId, [planted])).to.deep.equal([true]);
    expect(await olga.put(olga.userId, [good])).to.deep.equal([true]);
    expect(await kim.put(olga.userId, [planted])).to.deep.equal([false]);
    expect(await olga.put(olga.userId, [good])).to.deep.equal([false]);
    const path = `/patients/${olga.userId}/wraps/tags`;
    expect(await lena.visitor.get(path, z.looseObject({}))).to.include({ wrap: good.wrap });
  });

  it('nobody gets another’s wrap', async () => {
    for (const purpose of ['epoch', 'escrow', 'tags']) {
      const path = `/patients/${olga.userId}/wraps/${purpose}`;
      expect(await rosa.visitor.fails('GET', path), purpose).to.equal('NOT_FOUND');
    }
    const { wraps } = await olga.visitor.get(
      `/patients/${olga.userId}/reports/${scan.id}/wraps`,
      wrapsSchema,
    );
    expect(wraps.map(({ purpose }) => purpose)).to.deep.equal(['epoch', 'report']);
  });
});
