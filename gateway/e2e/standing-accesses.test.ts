// A permit is for now: what it rests on is looked at again each time that something is given by it. Tickets, downloads under
// way, and what readers with keys of their own fetch, through HTTP.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { derivePartKeys } from '@prms/stego';
import { z } from 'zod';
import type { Cloud } from '../clouds/index.js';
import { ManualClock } from '../testing/index.js';
import { MoodyLedger } from './moody-ledger.js';
import { OwnKeyPerson, wrapsSchema } from './own-key-person.js';
import {
  hospitalTerms,
  problemOf,
  terms,
  text,
  World,
  type Opened,
  type Upload,
  type Visitor,
} from './world.js';

const LIFE_MS = 300_000;
const AHEAD_MS = 100_000;
const BYTES = text('haemoglobin 9.1');
const LARGE_BYTES = 5 << 20;
const READS = { actions: ['view' as const], purposes: ['treatment' as const] };

describe('an access whose ground is gone', function () {
  this.timeout(60_000);
  let moody: MoodyLedger;
  let world: World;
  let north: Visitor;
  let doctor: Visitor;
  let maria: Visitor;
  let report: string;
  /** What happens while a cloud is asked for a part of something. */
  let meanwhile: () => Promise<void> = () => Promise.resolve();

  before(async () => {
    const clock = new ManualClock();
    moody = await MoodyLedger.open(clock);
    const wrapCloud = (cloud: Cloud): Cloud => ({
      name: cloud.name,
      putIfAbsent: (...call) => cloud.putIfAbsent(...call),
      get: async (...call) => {
        await meanwhile();
        return cloud.get(...call);
      },
      head: (...call) => cloud.head(...call),
      delete: (...call) => cloud.delete(...call),
      list: (...call) => cloud.list(...call),
    });
    world = await World.open({
      clock,
      ledger: moody.ledger,
      wrapCloud,
      env: {
        PRMS_STEGO_LIMIT_BYTES: '4096',
        PRMS_EMERGENCY_COMMIT_WAIT_MS: '200',
        PRMS_COMMIT_WAIT_MS: '5000',
      },
    });
    north = await world.hospital('North');
  });
  beforeEach(async () => {
    meanwhile = () => Promise.resolve();
    await north.logIn();
    doctor = await world.doctor('Adeyemi', north);
    maria = await world.patient('Maria', north);
    report = (await world.upload(maria, maria, { bytes: BYTES })).id;
  });
  after(async () => {
    moody.works();
    await world.close();
    await moody.close();
  });

  const here = () => ({ actingFor: north.userId });
  const ended = async (access: string, whose = maria) =>
    (await world.accesses(whose, whose)).find(({ id }) => id === access)?.ended;
  const told = async (who: Visitor, { ticket }: Opened) => {
    const answer = await world.content(who, ticket);
    if (answer.status === 200) return 'the bytes';
    const { code, reason } = problemOf(answer);
    return reason === undefined ? code : `${code}:${reason}`;
  };

  it('gives no more by a ticket once the consent is revoked, says so, and shows it to the patient', async () => {
    const consent = await world.grant(maria, maria, terms(doctor));
    const opened = await world.open(doctor, maria, report, here());
    expect(await told(doctor, opened)).to.equal('the bytes');
    expect(await ended(opened.access)).to.equal(undefined);
    await world.revoke(maria, maria, consent);
    expect(await told(doctor, opened)).to.equal('REFUSED:NO_CONSENT');
    expect(await ended(opened.access)).to.deep.equal({
      code: 'NO_CONSENT',
      at: world.clock.now(),
    });

    // What is permitted anew is another access.
    await world.grant(maria, maria, terms(doctor));
    expect(await told(doctor, opened)).to.equal('REFUSED:NO_CONSENT');
    expect(await told(doctor, await world.open(doctor, maria, report, here()))).to.equal(
      'the bytes',
    );
  });

  it('whatever it was that is gone: denial, withdrawal, end of a consent, suspension, keys', async () => {
    const { userId } = doctor;
    const day = 86_400_000;
    const notAfter = world.clock.now() + day;
    await world.grant(maria, maria, hospitalTerms(north, { kind: 'full' }, { notAfter }));
    const other = await world.upload(maria, maria, { bytes: text('a second one') });
    const open = (which = report) => world.open(doctor, maria, which, here());
    const [first, second] = [await open(), await open(other.id)];
    await maria.change(`/patients/${maria.userId}/reports/${other.id}/withdraw`, { replaces: 1 });
    expect(await told(doctor, second)).to.equal('REFUSED:REPORT_WITHDRAWN');
    expect(await told(doctor, first)).to.equal('the bytes');

    const { version } = await north.change(`/affiliations/${userId}/suspend`, { replaces: 2 });
    expect(await told(doctor, first)).to.equal('REFUSED:ACTOR_NOT_ACTIVE');
    await north.change(`/affiliations/${userId}/authorise`, { replaces: version });
    expect(await told(doctor, first)).to.equal('REFUSED:ACTOR_NOT_ACTIVE');

    const third = await open();
    await doctor.ask('POST', '/me/keys/rotate');
    expect(await told(doctor, third)).to.equal('REFUSED:KEY_NOT_CURRENT');

    const fourth = await open();
    const denial = { effect: 'deny', actions: ['view'] };
    const denied = await world.grant(maria, maria, terms(doctor, undefined, denial));
    expect(await told(doctor, fourth)).to.equal('REFUSED:CONSENT_DENIED');
    await world.revoke(maria, maria, denied);

    world.clock.advance(notAfter - world.clock.now() - 1000);
    await doctor.logIn();
    const fifth = await open();
    world.clock.advance(999);
    expect(await told(doctor, fifth)).to.equal('the bytes');
    world.clock.advance(1);
    expect(await told(doctor, fifth)).to.equal('REFUSED:NO_CONSENT');
  });

  it('a guardian’s ends with the link', async () => {
    const piotr = await world.relative('Piotr');
    const kin = `/patients/${maria.userId}/kin`;
    const notAfter = world.clock.now() + 86_400_000;
    const rights = { relative: piotr.userId, rights: ['guardian'], notAfter };
    const { id } = await maria.change(kin, rights);
    const opened = await world.open(piotr, maria, report);
    expect(await told(piotr, opened)).to.equal('the bytes');
    await maria.change(`${kin}/${id}/end`, { replaces: 1 });
    expect(await told(piotr, opened)).to.equal('REFUSED:NO_KIN_RIGHT');
  });

  it('a download under way breaks off with the next chunk, and nobody calls the report damaged', async () => {
    const bytes = new Uint8Array(randomBytes(LARGE_BYTES));
    const { id } = await world.upload(maria, maria, { bytes });
    const consent = await world.grant(maria, maria, terms(doctor));
    const opened = await world.open(doctor, maria, id, here());
    // Reads it through once: what comes after this asks the cloud for a chunk at a time.
    const part = await world.content(doctor, opened.ticket, { range: 'bytes=0-0' });
    expect(part.status).to.equal(206);
    let asked = 0;
    meanwhile = async () => {
      if (++asked === 3) await world.revoke(maria, maria, consent);
    };
    const response = await fetch(`${world.url}/api/v1/tickets/${opened.ticket}/content`, {
      headers: { authorization: `Bearer ${doctor.token}` },
    });
    const whole = await response.arrayBuffer().catch(() => undefined);
    expect(whole).to.equal(undefined);
    const seen = (await world.accesses(maria, maria)).find((each) => each.id === opened.access);
    expect(seen?.ended?.code).to.equal('NO_CONSENT');
    expect(seen).to.not.have.property('damaged');
  });

  describe('of an emergency', () => {
    const broken = z.looseObject({ emergency: z.string() });
    const breakGlass = async () => {
      const body = { ...here(), reason: 'unconscious after a fall' };
      const { emergency } = await doctor.post(`/patients/${maria.userId}/emergency`, body, broken);
      return { ...here(), purpose: 'emergency', emergency };
    };

    it('ends by a denial and with its hour', async () => {
      const opened = await world.open(doctor, maria, report, await breakGlass());
      expect(await told(doctor, opened)).to.equal('the bytes');
      const denial = { effect: 'deny', actions: ['view'], purposes: ['emergency'] };
      const id = await world.grant(maria, maria, terms(doctor, undefined, denial));
      expect(await told(doctor, opened)).to.equal('REFUSED:CONSENT_DENIED');
      await world.revoke(maria, maria, id);

      const wish = await breakGlass();
      world.clock.advance(3_600_000 - 1);
      await doctor.logIn();
      const last = await world.open(doctor, maria, report, wish);
      expect(await told(doctor, last)).to.equal('the bytes');
      world.clock.advance(1);
      expect(await told(doctor, last)).to.equal('REFUSED:EMERGENCY_OVER');
    });

    for (const mood of ['hangs', 'unreachable'] as const)
      it(`broken and opened while the ledger ${mood}, gives its bytes`, async () => {
        moody[mood]();
        const opened = await world.open(doctor, maria, report, await breakGlass());
        expect(opened.anchoredLate).to.equal(true);
        expect(await told(doctor, opened)).to.equal('the bytes');
        moody.works();
      });

    it('goes on when the ledger can’t even be read; what rests on a consent does not', async () => {
      await world.grant(maria, maria, terms(doctor));
      const ordinary = await world.open(doctor, maria, report, here());
      const urgent = await world.open(doctor, maria, report, await breakGlass());
      moody.silent();
      expect(await told(doctor, urgent)).to.equal('the bytes');
      expect(await told(doctor, ordinary)).to.equal('LEDGER_UNAVAILABLE');
      moody.works();
      // It was not over: nobody could say.
      expect(await told(doctor, ordinary)).to.equal('the bytes');
      expect(await ended(ordinary.access)).to.equal(undefined);
    });
  });

  describe('with keys of one’s own', () => {
    let olga: OwnKeyPerson;
    let rosa: OwnKeyPerson;
    let consent: string;
    const large = new Uint8Array(randomBytes(5000));
    let [small, scan] = ['', ''];

    const add = async (upload: Upload) =>
      (await world.upload(doctor, olga.visitor, { ...upload, ...here() })).id;
    const giveKey = async (id: string) => {
      const path = `/patients/${olga.userId}/reports/${id}/wraps`;
      const { wraps } = await olga.visitor.get(path, wrapsSchema);
      await olga.put(olga.userId, [
        await olga.wrap('report', id, rosa.self, await olga.unwrap(wraps)),
      ]);
    };

    beforeEach(async () => {
      const { keys } = await world.gateway.services.records.user(north.userId);
      olga = await new OwnKeyPerson(world, `olga-${randomBytes(4).toString('hex')}`).register(
        north.userId,
      );
      await olga.furnish({ id: north.userId, seal: keys.seal });
      const login = `rosa-${randomBytes(4).toString('hex')}`;
      rosa = await new OwnKeyPerson(world, login, 'relative').register();
      const wish = { doctor: doctor.userId, hospital: north.userId };
      const { id } = await olga.act('care:request', wish);
      await doctor.change(`/care/${olga.userId}/${id}/approve`, { replaces: 1 });
      small = await add({ bytes: BYTES });
      scan = await add({ bytes: large });
      const link = { patient: olga.userId, relative: rosa.userId, rights: ['view' as const] };
      await olga.act('kin:link', link);
      for (const each of [small, scan]) await giveKey(each);
      const grantee = { kind: 'user' as const, id: rosa.userId };
      const scope = { kind: 'selective' as const, reports: [small, scan] };
      const granted = { ...READS, effect: 'permit' as const, grantee, scope };
      consent = (await olga.act('consent:grant', { patient: olga.userId, terms: granted })).id;
    });

    const revoke = () =>
      olga.act('consent:revoke', { patient: olga.userId, id: consent, replaces: 1 });
    const sealed = (report: string, access: string) =>
      rosa.visitor.fails('POST', `/patients/${olga.userId}/reports/${report}/sealed`, { access });
    const chunked = (access: string) =>
      rosa.visitor.ask(
        'GET',
        `/patients/${olga.userId}/reports/${scan}/ciphertext?access=${access}`,
      );

    it('nothing comes between access and ciphertext after a revocation, hidden or in chunks', async () => {
      const { id: access } = await rosa.ask(olga.userId, small);
      const { terms: told, wraps } = await rosa.opening(olga.userId, small, access);
      const dataKey = await rosa.unwrap(wraps);
      const keys = told.parts.map((_, i) => derivePartKeys(dataKey, told.suite, i + 1));
      expect((await rosa.ciphertext(olga.userId, small, access, keys)).status).to.equal(200);
      const { id: other } = await rosa.ask(olga.userId, scan);
      expect((await chunked(other)).status).to.equal(200);

      await revoke();
      const late = await rosa.ciphertext(olga.userId, small, access, keys);
      expect(late.status).to.equal(403);
      expect(problemOf(late)).to.include({ code: 'REFUSED', reason: 'NO_CONSENT' });
      const ranges = problemOf(await chunked(other));
      expect(ranges).to.include({ code: 'REFUSED', reason: 'NO_CONSENT' });
      expect(await sealed(small, access)).to.equal('REFUSED:NO_CONSENT');
      for (const each of [access, other])
        expect((await ended(each, olga.visitor))?.code).to.equal('NO_CONSENT');
    });

    it('a key that was replaced ends what it asked for, in a session of the new one, too', async () => {
      const { id: access } = await rosa.ask(olga.userId, scan);
      expect((await chunked(access)).status).to.equal(200);
      world.clock.advance(1000);
      const { version } = await world.gateway.services.records.user(rosa.userId);
      const { line, take } = rosa.rotation(version);
      expect((await rosa.send(line)).status).to.equal('applied');
      take();
      // The old session ends once the rotation is followed here; the test's time-out bounds the wait.
      while ((await rosa.visitor.ask('GET', '/me')).status === 200) await sleep(20);
      await rosa.logIn();
      expect(problemOf(await chunked(access))).to.include({ reason: 'KEY_NOT_CURRENT' });
      const { id: next } = await rosa.ask(olga.userId, scan);
      expect((await chunked(next)).status).to.equal(200);
    });

    it('one that is signed for an instant to come lives no longer for it', async () => {
      const ahead = world.clock.now() + AHEAD_MS;
      const args = {
        ...{ patient: olga.userId, report: scan },
        ...{ action: 'view' as const, purpose: 'treatment' as const },
      };
      const { id: access } = await rosa.act('access:request', args, { issuedAt: ahead });
      world.clock.advance(LIFE_MS - 1);
      expect((await chunked(access)).status).to.equal(200);
      world.clock.advance(1);
      expect(problemOf(await chunked(access)).code).to.equal('NOT_FOUND');
    });
  });
});
