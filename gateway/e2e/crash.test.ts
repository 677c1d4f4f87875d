// A gateway that is killed at any moment: what was answered is on the ledger, what was accepted gets there once, and the
// ledger is honest.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { loadConfig } from '../config/index.js';
import { openGateway, type Gateway } from '../runtime/index.js';
import { openStore } from '../store/index.js';
import { temporaryFolder, type TemporaryFolder } from '../testing/index.js';
import { Visitor } from '../http/routes/testing-api.js';
import { problemOf, QUICK, SETUP_CODE, terms } from './world.js';

const LIVES = 10;

/** One life of the gateway. */
class Life {
  private constructor(
    readonly url: string,
    private readonly child: ChildProcess,
  ) {}

  static async begin(dataDir: string): Promise<Life> {
    const child = fork(new URL('crash.child.js', import.meta.url), {
      env: { ...process.env, ...QUICK, PRMS_DATA: dataDir, PRMS_COMMIT_WAIT_MS: '1000' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('died at its birth')));
    ended.catch(() => undefined);
    const told = z.tuple([z.object({ url: z.string() })]).rest(z.unknown());
    const [{ url }] = told.parse(await Promise.race([once(child, 'message'), ended]));
    return new Life(url, child);
  }

  async hang(): Promise<void> {
    this.child.send('hangs');
    await once(this.child, 'message');
  }

  async kill(): Promise<void> {
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }
}

describe('a gateway that is killed', function () {
  this.timeout(120_000);
  let folder: TemporaryFolder;
  let life: Life | undefined;

  beforeEach(async () => (folder = await temporaryFolder()));
  afterEach(async () => {
    await life?.kill();
    await folder.remove();
  });

  /** Answers are not held against the document here: a killed gateway answers nothing. */
  const visitor = (url: string, login: string) =>
    new Visitor({ url, check: () => undefined }, login);
  const begin = async () => (life = await Life.begin(folder.path));
  const end = async () => {
    await life?.kill();
    life = undefined;
  };
  const reopened = async <T>(work: (gateway: Gateway) => Promise<T>): Promise<T> => {
    const { config } = loadConfig({ ...QUICK, PRMS_DATA: folder.path });
    const gateway = await openGateway({ config });
    try {
      return await work(gateway);
    } finally {
      await gateway.close();
    }
  };
  const settled = async ({ services }: Gateway, id: string) => {
    for (let i = 0; i < 100; i++) {
      const fate = await services.outbox.fate(id);
      if (fate && fate.state !== 'pending') return fate;
      await sleep(50);
    }
    throw new Error(`${id} is still pending`);
  };

  it('right after accepting: the operation is applied once at the next start', async () => {
    const { url } = await begin();
    await visitor(url, 'north').register('hospital', {
      profile: { name: 'North' },
      setupCode: SETUP_CODE,
    });
    const maria = await visitor(url, 'maria').register('patient', {
      details: { name: 'Maria' },
      escrow: null,
    });
    const doctor = await visitor(url, 'bruun').register('doctor', { profile: { name: 'Bruun' } });
    await life?.hang();
    const path = `/patients/${maria.userId}/consents`;
    const denial = terms(doctor, undefined, { effect: 'deny' });
    const answer = await maria.ask('POST', path, { terms: denial });
    expect(problemOf(answer).code).to.equal('COMMIT_TIMEOUT');
    const operation = String(problemOf(answer).ids?.['operation']);
    await end();

    for (let again = 0; again < 2; again++) {
      await reopened(async (gateway) => {
        expect((await settled(gateway, operation)).state).to.equal('applied');
        const { consents } = await gateway.services.records.patient(maria.userId);
        expect(consents.map(({ id }) => id)).to.deep.equal([operation]);
      });
    }
  });

  it(`${LIVES} times under load: answered means kept, and the ledger is honest`, async () => {
    const first = await begin();
    await visitor(first.url, 'north').register('hospital', {
      profile: { name: 'North' },
      setupCode: SETUP_CODE,
    });
    const doctor = await visitor(first.url, 'bruun').register('doctor', {
      profile: { name: 'Bruun' },
    });
    const patient = { details: { name: 'Maria' }, escrow: null };
    const maria = await visitor(first.url, 'maria').register('patient', patient);
    await end();
    const answered: string[] = [];
    const registered: { login: string; userId: string }[] = [];

    for (let number = 0; number < LIVES; number++) {
      const { url } = await begin();
      const reader = await visitor(url, 'maria').logIn();
      const path = `/patients/${maria.userId}`;
      // Each goes on until the gateway is no more.
      const load = [
        untilDead(async (i) => {
          const login = `patient-${number}-${i}`;
          const { userId } = await visitor(url, login).register('patient', patient);
          registered.push({ login, userId });
        }),
        untilDead(async () => {
          const denial = terms(doctor, undefined, { effect: 'deny' });
          const { id } = await reader.change(`${path}/consents`, { terms: denial });
          answered.push(id);
          const revoked = await reader.change(`${path}/consents/${id}/revoke`, { replaces: 1 });
          answered.push(revoked.id);
        }),
        untilDead(async () => {
          const unknown = `${path}/reports/01J0000000000000000000000A/access`;
          const refused = await reader.ask('POST', unknown, {
            action: 'view',
            purpose: 'treatment',
          });
          answered.push(String(problemOf(refused).ids?.['access']));
        }),
      ];
      await sleep(50 + Math.random() * 400);
      await end();
      await Promise.all(load);
    }
    expect(answered.length).to.be.greaterThan(LIVES);
    expect(registered.length).to.be.greaterThan(0);

    await reopened(async (gateway) => {
      for (const id of answered) expect((await settled(gateway, id)).state).to.equal('applied');
      const { records, ledger } = gateway.services;
      const document = await records.patient(maria.userId);
      const ids = document.consents.map(({ id }) => id);
      expect(new Set(ids).size).to.equal(ids.length);
      const accesses: string[] = [];
      for await (const { id } of records.all((page) => records.accesses(maria.userId, page)))
        accesses.push(id);
      const onLedger = new Set([...ids, ...accesses, ...document.consents.map((c) => c.last.id)]);
      expect(answered.filter((id) => !onLedger.has(id))).to.deep.equal([]);
      for (const { login, userId } of registered) {
        const who = await visitor(gateway.url, login).logIn();
        expect((await records.user(userId)).role, who.login).to.equal('patient');
      }
      await drained(gateway);
      const report = await ledger.verify();
      expect(report.lie).to.equal(undefined);
      expect(report.ok).to.equal(true);
    });
    expect(await pending()).to.deep.equal([]);
  });

  /** Nothing new has come to the ledger for a while: what the outbox had is there. */
  async function drained({ services }: Gateway): Promise<void> {
    for (let height = -1; ;) {
      const present = await services.ledger.height();
      if (present === height) return;
      height = present;
      await sleep(500);
    }
  }

  /** Operations in the outbox of which nobody knows what became. */
  async function pending(): Promise<string[]> {
    const store = await openStore(join(folder.path, 'store'));
    const left: string[] = [];
    for await (const { key } of store.list('outbox')) left.push(key);
    await store.close();
    return left;
  }
});

/** Does it again and again; a connection that breaks is the end, any other failure is one of the test. */
async function untilDead(work: (i: number) => Promise<unknown>): Promise<void> {
  for (let i = 0; ; i++) {
    try {
      await work(i);
    } catch (error) {
      if (error instanceof TypeError) return;
      throw error;
    }
  }
}
