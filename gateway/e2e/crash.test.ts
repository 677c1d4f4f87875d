// A gateway that is killed at any moment: what was answered is on the ledger, what was accepted gets there once, nothing is
// half there, and the ledger is honest. `PRMS_CRASH_LIVES` kills it more often, `PRMS_CRASH_SEED` at the same moments again.
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { loadConfig } from '../config/index.js';
import { openGateway, type Gateway } from '../runtime/index.js';
import { openStore } from '../store/index.js';
import { KeyHolder } from '../testing/key-holder.js';
import { temporaryFolder, type TemporaryFolder } from '../testing/index.js';
import { Life } from './life.js';
import {
  Door,
  expectWraps,
  foundedAt,
  PATIENT,
  settled,
  untilDead,
  visitorAt,
  type Common,
  type Kind,
} from './load/index.js';
import { Book, mixedLoad, opened, type Cast } from './mixed-load.js';
import { problemOf, QUICK, SETUP_CODE, smallCover, terms, text, uploadForm } from './world.js';

const LIVES = Number(process.env['PRMS_CRASH_LIVES'] ?? 5);
const SEED = Number(process.env['PRMS_CRASH_SEED'] ?? Date.now() % 1_000_000);
const CHANNEL = 'records';

describe('a gateway that is killed', function () {
  this.timeout(120_000 + LIVES * 60_000);
  let folder: TemporaryFolder;
  let life: Life | undefined;

  beforeEach(async () => (folder = await temporaryFolder()));
  afterEach(async () => {
    await life?.kill();
    await folder.remove();
  });

  const begin = async (env = {}) => (life = await Life.begin(folder.path, env));
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
  /** Until nothing waits for a receipt any more. */
  const drained = async ({ services }: Gateway) => {
    for (let i = 0; services.outbox.waiting > 0; i++) {
      if (i === 600) throw new Error(`${services.outbox.waiting} operations are still pending`);
      await sleep(50);
    }
  };

  it('right after accepting: the operation is applied once at the next start', async () => {
    const { url } = await begin({
      PRMS_COMMIT_WAIT_MS: '1000',
      PRMS_EMERGENCY_COMMIT_WAIT_MS: '1000',
    });
    await founded(url);
    const maria = await visitorAt(url, 'maria').register('patient', PATIENT);
    const doctor = await visitorAt(url, 'bruun').register('doctor', { profile: { name: 'Bruun' } });
    await life?.ledger('hangs');
    const path = `/patients/${maria.userId}/consents`;
    const denial = terms(doctor, undefined, { effect: 'deny' });
    const answer = await maria.ask('POST', path, { terms: denial });
    expect(problemOf(answer).code).to.equal('COMMIT_TIMEOUT');
    const operation = String(problemOf(answer).ids?.['operation']);
    await end();

    for (let again = 0; again < 2; again++) {
      await reopened(async (gateway) => {
        await drained(gateway);
        const fate = await gateway.services.outbox.fate(operation);
        expect(fate?.state).to.equal('applied');
        const { consents } = await gateway.services.records.patient(maria.userId);
        expect(consents.map(({ id }) => id)).to.deep.equal([operation]);
      });
    }
  });

  it(`${LIVES} times under a mixed load (seed ${SEED}): answered means kept, and nothing is half there`, async () => {
    const random = seeded(SEED);
    const door = new Door();
    door.url = (await begin()).url;
    const common = await foundedAt(door);
    const cast = await settle(common);
    const kinds = await settled(common);
    await end();
    const book = new Book();
    const rounds = new Map<Kind, number>(kinds.map((kind) => [kind, 0]));
    for (let number = 0; number < LIVES; number++) {
      door.url = (await begin()).url;
      await door.drained();
      await checkKinds(common, kinds);
      const { over } = await mixedLoad(door.url, cast, book, number);
      const work = Promise.all([over, ...kinds.map((kind) => goOn(kind, number, rounds))]);
      // Every other life ends while its first requests are under way, the rest in the midst of work.
      const begun = number % 2 === 0 ? atWork(book, rounds) : Promise.resolve();
      await Promise.race([work, begun.then(() => sleep(20 + random() * 600))]);
      await end();
      await work;
    }
    expect([...rounds].filter(([, done]) => done === 0)).to.deep.equal([]);
    expect(book.applied.length).to.be.greaterThan(LIVES);
    expect(book.receipts.size).to.be.greaterThan(LIVES);
    expect(book.sent.size).to.be.greaterThan(book.receipts.size - 1);

    await reopened(async (gateway) => {
      door.url = gateway.url;
      await drained(gateway);
      await checkKinds(common, kinds);
      await gateway.services.aftermath.run();
      const [consents, relatives] = kinds;
      await expectWraps(gateway, consents.clara.userId, consents.goes.userId);
      await expectWraps(gateway, relatives.karl.userId, relatives.lena.userId);
      await checkBulk(gateway, cast, book);
      await checkAnswered(gateway, book);
      await checkReports(gateway, cast, book);
      await checkMessages(gateway, cast, book);
      for (const { login, userId } of book.registered) {
        await visitorAt(gateway.url, login).logIn();
        expect((await gateway.services.records.user(userId)).role).to.equal('patient');
      }
      const report = await gateway.services.ledger.verify();
      expect(report.lie).to.equal(undefined);
      expect(report.ok).to.equal(true);
    });
    expect(await pending()).to.deep.equal([]);
  });

  /** Operations in the outbox of which nobody knows what became. */
  async function pending(): Promise<string[]> {
    const store = await openStore(join(folder.path, 'store'));
    const left: string[] = [];
    for await (const { key } of store.list('outbox')) left.push(key);
    await store.close();
    return left;
  }
});

async function founded(url: string) {
  const profile = { name: 'North' };
  return visitorAt(url, 'north').register('hospital', { profile, setupCode: SETUP_CODE });
}

async function checkKinds({ south }: Common, kinds: readonly Kind[]): Promise<void> {
  await south.logIn();
  await Promise.all(kinds.map((kind) => kind.check()));
}

/** Until the gateway is no more. */
function goOn(kind: Kind, life: number, rounds: Map<Kind, number>): Promise<void> {
  return untilDead(async (i) => {
    await kind.round(`${life}/${i}`);
    rounds.set(kind, (rounds.get(kind) ?? 0) + 1);
  });
}

/** Until lines and uploads have been answered once more, and each kind of work has been done once. */
async function atWork(book: Book, rounds: ReadonlyMap<Kind, number>): Promise<void> {
  const [receipts, uploads] = [book.receipts.size, book.uploaded.length];
  for (let i = 0; i < 1200; i++) {
    const answered = book.receipts.size > receipts && book.uploaded.length > uploads;
    if (answered && [...rounds.values()].every((done) => done > 0)) return;
    await sleep(50);
  }
  throw new Error('nothing is answered');
}

/** The first life: everybody comes, and finds what the later ones go on with. */
async function settle({ door: { url }, north: hospital }: Common): Promise<Cast> {
  const doctor = await visitorAt(url, 'bruun').register('doctor', { profile: { name: 'Bruun' } });
  const patient = await visitorAt(url, 'maria').register('patient', PATIENT);
  const asked = await doctor.change('/affiliations', { hospital: hospital.userId });
  await hospital.change(`/affiliations/${doctor.userId}/authorise`, { replaces: asked.version });
  const places = { doctor: doctor.userId, hospital: hospital.userId };
  const care = await patient.change('/care', places);
  await doctor.change(`/care/${patient.userId}/${care.id}/approve`, { replaces: care.version });
  const consultation = await doctor.change('/consultations', {
    patient: patient.userId,
    hospital: hospital.userId,
  });
  const bytes = text('a report from before');
  const { report } = await patient.post(
    `/patients/${patient.userId}/reports`,
    uploadForm({ bytes, covers: [smallCover()] }),
    z.looseObject({ report: z.looseObject({ id: z.string() }) }),
  );
  const holders = Array.from({ length: 4 }, () => new KeyHolder(CHANNEL));
  const lines = holders.map((holder) => `${holder.registration().line}\n`).join('');
  const receipts = z.array(z.looseObject({ status: z.literal('applied') }));
  await hospital.post('/operations', lines, receipts);
  return {
    doctor,
    patient,
    holders,
    report: { id: report.id, bytes },
    consultation: consultation.id,
  };
}

/** Each line: applied once, as its receipt said, or never accepted. */
async function checkBulk({ services }: Gateway, { holders }: Cast, book: Book): Promise<void> {
  const { records, outbox } = services;
  const onLedger: string[] = [];
  for (const { id } of holders) {
    for await (const access of records.all((page) => records.accesses(id, page)))
      onLedger.push(access.id);
  }
  expect(new Set(onLedger).size).to.equal(onLedger.length);
  expect(onLedger.filter((id) => !book.sent.has(id))).to.deep.equal([]);
  const sent = [...book.sent];
  const fates = await outbox.fates(sent);
  const applied = sent.filter((_, at) => fates[at]?.state === 'applied');
  expect(applied.toSorted()).to.deep.equal(onLedger.toSorted());
  const states = new Set(fates.map((fate) => fate?.state));
  expect([...states].filter((state) => state !== undefined && state !== 'applied')).to.deep.equal(
    [],
  );
  const kept = new Set(applied);
  const lost = [...book.receipts].filter(([id, status]) => status !== 'busy' && !kept.has(id));
  expect(lost).to.deep.equal([]);
}

/** Whatever a route answered as applied is on the ledger, and its fate says so. */
async function checkAnswered({ services }: Gateway, book: Book): Promise<void> {
  const { records, outbox } = services;
  for (const subject of new Set(book.applied.map((entry) => entry.subject))) {
    const { consents } = await records.patient(subject);
    const ids = consents.flatMap(({ id, last }) => [id, last.id]);
    const accesses: string[] = [];
    for await (const { id } of records.all((page) => records.accesses(subject, page)))
      accesses.push(id);
    expect(new Set(accesses).size).to.equal(accesses.length);
    expect(new Set(consents.map(({ id }) => id)).size).to.equal(consents.length);
    const answered = book.applied.filter((entry) => entry.subject === subject);
    const there = new Set([...ids, ...accesses]);
    expect(answered.filter(({ id }) => !there.has(id))).to.deep.equal([]);
    const fates = await outbox.fates(answered.map(({ id }) => id));
    expect(fates.filter((fate) => fate?.state !== 'applied')).to.deep.equal([]);
  }
}

/** Every report that the ledger knows opens, answered or not, with the bytes that its title was sent with. */
async function checkReports(
  { url }: Gateway,
  { patient, report }: Cast,
  book: Book,
): Promise<void> {
  const maria = await visitorAt(url, 'maria').logIn();
  maria.userId = patient.userId;
  const schema = z.object({
    items: z.array(z.object({ id: z.string(), label: z.object({ title: z.string() }) })),
    bookmark: z.string(),
  });
  const found: string[] = [];
  for (let bookmark: string | undefined = ''; bookmark !== undefined;) {
    const path = `/patients/${maria.userId}/reports?limit=50&bookmark=${bookmark}`;
    const page: z.infer<typeof schema> = await maria.get(path, schema);
    for (const { id, label } of page.items) {
      const bytes = book.titles.get(label.title) ?? report.bytes;
      expect(Buffer.compare(await opened(maria, id), bytes), label.title).to.equal(0);
      found.push(id);
    }
    bookmark = page.bookmark === '' ? undefined : page.bookmark;
  }
  expect(new Set(found).size).to.equal(found.length);
  expect(book.uploaded.filter((id) => !found.includes(id))).to.deep.equal([]);
  expect(book.uploaded.length).to.be.greaterThan(0);
}

async function checkMessages(gateway: Gateway, cast: Cast, book: Book): Promise<void> {
  const doctor = await visitorAt(gateway.url, 'bruun').logIn();
  const path = `/patients/${cast.patient.userId}/consultations/${cast.consultation}/messages?limit=1000`;
  const schema = z.object({ items: z.array(z.looseObject({ number: z.int(), text: z.string() })) });
  const { items } = await doctor.get(path, schema);
  expect(items.map(({ number }) => number)).to.deep.equal(items.map((_, at) => at + 1));
  const texts = items.map((item) => item.text);
  expect(new Set(texts).size).to.equal(texts.length);
  const answered = new Set(book.said);
  expect(texts.filter((said) => answered.has(said))).to.deep.equal(book.said);
}

/** Mulberry32: the same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
