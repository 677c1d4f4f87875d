// What `/metrics` says while the gateway is at work: queue lengths of this moment, and emergencies that the ledger heard
// of too late.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { MoodyLedger } from '../e2e/moody-ledger.js';
import { smallCover, text, uploadForm, World, type Visitor } from '../e2e/world.js';
import type { Queue } from '../metrics.js';
import { ManualClock } from '../testing/index.js';

describe('metrics of a running gateway', function () {
  this.timeout(30_000);
  let moody: MoodyLedger;
  let world: World;
  let north: Visitor;
  let doctor: Visitor;
  let maria: Visitor;

  before(async () => {
    const clock = new ManualClock();
    moody = await MoodyLedger.open(clock);
    world = await World.open({
      clock,
      ledger: moody.ledger,
      env: {
        PRMS_COMMIT_WAIT_MS: '5000',
        PRMS_EMERGENCY_COMMIT_WAIT_MS: '200',
        PRMS_ARGON2_AT_ONCE: '1',
        // Slow enough that a queue of log-ins is there to be seen.
        PRMS_ARGON2_MEMORY_KIB: '16384',
      },
    });
    north = await world.hospital('North');
    doctor = await world.doctor('Adeyemi', north);
    maria = await world.patient('Maria', north);
  });
  after(async () => {
    moody.works();
    await world.close();
    await moody.close();
  });

  const scrape = async (): Promise<string> => (await fetch(`${world.url}/metrics`)).text();
  const figure = async (name: string, labels: string): Promise<number> => {
    const line = (await scrape()).split('\n').find((each) => each.startsWith(`${name}{${labels}}`));
    return Number(line?.split(' ').at(-1) ?? 0);
  };
  const queue = (name: Queue) => figure('prms_queue_length', `queue="${name}"`);
  const accesses = (outcome: string) => figure('prms_accesses_total', `outcome="${outcome}"`);

  /** Does the queue hold something at some moment of this work, and nothing afterwards? */
  const fills = async (name: Queue, work: () => Promise<unknown>): Promise<void> => {
    expect(await queue(name), `${name}, before`).to.equal(0);
    const done = new AbortController();
    const working = work().finally(() => done.abort());
    let most = 0;
    while (!done.signal.aborted) most = Math.max(most, await queue(name));
    await working;
    expect(most, `${name}, meanwhile`).to.be.greaterThan(0);
    expect(await queue(name), `${name}, afterwards`).to.equal(0);
  };

  it('all queues are there from the beginning, empty', async () => {
    const page = await scrape();
    for (const name of ['operations', 'argon2', 'stego', 'uploads'])
      expect(page).to.include(`prms_queue_length{queue="${name}"} 0\n`);
  });

  it('operations that the ledger has not answered', () =>
    fills('operations', async () => {
      moody.hangs();
      const asked = maria.change('/care', { doctor: doctor.userId, hospital: north.userId });
      await sleep(150);
      moody.works();
      await asked;
    }));

  it('log-ins that wait for Argon2', () =>
    fills('argon2', () =>
      Promise.all([1, 2, 3, 4, 5, 6].map(() => world.visitor(maria.login).logIn())),
    ));

  it('pictures that are worked on, and uploads', async () => {
    const path = `/patients/${maria.userId}/reports`;
    // No cover comes along: one has to be made, which takes a while.
    await fills('stego', () => maria.ask('POST', path, uploadForm({ bytes: text('a report') })));
    await fills('uploads', () => maria.ask('POST', path, uploadForm({ bytes: text('another') })));
  });

  it('emergencies that were anchored late, the breaking and the reading', async () => {
    const upload = { bytes: text('blood group A'), covers: [smallCover()] };
    const { id } = await world.upload(maria, maria, upload);
    const glass = { actingFor: north.userId, reason: 'unconscious after a fall' };
    const wish = { purpose: 'emergency', actingFor: north.userId };
    const path = `/patients/${maria.userId}/emergency`;
    const known = await doctor.change(path, glass);
    await world.open(doctor, maria, id, { ...wish, emergency: known.id });
    expect([await accesses('emergency'), await accesses('late')]).to.deep.equal([2, 0]);

    moody.hangs();
    await world.open(doctor, maria, id, { ...wish, emergency: known.id });
    expect([await accesses('emergency'), await accesses('late')]).to.deep.equal([3, 1]);
    expect((await doctor.ask('POST', path, glass)).status).to.equal(201);
    expect([await accesses('emergency'), await accesses('late')]).to.deep.equal([4, 2]);
    moody.works();
  });
});
