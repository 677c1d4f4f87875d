// FHIR R4 from a hospital's systems: DocumentReference and Binary, their checks, and failures told as FHIR tells them.
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { z } from 'zod';
import { letIn, PROMPT, settled } from './systems.js';
import { text, World, type ApiAnswer, type Visitor } from './world.js';

const FHIR = 'application/fhir+json';
const outcomeSchema = z.object({
  resourceType: z.literal('OperationOutcome'),
  issue: z.array(
    z.looseObject({
      severity: z.string(),
      code: z.string(),
      expression: z.array(z.string()).optional(),
    }),
  ),
});
const pdf = text('%PDF-1.4 a small one');
const sha1 = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('base64');

describe('FHIR R4', function () {
  this.timeout(60_000);
  let world: World;
  let lab: Visitor, maria: Visitor;

  before(async () => {
    world = await World.open({ env: { ...PROMPT, PRMS_FHIR_MAX_BYTES: '20000' } });
    const north = await world.hospital('North');
    maria = await world.patient('Maria', north);
    await world.care(maria, await world.doctor('Adeyemi', north), north);
    lab = await letIn(world, north, 'Laboratory');
  });
  after(() => world.close());

  const reference = (attachment: object, more: object = {}) => ({
    resourceType: 'DocumentReference',
    status: 'current',
    subject: { identifier: { system: 'urn:prms:patient', value: maria.userId } },
    category: [{ coding: [{ code: 'laboratory' }] }],
    type: { text: 'Blood count' },
    description: 'Blood count, May',
    date: '2029-05-02T10:00:00Z',
    content: [{ attachment }],
    language: 'en',
    ...more,
  });
  const inline = (bytes: Uint8Array = pdf, more: object = {}) => ({
    contentType: 'application/pdf',
    data: Buffer.from(bytes).toString('base64'),
    size: bytes.length,
    hash: sha1(bytes),
    title: 'count.pdf',
    ...more,
  });
  const post = (resource: unknown, type = FHIR): Promise<ApiAnswer> =>
    lab.ask('POST', '/fhir/DocumentReference', JSON.stringify(resource), { 'content-type': type });
  const fateOf = (answer: ApiAnswer) => {
    const id = /\/intake\/reports\/(\w+)$/.exec(answer.headers.get('content-location') ?? '')?.[1];
    return settled(world, lab, id ?? '');
  };
  const issueOf = (answer: ApiAnswer) => {
    expect(answer.headers.get('content-type')).to.match(/^application\/fhir\+json/);
    const [issue] = outcomeSchema.parse(answer.body).issue;
    return `${answer.status} ${issue?.code ?? ''} ${issue?.expression?.join() ?? ''}`.trim();
  };

  it('says what is spoken', async () => {
    const answer = await world.visitor('anybody').ask('GET', '/fhir/metadata');
    expect(answer.body).to.deep.include({
      resourceType: 'CapabilityStatement',
      fhirVersion: '4.0.1',
    });
  });

  it('an inline document becomes a report, with its title, category and month', async () => {
    const answer = await post(reference(inline()));
    expect(answer.status).to.equal(202);
    const { report = '' } = await fateOf(answer);
    expect(await world.read(maria, maria, report)).to.deep.equal(pdf);
    const shown = (await world.reports(maria, maria)).find(({ id }) => id === report);
    expect(shown).to.include({ month: '2029-05', author: lab.userId });
    expect(shown?.label).to.include({ title: 'Blood count, May', category: 'laboratory' });
  });

  it('so does one whose bytes came before, in their own type or as a Binary resource', async () => {
    const bytes = text('%PDF-1.4 a larger one');
    const raw = await fetch(`${world.url}/api/v1/fhir/Binary`, {
      method: 'POST',
      headers: { authorization: `Bearer ${lab.token}`, 'content-type': 'application/pdf' },
      body: new Uint8Array(bytes),
    });
    expect(raw.status).to.equal(201);
    const resource = {
      resourceType: 'Binary',
      contentType: 'application/pdf',
      data: Buffer.from(bytes).toString('base64'),
    };
    const asResource = await lab.ask('POST', '/fhir/Binary', JSON.stringify(resource), {
      'content-type': FHIR,
    });
    for (const location of [raw.headers.get('location'), asResource.headers.get('location')]) {
      const url = location?.replace('/api/v1/fhir/', '');
      const attachment = {
        url,
        contentType: 'application/pdf',
        hash: sha1(bytes),
        size: bytes.length,
      };
      const answer = await post(reference(attachment));
      const { report = '' } = await fateOf(answer);
      expect(await world.read(maria, maria, report)).to.deep.equal(bytes);
      expect(issueOf(await post(reference(attachment))), 'once').to.equal(
        '422 invalid content.0.attachment.url',
      );
    }
  });

  it('of several documents that name one Binary at once, one is accepted, and becomes a report', async () => {
    const bytes = text('%PDF-1.4 wanted thrice');
    const raw = await fetch(`${world.url}/api/v1/fhir/Binary`, {
      method: 'POST',
      headers: { authorization: `Bearer ${lab.token}`, 'content-type': 'application/pdf' },
      body: new Uint8Array(bytes),
    });
    const url = raw.headers.get('location')?.replace('/api/v1/fhir/', '');
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((value) => post(reference({ url }, { masterIdentifier: { value } }))),
    );
    const accepted = answers.filter(({ status }) => status === 202);
    expect(accepted.length, 'accepted').to.equal(1);
    for (const answer of answers.filter(({ status }) => status !== 202))
      expect(answer.status, 'not accepted').to.be.oneOf([409, 422]);
    for (const answer of accepted) {
      const fate = await fateOf(answer);
      expect(fate.state).to.equal('anchored');
      expect(await world.read(maria, maria, fate.report ?? '')).to.deep.equal(bytes);
    }
  });

  it('the same masterIdentifier twice is one report; other bytes are a conflict, or replace it', async () => {
    const masterIdentifier = { system: 'urn:oid:1.2.3', value: '4711' };
    const first = await post(reference(inline(), { masterIdentifier }));
    const { id, report } = await fateOf(first);
    const again = await post(reference(inline(), { masterIdentifier }));
    expect(again.status).to.equal(200);
    expect(again.headers.get('content-location')).to.equal(`/api/v1/intake/reports/${id}`);
    const other = inline(text('%PDF-1.4 corrected'));
    expect(issueOf(await post(reference(other, { masterIdentifier })))).to.equal('409 conflict');
    const relatesTo = [{ code: 'replaces', target: { identifier: masterIdentifier } }];
    const next = await fateOf(await post(reference(other, { masterIdentifier, relatesTo })));
    const shown = (await world.reports(maria, maria)).find((each) => each.id === next.report);
    expect(shown).to.include({ supersedes: report });
  });

  it('a Bundle, as batch, transaction or in a resource’s place, is refused in plain words and leaves nothing', async () => {
    const before = await world.reports(maria, maria);
    for (const type of ['transaction', 'batch', 'document']) {
      const request = { method: 'POST', url: 'DocumentReference' };
      const entry = [{ resource: reference(inline()), request }];
      const bundle = { resourceType: 'Bundle', type, entry };
      const send = (path: string): Promise<ApiAnswer> =>
        lab.ask('POST', path, JSON.stringify(bundle), { 'content-type': FHIR });
      const whole = await send('/fhir');
      expect(issueOf(whole), type).to.equal('405 not-supported');
      expect(JSON.stringify(whole.body)).to.match(/Bundles are not taken here/);
      for (const path of ['/fhir/DocumentReference', '/fhir/Binary']) {
        const answer = await send(path);
        expect(issueOf(answer), `${type} ${path}`).to.equal('422 invalid resourceType');
        expect(outcomeSchema.parse(answer.body).issue, path).to.have.length(1);
        expect(JSON.stringify(answer.body)).to.match(/is Bundle: none is taken/);
      }
    }
    const stranger = await maria.ask('POST', '/fhir', '{}', { 'content-type': FHIR });
    expect(issueOf(stranger)).to.equal('401 login');
    expect(await world.reports(maria, maria)).to.have.length(before.length);
  });

  const WRONG: readonly (readonly [string, () => object, string])[] = [
    [
      'another size',
      () => reference(inline(pdf, { size: 3 })),
      '422 invalid content.0.attachment.size',
    ],
    [
      'another hash',
      () => reference(inline(pdf, { hash: sha1(text('x')) })),
      '422 invalid content.0.attachment.hash',
    ],
    [
      'another type',
      () => reference(inline(pdf, { contentType: 'image/png' })),
      '422 invalid content.0.attachment.contentType',
    ],
    ['no attachment', () => reference({}), '422 invalid content.0.attachment'],
    [
      'data and url',
      () => reference(inline(pdf, { url: 'Binary/01J0000000000000000000000A' })),
      '422 invalid content.0.attachment',
    ],
    [
      'a Binary of nobody',
      () => reference({ url: 'Binary/01J0000000000000000000000A' }),
      '422 invalid content.0.attachment.url',
    ],
    [
      'an address elsewhere',
      () => reference({ url: 'http://169.254.169.254/' }),
      '422 invalid content.0.attachment.url',
    ],
    [
      'a patient of another system',
      () => reference(inline(), { subject: { identifier: { system: 'urn:x', value: 'y' } } }),
      '422 invalid subject.identifier.system',
    ],
    ['another resource', () => ({ resourceType: 'Patient' }), '422 invalid resourceType'],
    [
      'entered in error',
      () => reference(inline(), { status: 'entered-in-error' }),
      '422 invalid status',
    ],
    [
      'a modifier',
      () => reference(inline(), { modifierExtension: [{ url: 'urn:not', valueBoolean: true }] }),
      '422 invalid modifierExtension',
    ],
    [
      'a modifier within',
      () => reference(inline(pdf, { modifierExtension: [] })),
      '422 invalid content.0.attachment.modifierExtension',
    ],
    [
      'implicit rules',
      () => reference(inline(), { implicitRules: 'urn:rules' }),
      '422 invalid implicitRules',
    ],
    ['no category', () => reference(inline(), { category: [], type: {} }), '422 invalid category'],
    [
      'more than one content',
      () => reference(inline(), { content: [1, 2].map(() => ({ attachment: inline() })) }),
      '422 invalid content',
    ],
    [
      'an addendum',
      () => reference(inline(), { relatesTo: [{ code: 'appends', target: {} }] }),
      '422 invalid relatesTo.0.code',
    ],
    ['too much for one resource', () => reference(inline(new Uint8Array(20_000))), '413 too-long'],
  ];
  for (const [name, resource, expected] of WRONG) {
    it(`${name}: ${expected}`, async () => {
      expect(issueOf(await post(resource()))).to.satisfy((issue: string) =>
        issue.startsWith(expected),
      );
    });
  }

  it('what is not JSON, not FHIR’s type, or comes without a good token is told as FHIR tells it', async () => {
    const cut = JSON.stringify(reference(inline())).slice(0, 100);
    const broken = await lab.ask('POST', '/fhir/DocumentReference', cut, { 'content-type': FHIR });
    expect(issueOf(broken)).to.equal('400 structure');
    expect(issueOf(await post({}, 'text/plain'))).to.equal('415 not-supported');
    const stranger = world.visitor('stranger');
    const asked = await stranger.ask('POST', '/fhir/DocumentReference', '{}', {
      'content-type': FHIR,
    });
    expect(issueOf(asked)).to.equal('401 login');
  });
});
