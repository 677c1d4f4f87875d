// Reading: no byte without an access on the ledger, a ticket for one session and a short time, ranges, large reports, and
// what is left of a report that was superseded, withdrawn or erased.
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { problemOf, terms, text, World, type Visitor } from './world.js';

const LIMIT_BYTES = 100_000;
const TICKET_MS = 300_000;
const samples = new URL('../../../samples/', import.meta.url);

describe('reading through HTTP', function () {
  this.timeout(30_000);
  let world: World;
  let north: Visitor;
  let doctor: Visitor;
  let maria: Visitor;

  before(async () => {
    world = await World.open({ env: { PRMS_STEGO_LIMIT_BYTES: String(LIMIT_BYTES) } });
    north = await world.hospital('North');
    doctor = await world.doctor('Adeyemi', north);
    maria = await world.patient('Maria');
  });
  after(() => world.close());

  it('records each access, permitted and refused, before a byte is given', async () => {
    const { id } = await world.upload(maria, maria, { bytes: text('0123456789') });
    const wish = { actingFor: north.userId };
    await world.refused(doctor, maria, id, wish);
    const { access, ticket } = await world.open(maria, maria, id);
    const log = await world.accesses(maria, maria);
    expect(log.slice(0, 2)).to.have.length(2);
    expect(log.find((entry) => entry.id === access)?.outcome).to.include({ decision: 'permit' });
    expect(log.find(({ actor }) => actor === doctor.userId)?.outcome).to.include({
      decision: 'refuse',
      code: 'NO_CONSENT',
    });
    expect((await world.content(maria, ticket)).status).to.equal(200);
  });

  it('gives a ticket’s bytes to its own session alone', async () => {
    const { id } = await world.upload(maria, maria, { bytes: text('mine') });
    const { ticket } = await world.open(maria, maria, id);
    const elsewhere = await world.visitor(maria.login).logIn();
    for (const who of [elsewhere, doctor]) {
      const answer = await world.content(who, ticket);
      expect(answer.status).to.equal(404);
      expect(Buffer.from(answer.bytes).includes('mine')).to.equal(false);
    }
    const nobody = world.visitor('nobody');
    expect((await world.content(nobody, ticket)).status).to.equal(401);
    const made = randomBytes(32).toString('base64url');
    expect((await world.content(maria, made)).status).to.equal(404);
    expect((await world.content(maria, ticket)).status).to.equal(200);
  });

  it('ends a ticket after its time', async () => {
    const { id } = await world.upload(maria, maria, { bytes: text('for a while') });
    const { ticket, expiresAt } = await world.open(maria, maria, id);
    expect(expiresAt).to.equal(world.clock.now() + TICKET_MS);
    world.clock.advance(TICKET_MS - 1);
    expect((await world.content(maria, ticket)).status).to.equal(200);
    world.clock.advance(1);
    expect((await world.content(maria, ticket)).status).to.equal(404);
  });

  it('answers ranges as RFC 9110 says', async () => {
    const { id, sha256 } = await world.upload(maria, maria, { bytes: text('0123456789') });
    const { ticket } = await world.open(maria, maria, id);
    const ask = async (range: string) => world.content(maria, ticket, { range });
    for (const [range, status, bytes, contentRange] of [
      ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
      ['bytes=4-', 206, '456789', 'bytes 4-9/10'],
      ['bytes=-3', 206, '789', 'bytes 7-9/10'],
      ['bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
      ['bytes=8-99', 206, '89', 'bytes 8-9/10'],
      ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
      ['bytes=0-1,3-4', 200, '0123456789', null],
      ['lines=0-1', 200, '0123456789', null],
    ] as const) {
      const answer = await ask(range);
      expect(answer.status, range).to.equal(status);
      expect(Buffer.from(answer.bytes).toString('latin1'), range).to.equal(bytes);
      expect(answer.headers.get('content-range'), range).to.equal(contentRange);
      expect(answer.headers.get('content-length'), range).to.equal(String(bytes.length));
      expect(answer.headers.get('etag'), range).to.equal(`"${sha256}"`);
    }
    for (const range of ['bytes=10-', 'bytes=10-12', 'bytes=-0', 'bytes=999999999999999-']) {
      const answer = await ask(range);
      expect(answer.status, range).to.equal(416);
      expect(problemOf(answer)).to.include({ code: 'RANGE', limitBytes: 10 });
    }
  });

  it('sniffs what a file is and says so, as an attachment that no page can run', async () => {
    const files = [
      ['lab-report.pdf', 'application/pdf'],
      ['CT_small.dcm', 'application/dicom'],
    ] as const;
    for (const [name, mediaType] of files) {
      const bytes = await readFile(new URL(`reports/${name}`, samples));
      // The name claims something else.
      const { id, mediaType: told } = await world.upload(maria, maria, {
        bytes,
        fileName: 'page.html',
      });
      expect(told).to.equal(mediaType);
      const { ticket } = await world.open(maria, maria, id);
      const { headers, bytes: got } = await world.content(maria, ticket);
      expect(headers.get('content-type')).to.equal(mediaType);
      expect(headers.get('x-content-type-options')).to.equal('nosniff');
      expect(headers.get('content-disposition')).to.match(/^attachment;/);
      expect(headers.get('cache-control')).to.match(/no-store/);
      expect(Buffer.from(got).equals(bytes)).to.equal(true);
    }
    const html = text('<script>alert(1)</script>');
    const { id } = await world.upload(maria, maria, { bytes: html, fileName: 'x.html' });
    const { ticket } = await world.open(maria, maria, id);
    expect((await world.content(maria, ticket)).headers.get('content-type')).to.match(
      /^text\/plain/,
    );
  });

  it('stores what is too large to hide encrypted, says so, and ranges cross its chunks', async () => {
    const bytes = randomBytes(2_300_000);
    const uploaded = await world.upload(maria, maria, { bytes });
    expect(uploaded.storage).to.equal('encrypted');
    expect(uploaded.notice).to.match(/too large to hide/);
    expect(uploaded.sha256).to.equal(createHash('sha256').update(bytes).digest('hex'));
    const [listed] = await world.reports(maria, maria);
    expect(listed).to.include({ id: uploaded.id, storage: 'encrypted' });
    const { ticket } = await world.open(maria, maria, uploaded.id);
    const whole = await world.content(maria, ticket);
    expect(Buffer.from(whole.bytes).equals(bytes)).to.equal(true);
    for (const boundary of [65_536, 262_144, 1_048_576, 2_097_152]) {
      const [start, end] = [boundary - 5, boundary + 7];
      const part = await world.content(maria, ticket, { range: `bytes=${start}-${end}` });
      expect(part.status).to.equal(206);
      expect(Buffer.from(part.bytes).equals(bytes.subarray(start, end + 1))).to.equal(true);
    }
    const last = await world.content(maria, ticket, { range: 'bytes=-1' });
    expect(Buffer.from(last.bytes).equals(bytes.subarray(-1))).to.equal(true);
    const picture = `/patients/${maria.userId}/reports/${uploaded.id}/stego/0`;
    expect(await maria.fails('GET', picture)).to.equal('NOT_FOUND');
  });

  it('opens a full grantee’s and a patient’s large report alike', async () => {
    const bytes = randomBytes(LIMIT_BYTES + 1);
    await world.grant(maria, maria, terms(doctor));
    const { id } = await world.upload(maria, maria, { bytes });
    const got = await world.read(doctor, maria, id, { actingFor: north.userId });
    expect(Buffer.from(got).equals(bytes)).to.equal(true);
  });

  it('erased: gone for the patient too, and out of the cloud', async () => {
    const tom = await world.patient('Tomas');
    const kept = await world.upload(tom, tom, { bytes: text('kept') });
    const before = new Set((await world.objects()).keys());
    const { id } = await world.upload(tom, tom, { bytes: text('to be erased') });
    await world.grant(tom, tom, terms(doctor, { kind: 'selective', reports: [id] }));
    const { ticket } = await world.open(tom, tom, id);
    await tom.change(`/patients/${tom.userId}/reports/${id}/erase`, { replaces: 1 });
    expect(new Set((await world.objects()).keys())).to.deep.equal(before);
    const path = `/patients/${tom.userId}/reports/${id}/access`;
    const answer = await tom.ask('POST', path, { action: 'view', purpose: 'treatment' });
    expect(answer.status).to.equal(410);
    expect(problemOf(answer)).to.include({ code: 'GONE', reason: 'REPORT_ERASED' });
    // A ticket from before gives no byte either: there are none.
    const late = await world.content(tom, ticket);
    expect(late.status).to.be.greaterThanOrEqual(400);
    const [first, second] = await world.reports(tom, tom);
    expect(first).to.include({ id, status: 'erased' }).and.not.have.property('label');
    expect(second?.label?.title).to.equal('A report');
    expect(Buffer.from(await world.read(tom, tom, kept.id)).toString()).to.equal('kept');
  });

  it('withdrawn: for nobody but the patient', async () => {
    const tom = await world.patient('Tomas');
    const { id } = await world.upload(tom, tom, { bytes: text('withdrawn') });
    await world.grant(tom, tom, terms(doctor));
    await tom.change(`/patients/${tom.userId}/reports/${id}/withdraw`, { replaces: 1 });
    const wish = { actingFor: north.userId };
    expect(await world.refused(doctor, tom, id, wish)).to.equal('REFUSED:REPORT_WITHDRAWN');
    expect(Buffer.from(await world.read(tom, tom, id)).toString()).to.equal('withdrawn');
  });

  it('superseded: both stay, and each names the other', async () => {
    const tom = await world.patient('Tomas');
    const old = await world.upload(tom, tom, { bytes: text('old') });
    const supersedes = { id: old.id, replaces: 1 };
    const next = await world.upload(tom, tom, { bytes: text('new'), supersedes });
    const [first, second] = await world.reports(tom, tom);
    expect(first).to.include({ id: next.id, supersedes: old.id, status: 'active' });
    expect(second).to.include({ id: old.id, supersededBy: next.id, status: 'superseded' });
    expect(Buffer.from(await world.read(tom, tom, old.id)).toString()).to.equal('old');
    expect(Buffer.from(await world.read(tom, tom, next.id)).toString()).to.equal('new');
  });

  it('says NOT_FOUND for a report of another patient, and records the attempt where it belongs', async () => {
    const tom = await world.patient('Tomas');
    const { id } = await world.upload(maria, maria, { bytes: text('Maria’s') });
    const path = `/patients/${tom.userId}/reports/${id}/access`;
    expect(await tom.fails('POST', path, { action: 'view', purpose: 'treatment' })).to.match(
      /^NOT_FOUND/,
    );
  });
});
