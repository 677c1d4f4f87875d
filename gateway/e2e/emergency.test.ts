// Emergencies through HTTP: only with a fresh log-in and a reason, for a time, seen and reviewed; and a ledger that has
// stopped must not stand in the way, though its record comes late.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { ManualClock } from '../testing/index.js';
import { MoodyLedger } from './moody-ledger.js';
import { problemOf, terms, text, World, type Visitor } from './world.js';

const MINUTE_MS = 60_000;
const WAIT_MS = 300;
const REASON = 'unconscious after a fall';

const brokenSchema = z.looseObject({
  emergency: z.string(),
  endsAt: z.int(),
  anchoredLate: z.literal(true).optional(),
  receipt: z.looseObject({}).optional(),
});
const fateSchema = z.looseObject({ state: z.string(), late: z.literal(true).optional() });
const listSchema = z.object({
  items: z.array(z.looseObject({ id: z.string(), reasonText: z.string().optional() })),
  bookmark: z.string(),
});

describe('emergencies through HTTP', function () {
  this.timeout(30_000);
  let moody: MoodyLedger;
  let world: World;
  let north: Visitor;
  let south: Visitor;
  let doctor: Visitor;
  let maria: Visitor;
  let report: string;

  before(async () => {
    const clock = new ManualClock();
    moody = await MoodyLedger.open(clock);
    world = await World.open({
      clock,
      ledger: moody.ledger,
      env: { PRMS_EMERGENCY_COMMIT_WAIT_MS: String(WAIT_MS), PRMS_COMMIT_WAIT_MS: '1000' },
    });
    north = await world.hospital('North');
    south = await world.hospital('South', north);
    doctor = await world.doctor('Adeyemi', north, south);
  });
  beforeEach(async () => {
    moody.works();
    await Promise.all([north.logIn(), south.logIn(), doctor.logIn()]);
    maria = await world.patient('Maria', north);
    report = (await world.upload(maria, maria, { bytes: text('blood thinners: none') })).id;
  });
  after(async () => {
    moody.works();
    await world.close();
    await moody.close();
  });

  const glass = (patient: Visitor) => `/patients/${patient.userId}/emergency`;
  const breakIt = (patient = maria) =>
    doctor.post(glass(patient), { actingFor: north.userId, reason: REASON }, brokenSchema);
  const wish = (emergency: string) => ({
    purpose: 'emergency',
    actingFor: north.userId,
    emergency,
  });
  const fate = (who: Visitor, id: string) => who.get(`/operations/${id}`, fateSchema);
  /** Until the operation is on the ledger; fails by the test's time-out. */
  const applied = async (who: Visitor, id: string) => {
    while ((await fate(who, id)).state !== 'applied') await sleep(50);
    return fate(who, id);
  };

  it('opens the record for an hour, for viewing, by the doctor who broke the glass', async () => {
    const { emergency, endsAt, receipt } = await breakIt();
    expect(receipt).to.not.equal(undefined);
    expect(endsAt).to.equal(world.clock.now() + 60 * MINUTE_MS);
    const bytes = await world.read(doctor, maria, report, wish(emergency));
    expect(Buffer.from(bytes).toString()).to.equal('blood thinners: none');
    const refusals = [
      await world.refused(doctor, maria, report, { ...wish(emergency), action: 'download' }),
      await world.refused(doctor, maria, report, { actingFor: north.userId }),
      await world.refused(doctor, maria, report, {
        ...wish(emergency),
        actingFor: south.userId,
      }),
      await world.refused(await world.doctor('Castro', north), maria, report, wish(emergency)),
    ];
    expect(refusals).to.deep.equal([
      'REFUSED:NO_CONSENT',
      'REFUSED:NO_CONSENT',
      'REFUSED:EMERGENCY_OVER',
      'REFUSED:EMERGENCY_OVER',
    ]);
    world.clock.advance(60 * MINUTE_MS - 1);
    await doctor.logIn();
    await world.open(doctor, maria, report, wish(emergency));
    world.clock.advance(1);
    expect(await world.refused(doctor, maria, report, wish(emergency))).to.equal(
      'REFUSED:EMERGENCY_OVER',
    );
  });

  it('asks for the password again when it was given a while ago', async () => {
    world.clock.advance(5 * MINUTE_MS);
    const body = { actingFor: north.userId, reason: REASON };
    const stale = await doctor.ask('POST', glass(maria), body);
    expect(stale.status).to.equal(401);
    expect(problemOf(stale).code).to.equal('FRESH_LOGIN_REQUIRED');
    await maria.logIn();
    expect(await world.accesses(maria, maria)).to.deep.equal([]);
    const before = doctor.token;
    const fresh = '/sessions/current/fresh';
    expect(await doctor.fails('POST', fresh, { password: 'a wrong guess!' })).to.equal(
      'WRONG_CREDENTIALS',
    );
    doctor.token = (
      await doctor.post(fresh, { password: doctor.password }, z.object({ token: z.string() }))
    ).token;
    expect(doctor.token).to.not.equal(before);
    await breakIt();
  });

  it('needs a reason, a doctor, and a hospital that has authorised them', async () => {
    const body = { actingFor: north.userId, reason: REASON };
    expect(await doctor.fails('POST', glass(maria), { ...body, reason: 'short' })).to.equal(
      'VALIDATION',
    );
    expect(await north.fails('POST', glass(maria), body)).to.equal('FORBIDDEN');
    expect(await maria.fails('POST', glass(maria), body)).to.equal('FORBIDDEN');
    const stranger = await world.doctor('Dubois', south);
    expect(await stranger.fails('POST', glass(maria), body)).to.equal('REFUSED:NOT_AFFILIATED');
  });

  it('respects an opt-out and an express denial', async () => {
    const tomas = await world.patient('Tomas');
    const body = { actingFor: north.userId, reason: REASON };
    expect(await doctor.fails('POST', glass(tomas), body)).to.equal('REFUSED:EMERGENCY_OPTED_OUT');
    const denial = { effect: 'deny', actions: ['view'], purposes: ['emergency'] };
    await world.grant(maria, maria, terms(doctor, undefined, denial));
    expect(await doctor.fails('POST', glass(maria), body)).to.equal('REFUSED:CONSENT_DENIED');
    const codes = (await world.accesses(maria, maria)).map(({ outcome }) => outcome.code);
    expect(codes).to.deep.equal(['CONSENT_DENIED']);
  });

  it('is opened by the keys of the hospital that the patient named, no other', async () => {
    const elsewhere = { actingFor: south.userId, reason: REASON };
    expect(await doctor.fails('POST', glass(maria), elsewhere)).to.equal('REFUSED:NOT_ESCROW');
  });

  it('is seen by the hospital with its reason, reviewed once a side, and objected to', async () => {
    const auditor = await world.auditor('Eyre');
    for (const hospital of [north, south]) {
      await hospital.change(`/hospitals/${auditor.userId}/vote`);
    }
    const { emergency } = await breakIt();
    const found = async (who: Visitor) =>
      (await who.get('/emergencies?limit=100', listSchema)).items.find(
        ({ id }) => id === emergency,
      );
    expect((await found(north))?.reasonText).to.equal(REASON);
    expect(await found(south)).to.equal(undefined);
    const path = `/patients/${maria.userId}/accesses/${emergency}`;
    const review = { verdict: 'justified', note: 'confirmed', replaces: 1 };
    expect(await south.fails('POST', `${path}/review`, review)).to.match(/^REFUSED:/);
    expect(await doctor.fails('POST', `${path}/review`, review)).to.equal('FORBIDDEN');
    expect(await maria.fails('POST', `${path}/review`, review)).to.equal('FORBIDDEN');
    await north.change(`${path}/review`, review);
    expect(await north.fails('POST', `${path}/review`, review)).to.match(/^REFUSED:/);
    expect(await doctor.fails('POST', `${path}/object`, { replaces: 2 })).to.equal('FORBIDDEN');
    const tomas = await world.patient('Tomas');
    expect(await tomas.fails('POST', `${path}/object`, { replaces: 2 })).to.match(/^REFUSED:/);
    await maria.change(`${path}/object`, { note: 'please explain', replaces: 2 });
    const [seen] = await world.accesses(maria, maria);
    expect(seen).to.include({ id: emergency, kind: 'emergency', version: 3 });
    expect(seen?.review?.verdict).to.equal('justified');
    expect(seen?.objection).to.not.equal(undefined);
    const texts = {
      reasonText: REASON,
      reviewNote: 'confirmed',
      objectionNote: 'please explain',
    };
    expect(seen).to.include(texts);
    expect(await found(north)).to.include(texts);
    // A refused note does not take the place of the one that counts.
    expect(await tomas.fails('POST', `${path}/object`, { note: 'not mine', replaces: 3 })).to.match(
      /^REFUSED:/,
    );
    expect((await world.accesses(maria, maria))[0]).to.include(texts);
    // Auditors see that something was written, and no text.
    await auditor.logIn();
    const [audited] = await world.accesses(auditor, maria);
    expect(audited).to.include({ id: emergency });
    expect(JSON.stringify(audited)).to.not.match(/please explain|confirmed/);
  });

  it('an auditor reviews, too', async () => {
    const auditor = await world.auditor('Fay');
    for (const hospital of [north, south]) {
      await hospital.change(`/hospitals/${auditor.userId}/vote`);
    }
    const { emergency } = await breakIt();
    const path = `/patients/${maria.userId}/accesses/${emergency}/review`;
    await auditor.change(path, { verdict: 'unjustified', replaces: 1 });
    expect((await world.accesses(maria, maria))[0]?.review?.verdict).to.equal('unjustified');
  });

  for (const mood of ['hangs', 'unreachable'] as const) {
    it(`opens within the wait when the ledger ${mood}, and is anchored when it is back`, async () => {
      moody[mood]();
      const begun = performance.now();
      const broken = await breakIt();
      const opened = await world.open(doctor, maria, report, wish(broken.emergency));
      const tookMs = performance.now() - begun;
      const { bytes } = await world.content(doctor, opened.ticket);
      expect(Buffer.from(bytes).toString()).to.equal('blood thinners: none');
      expect(tookMs).to.be.below(2 * WAIT_MS + 2500);
      if (mood === 'hangs') expect(tookMs).to.be.above(2 * WAIT_MS - 50);
      expect(broken).to.include({ anchoredLate: true }).and.not.have.property('receipt');
      expect(opened).to.include({ anchoredLate: true }).and.not.have.property('receipt');
      expect(await world.accesses(maria, maria)).to.deep.equal([]);
      expect(await fate(doctor, opened.access)).to.include({ state: 'pending', late: true });
      // Long after group commit has given up its attempts the emergency is still open.
      if (mood === 'unreachable') await sleep(3500);
      const again = await world.open(doctor, maria, report, wish(broken.emergency));

      moody.works();
      for (const id of [broken.emergency, opened.access, again.access]) {
        expect(await applied(doctor, id)).to.include({ late: true });
      }
      const log = await world.accesses(maria, maria);
      expect(log).to.have.length(3);
      for (const access of log) {
        expect(access.anchoredLate).to.equal(true);
        expect(access.outcome.decision).to.equal('permit');
      }
    });
  }

  it('gives nobody more when the ledger hangs: denials, opt-outs and windows still count', async () => {
    const { emergency } = await breakIt();
    const tomas = await world.patient('Tomas');
    const other = await world.doctor('Castro', north);
    moody.hangs();
    const body = { actingFor: north.userId, reason: REASON };
    const [optedOut, borrowed, download] = await Promise.all([
      doctor.fails('POST', glass(tomas), body),
      world.refused(other, maria, report, wish(emergency)),
      world.refused(doctor, maria, report, { ...wish(emergency), action: 'download' }),
    ]);
    expect(optedOut).to.equal('REFUSED:EMERGENCY_OPTED_OUT');
    expect(borrowed).to.equal('REFUSED:EMERGENCY_OVER');
    expect(download).to.equal('REFUSED:NO_CONSENT');
    moody.works();
  });

  it('an ordinary read waits for the ledger, gives no byte, and its fate can be asked for', async () => {
    await world.grant(maria, maria, terms(doctor));
    moody.hangs();
    const answer = await doctor.ask('POST', `/patients/${maria.userId}/reports/${report}/access`, {
      action: 'view',
      purpose: 'treatment',
      actingFor: north.userId,
    });
    expect(answer.status).to.equal(504);
    const { code, ids } = problemOf(answer);
    expect(code).to.equal('COMMIT_TIMEOUT');
    expect(Buffer.from(answer.bytes).includes('ticket')).to.equal(false);
    const operation = String(ids?.['operation']);
    expect((await fate(doctor, operation)).state).to.equal('pending');
    expect(await maria.fails('GET', `/operations/${operation}`)).to.equal('NOT_FOUND');
    moody.works();
    await applied(doctor, operation);
    expect((await world.accesses(maria, maria))[0]).to.include({ id: operation });
  });
});
