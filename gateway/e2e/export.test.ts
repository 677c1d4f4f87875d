// A whole record, exported over HTTP and checked offline.
import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { GatewayError } from '../errors.js';
import { FILES } from '../export-format/index.js';
import { manifestOf, RecordWorld } from './exported-record.js';
import { problemOf, terms, text, type Visitor } from './world.js';

/** A patient's policy holds no more than a few dozen entries that have just been ended. */
const MOST_CHANGES = 60;

describe('exporting a record', function () {
  this.timeout(180_000);
  let record: RecordWorld;
  let exported: Buffer;

  before(async () => {
    record = await RecordWorld.open();
    exported = await record.take(record.maria);
  });
  after(() => record.close());

  it('holds, from the bytes to the head of the chain, and says what is not proven', async () => {
    const verdict = await record.check(exported);
    expect(verdict.problems).to.deep.equal([]);
    expect(verdict).to.deep.include({ ok: true, kind: 'export' });
    expect(verdict.facts).to.deep.include({
      patient: record.maria.userId,
      by: record.maria.userId,
      transcripts: 1,
      included: 13,
    });
    expect(verdict.notProven.join())
      .to.match(/nothing else exists/)
      .and.to.match(/--expect/);
    const { height, headHash } = verdict.facts;
    const noted = [{ block: Number(height) - 1, hash: String(headHash) }];
    expect((await record.check(exported, noted)).ok).to.equal(true);
    const other = await record.check(exported, [{ block: 1, hash: 'a'.repeat(64) }]);
    expect(other.problems).to.deep.equal([
      { file: 'ledger/chain.bin', message: 'block 1 has another hash than the one that was noted' },
    ]);
  });

  it('holds the reports as they were added, under names that harm nobody', async () => {
    const files = new Map(await record.unpack(exported));
    const manifest = manifestOf(files);
    for (const { id, bytes } of record.reports) {
      const content = manifest.reports.find((report) => report.id === id)?.content;
      const held = files.get(content?.file ?? '');
      expect(held?.equals(bytes), id).to.equal(true);
    }
    const names = manifest.reports.map(({ content }) => content?.file ?? '');
    expect(new Set(names.map((name) => name.toLowerCase())).size).to.equal(13);
    for (const name of names) {
      expect(name).to.match(/^reports\/\d{5}(-[\p{L}\p{N}\p{M}-]+)?\.[a-z]+$/u);
      expect(Buffer.byteLength(name)).to.be.lessThan(240);
    }
    // The title itself is kept where it can do no harm.
    const titles = manifest.reports.map(({ content }) => content?.title);
    expect(titles).to.include('../../etc/passwd');
  });

  it('shows nothing of other patients, though their operations stand in the same blocks', async () => {
    const files = await record.unpack(exported);
    for (const [name, content] of files) {
      expect(content.includes('Tomas'), name).to.equal(false);
      expect(content.includes('not Maria’s'), name).to.equal(false);
    }
    const operations = new Map(files).get('ledger/operations.ndjson')?.toString() ?? '';
    const actors = new Set(
      [...operations.matchAll(/\\"actor\\":\\"([\w-]{43})/g)].map(([, id]) => id),
    );
    const { doctor, maria, lena, north, system } = record;
    expect([...actors].sort()).to.deep.equal(
      // The hospital, because it has let its system in.
      [...[doctor, maria, lena, north].map(({ userId }) => userId), system].sort(),
    );
  });

  it('leaves a trace of each report that was read for it', async () => {
    const { reports: told } = manifestOf(new Map(await record.unpack(exported)));
    const log = await record.world.accesses(record.maria, record.maria);
    for (const { id, access } of told) {
      const found = log.find((entry) => entry.id === access);
      expect(found).to.deep.include({ report: id, actor: record.maria.userId });
      expect(found?.outcome.decision).to.equal('permit');
    }
  });

  it('is for the patient and a guardian, with a fresh log-in', async () => {
    for (const who of [record.doctor, record.north, await record.world.auditor('Eyre')])
      expect(await who.fails('POST', `${record.path}/export`)).to.equal('FORBIDDEN');
    expect(await record.lena.fails('POST', `${record.path}/export`)).to.equal('FORBIDDEN');
    expect(
      await (await record.world.patient('Other')).fails('POST', `${record.path}/export`),
    ).to.equal('FORBIDDEN');
    const piotr = await record.world.relative('Piotr');
    const notAfter = record.world.clock.now() + 30 * 86_400_000;
    await record.maria.change(`${record.path}/kin`, {
      relative: piotr.userId,
      rights: ['guardian'],
      notAfter,
    });
    const verdict = await record.check(await record.take(piotr));
    expect(verdict.problems).to.deep.equal([]);
    expect(verdict.facts).to.deep.include({ by: piotr.userId, included: 13 });
    expect(verdict.notProven.join('\n')).to.not.include('still a guardian');
    record.world.clock.advance(11 * 60_000);
    expect(await record.maria.fails('POST', `${record.path}/export`)).to.equal(
      'FRESH_LOGIN_REQUIRED',
    );
    await record.maria.logIn();
  });

  it('holds when the guardian ceases to be one while it is written, and says that they did', async () => {
    const { world, maria, path } = record;
    const vera = await world.relative('Vera');
    const notAfter = world.clock.now() + 30 * 86_400_000;
    const link = { relative: vera.userId, rights: ['guardian'], notAfter };
    const { id } = await maria.change(`${path}/kin`, link);
    const { exports, sessions, logins } = world.gateway.services;
    const session = await sessions.authenticate(vera.token);
    if (!session) throw new Error('Vera is logged in');
    const pieces: Uint8Array[] = [];
    const { bytes } = await exports.begin(logins.actor(session), maria.userId);
    let isAmended = false;
    for await (const piece of bytes) {
      pieces.push(piece);
      // All that only a guardian is shown has been written; the policy has not.
      if (isAmended || !Buffer.from(piece).includes(FILES.consultations)) continue;
      isAmended = true;
      await maria.change(`${path}/kin/${id}/amend`, { rights: ['view'], replaces: 1 });
    }
    expect(isAmended).to.equal(true);
    const { problems, notProven, facts } = await record.check(Buffer.concat(pieces));
    expect(problems).to.deep.equal([]);
    expect(facts).to.deep.include({ by: vera.userId, included: 13 });
    expect(notProven.join('\n')).to.include(`That ${vera.userId} was still a guardian`);
    const own = await record.check(await record.take(maria));
    expect(own.notProven.join('\n')).to.not.include('still a guardian');
  });

  it('keys that were changed since are followed', async () => {
    await record.maria.change('/me/keys/rotate');
    await record.maria.logIn();
    const verdict = await record.check(await record.take(record.maria));
    expect(verdict.problems).to.deep.equal([]);
  });

  it('a transcript that can not be made keeps nothing else back, and is said to be missing', async () => {
    const { consultations } = record.world.gateway.services;
    consultations.transcriptIfHere = () =>
      Promise.reject(new GatewayError('STORE_DAMAGED', 'The stored messages are damaged.'));
    const archive = await record.take(record.maria);
    Reflect.deleteProperty(consultations, 'transcriptIfHere');
    const verdict = await record.check(archive);
    expect(verdict.problems).to.deep.equal([]);
    expect(verdict.facts).to.deep.include({ included: 13, transcripts: 0 });
    expect(verdict.notProven.join()).to.match(/transcript is not in the archive/);
    const whole = await record.check(await record.take(record.maria));
    expect(whole.notProven.join()).not.to.match(/transcript is not/);
  });

  it('holds although the record changes at every moment while it is written', async () => {
    const { world, maria, doctor, north, path } = record;
    const given = await world.grant(
      maria,
      maria,
      terms(doctor, { kind: 'partial', fromMonth: '2020-01' }),
    );
    const piotr = await world.relative('Piotr');
    const consent = { id: given, version: 1 };
    let [link, turns] = ['', 0];
    const changes: (() => Promise<unknown>)[] = [
      () => world.upload(maria, maria, { bytes: text(`meanwhile ${turns}`) }),
      async () => {
        const purposes = [turns % 2 === 0 ? 'research' : 'treatment'];
        const wider = terms(doctor, { kind: 'partial', fromMonth: '2020-01' }, { purposes });
        const replaces = consent.version++;
        await maria.change(`${path}/consents/${consent.id}/amend`, { terms: wider, replaces });
      },
      () =>
        doctor.ask('POST', `${path}/reports/${record.reports[1]?.id ?? ''}/access`, {
          action: 'view',
          purpose: 'treatment',
          actingFor: north.userId,
        }),
      async () => {
        if (link !== '') await maria.change(`${path}/kin/${link}/end`, { replaces: 1 });
        link =
          link === ''
            ? (await maria.change(`${path}/kin`, { relative: piotr.userId, rights: ['keep'] })).id
            : '';
      },
      () =>
        doctor.change(`${path}/emergency`, {
          actingFor: north.userId,
          reason: 'found unconscious',
        }),
      async () => {
        const talk = { patient: maria.userId, hospital: north.userId };
        const { id } = await doctor.change('/consultations', talk);
        await doctor.ask('POST', `${path}/consultations/${id}/messages`, { text: 'How are you?' });
        if (turns % 2 === 0) await doctor.change(`${path}/consultations/${id}/close`);
      },
    ];
    const erased = record.reports[9]?.id ?? '';
    const next = (): Promise<unknown> | undefined =>
      turns++ === 6
        ? maria.change(`${path}/reports/${erased}/erase`, { replaces: 1 })
        : changes[turns % changes.length]?.();
    const { exports } = world.gateway.services;
    const begin = exports.begin.bind(exports);
    exports.begin = async (actor, patient) => {
      const { fileName, bytes } = await begin(actor, patient);
      return { fileName, bytes: between(bytes, next) };
    };
    // The tests before this one took longer than a log-in stays fresh.
    await doctor.logIn();
    const archive = await record
      .take(maria)
      .finally(() => Reflect.deleteProperty(exports, 'begin'));
    expect(turns).to.be.greaterThan(40);
    const verdict = await record.check(archive);
    expect(verdict.problems).to.deep.equal([]);
    const manifest = manifestOf(new Map(await record.unpack(archive)));
    const gone = manifest.reports.find(({ id }) => id === erased);
    expect(gone).to.include({ state: 'included', status: 'erased' });
    const before = await record.check(exported);
    expect(verdict.facts['operations']).to.be.greaterThan(Number(before.facts['operations']));
  });

  it('lists what it could not read, with what became of it', async () => {
    const objects = await record.world.objects();
    const { reports: told } = manifestOf(new Map(await record.unpack(exported)));
    const [damaged, withdrawn, erased] = told;
    if (!damaged || !withdrawn || !erased) throw new Error('there are reports');
    const place = objects.get(damaged.locators[0]?.object ?? '') ?? '';
    const bytes = await readFile(place);
    await writeFile(place, bytes.subarray(0, bytes.length - 9));
    const version = { replaces: 1 };
    await record.maria.change(`${record.path}/reports/${withdrawn.id}/withdraw`, version);
    await record.maria.change(`${record.path}/reports/${erased.id}/erase`, version);
    const verdictOf = async (who: Visitor): Promise<Record<string, string>> => {
      const archive = await record.take(who);
      const verdict = await record.check(archive);
      expect(verdict.problems).to.deep.equal([]);
      const manifest = manifestOf(new Map(await record.unpack(archive)));
      return Object.fromEntries(manifest.reports.map(({ id, state }) => [id, state]));
    };
    const mine = await verdictOf(record.maria);
    // What its author, or she herself, withdrew is still hers to take away.
    expect(mine).to.deep.include({
      [damaged.id]: 'damaged',
      [withdrawn.id]: 'included',
      [erased.id]: 'erased',
    });
    const answer = await record.maria.ask('POST', `${record.path}/reports/${erased.id}/access`, {
      action: 'view',
      purpose: 'treatment',
    });
    expect(problemOf(answer)).to.deep.include({ code: 'GONE', reason: 'REPORT_ERASED' });
  });
});

/** Hands the pieces on, and does something after every fifth one, before the next is asked for; a bounded number of times. */
async function* between(
  pieces: AsyncIterable<Uint8Array>,
  act: () => Promise<unknown> | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let passed = 0;
  for await (const piece of pieces) {
    yield piece;
    passed++;
    if (passed % 5 === 0 && passed <= 5 * MOST_CHANGES) await act();
  }
}
