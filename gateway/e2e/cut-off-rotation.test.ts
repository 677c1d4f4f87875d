// New keys that the ledger takes its time for: whoever asked for them goes on, in the session that asked and in one that
// began while nobody knew yet which keys would count.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { ManualClock } from '../testing/index.js';
import { MoodyLedger } from './moody-ledger.js';
import { problemOf, text, World, type Visitor } from './world.js';

describe('a rotation that is cut off', function () {
  this.timeout(60_000);
  let moody: MoodyLedger;
  let world: World;
  let maria: Visitor;
  let report: string;

  before(async () => {
    const clock = new ManualClock();
    moody = await MoodyLedger.open(clock);
    const env = { PRMS_COMMIT_WAIT_MS: '1000', PRMS_EMERGENCY_COMMIT_WAIT_MS: '1000' };
    world = await World.open({ clock, ledger: moody.ledger, env });
    await world.hospital('North');
  });
  beforeEach(async () => {
    maria = await world.patient('Maria');
    report = (await world.upload(maria, maria, { bytes: text('a text') })).id;
    moody.hangs();
    const answer = await maria.ask('POST', '/me/keys/rotate');
    expect(problemOf(answer).code).to.equal('COMMIT_TIMEOUT');
  });
  after(async () => {
    await world.close();
    await moody.close();
  });

  const settled = async (): Promise<void> => {
    moody.works();
    const { outbox } = world.gateway.services;
    for (let i = 0; i < 400 && outbox.waiting > 0; i++) await sleep(25);
    const { version } = await world.gateway.services.records.user(maria.userId);
    expect(version, 'rotated once').to.equal(2);
  };
  const reads = async (): Promise<string> =>
    Buffer.from(await world.read(maria, maria, report)).toString();

  it('the session that asked goes on with the new keys', async () => {
    await settled();
    expect(await reads()).to.equal('a text');
    await maria.change('/me/keys/rotate');
    expect(await reads()).to.equal('a text');
  });

  it('so does one that began before the ledger knew them', async () => {
    await maria.logIn();
    await settled();
    expect(await reads()).to.equal('a text');
    await maria.logIn();
    expect(await reads()).to.equal('a text');
  });
});
