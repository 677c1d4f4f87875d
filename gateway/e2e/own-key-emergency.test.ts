// A doctor who keeps their own keys breaks the glass: with a line that they have signed, in a session that is fresh.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { OwnKeyPerson } from './own-key-person.js';
import { text, World, type Uploaded, type Visitor } from './world.js';

const HOUR_MS = 3_600_000;

describe('an emergency with keys of one’s own', () => {
  let world: World;
  let north: Visitor;
  let south: Visitor;
  let maria: Visitor;
  let dora: OwnKeyPerson;
  let blood: Uploaded;

  before(async () => {
    world = await World.open();
    north = await world.hospital('North');
    south = await world.hospital('South', north);
    maria = await world.patient('Maria', north);
    blood = await world.upload(maria, maria, { bytes: text('blood thinners: none') });
    dora = await new OwnKeyPerson(world, 'dora', 'doctor').register();
    for (const hospital of [north, south]) {
      await dora.act('affiliation:request', { hospital: hospital.userId });
      await hospital.change(`/affiliations/${dora.userId}/authorise`, { replaces: 1 });
    }
  });
  after(() => world.close());

  const glass = (at: Visitor = north) => ({
    patient: maria.userId,
    actingFor: at.userId,
    reason: randomBytes(32).toString('base64url'),
  });
  const wish = (emergency: string) =>
    ({ purpose: 'emergency', actingFor: north.userId, emergency }) as const;
  const shut = async (emergency: string, more = {}) => {
    const asked = await dora.ask(maria.userId, blood.id, { ...wish(emergency), ...more });
    const path = `/patients/${maria.userId}/reports/${blood.id}/sealed`;
    return dora.visitor.fails('POST', path, { access: asked.id });
  };

  it('opens the record by the key of the hospital that the patient named, for an hour', async () => {
    await dora.logIn();
    const { id, outcome } = await dora.act('access:emergency', glass());
    expect(outcome?.decision).to.equal('permit');
    const { bytes, title } = await dora.read(maria.userId, blood.id, wish(id));
    expect(Buffer.from(bytes).toString('utf8')).to.equal('blood thinners: none');
    expect(title).to.equal('A report');
    expect(await shut(id, { action: 'download' })).to.equal('REFUSED:NO_CONSENT');
    expect(await shut(id, { actingFor: south.userId })).to.equal('REFUSED:EMERGENCY_OVER');

    const seen = await world.accesses(maria, maria);
    const opened = seen.find(({ kind, emergency }) => kind === 'read' && emergency === id);
    expect(opened).to.include({ actor: dora.userId, report: blood.id });
    expect(seen.find((access) => access.id === id)).to.include({ kind: 'emergency' });

    world.clock.advance(HOUR_MS);
    await dora.logIn();
    expect(await shut(id)).to.equal('REFUSED:EMERGENCY_OVER');
  });

  it('needs a fresh log-in for the emergency, and none for what follows', async () => {
    await dora.logIn();
    world.clock.advance(5 * 60_000);
    expect(await dora.send(dora.line('access:emergency', glass()))).to.include({
      code: 'FRESH_LOGIN_REQUIRED',
    });
    await dora.logIn();
    const { id } = await dora.act('access:emergency', glass());
    world.clock.advance(5 * 60_000);
    const { bytes } = await dora.read(maria.userId, blood.id, wish(id));
    expect(Buffer.from(bytes).toString('utf8')).to.equal('blood thinners: none');
  });

  it('opens nothing without one, or by one of another doctor', async () => {
    await dora.logIn();
    const asked = await dora.ask(maria.userId, blood.id, { actingFor: north.userId });
    expect(asked.outcome?.decision).to.equal('refuse');
    const eve = await new OwnKeyPerson(world, 'eve', 'doctor').register();
    await eve.act('affiliation:request', { hospital: north.userId });
    await north.logIn();
    await north.change(`/affiliations/${eve.userId}/authorise`, { replaces: 1 });
    const { id } = await eve.act('access:emergency', glass());
    expect(await shut(id)).to.equal('REFUSED:EMERGENCY_OVER');
  });

  it('the ledger refuses it at a hospital that the patient has not named', async () => {
    await dora.logIn();
    const { id, outcome } = await dora.act('access:emergency', glass(south));
    expect(outcome).to.include({ decision: 'refuse', code: 'NOT_ESCROW' });
    for (const { userId } of [north, south])
      expect(await shut(id, { actingFor: userId })).to.equal('REFUSED:EMERGENCY_OVER');
  });
});
