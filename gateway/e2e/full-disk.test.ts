// A disk that is full, through HTTP: whoever uploads is told so by a typed problem, nothing is half there, and the same
// works when there is room again. The cloud's folder and the store's are tried each by itself: on a small disk of their
// own where this may mount one, and in any case with the error that a full disk gives.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Level } from 'level';
import { CloudError, type Cloud } from '../clouds/index.js';
import { ManualClock, temporaryFolder, type TemporaryFolder } from '../testing/index.js';
import { MoodyLedger } from './moody-ledger.js';
import { problemOf, smallCover, terms, text, uploadForm, World, type Visitor } from './world.js';

/** What can be full, and have room again. */
interface Disk {
  readonly options: Parameters<typeof World.open>[0];
  fill(): Promise<void>;
  makeRoom(): Promise<void>;
  remove(): Promise<void>;
}

/** A cloud that takes half an object and then says that it has no room. */
function saidFull(): Disk {
  let full = false;
  const over = (cloud: Cloud): Cloud => ({
    name: cloud.name,
    get: (...call) => cloud.get(...call),
    head: (...call) => cloud.head(...call),
    delete: (...call) => cloud.delete(...call),
    list: (...call) => cloud.list(...call),
    putIfAbsent: async (name, body, options) => {
      if (!full) return cloud.putIfAbsent(name, body, options);
      for await (const chunk of typeof body === 'function' ? body() : [body]) {
        if (chunk.length > 0) break;
      }
      throw new CloudError('FULL', 'no room', { cloud: cloud.name });
    },
  });
  return {
    options: { wrapCloud: over },
    fill: () => Promise.resolve(void (full = true)),
    makeRoom: () => Promise.resolve(void (full = false)),
    remove: () => Promise.resolve(),
  };
}

/** A disk of its own in memory; `undefined` where nobody may mount one. */
class SmallDisk implements Disk {
  private constructor(
    private readonly folder: TemporaryFolder,
    readonly options: Disk['options'],
  ) {}

  static async mount(sizeMiB: number, setting: string): Promise<SmallDisk | undefined> {
    const folder = await temporaryFolder();
    try {
      const place = ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', folder.path];
      execFileSync('mount', place, { stdio: 'ignore' });
    } catch {
      await folder.remove();
      return undefined;
    }
    const used = join(folder.path, 'used');
    await mkdir(used);
    return new SmallDisk(folder, { env: { [setting]: used } });
  }

  private get filler(): string {
    return join(this.folder.path, 'filler');
  }

  /** To the last byte. */
  async fill(): Promise<void> {
    for (const size of [1 << 20, 1 << 12, 1]) {
      for (;;) {
        const more = writeFile(this.filler, Buffer.alloc(size), { flag: 'a' });
        const fitted = await more.then(
          () => true,
          (error: unknown) => {
            if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false;
            throw error;
          },
        );
        if (!fitted) break;
      }
    }
  }

  makeRoom(): Promise<void> {
    return rm(this.filler, { force: true });
  }

  async remove(): Promise<void> {
    execFileSync('umount', [this.folder.path]);
    await this.folder.remove();
  }
}

/** A store whose database refuses every write as one on a full disk does, where no other file can be written; the ledger's goes on. */
async function refusingStore(): Promise<Disk> {
  const folder = await temporaryFolder();
  // Where the store tries the disk, there is something that is no file.
  const obstacle = join(folder.path, 'store', 'trial-of-the-disk');
  const real: unknown = Reflect.get(Level.prototype, 'batch');
  const value = function (this: Level, ...call: unknown[]): unknown {
    const full = new Error('IO error: No space left on device');
    if (this.location.endsWith('store') || typeof real !== 'function')
      return Promise.reject(Object.assign(full, { code: 'LEVEL_IO_ERROR' }));
    return Reflect.apply(real, this, call);
  };
  const makeRoom = async () => {
    Reflect.deleteProperty(Level.prototype, 'batch');
    await rm(obstacle, { recursive: true, force: true });
  };
  return {
    options: { env: { PRMS_DATA: folder.path } },
    fill: async () => {
      await mkdir(obstacle);
      Object.defineProperty(Level.prototype, 'batch', { value, configurable: true });
    },
    makeRoom,
    remove: () => folder.remove(),
  };
}

describe('a cloud without room, through HTTP', function () {
  this.timeout(60_000);
  for (const [what, openDisk] of [
    ['as it says', () => Promise.resolve(saidFull())],
    [
      'on a small disk where one can be mounted',
      async () => (await SmallDisk.mount(24, 'PRMS_CLOUD_DIR')) ?? saidFull(),
    ],
  ] as const) {
    describe(what, () => {
      let disk: Disk;
      let world: World;
      let north: Visitor;
      let maria: Visitor;
      before(async () => {
        disk = await openDisk();
        world = await World.open(disk.options);
        north = await world.hospital('North');
        maria = await world.patient('Maria');
      });
      afterEach(() => disk.makeRoom());
      after(async () => {
        await world.close();
        await disk.remove();
      });

      it('refuses an upload, keeps nothing of it, and takes it when there is room', async () => {
        const kept = await world.upload(maria, maria, { bytes: text('from before') });
        const before = [...(await world.objects()).keys()].sort();
        await disk.fill();
        const bytes = text('no room for this');
        const form = uploadForm({ bytes, covers: [smallCover()] });
        const path = `/patients/${maria.userId}/reports`;
        const refused = await maria.ask('POST', path, form);
        expect(problemOf(refused).code).to.equal('CLOUD_UNAVAILABLE');
        expect(refused.headers.get('retry-after')).to.match(/^[1-9]\d*$/);
        expect([...(await world.objects()).keys()].sort()).to.deep.equal(before);
        expect((await world.reports(maria, maria)).map(({ id }) => id)).to.deep.equal([kept.id]);
        const uploads = join(world.dataDir, 'uploads');
        expect(existsSync(uploads) ? readdirSync(uploads) : []).to.deep.equal([]);
        // Reading needs no room.
        expect(Buffer.from(await world.read(maria, maria, kept.id)).toString()).to.equal(
          'from before',
        );
        await disk.makeRoom();
        // Another picture: a cloud has seen the first one with bytes hidden in it.
        const { id } = await world.upload(maria, maria, { bytes });
        expect(Buffer.from(await world.read(maria, maria, id)).equals(bytes)).to.equal(true);
      });

      it('refuses a consent whose keys can’t be kept, and takes it when there is room', async () => {
        const doctor = await world.doctor('Bruun', north);
        const path = `/patients/${maria.userId}/consents`;
        const { id: report } = await world.upload(maria, maria, { bytes: text('for a doctor') });
        const before = [...(await world.objects()).keys()].sort();
        const scope = { kind: 'selective', reports: [report] };
        await disk.fill();
        const answer = await maria.ask('POST', path, { terms: terms(doctor, scope) });
        expect(problemOf(answer).code).to.equal('CLOUD_UNAVAILABLE');
        expect([...(await world.objects()).keys()].sort()).to.deep.equal(before);
        const { consents } = await world.gateway.services.records.patient(maria.userId);
        expect(consents).to.deep.equal([]);
        await disk.makeRoom();
        await world.grant(maria, maria, terms(doctor, scope));
        const wish = { actingFor: north.userId };
        expect(Buffer.from(await world.read(doctor, maria, report, wish)).toString()).to.equal(
          'for a doctor',
        );
      });
    });
  }
});

describe('a store without room, through HTTP', function () {
  this.timeout(60_000);
  for (const [what, openDisk] of [
    ['as it says', refusingStore],
    [
      'on a small disk where one can be mounted',
      async () => (await SmallDisk.mount(24, 'PRMS_DATA')) ?? (await refusingStore()),
    ],
  ] as const) {
    describe(what, () => {
      let disk: Disk;
      let world: World;
      let clouds: TemporaryFolder;
      let moody: MoodyLedger;
      let maria: Visitor;
      let doctor: Visitor;
      before(async () => {
        disk = await openDisk();
        clouds = await temporaryFolder();
        const clock = new ManualClock();
        moody = await MoodyLedger.open(clock);
        const env = {
          ...disk.options?.env,
          PRMS_CLOUD_DIR: clouds.path,
          PRMS_STORE_RETRY_MS: '50',
          PRMS_STORE_SPARE_BYTES: '1048576',
          PRMS_OUTBOX_RETRY_MS: '100',
        };
        world = await World.open({ ledger: moody.ledger, clock, env });
        doctor = await world.doctor('Bruun', await world.hospital('North'));
        maria = await world.patient('Maria');
      });
      afterEach(() => disk.makeRoom());
      after(async () => {
        await world.close();
        await moody.close();
        await disk.remove();
        await clouds.remove();
      });

      const readiness = async () => (await fetch(`${world.url}/readyz`)).status;
      /** Until the store takes writes again, by itself. */
      const recovered = () => until(async () => (await readiness()) === 200);
      const denial = () => ({ terms: terms(doctor, undefined, { effect: 'deny' }) });
      const consents = () => `/patients/${maria.userId}/consents`;
      /** The last block of LevelDB's log has room of its own: a short write may fit even so. */
      const fillLog = async () => {
        const { outbox } = world.gateway.services;
        const fits = (n: number) =>
          outbox.markLate(`filler-${n}`).then(
            () => true,
            () => false,
          );
        for (let n = 0; n < 200 && (await fits(n)); n += 1);
      };
      const granted = async () =>
        (await world.gateway.services.records.patient(maria.userId)).consents.length;

      it('refuses an operation and an upload, reads on, and takes both when there is room', async () => {
        const kept = await world.upload(maria, maria, { bytes: text('from before') });
        const objects = [...(await world.objects()).keys()].sort();
        expect(await readiness()).to.equal(200);
        await disk.fill();
        await fillLog();
        const form = uploadForm({ bytes: text('no room'), covers: [smallCover()] });
        for (const answer of [
          await maria.ask('POST', consents(), denial()),
          await maria.ask('POST', `/patients/${maria.userId}/reports`, form),
        ]) {
          expect(problemOf(answer).code).to.equal('STORE_UNAVAILABLE');
          expect(answer.status).to.equal(503);
          expect(answer.headers.get('retry-after')).to.equal('1');
        }
        expect(await readiness()).to.equal(503);
        expect([...(await world.objects()).keys()].sort()).to.deep.equal(objects);
        // Lists need no room; opening a report leaves a trace, which does.
        expect((await world.reports(maria, maria)).map(({ id }) => id)).to.deep.equal([kept.id]);
        expect(await granted()).to.equal(0);
        await disk.makeRoom();
        await recovered();
        await maria.change(consents(), denial());
        const { id } = await world.upload(maria, maria, { bytes: text('room again') });
        const wen = await world.patient('Wen');
        // What was taken after the disk had been full is there after a restart, too.
        await world.restart();
        await maria.logIn();
        await wen.logIn();
        expect(await granted()).to.equal(1);
        for (const [report, content] of [
          [kept.id, 'from before'],
          [id, 'room again'],
        ] as const)
          expect(Buffer.from(await world.read(maria, maria, report)).toString()).to.equal(content);
      });

      it('lets nobody in by a session that was ended while it could not be written down', async () => {
        const nadia = await world.patient('Nadia');
        const { token } = nadia;
        const me = () => nadia.ask('GET', '/me');
        expect((await me()).status).to.equal(200);
        await disk.fill();
        await fillLog();
        // Long enough for a use to be noted, which has no room either.
        world.clock.advance(10 * 60_000);
        expect(problemOf(await nadia.ask('DELETE', '/sessions/current')).code).to.equal(
          'STORE_UNAVAILABLE',
        );
        expect((await me()).status).to.equal(401);
        await disk.makeRoom();
        await recovered();
        expect((await me()).status).to.equal(401);
        await nadia.logIn();
        nadia.token = token;
        expect((await me()).status).to.equal(401);
      });

      it('tells the receipt of what was under way when the disk became full, and settles it later', async () => {
        const { outbox } = world.gateway.services;
        const before = await granted();
        moody.hangs();
        const asked = maria.change(consents(), denial());
        await until(() => Promise.resolve(outbox.waiting === 1));
        await disk.fill();
        moody.works();
        const { id } = await asked;
        expect(await granted()).to.equal(before + 1);
        await disk.makeRoom();
        await until(async () => (await outbox.fate(id))?.state === 'applied');
        expect(outbox.waiting).to.equal(0);
        expect(await granted()).to.equal(before + 1);
      });
    });
  }
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries === 400) throw new Error('it did not come to be in time');
    await sleep(25);
  }
}
