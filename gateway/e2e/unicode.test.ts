// Half of a surrogate pair, which JSON can spell and UTF-8 cannot: refused at every door; and what a client has sealed by
// itself with one in it, or with a media type that is none, harms neither an export nor an answer.
import { expect } from 'chai';
import { z } from 'zod';
import { preparedSchema, receivedSchema } from '../own-key-client/index.js';
import { FILES } from '../export-format/index.js';
import { manifestOf, RecordWorld } from './exported-record.js';
import { OwnKeyPerson } from './own-key-person.js';
import { intakeForm, letIn } from './systems.js';
import { Talker } from './talker.js';
import { SETUP_CODE, smallCover, text, uploadForm, type ApiAnswer } from './world.js';

const HALF = 'half \ud83d of a smile';
const WHOLE = 'half \ufffd of a smile';

describe('text that is no Unicode', function () {
  this.timeout(120_000);
  let record: RecordWorld;
  let talk: string;

  before(async () => {
    record = await RecordWorld.open();
    const schema = z.object({ items: z.array(z.object({ id: z.string() })) });
    const { items } = await record.maria.get(`${record.path}/consultations`, schema);
    talk = `${record.path}/consultations/${items[0]?.id ?? ''}`;
  });
  after(() => record.close());

  it('is refused as malformed, whatever brings it', async () => {
    const { world, maria, doctor, north, path } = record;
    const lab = await letIn(world, north, 'Second laboratory');
    const nobody = world.visitor('nobody');
    const credentials = { login: 'nobody', password: 'correct horse battery' };
    const profile = { name: HALF };
    const bytes = text('content');
    const upload = (meta: object) => uploadForm({ bytes, covers: [smallCover()], ...meta });
    const resource = { resourceType: 'DocumentReference', status: 'current', description: HALF };
    const asked: Readonly<Record<string, () => Promise<ApiAnswer>>> = {
      doctor: () => nobody.ask('POST', '/register/doctor', { ...credentials, profile }),
      auditor: () => nobody.ask('POST', '/register/auditor', { ...credentials, profile }),
      hospital: () =>
        nobody.ask('POST', '/register/hospital', {
          ...credentials,
          profile,
          setupCode: SETUP_CODE,
        }),
      patient: () =>
        nobody.ask('POST', '/register/patient', { ...credentials, details: profile, escrow: null }),
      password: () => nobody.ask('POST', '/sessions', { ...credentials, password: HALF }),
      system: () => north.ask('POST', '/services', { profile }),
      message: () => doctor.ask('POST', `${talk}/messages`, { text: HALF }),
      'a name': () => doctor.ask('POST', `${talk}/messages`, { text: 'x', [HALF]: 1 }),
      'deep inside': () => doctor.ask('POST', `${talk}/messages`, { text: [[{ in: [HALF] }]] }),
      title: () => maria.ask('POST', `${path}/reports`, upload({ title: HALF })),
      category: () => maria.ask('POST', `${path}/reports`, upload({ category: HALF })),
      intake: () =>
        lab.ask('POST', '/intake/reports', intakeForm({ patient: maria, bytes, title: HALF })),
      fhir: () => lab.ask('POST', '/fhir/DocumentReference', resource),
    };
    for (const [what, ask] of Object.entries(asked)) {
      const { status, body } = await ask();
      expect(status, what).to.equal(400);
      expect(JSON.stringify(body), what).to.include('half of a surrogate pair');
    }
    // A whole pair is text like any other.
    await doctor.ask('POST', `${talk}/messages`, { text: 'a whole 😀' });
  });

  it('is refused in a consultation’s frame', async () => {
    const { world, doctor } = record;
    const talker = Talker.at(world.gateway.url, talk, doctor);
    await talker.welcomed();
    expect(await talker.refused({ type: 'message', id: 'a', text: HALF })).to.equal('BAD_REQUEST');
    talker.drop();
  });

  it('in a hand-made label is shown as far as it goes, and the record can be taken away and verified', async () => {
    const { world, north, maria, path } = record;
    const dora = await new OwnKeyPerson(world, 'dora', 'doctor').register();
    await dora.act('affiliation:request', { hospital: north.userId });
    await north.change(`/affiliations/${dora.userId}/authorise`, { replaces: 1 });
    const wish = { doctor: dora.userId, hospital: north.userId };
    const { id: care, version } = await maria.change('/care', wish);
    await dora.act('care:approve', { patient: maria.userId, id: care, replaces: version });
    const add = async (label: object): Promise<string> => {
      const prepared = `${path}/sealed-reports`;
      const { id } = await dora.visitor.post(prepared, { actingFor: north.userId }, preparedSchema);
      const report = dora.seal(id, text('by hand'), { cover: smallCover(), label });
      const answer = await dora.visitor.ask('PUT', `${prepared}/${id}`, report.form());
      const { terms } = receivedSchema.parse(answer.body);
      const { epoch } = await world.gateway.services.records.patient(maria.userId);
      const vault = { id: maria.userId, seal: epoch.key };
      await dora.put(maria.userId, [await dora.wrap('report', id, vault, report.dataKey)]);
      const args = { patient: maria.userId, actingFor: north.userId, report: terms };
      await dora.act('report:anchor', args, report.twist);
      return id;
    };
    const id = await add({ title: HALF, fileName: `${HALF}.txt`, category: HALF });
    expect((await world.open(maria, maria, id)).label.title).to.equal(WHOLE);

    for (const mediaType of ['text/plain\r\nEvil: 1', 'text/\u2028plain', 'no type at all', '']) {
      const { ticket, label } = await world.open(maria, maria, await add({ mediaType }));
      expect(label.mediaType).to.equal('application/octet-stream');
      const { status, headers, bytes } = await world.content(maria, ticket);
      expect(status, mediaType).to.equal(200);
      expect(headers.get('content-type')).to.equal('application/octet-stream');
      expect(headers.has('evil')).to.equal(false);
      expect(Buffer.from(bytes).toString()).to.equal('by hand');
    }
    const kept = await world.open(
      maria,
      maria,
      await add({ mediaType: 'text/plain; charset=utf-8' }),
    );
    expect(kept.label.mediaType).to.equal('text/plain; charset=utf-8');

    const archive = await record.take(maria);
    const verdict = await record.check(archive);
    expect(verdict.problems).to.deep.equal([]);
    const { reports } = manifestOf(new Map(await record.unpack(archive)));
    expect(reports.find((report) => report.id === id)?.content).to.include({
      title: WHOLE,
      fileName: `${WHOLE}.txt`,
      category: WHOLE,
    });
  });

  it('in what a patient said of themselves, kept from an earlier time, is exported as far as it goes', async () => {
    const { world } = record;
    const sam = world.visitor('sam');
    const { login, password } = sam;
    // Past the door, as it was when it let such words in.
    const kept = {
      role: 'patient',
      login,
      password,
      details: { name: HALF },
      escrow: null,
    } as const;
    const source = { address: '127.0.0.1', devices: [] };
    const { userId } = await world.gateway.services.registration.register(kept, source);
    await sam.logIn();
    const answer = await sam.ask('POST', `/patients/${userId}/export`, {});
    expect((await record.check(answer.bytes)).problems).to.deep.equal([]);
    const files = new Map(await record.unpack(Buffer.from(answer.bytes)));
    expect(files.get(FILES.patient)?.toString()).to.include(WHOLE);
  });
});
