// Consents through HTTP, with real reports: who opens what, before and after a grant, a change and a revocation. A permit
// counts only when the identical bytes come back; a revocation only when the wrap has gone from the cloud, too.
import { expect } from 'chai';
import { hospitalTerms, terms, text, World, type Visitor } from './world.js';

const DAY_MS = 24 * 60 * 60 * 1000;

describe('consents through HTTP', function () {
  this.timeout(30_000);
  let world: World;
  let north: Visitor;
  let doctor: Visitor;
  let other: Visitor;

  before(async () => {
    world = await World.open();
    north = await world.hospital('North');
    doctor = await world.doctor('Adeyemi', north);
    other = await world.doctor('Bruun', north);
  });
  after(() => world.close());

  const acting = () => ({ actingFor: north.userId });
  const opens = async (who: Visitor, patient: Visitor, id: string, content: string, wish = {}) => {
    const bytes = await world.read(who, patient, id, wish);
    expect(Buffer.from(bytes).toString('utf8')).to.equal(content);
  };
  const add = async (patient: Visitor, content: string, more = {}) =>
    (await world.upload(patient, patient, { bytes: text(content), ...more })).id;

  it('opens nothing without one, not even the author’s own report', async () => {
    const maria = await world.patient('Maria');
    await world.care(maria, doctor, north);
    const { id } = await world.upload(doctor, maria, { bytes: text('blood'), ...acting() });
    expect(await world.refused(doctor, maria, id, acting())).to.equal('REFUSED:NO_CONSENT');
    await opens(maria, maria, id, 'blood');
  });

  it('full: everything, present and future, for one wrap', async () => {
    const maria = await world.patient('Maria');
    const first = await add(maria, 'first');
    const second = await add(maria, 'second');
    const before = (await world.objects()).size;
    await world.grant(maria, maria, terms(doctor));
    expect((await world.objects()).size).to.equal(before + 1);
    const future = await add(maria, 'third');
    await opens(doctor, maria, first, 'first', acting());
    await opens(doctor, maria, second, 'second', acting());
    await opens(doctor, maria, future, 'third', acting());
    expect(await world.refused(other, maria, first, acting())).to.equal('REFUSED:NO_CONSENT');
  });

  it('partial: a category now and later, and nothing else', async () => {
    const maria = await world.patient('Maria');
    const imaging = await add(maria, 'a picture', { category: 'Imaging' });
    const lab = await add(maria, 'blood', { category: 'laboratory' });
    await world.grant(maria, maria, terms(doctor, { kind: 'partial', categories: ['imaging '] }));
    const later = await add(maria, 'another picture', { category: 'imaging' });
    const unrelated = await add(maria, 'more blood', { category: 'laboratory' });
    await opens(doctor, maria, imaging, 'a picture', acting());
    await opens(doctor, maria, later, 'another picture', acting());
    expect(await world.refused(doctor, maria, lab, acting())).to.equal('REFUSED:NO_CONSENT');
    expect(await world.refused(doctor, maria, unrelated, acting())).to.equal('REFUSED:NO_CONSENT');
  });

  it('partial: by month and by author', async () => {
    const maria = await world.patient('Maria');
    await world.care(maria, doctor, north);
    const old = await add(maria, 'old', { month: '2020-05' });
    const recent = await add(maria, 'recent', { month: '2029-05' });
    await world.grant(maria, maria, terms(doctor, { kind: 'partial', toMonth: '2021-12' }));
    await world.grant(
      maria,
      maria,
      terms(other, { kind: 'partial', authors: [doctor.userId], fromMonth: '2025-01' }),
    );
    const authored = await world.upload(doctor, maria, { bytes: text('by me'), ...acting() });
    await opens(doctor, maria, old, 'old', acting());
    expect(await world.refused(doctor, maria, recent, acting())).to.equal('REFUSED:NO_CONSENT');
    await opens(other, maria, authored.id, 'by me', acting());
    expect(await world.refused(other, maria, recent, acting())).to.equal('REFUSED:NO_CONSENT');
    expect(await world.refused(doctor, maria, authored.id, acting())).to.equal(
      'REFUSED:NO_CONSENT',
    );
  });

  it('selective: the reports that were named', async () => {
    const maria = await world.patient('Maria');
    const named = await add(maria, 'named');
    const unnamed = await add(maria, 'unnamed');
    await world.grant(maria, maria, terms(doctor, { kind: 'selective', reports: [named] }));
    await opens(doctor, maria, named, 'named', acting());
    expect(await world.refused(doctor, maria, unnamed, acting())).to.equal('REFUSED:NO_CONSENT');
  });

  it('deny wins over permit, and its end lets the permit count again', async () => {
    const maria = await world.patient('Maria');
    const id = await add(maria, 'text');
    await world.grant(maria, maria, terms(doctor));
    const denial = await world.grant(maria, maria, terms(doctor, undefined, { effect: 'deny' }));
    expect(await world.refused(doctor, maria, id, acting())).to.equal('REFUSED:CONSENT_DENIED');
    await world.revoke(maria, maria, denial);
    await opens(doctor, maria, id, 'text', acting());
  });

  it('keeps to its actions, purposes and window', async () => {
    const maria = await world.patient('Maria');
    const id = await add(maria, 'text');
    const now = world.clock.now();
    const window = { notBefore: now + DAY_MS, notAfter: now + 2 * DAY_MS };
    await world.grant(maria, maria, terms(doctor, undefined, { actions: ['view'], ...window }));
    const relogged = async (wish = {}) => {
      await doctor.logIn();
      return world.refused(doctor, maria, id, { ...acting(), ...wish });
    };
    expect(await relogged()).to.equal('REFUSED:NO_CONSENT');
    world.clock.advance(DAY_MS);
    expect(await relogged({ action: 'download' })).to.equal('REFUSED:NO_CONSENT');
    expect(await relogged({ purpose: 'research' })).to.equal('REFUSED:NO_CONSENT');
    await opens(doctor, maria, id, 'text', acting());
    world.clock.advance(DAY_MS);
    expect(await relogged()).to.equal('REFUSED:NO_CONSENT');
    await Promise.all([north.logIn(), other.logIn()]);
  });

  it('to a hospital: its doctors open, others don’t, and a suspended one no longer', async () => {
    const south = await world.hospital('South', north);
    const maria = await world.patient('Maria');
    const id = await add(maria, 'text', { category: 'imaging' });
    const colleague = await world.doctor('Castro', south);
    await world.grant(
      maria,
      maria,
      hospitalTerms(south, { kind: 'partial', categories: ['imaging'] }),
    );
    const wish = { actingFor: south.userId };
    await opens(colleague, maria, id, 'text', wish);
    const [listed] = await world.reports(colleague, maria, `&actingFor=${south.userId}`);
    expect(listed?.allowed.decision).to.equal('permit');
    expect(await world.refused(doctor, maria, id, wish)).to.equal('REFUSED:NOT_AFFILIATED');
    expect(await world.refused(colleague, maria, id)).to.match(/^REFUSED:/);
    await south.change(`/affiliations/${colleague.userId}/suspend`, { replaces: 2 });
    expect(await world.refused(colleague, maria, id, wish)).to.equal('REFUSED:ACTOR_NOT_ACTIVE');
    expect(
      await colleague.fails('GET', `/patients/${maria.userId}/reports?actingFor=${south.userId}`),
    ).to.equal('FORBIDDEN');
  });

  it('revoked: refused, the wrap is gone, and a new report stays closed until the next grant', async () => {
    const maria = await world.patient('Maria');
    const first = await add(maria, 'first');
    const consent = await world.grant(maria, maria, terms(doctor));
    await opens(doctor, maria, first, 'first', acting());
    const wrapped = new Set((await world.objects()).keys());
    await world.revoke(maria, maria, consent);
    const kept = await world.objects();
    expect([...wrapped].filter((name) => !kept.has(name))).to.have.length(1);
    const second = await add(maria, 'second');
    expect(await world.refused(doctor, maria, first, acting())).to.equal('REFUSED:NO_CONSENT');
    expect(await world.refused(doctor, maria, second, acting())).to.equal('REFUSED:NO_CONSENT');
    await world.grant(maria, maria, terms(doctor));
    await opens(doctor, maria, first, 'first', acting());
    await opens(doctor, maria, second, 'second', acting());
  });

  it('three epochs later the patient and the remaining grantee open everything', async () => {
    const maria = await world.patient('Maria');
    await world.grant(maria, maria, terms(other));
    const ids: [string, string][] = [];
    for (const content of ['epoch one', 'epoch two', 'epoch three']) {
      ids.push([await add(maria, content), content]);
      const passing = await world.grant(maria, maria, terms(doctor));
      await world.revoke(maria, maria, passing);
    }
    ids.push([await add(maria, 'epoch four'), 'epoch four']);
    for (const [id, content] of ids) {
      await opens(maria, maria, id, content);
      await opens(other, maria, id, content, acting());
      expect(await world.refused(doctor, maria, id, acting())).to.equal('REFUSED:NO_CONSENT');
    }
  });

  it('amended from full to partial: what no longer counts is closed, also for what comes later', async () => {
    const maria = await world.patient('Maria');
    const imaging = await add(maria, 'a picture', { category: 'imaging' });
    const lab = await add(maria, 'blood');
    const id = await world.grant(maria, maria, terms(doctor));
    await maria.change(`/patients/${maria.userId}/consents/${id}/amend`, {
      terms: terms(doctor, { kind: 'partial', categories: ['imaging'] }),
      replaces: 1,
    });
    const laterImaging = await add(maria, 'later picture', { category: 'imaging' });
    const laterLab = await add(maria, 'later blood');
    await opens(doctor, maria, imaging, 'a picture', acting());
    await opens(doctor, maria, laterImaging, 'later picture', acting());
    expect(await world.refused(doctor, maria, lab, acting())).to.equal('REFUSED:NO_CONSENT');
    expect(await world.refused(doctor, maria, laterLab, acting())).to.equal('REFUSED:NO_CONSENT');
  });

  it('a partial consent’s wraps go with it, but for what another consent still gives', async () => {
    const maria = await world.patient('Maria');
    const both = await add(maria, 'both', { category: 'imaging' });
    const single = await add(maria, 'single', { category: 'imaging' });
    const partial = await world.grant(
      maria,
      maria,
      terms(doctor, { kind: 'partial', categories: ['imaging'] }),
    );
    await world.grant(maria, maria, terms(doctor, { kind: 'selective', reports: [both] }));
    const before = (await world.objects()).size;
    await world.revoke(maria, maria, partial);
    expect((await world.objects()).size).to.equal(before - 1);
    await opens(doctor, maria, both, 'both', acting());
    expect(await world.refused(doctor, maria, single, acting())).to.equal('REFUSED:NO_CONSENT');
  });

  it('a full consent for uploads alone opens nothing', async () => {
    const maria = await world.patient('Maria');
    const mine = await add(maria, 'mine');
    await world.grant(maria, maria, terms(other, undefined, { actions: ['upload'] }));
    const { id } = await world.upload(other, maria, { bytes: text('theirs'), ...acting() });
    await opens(maria, maria, id, 'theirs');
    expect(await world.refused(other, maria, mine, acting())).to.equal('REFUSED:NO_CONSENT');
  });

  it('refuses an outdated version, and a consent that nobody gave', async () => {
    const maria = await world.patient('Maria');
    const id = await world.grant(maria, maria, terms(doctor));
    const path = `/patients/${maria.userId}/consents/${id}/revoke`;
    expect(await maria.fails('POST', path, { replaces: 7 })).to.equal('REFUSED:VERSION_CONFLICT');
    await world.revoke(maria, maria, id);
    expect(await maria.fails('POST', path, { replaces: 2 })).to.match(/^REFUSED:/);
    const unknown = `/patients/${maria.userId}/consents/01J0000000000000000000000A/revoke`;
    expect(await maria.fails('POST', unknown, { replaces: 1 })).to.equal('NOT_FOUND');
  });
});
