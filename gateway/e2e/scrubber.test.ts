// The scrubber on two clouds: key wraps, of which the ledger has no hash, and how fast it goes.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { Copies, CopyNotes, openFilesystemCloud } from '../clouds/index.js';
import { openS3Cloud } from '../clouds/s3.js';
import { S3Fake, s3OptionsFor } from '../clouds/testing/s3-fake.js';
import { Scrubber, type ScrubberParts, type ScrubProgress } from '../services/scrubber/index.js';
import { openStore } from '../store/index.js';
import { ManualClock, temporaryFolder, type TemporaryFolder } from '../testing/index.js';
import { BreakableClouds } from './breakable-clouds.js';
import { secondCloudEnv } from './second-cloud.js';
import { terms, text, World, type Visitor } from './world.js';

const HOUR_MS = 3_600_000;
const WRAP_BYTES = 114;
const openSchema = z.object({
  items: z.array(z.looseObject({ cloud: z.string(), fault: z.string() })),
  bookmark: z.string(),
});

/** A wrap's copies: at home by path, in the second cloud by key. */
interface Wrap {
  readonly name: string;
  readonly path: string;
  readonly key: string;
  readonly bytes: Buffer;
}

describe('the scrubber on two clouds', function () {
  this.timeout(60_000);
  let fake: S3Fake;
  let world: World;
  let north: Visitor;
  let maria: Visitor;
  let folder: TemporaryFolder;
  let stores = 0;
  const { down, over } = new BreakableClouds();

  beforeEach(async () => {
    down.clear();
    folder = await temporaryFolder();
    fake = await S3Fake.start();
    world = await World.open({ wrapCloud: over, env: secondCloudEnv(fake) });
    north = await world.hospital('North');
    maria = await world.patient('Maria');
  });
  afterEach(async () => {
    await world.close();
    await fake.stop();
    await folder.remove();
  });

  const notes = async () => {
    await north.logIn();
    const { items } = await north.get('/clouds/copies?limit=500&state=open', openSchema);
    return items.map(({ cloud, fault }) => `${cloud}: ${fault}`).sort();
  };
  /** Of a gateway that has written nothing: its store is new. */
  const another = async (more: Partial<ScrubberParts> = {}) => {
    const store = await openStore(join(folder.path, `store-${++stores}`));
    const copies = new Copies({
      clouds: [
        await openFilesystemCloud({ name: 'filesystem', root: world.cloudDir }),
        openS3Cloud({ ...s3OptionsFor(fake), name: 'north-s3' }),
      ],
      notes: new CopyNotes(store),
      clock: world.clock,
      whenMissing: 'owe',
      queue: 10,
      restMs: 0,
    });
    const scrubber = new Scrubber({
      records: world.gateway.services.records,
      copies,
      store,
      clock: world.clock,
      pace: { copiesPerSecond: 1e6, bytesPerSecond: 1e12 },
      roundMs: HOUR_MS,
      pause: () => Promise.resolve(),
      ...more,
    });
    return { store, copies, scrubber };
  };
  /** A whole round: how much of each it counted. */
  const round = async (scrubber = world.gateway.services.scrubber) => {
    world.clock.advance(25 * HOUR_MS);
    await scrubber.step();
    return (await scrubber.round()).counts;
  };
  const nothingWrong = { missing: 0, bad: 0, healed: 0, copied: 0, unanswered: 0 };

  /** What `work` wraps, as it lies in both clouds. */
  const wrapsOf = async (work: () => Promise<unknown>): Promise<Wrap[]> => {
    const before = new Set((await world.objects()).keys());
    await work();
    const found: Wrap[] = [];
    for (const [name, path] of await world.objects()) {
      const bytes = await readFile(path);
      if (before.has(name) || bytes.length !== WRAP_BYTES) continue;
      found.push({ name, path, key: `prms/${name}`, bytes });
    }
    return found;
  };
  /** The only wrap of a report that nobody but the patient may read. */
  const ownWrap = async (): Promise<Wrap> => {
    const [wrap, ...others] = await wrapsOf(() => world.upload(maria, maria, { bytes: text('x') }));
    if (!wrap || others.length > 0) throw new Error('one wrap, please');
    return wrap;
  };
  /** The wrap for a doctor who may read one report. */
  const doctorsWrap = async (): Promise<Wrap & { revoke(): Promise<void> }> => {
    const doctor = await world.doctor('Adeyemi', north);
    const { id } = await world.upload(maria, maria, { bytes: text('for a doctor') });
    let consent = '';
    const [wrap] = await wrapsOf(async () => {
      consent = await world.grant(
        maria,
        maria,
        terms(doctor, { kind: 'selective', reports: [id] }),
      );
    });
    if (!wrap) throw new Error('the doctor has no wrap');
    return { ...wrap, revoke: () => world.revoke(maria, maria, consent) };
  };
  const spoilt = (bytes: Buffer) =>
    Buffer.from(bytes.map((byte, at) => (at === 50 ? ~byte : byte)));
  const isGood = async ({ path, key, bytes }: Wrap) => {
    expect((await readFile(path)).equals(bytes), 'at home').to.equal(true);
    expect(fake.objects.get(key)?.equals(bytes), 'in the second cloud').to.equal(true);
  };

  it('heals a patient’s wrap that is spoilt or missing in either cloud', async () => {
    const wrap = await ownWrap();
    expect(await round()).to.include(nothingWrong);
    const harms: [Partial<typeof nothingWrong>, () => unknown][] = [
      [{ bad: 1 }, () => fake.objects.set(wrap.key, spoilt(wrap.bytes))],
      [{ bad: 1 }, () => writeFile(wrap.path, spoilt(wrap.bytes))],
      [{ bad: 1 }, () => fake.objects.set(wrap.key, Buffer.alloc(0))],
      [{ missing: 1 }, () => fake.objects.delete(wrap.key)],
      [{ missing: 1 }, () => rm(wrap.path)],
    ];
    for (const [found, harm] of harms) {
      await harm();
      expect(await round()).to.include({ ...nothingWrong, ...found, healed: 1 });
      await isGood(wrap);
      expect(await notes()).to.deep.equal([]);
    }
  });

  it('heals nothing from a wrap that is spoilt once the good one is lost', async () => {
    const wrap = await ownWrap();
    const bad = spoilt(wrap.bytes);
    fake.objects.set(wrap.key, bad);
    await rm(wrap.path);
    for (let time = 0; time < 2; time += 1) {
      expect(await round()).to.include({ ...nothingWrong, missing: 1, bad: 1 });
      expect((await world.objects()).has(wrap.name), 'not copied home').to.equal(false);
      expect(fake.objects.get(wrap.key)?.equals(bad)).to.equal(true);
      expect(await notes()).to.deep.equal(['filesystem: missing', 'north-s3: bad']);
    }
    // Somebody brings the good one back.
    fake.objects.set(wrap.key, wrap.bytes);
    expect(await round()).to.include({ ...nothingWrong, missing: 1, healed: 1 });
    await isGood(wrap);
    expect(await world.gateway.services.scrubber.payNotes()).to.equal(0);
    expect(await notes()).to.deep.equal([]);
  });

  it('heals nothing when both copies are spoilt alike, or lost', async () => {
    const wrap = await ownWrap();
    const bad = spoilt(wrap.bytes);
    fake.objects.set(wrap.key, bad);
    await writeFile(wrap.path, bad);
    expect(await round()).to.include({ ...nothingWrong, bad: 2 });
    fake.objects.delete(wrap.key);
    await rm(wrap.path);
    expect(await round()).to.include({ ...nothingWrong, missing: 2 });
    expect(await notes()).to.deep.equal(['filesystem: missing', 'north-s3: missing']);
  });

  it('believes neither of two copies that differ when this gateway has not written them', async () => {
    const wrap = await ownWrap();
    const { store, copies, scrubber } = await another();
    fake.objects.set(wrap.key, spoilt(wrap.bytes));
    expect(await round(scrubber)).to.include({ ...nothingWrong, bad: 2 });
    expect((await readFile(wrap.path)).equals(wrap.bytes)).to.equal(true);
    expect(fake.objects.get(wrap.key)?.equals(wrap.bytes)).to.equal(false);
    expect(await copies.notes.count()).to.equal(2);
    fake.objects.set(wrap.key, wrap.bytes);
    expect(await scrubber.payNotes(), 'they agree').to.equal(0);
    expect(await copies.notes.count()).to.equal(0);
    // Two that have agreed once are known from then on.
    expect(await round(scrubber)).to.include(nothingWrong);
    fake.objects.set(wrap.key, spoilt(wrap.bytes));
    expect(await round(scrubber)).to.include({ ...nothingWrong, bad: 1, healed: 1 });
    await isGood(wrap);
    await store.close();
  });

  it('copies the only one there is, and calls it no healing, when nothing tells whether it is right', async () => {
    const wrap = await ownWrap();
    const { store, copies, scrubber } = await another();
    await rm(wrap.path);
    expect(await round(scrubber)).to.include({ ...nothingWrong, missing: 1, copied: 1 });
    await isGood(wrap);
    expect(await copies.notes.count()).to.equal(0);
    await store.close();
  });

  it('heals another reader’s wrap that is spoilt, and brings none back that was taken away', async () => {
    const wrap = await doctorsWrap();
    fake.objects.set(wrap.key, spoilt(wrap.bytes));
    expect(await round()).to.include({ ...nothingWrong, bad: 1, healed: 1 });
    await isGood(wrap);
    // Another gateway is taking it away, and has reached one cloud.
    fake.objects.delete(wrap.key);
    expect(await round()).to.include(nothingWrong);
    expect(fake.objects.has(wrap.key)).to.equal(false);
    // This one has.
    await maria.logIn();
    await wrap.revoke();
    fake.objects.set(wrap.key, spoilt(wrap.bytes));
    expect(await round()).to.include(nothingWrong);
    expect((await world.objects()).has(wrap.name)).to.equal(false);
  });

  it('says nothing of a cloud that does not answer, and judges the other copy all the same', async () => {
    const wrap = await ownWrap();
    await writeFile(wrap.path, spoilt(wrap.bytes));
    down.add('north-s3');
    const { bad, healed, unanswered } = await round();
    expect([bad, healed]).to.deep.equal([1, 0]);
    expect(unanswered).to.be.greaterThan(0);
    down.clear();
    expect(await world.gateway.services.scrubber.payNotes()).to.equal(0);
    await isGood(wrap);
  });

  it('goes at the pace that is set, by copies or by bytes, whichever takes longer', async () => {
    await world.upload(maria, maria, { bytes: Buffer.alloc(150_000, 'abc') });
    /** How long a round takes on a clock that nothing but its pauses moves. */
    const tookMs = async (pace: ScrubberParts['pace']) => {
      const clock = new ManualClock();
      const pause = (ms: number) => {
        clock.advance(ms);
        return Promise.resolve();
      };
      const { store, scrubber } = await another({ clock, pace, pause });
      const { last } = await scrubber.round();
      await store.close();
      return took(last);
    };
    const took = (last: ScrubProgress['last']) => {
      if (!last) throw new Error('no round');
      const { copies: objects, wraps, bytes } = last.counts;
      return { ms: last.finishedAt - last.startedAt, looked: objects + wraps, bytes };
    };
    const byCopies = await tookMs({ copiesPerSecond: 4, bytesPerSecond: 1e12 });
    expect(byCopies.looked).to.be.greaterThan(6);
    // Each cloud is listed once besides.
    expect(byCopies.ms).to.equal((byCopies.looked + 2) * 250);
    const byBytes = await tookMs({ copiesPerSecond: 1e9, bytesPerSecond: 1000 });
    expect(byBytes.bytes).to.be.greaterThan(300_000);
    expect(byBytes.ms).to.be.within(byBytes.bytes, byBytes.bytes * 1.1);
  });
});
