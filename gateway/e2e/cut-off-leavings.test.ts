// Whoever leaves a patient's circle loses their wraps, also when the request that lets them go is cut off: because the ledger
// was too slow for it, because the cloud was away, or because the gateway ended in between.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { epochSubject, wrapName } from '../services/vaults.js';
import { ManualClock } from '../testing/index.js';
import { UndeletingCloud } from './breakable-clouds.js';
import { MoodyLedger } from './moody-ledger.js';
import { problemOf, terms, text, World, type Visitor } from './world.js';

const DAY_MS = 24 * 60 * 60 * 1000;

describe('a request that lets somebody go, and is cut off', function () {
  this.timeout(60_000);
  let moody: MoodyLedger;
  let world: World;
  let north: Visitor;
  let doctor: Visitor;
  let maria: Visitor;
  let report: string;
  const wraps = new UndeletingCloud();

  before(async () => {
    const clock = new ManualClock();
    moody = await MoodyLedger.open(clock);
    const env = { PRMS_COMMIT_WAIT_MS: '1000', PRMS_EMERGENCY_COMMIT_WAIT_MS: '1000' };
    world = await World.open({ clock, ledger: moody.ledger, wrapCloud: wraps.over, env });
    north = await world.hospital('North');
    doctor = await world.doctor('Adeyemi', north);
  });
  beforeEach(async () => {
    maria = await world.patient('Maria');
    report = (await world.upload(maria, maria, { bytes: text('a text') })).id;
  });
  afterEach(() => {
    wraps.away = false;
    moody.works();
  });
  after(async () => {
    await world.close();
    await moody.close();
  });

  /** Does the present epoch's key lie there for this person? Asked before it ends, it can be asked again afterwards. */
  const keyOf = async ({ userId }: Visitor): Promise<() => Promise<boolean>> => {
    const { records } = world.gateway.services;
    const { keys } = await records.user(userId);
    const subject = epochSubject(await records.patient(maria.userId));
    const name = wrapName(
      'records',
      { purpose: 'epoch', subject },
      { id: userId, sealKey: keys.seal },
    );
    return async () => (await world.objects()).has(name);
  };
  const revoke = (id: string) =>
    maria.ask('POST', `/patients/${maria.userId}/consents/${id}/revoke`, { replaces: 1 });
  /** What the gateway does each minute, once nothing waits for the ledger. */
  const settle = async (): Promise<number> => {
    const { outbox, aftermath } = world.gateway.services;
    for (let i = 0; i < 400 && outbox.waiting > 0; i++) await sleep(25);
    return aftermath.run();
  };

  it('by a ledger that answers too late', async () => {
    const id = await world.grant(maria, maria, terms(doctor));
    const lies = await keyOf(doctor);
    expect(await lies()).to.equal(true);
    moody.hangs();
    expect(problemOf(await revoke(id)).code).to.equal('COMMIT_TIMEOUT');
    moody.works();
    expect(await settle()).to.equal(0);
    expect(await lies()).to.equal(false);
    const acting = { actingFor: north.userId };
    expect(await world.refused(doctor, maria, report, acting)).to.equal('REFUSED:NO_CONSENT');
    expect(Buffer.from(await world.read(maria, maria, report)).toString()).to.equal('a text');
  });

  it('by a cloud that is away, and then by a restart', async () => {
    const id = await world.grant(maria, maria, terms(doctor));
    const lies = await keyOf(doctor);
    wraps.away = true;
    expect(problemOf(await revoke(id)).code).to.equal('CLOUD_UNAVAILABLE');
    expect(await settle()).to.equal(1);
    await world.restart();
    expect(await lies()).to.equal(true);
    wraps.away = false;
    expect(await settle()).to.equal(0);
    expect(await lies()).to.equal(false);
  });

  it('a relative’s, too', async () => {
    await Promise.all([north.logIn(), doctor.logIn()]);
    const lena = await world.relative('Lena');
    const path = `/patients/${maria.userId}/kin`;
    const notAfter = world.clock.now() + 30 * DAY_MS;
    const body = { relative: lena.userId, rights: ['guardian'], notAfter };
    const { id } = await maria.change(path, body);
    const lies = await keyOf(lena);
    expect(await lies()).to.equal(true);
    wraps.away = true;
    const amended = await maria.ask('POST', `${path}/${id}/amend`, {
      rights: ['view'],
      replaces: 1,
    });
    expect(problemOf(amended).code).to.equal('CLOUD_UNAVAILABLE');
    wraps.away = false;
    expect(await settle()).to.equal(0);
    expect(await lies()).to.equal(false);
  });

  it('nothing is left to do after one that was not', async () => {
    await Promise.all([north.logIn(), doctor.logIn()]);
    const id = await world.grant(maria, maria, terms(doctor));
    const lies = await keyOf(doctor);
    await world.revoke(maria, maria, id);
    expect(await lies()).to.equal(false);
    wraps.away = true;
    expect(await settle()).to.equal(0);
  });
});
