// Wraps by an author who keeps their own keys: for whom, and how long they may make them, and what becomes of the wrong ones.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { kidOf } from '@prms/chaincode';
import {
  preparedSchema,
  receivedSchema,
  type Recipient,
  type SealedReport,
} from '../own-key-client/index.js';
import { OwnKeyPerson, type SentWrap } from './own-key-person.js';
import { smallCover, terms, text, World, type Visitor } from './world.js';

const PLAIN = text('seen by a doctor with a card');
const DAY_MS = 86_400_000;

describe('wraps by an author who keeps their own keys', function () {
  this.timeout(30_000);
  let world: World;
  let north: Visitor;
  let bruun: Visitor;
  let maria: Visitor;
  let dora: OwnKeyPerson;
  let care: string;
  let people = 0;

  before(async () => {
    world = await World.open();
    north = await world.hospital('North');
    bruun = await world.doctor('Bruun', north);
  });
  beforeEach(async () => {
    for (const each of [north, bruun]) await each.logIn();
    maria = await world.patient('Maria', north);
    dora = await new OwnKeyPerson(world, `dora-${++people}`, 'doctor').register();
    await dora.act('affiliation:request', { hospital: north.userId });
    await north.change(`/affiliations/${dora.userId}/authorise`, { replaces: 1 });
    const wish = { doctor: dora.userId, hospital: north.userId };
    const asked = await maria.change('/care', wish);
    care = asked.id;
    await dora.act('care:approve', { patient: maria.userId, id: care, replaces: asked.version });
  });
  after(() => world.close());

  const keyOf = async ({ userId }: Visitor): Promise<Recipient> => {
    const { keys } = await world.gateway.services.records.user(userId);
    return { id: userId, seal: keys.seal };
  };
  const vault = async (): Promise<Recipient> => {
    const { epoch } = await world.gateway.services.records.patient(maria.userId);
    return { id: maria.userId, seal: epoch.key };
  };
  const prepared = async () => {
    const path = `/patients/${maria.userId}/sealed-reports`;
    const { id } = await dora.visitor.post(path, { actingFor: north.userId }, preparedSchema);
    const report = dora.seal(id, PLAIN, { cover: smallCover() });
    const answer = await dora.visitor.ask('PUT', `${path}/${id}`, report.form());
    return { report, received: receivedSchema.parse(answer.body) };
  };
  const anchor = async (
    { id, dataKey, twist }: SealedReport,
    report: Awaited<ReturnType<typeof prepared>>['received']['terms'],
  ) => {
    await dora.put(maria.userId, [await dora.wrap('report', id, await vault(), dataKey)]);
    const args = { patient: maria.userId, actingFor: north.userId, report };
    await dora.act('report:anchor', args, twist);
  };
  const putting = (wrap: SentWrap) =>
    dora.visitor.fails('PUT', `/patients/${maria.userId}/wraps`, { wraps: [wrap] });
  const wrapFor = async (whom: Visitor, { id, dataKey }: SealedReport) =>
    dora.wrap('report', id, await keyOf(whom), dataKey);
  /** Of whatever Dora writes. */
  const partial = (more: object = {}) =>
    terms(bruun, { kind: 'partial', authors: [dora.userId] }, more);
  const bruunReads = async (id: string) => {
    const bytes = await world.read(bruun, maria, id, { actingFor: north.userId });
    return Buffer.from(bytes).toString('utf8');
  };

  it('are taken while they may add to the record: before the report is on the ledger, and after', async () => {
    await world.grant(maria, maria, partial());
    const { report, received } = await prepared();
    expect(received.wrapFor.map(({ id }) => id)).to.deep.equal([bruun.userId]);
    const wrap = await wrapFor(bruun, report);
    expect(await dora.put(maria.userId, [wrap])).to.deep.equal([true]);
    await anchor(report, received.terms);
    expect(await dora.put(maria.userId, [wrap])).to.deep.equal([false]);
    expect(await bruunReads(report.id)).to.equal(Buffer.from(PLAIN).toString('utf8'));
  });

  it('are refused when their care has ended, or their hospital has suspended them', async () => {
    await world.grant(maria, maria, partial());
    const { report: first, received } = await prepared();
    await anchor(first, received.terms);
    const { report: second } = await prepared();

    const { version } = await north.change(`/affiliations/${dora.userId}/suspend`, { replaces: 2 });
    for (const each of [first, second])
      expect(await putting(await wrapFor(bruun, each))).to.equal('REFUSED:ACTOR_NOT_ACTIVE');
    await north.change(`/affiliations/${dora.userId}/authorise`, { replaces: version });

    await maria.change(`/care/${maria.userId}/${care}/end`, { replaces: 2 });
    const forVault = async ({ id, dataKey }: SealedReport) =>
      dora.wrap('report', id, await vault(), dataKey);
    for (const each of [first, second]) {
      expect(await putting(await wrapFor(bruun, each))).to.equal('REFUSED:NO_CARE');
      expect(await putting(await forVault(each))).to.equal('REFUSED:NO_CARE');
    }
  });

  it('are refused for a consent that has not begun, or is over; and nobody tells them to make any', async () => {
    const now = world.clock.now();
    const window = { notBefore: now + DAY_MS, notAfter: now + 2 * DAY_MS };
    await world.grant(maria, maria, partial(window));
    const { report, received } = await prepared();
    expect(received.wrapFor).to.deep.equal([]);
    await anchor(report, received.terms);
    const wrap = await wrapFor(bruun, report);
    const later = async (ms: number) => {
      world.clock.advance(ms);
      for (const each of [bruun, dora.visitor]) await each.logIn();
    };
    expect(await putting(wrap)).to.equal('VALIDATION');
    await later(window.notBefore - world.clock.now() - 1);
    expect(await putting(wrap)).to.equal('VALIDATION');
    await later(1);
    expect((await prepared()).received.wrapFor.map(({ id }) => id)).to.deep.equal([bruun.userId]);
    expect(await dora.put(maria.userId, [wrap])).to.deep.equal([true]);
    expect(await bruunReads(report.id)).to.equal(Buffer.from(PLAIN).toString('utf8'));
    const { report: other, received: again } = await prepared();
    await anchor(other, again.terms);
    await later(DAY_MS);
    expect(await putting(await wrapFor(bruun, other))).to.equal('VALIDATION');
    expect((await prepared()).received.wrapFor).to.deep.equal([]);
  });

  it('junk of theirs gives way when the gateway wraps for the same key', async () => {
    const consent = await world.grant(maria, maria, partial());
    const { report, received } = await prepared();
    const junk = await dora.wrap('report', report.id, await keyOf(bruun), randomBytes(32));
    expect(await dora.put(maria.userId, [junk])).to.deep.equal([true]);
    await anchor(report, received.terms);
    const wish = { actingFor: north.userId };
    expect(await world.refused(bruun, maria, report.id, wish)).to.equal('REPORT_DAMAGED');

    // Whoever consents wraps anew: here by an amendment that changes nothing else.
    const path = `/patients/${maria.userId}/consents/${consent}/amend`;
    await maria.change(path, { terms: partial(), replaces: 1 });
    expect(await bruunReads(report.id)).to.equal(Buffer.from(PLAIN).toString('utf8'));
    // From then on it is not theirs to change.
    expect(await dora.put(maria.userId, [junk])).to.deep.equal([false]);
    const { seal } = await keyOf(bruun);
    const lying = await world.gateway.services.clientWraps.ownOf(bruun.userId, {
      purpose: 'report',
      subject: report.id,
    });
    expect(lying.kid).to.equal(kidOf(seal));
    expect(Buffer.from(lying.wrapped).toString('base64url')).to.not.equal(junk.wrap);
    expect(await bruunReads(report.id)).to.equal(Buffer.from(PLAIN).toString('utf8'));
  });
});
