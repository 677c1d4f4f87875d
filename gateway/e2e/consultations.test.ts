// Consultations as they are lived: several people on WebSockets, lines that break, and everybody who must stay outside.
import { expect } from 'chai';
import fc from 'fast-check';
import { z } from 'zod';
import { Talker } from './talker.js';
import { World, type Visitor } from './world.js';

const created = z.looseObject({ id: z.string() });
const itemSchema = z.object({
  items: z.array(z.looseObject({ number: z.int(), kind: z.string(), text: z.string().optional() })),
});
const consultationSchema = z.looseObject({ count: z.int(), status: z.string() });
const MINUTE_MS = 60_000;

describe('consultations on WebSockets', function () {
  this.timeout(60_000);
  let world: World;
  let north: Visitor;
  let doctor: Visitor;
  let maria: Visitor;
  let path = '';
  const talkers: Talker[] = [];

  before(async () => {
    world = await World.open({
      env: {
        PRMS_SOCKETS_PER_USER: '30',
        PRMS_MESSAGES_PER_MINUTE: '60',
        PRMS_ANCHOR_EVERY_MESSAGES: '10',
      },
    });
    north = await world.hospital('North');
    doctor = await world.doctor('Adeyemi', north);
    maria = await world.patient('Maria');
    await world.care(maria, doctor, north);
  });
  beforeEach(async () => (path = await open()));
  afterEach(() => {
    for (const talker of talkers.splice(0)) talker.drop();
  });
  after(() => world.close());

  const open = async (): Promise<string> => {
    world.clock.advance(MINUTE_MS);
    await Promise.all([doctor, maria].map((who) => who.logIn()));
    const wish = { patient: maria.userId, hospital: north.userId };
    const { id } = await doctor.post('/consultations', wish, created);
    return `/patients/${maria.userId}/consultations/${id}`;
  };
  const talker = (who: Visitor, where = path): Talker => {
    const made = Talker.at(world.url, where, who);
    talkers.push(made);
    return made;
  };
  /** The doctor is there and has let the patient in. */
  const both = async (): Promise<[doctor: Talker, patient: Talker]> => {
    const one = await talker(doctor).join();
    await doctor.ask('POST', `${path}/admit`, { user: maria.userId });
    const two = await talker(maria).join();
    await two.next('joined');
    return [one, two];
  };
  const state = () => maria.get(path, consultationSchema);

  it('the patient knocks, the doctor lets them in, and both hear the same', async () => {
    const one = await talker(doctor).join();
    const two = talker(maria);
    expect(await two.welcomed()).to.include({ as: 'patient', admitted: false, last: 0 });
    two.send({ type: 'join' });
    await two.next('waiting');
    const presence = await one.next('presence', ({ waiting }) => waiting.length > 0);
    expect(presence.here).to.deep.equal([{ user: doctor.userId, as: 'doctor' }]);
    expect(presence.waiting).to.deep.equal([{ user: maria.userId, as: 'patient' }]);
    await one.say('not heard outside yet');
    expect(await two.refused({ type: 'say', id: 'too-early-1', text: 'hello?' })).to.equal(
      'FORBIDDEN',
    );
    expect(await maria.fails('GET', `${path}/messages`)).to.equal('FORBIDDEN');
    expect(await maria.fails('POST', `${path}/messages`, { text: 'x' })).to.equal('FORBIDDEN');
    expect(await two.refused({ type: 'admit', user: maria.userId })).to.equal('FORBIDDEN');
    expect(two.heard).to.deep.equal([]);

    one.send({ type: 'admit', user: maria.userId });
    await two.next('joined');
    const ack = await two.say('Good morning, doctor.');
    expect(ack.number).to.equal(2);
    // A client that speaks plain HTTP joins the same order.
    await doctor.post(
      `${path}/messages`,
      { text: 'by post' },
      z.looseObject({ number: z.literal(3) }),
    );
    for (const each of [one, two]) {
      const said = await each.hears(3);
      expect(said.map(({ number }) => number)).to.deep.equal([1, 2, 3]);
      expect(said.map((m) => m.kind === 'message' && m.text)).to.deep.equal([
        'not heard outside yet',
        'Good morning, doctor.',
        'by post',
      ]);
      expect(said[1]).to.include({ sender: maria.userId, head: ack.head });
    }
    const { items } = await maria.get(`${path}/messages?after=1`, itemSchema);
    expect(items.map(({ number }) => number)).to.deep.equal([2, 3]);
  });

  it('leaving and coming back is seen, and nothing is missed', async () => {
    const [one, two] = await both();
    await one.next('presence', ({ here }) => here.length === 2);
    two.send({ type: 'leave' });
    await two.next('left');
    await one.next('presence', ({ here }) => here.length === 1);
    await one.say('are you there?');
    expect(two.heard).to.deep.equal([]);
    two.send({ type: 'join', after: 0 });
    await two.hears(1);
    two.drop();
    await one.next('presence', ({ here }) => here.length === 2);
    await one.next('presence', ({ here }) => here.length === 1);
    await one.say('and now?');
    // Let in once: no second knock.
    await two.again();
    expect((await two.hears(2)).map(({ number }) => number)).to.deep.equal([1, 2]);
  });

  it('doctor, patient, guardian and a second tab: one order, whoever shouts at once', async () => {
    const lena = await world.relative('Lena');
    const [one, two] = await both();
    await one.say('before Lena was named');
    await maria.change(`/patients/${maria.userId}/kin`, {
      relative: lena.userId,
      rights: ['guardian'],
      notAfter: world.clock.now() + 60 * MINUTE_MS,
    });
    const three = await talker(lena).join();
    await three.next('waiting');
    one.send({ type: 'admit', user: lena.userId });
    await three.next('joined');
    const tab = await talker(maria).join();
    const people = [one, two, three, tab];
    const shouts = people.flatMap((each, who) =>
      Array.from({ length: 8 }, (_, n) => each.say(`shout ${who} ${n}`)),
    );
    const acks = await Promise.all(shouts);
    expect(new Set(acks.map(({ number }) => number)).size).to.equal(32);
    const [first, ...others] = await Promise.all(people.map((each) => each.hears(33)));
    for (const other of others) expect(other).to.deep.equal(first);
    for (const ack of acks) expect(first?.[ack.number - 1]?.head).to.equal(ack.head);
    // Each sender's own messages keep their order, and nobody is counted twice for two tabs.
    const ofTab = first?.filter((m) => m.kind === 'message' && m.text?.startsWith('shout 3'));
    expect(ofTab?.map((m) => m.kind === 'message' && m.text)).to.deep.equal(
      Array.from({ length: 8 }, (_, n) => `shout 3 ${n}`),
    );
    const { here } = await one.next('presence', (p) => p.here.length === 3);
    expect(here.map(({ as }) => as).sort()).to.deep.equal(['doctor', 'guardian', 'patient']);
  });

  it('a guardian whose right has ended hears no more', async () => {
    const lena = await world.relative('Lena');
    const [one] = await both();
    await maria.change(`/patients/${maria.userId}/kin`, {
      relative: lena.userId,
      rights: ['guardian'],
      notAfter: world.clock.now() + 5 * MINUTE_MS,
    });
    await doctor.ask('POST', `${path}/admit`, { user: lena.userId });
    const three = await talker(lena).join();
    await one.say('for Lena, too');
    await three.hears(1);
    world.clock.advance(6 * MINUTE_MS);
    await one.say('not for Lena');
    expect(await three.closed()).to.equal(4403);
    expect(three.heard.length).to.equal(1);
    expect(await lena.fails('GET', `${path}/messages`)).to.equal('FORBIDDEN');
  });

  it('what is sent again under its id is said once; another text under it is refused', async () => {
    const [one, two] = await both();
    const ack = await one.say('once', 'the-same-id');
    expect(await one.say('once', 'the-same-id')).to.deep.equal(ack);
    const again = { id: 'the-same-id', text: 'twice' };
    expect(await one.refused({ type: 'say', ...again })).to.equal('CONFLICT');
    expect(await doctor.fails('POST', `${path}/messages`, again)).to.equal('CONFLICT');
    // Another sender's id is another id.
    await two.say('mine', 'the-same-id');
    expect((await one.hears(2)).map((m) => m.kind === 'message' && m.text)).to.deep.equal([
      'once',
      'mine',
    ]);
    // Its acknowledgement can be had even when the consultation is over.
    await doctor.change(`${path}/close`);
    const late = await doctor.ask('POST', `${path}/messages`, { id: 'the-same-id', text: 'once' });
    expect(late.body).to.deep.include({ number: ack.number, head: ack.head });
  });

  it('property: however lines break, everybody ends with the same messages, each once', async () => {
    const step = fc.record({
      who: fc.nat(1),
      what: fc.constantFrom('say', 'say', 'drop', 'resend'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
        path = await open();
        const pair = await both();
        let said = 0;
        const last = ['', ''];
        for (const { who, what } of steps) {
          const each = pair[who];
          if (!each) throw new Error('there are two');
          if (what === 'drop') {
            // Something is on its way when the line breaks; the client can't know what became of it.
            const id = `lost-${++said}-message`;
            each.send({ type: 'say', id, text: id });
            each.drop();
            await each.again();
            await each.next('joined');
            await each.say(id, id);
            last[who] = id;
          } else if (what === 'say') {
            const id = `sent-${++said}-message`;
            await each.say(id, id);
            last[who] = id;
          } else if (last[who]) await each.say(last[who], last[who]);
        }
        const [first, second] = await Promise.all(pair.map((each) => each.hears(said)));
        expect(first?.map(({ number }) => number)).to.deep.equal(
          Array.from({ length: said }, (_, n) => n + 1),
        );
        expect(second).to.deep.equal(first);
        expect(new Set(first?.map(({ id }) => id)).size).to.equal(said);
        for (const each of pair) each.drop();
      }),
      { numRuns: 8 },
    );
  });

  it('is anchored every ten messages, when it has become quiet, and at the close', async () => {
    const [one, two] = await both();
    for (let n = 1; n <= 9; n++) await one.say(`number ${n}`);
    expect((await state()).count).to.equal(0);
    await two.say('number 10');
    const anchored = await one.next('anchored');
    expect(anchored.count).to.equal(10);
    expect((await state()).count).to.equal(10);
    await two.say('number 11');
    await world.gateway.services.consultations.sweep();
    expect((await state()).count).to.equal(10);
    world.clock.advance(MINUTE_MS);
    await world.gateway.services.consultations.sweep();
    expect((await state()).count).to.equal(11);
    const { head } = await one.say('number 12');
    await maria.change(`${path}/close`);
    expect(await state()).to.include({ count: 12, status: 'closed', head });
    for (const each of [one, two]) {
      await each.next('closed');
      expect(await each.closed()).to.equal(4410);
      expect(each.heard.length).to.equal(12);
    }
    expect(await doctor.fails('POST', `${path}/messages`, { text: 'late' })).to.equal('CONFLICT');
    const reader = await talker(maria).join();
    await reader.next('closed');
    expect(reader.heard.length).to.equal(12);
  });

  it('a report looked at together is an access like any other, and told to all', async () => {
    const [one, two] = await both();
    const report = await world.upload(maria, maria, { bytes: Buffer.from('blood count') });
    const look = { report: report.id, purpose: 'treatment', actingFor: north.userId };
    two.send({ type: 'show', id: 'show-report-1', report: report.id });
    await two.next('ack');
    one.send({ type: 'look', id: 'look-report-1', ...look });
    expect(await one.next('problem')).to.deep.include({
      code: 'REFUSED',
      reason: 'NO_CONSENT',
      id: 'look-report-1',
    });
    expect(await doctor.fails('POST', `${path}/look`, look)).to.equal('REFUSED:NO_CONSENT');
    await maria.change(`/patients/${maria.userId}/consents`, {
      terms: {
        effect: 'permit',
        grantee: { kind: 'user', id: doctor.userId },
        scope: { kind: 'selective', reports: [report.id] },
        actions: ['view'],
        purposes: ['treatment'],
      },
    });
    one.send({ type: 'look', id: 'look-report-2', ...look });
    const { ticket, access } = await one.next('looked');
    expect(Buffer.from((await world.content(doctor, ticket)).bytes).toString()).to.equal(
      'blood count',
    );
    const said = await two.hears(2);
    expect(said[0]).to.include({ kind: 'report-shown', sender: maria.userId, report: report.id });
    expect(said[1]).to.include({
      kind: 'report-viewed',
      sender: doctor.userId,
      report: report.id,
      access,
    });
    const trace = await world.accesses(maria, maria);
    const decisions = trace.filter((a) => a.report === report.id).map((a) => a.outcome.decision);
    // Ids of one millisecond have no order.
    expect(decisions.sort()).to.deep.equal(['permit', 'refuse', 'refuse']);
    await doctor.change(`${path}/close`);
    expect(await doctor.fails('POST', `${path}/look`, look)).to.equal('CONFLICT');
  });

  it('strangers, other consultations, ended sessions and unknown numbers are refused', async () => {
    const [one] = await both();
    await one.say('for two');
    const other = await world.doctor('Bruun', north);
    const wen = await world.patient('Wen');
    for (const stranger of [other, wen, north]) {
      expect(await talker(stranger).turnedAway(), stranger.login).to.equal(403);
    }
    const nobody = `${path.slice(0, -26)}01J0000000000000000000000A`;
    expect(await talker(doctor, nobody).turnedAway()).to.equal(404);
    expect(await talker(wen, path.replace(maria.userId, wen.userId)).turnedAway()).to.equal(404);
    expect(await talker(wen, `/patients/x/consultations/y`).turnedAway()).to.equal(422);
    expect(await one.refused({ type: 'admit', user: wen.userId })).to.equal('FORBIDDEN');
    expect(await one.refused({ type: 'join', after: 2 })).to.equal('VALIDATION');
    expect(await maria.fails('GET', `${path}/messages?after=2`)).to.equal('VALIDATION');
    for (const frame of [
      { type: 'shout' },
      { type: 'join', after: -1 },
      [],
      { type: 'say', text: 'no id' },
    ])
      expect(await one.refused(frame)).to.equal('VALIDATION');
    const text = 'x'.repeat(10_001);
    expect(await one.refused({ type: 'say', id: 'long-message', text })).to.equal('TOO_LARGE');
    expect(await doctor.fails('POST', `${path}/messages`, { text })).to.equal('TOO_LARGE');
    await doctor.ask('DELETE', '/sessions/current');
    expect(await one.closed()).to.equal(4401);
  });

  it('to listen keeps no session alive: who does nothing else hears no more when it has ended', async () => {
    const [, two] = await both();
    for (const text of ['within the idle time', 'after it']) {
      world.clock.advance(20 * MINUTE_MS);
      await doctor.logIn();
      await doctor.ask('POST', `${path}/messages`, { text });
      if (two.heard.length === 0) await two.hears(1);
    }
    await north.logIn();
    expect(await two.closed()).to.equal(4401);
    expect(two.heard.length).to.equal(1);
  });

  it('a doctor who is suspended is out at once', async () => {
    const locum = await world.doctor('Locum', north);
    await world.care(maria, locum, north);
    const wish = { patient: maria.userId, hospital: north.userId };
    const { id } = await locum.post('/consultations', wish, created);
    path = `/patients/${maria.userId}/consultations/${id}`;
    const one = await talker(locum).join();
    await locum.ask('POST', `${path}/admit`, { user: maria.userId });
    const two = await talker(maria).join();
    await two.say('hello');
    await one.hears(1);
    const replaces = await versionOf(locum);
    await north.logIn();
    await north.change(`/affiliations/${locum.userId}/suspend`, { replaces });
    await two.say('is somebody there?');
    expect(await one.closed()).to.equal(4403);
    expect(one.heard.length).to.equal(1);
    expect(await talker(locum).turnedAway()).to.equal(403);
    expect(await locum.fails('GET', `${path}/messages`)).to.equal('FORBIDDEN:ACTOR_NOT_ACTIVE');
  });
  const versionOf = async (who: Visitor): Promise<number> =>
    (await world.gateway.services.records.affiliation(north.userId, who.userId)).version;

  it('who says too much waits, over all of their connections', async () => {
    const [one] = await both();
    for (let n = 0; n < 60; n++) one.send({ type: 'say', id: `flood-${n}-message`, text: 'x' });
    await one.hears(60);
    expect(await one.refused({ type: 'say', id: 'one-too-many', text: 'x' })).to.equal('TOO_MANY');
    expect(await doctor.fails('POST', `${path}/messages`, { text: 'x' })).to.equal('TOO_MANY');
    world.clock.advance(MINUTE_MS);
    await one.say('again');
  });
});
