// Two hospitals' gateways on one ledger and one cloud: own stores, keys and ports. What people at the one do concerns
// people at the other; what can't be served from here says where it can.
import { expect } from 'chai';
import { z } from 'zod';
import { openGateway } from '../runtime/index.js';
import { loadConfig } from '../config/index.js';
import {
  hospitalTerms,
  problemOf,
  QUICK,
  SETUP_CODE,
  terms,
  text,
  World,
  type Visitor,
} from './world.js';

interface Both {
  readonly atNorth: World;
  readonly atSouth: World;
  readonly north: Visitor;
  readonly south: Visitor;
  /** North's, at North's gateway, with Maria in care. */
  readonly adeyemi: Visitor;
  /** South's, at South's gateway. */
  readonly bruun: Visitor;
  /** At North's gateway. */
  readonly maria: Visitor;
}

async function openBoth(): Promise<Both> {
  const atNorth = await World.open();
  const atSouth = await atNorth.beside();
  const north = await atNorth.hospital('North');
  const south = await atSouth.hospital('South', north);
  const adeyemi = await atNorth.doctor('Adeyemi', north);
  const bruun = await atSouth.doctor('Bruun', south);
  const maria = await atNorth.patient('Maria', north);
  await atNorth.care(maria, adeyemi, north);
  return { atNorth, atSouth, north, south, adeyemi, bruun, maria };
}

const said = text('Haemoglobin 11.2 g/dL');

describe('two gateways on one ledger', function () {
  this.timeout(60_000);
  let both: Both;
  before(async () => (both = await openBoth()));
  after(async () => {
    await both.atSouth.close();
    await both.atNorth.close();
  });

  const fileAtNorth = async (title = 'Blood count'): Promise<string> => {
    const { atNorth, adeyemi, maria, north } = both;
    const upload = { bytes: said, title, actingFor: north.userId };
    return (await atNorth.upload(adeyemi, maria, upload)).id;
  };

  it('share no accounts and no sessions; the second offers no founding', async () => {
    const { atNorth, atSouth, maria } = both;
    expect(await atSouth.gateway.setupCode()).to.equal(undefined);
    const stranger = atSouth.visitor(maria.login);
    expect(await stranger.fails('POST', '/sessions', credentials(maria))).to.equal(
      'WRONG_CREDENTIALS',
    );
    stranger.token = maria.token;
    expect(await stranger.fails('GET', '/sessions')).to.equal('UNAUTHENTICATED');
    const late = atSouth.visitor('late');
    await late.register('hospital', { profile: { name: 'Late' }, setupCode: 'whatever' });
    const { hospitals } = await atNorth.gateway.services.records.consortium();
    expect(hospitals).to.not.include(late.userId);
  });

  it('exchange reports: what North anchored opens at South by the patient’s consent, until she takes it back', async () => {
    const { atNorth, atSouth, bruun, maria, south } = both;
    const report = await fileAtNorth();
    const wish = { actingFor: south.userId };
    expect(await atSouth.refused(bruun, maria, report, wish)).to.equal('REFUSED:NO_CONSENT');
    const consent = await atNorth.grant(maria, maria, terms(bruun));
    expect(await atSouth.read(bruun, maria, report, wish)).to.deep.equal(said);
    const { ticket } = await atSouth.open(bruun, maria, report, wish);
    expect((await atNorth.content(maria, ticket)).status, 'a ticket is its gateway’s').to.equal(
      404,
    );
    await atNorth.revoke(maria, maria, consent);
    expect(await atSouth.refused(bruun, maria, report, wish)).to.equal('REFUSED:NO_CONSENT');
    const seen = await atNorth.accesses(maria, maria);
    const outcomes = seen.filter((a) => a.actor === bruun.userId).map((a) => a.outcome.decision);
    expect(outcomes.sort()).to.deep.equal(['permit', 'permit', 'refuse', 'refuse']);
  });

  it('partial and selective consents reach over, for reports before and after them', async () => {
    const { atNorth, atSouth, bruun, maria, south } = both;
    const [one, other] = [await fileAtNorth('One'), await fileAtNorth('Other')];
    const selective = terms(bruun, { kind: 'selective', reports: [one] });
    await atNorth.grant(maria, maria, selective);
    const wish = { actingFor: south.userId };
    expect(await atSouth.read(bruun, maria, one, wish)).to.deep.equal(said);
    expect(await atSouth.refused(bruun, maria, other, wish)).to.equal('REFUSED:NO_CONSENT');
    const partial = { kind: 'partial', categories: ['laboratory'] };
    await atNorth.grant(maria, maria, hospitalTerms(south, partial, { purposes: ['research'] }));
    const research = { ...wish, purpose: 'research' };
    const later = await fileAtNorth('Later');
    for (const report of [one, other, later])
      expect(await atSouth.read(bruun, maria, report, research)).to.deep.equal(said);
  });

  it('a doctor at South in whose care she is adds to the record of a patient at North', async () => {
    const { atNorth, atSouth, bruun, maria, south } = both;
    await atSouth.care(maria, bruun, south);
    const upload = { bytes: text('Seen at South'), actingFor: south.userId };
    const { id } = await atSouth.upload(bruun, maria, upload);
    expect(await atNorth.read(maria, maria, id)).to.deep.equal(upload.bytes);
    const shown = await atNorth.reports(maria, maria);
    expect(shown.find((report) => report.id === id)?.label?.title).to.equal('A report');
    // Who she is, she told North only.
    const file = await bruun.get(`/patients/${maria.userId}`, z.looseObject({ id: z.string() }));
    expect(file).to.not.have.property('details');
  });

  it('what a hospital’s keys must open is served where they are: the refusal names the hospital, and nothing is recorded as opened', async () => {
    const { atNorth, atSouth, maria, north } = both;
    const report = await fileAtNorth();
    // Works for North, but logs in at South.
    const okafor = await atSouth.doctor('Okafor', north);
    await atNorth.grant(maria, maria, hospitalTerms(north, { kind: 'full' }));
    const wish = { actingFor: north.userId };
    const path = `/patients/${maria.userId}/reports/${report}/access`;
    const body = { action: 'view', purpose: 'treatment', ...wish };
    const problem = problemOf(await okafor.ask('POST', path, body));
    expect(problem).to.include({ code: 'ELSEWHERE', status: 421 });
    expect(problem.ids).to.deep.equal({ hospital: north.userId });
    expect(problem.detail).to.include('North');
    const emergency = { actingFor: north.userId, reason: 'unconscious' };
    expect(await okafor.fails('POST', `/patients/${maria.userId}/emergency`, emergency)).to.equal(
      'ELSEWHERE',
    );
    const traces = await atNorth.accesses(maria, maria);
    expect(traces.filter(({ actor }) => actor === okafor.userId)).to.deep.equal([]);
    // By a consent of her own she is served anywhere.
    await atNorth.grant(maria, maria, terms(okafor));
    expect(await atSouth.read(okafor, maria, report, wish)).to.deep.equal(said);
    // What the ledger refuses is refused, and recorded, as anywhere.
    const other = { ...wish, purpose: 'payment' };
    expect(await atSouth.refused(okafor, maria, report, other)).to.equal('REFUSED:NO_CONSENT');
  });

  it('slots are taken where they were offered', async () => {
    const { atNorth, atSouth, bruun, maria, south } = both;
    const startsAt = atNorth.clock.now() + 60 * 60_000;
    const slots = [{ startsAt, minutes: 30 }];
    const offered = await bruun.post(
      '/slots',
      { hospital: south.userId, slots },
      z.looseObject({ receipt: z.looseObject({ id: z.string() }), slots: z.array(z.string()) }),
    );
    const listed = await maria.get(
      `/doctors/${bruun.userId}/slots`,
      z.object({ items: z.array(z.unknown()) }),
    );
    expect(listed.items).to.deep.equal([]);
    const place = { doctor: bruun.userId, offer: offered.receipt.id, slot: offered.slots[0] };
    const path = `/patients/${maria.userId}/appointments`;
    expect(await maria.fails('POST', path, place)).to.equal('ELSEWHERE');
    const unknown = { ...place, offer: '01J0000000000000000000000A' };
    expect(await maria.fails('POST', path, unknown)).to.equal('REFUSED:NOT_FOUND');
    await atSouth.gateway.services.records.user(bruun.userId);
  });

  it('a grant at one beside a new epoch at the other leaves nobody with a key of the past', async () => {
    const { atNorth, atSouth, adeyemi, bruun, maria, north } = both;
    const lena = await atSouth.relative('Lena');
    const link = {
      relative: lena.userId,
      rights: ['guardian'],
      notAfter: atNorth.clock.now() + 365 * 24 * 60 * 60_000,
    };
    await maria.change(`/patients/${maria.userId}/kin`, link);
    const doctors = await Promise.all(['A', 'B', 'C'].map((name) => atNorth.doctor(name, north)));
    for (const doctor of doctors) {
      const passing = await atNorth.grant(maria, maria, terms(bruun));
      // Maria's gateway and her guardian's know nothing of each other.
      await Promise.all([
        atNorth.grant(maria, maria, terms(doctor)),
        atSouth.revoke(lena, maria, passing),
      ]);
    }
    const upload = { bytes: text('After all that'), actingFor: north.userId };
    const { id } = await atNorth.upload(adeyemi, maria, upload);
    for (const doctor of doctors)
      expect(await atNorth.read(doctor, maria, id, { actingFor: north.userId })).to.deep.equal(
        upload.bytes,
      );
    expect(await atSouth.read(lena, maria, id, { purpose: 'family' })).to.deep.equal(upload.bytes);
  });

  it('a report anchored at one beside a partial consent given at the other is wrapped for its grantee', async () => {
    const { atSouth, adeyemi, maria, south } = both;
    const lena = await atSouth.relative('Lea');
    const link = { relative: lena.userId, rights: ['consent'] };
    await maria.change(`/patients/${maria.userId}/kin`, link);
    for (let round = 0; round < 4; round++) {
      const reader = await atSouth.doctor('Reader', south);
      const scope = { kind: 'partial', authors: [adeyemi.userId] };
      const [report] = await Promise.all([
        fileAtNorth(`Round ${round}`),
        atSouth.grant(lena, maria, terms(reader, scope)),
      ]);
      const wish = { actingFor: south.userId };
      expect(await atSouth.read(reader, maria, report, wish), `round ${round}`).to.deep.equal(said);
    }
  });

  it('many operations at once from both all find their place', async () => {
    const { atNorth, atSouth } = both;
    const registered = await Promise.all(
      Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? atNorth : atSouth).relative(`R${i}`)),
    );
    const { records } = atNorth.gateway.services;
    for (const { userId } of registered)
      expect((await records.user(userId)).role).to.equal('relative');
  });

  it('found a ledger once: of two hospitals that try at the same moment, one waits for the other’s vote', async () => {
    const here = await World.open();
    const there = await here.beside();
    try {
      const body = { profile: { name: 'First' }, setupCode: SETUP_CODE };
      const [one, other] = [here.visitor('one'), there.visitor('other')];
      await Promise.all([one.register('hospital', body), other.register('hospital', body)]);
      const { hospitals } = await here.gateway.services.records.consortium();
      expect(hospitals).to.have.length(1);
      const [founder, waiting] = hospitals[0] === one.userId ? [one, other] : [other, one];
      await founder.change(`/hospitals/${waiting.userId}/vote`);
      expect((await there.gateway.services.records.consortium()).hospitals).to.have.length(2);
    } finally {
      await there.close();
      await here.close();
    }
  });

  it('closing one leaves ledger and other alone; opened again, it has its people', async () => {
    const { atNorth, maria } = both;
    const third = await atNorth.beside();
    const tomas = await third.patient('Tomas');
    await third.gateway.close();
    await atNorth.upload(maria, maria, { bytes: text('Still here') });
    const env = { ...QUICK, PRMS_DATA: third.dataDir, PRMS_CLOUD_DIR: atNorth.cloudDir };
    const { ledger } = atNorth.gateway;
    const again = await openGateway({
      ledger,
      clock: atNorth.clock,
      config: loadConfig(env).config,
    });
    try {
      const answer = await fetch(`${again.url}/api/v1/sessions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(credentials(tomas)),
      });
      expect(answer.status).to.equal(201);
    } finally {
      await again.close();
      await third.close();
    }
  });
});

function credentials({ login, password }: Visitor): object {
  return { login, password, kind: 'bearer' };
}
