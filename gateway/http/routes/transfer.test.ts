// Bytes in and out: multipart forms of every bad kind, media types, ranges.
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { z } from 'zod';
import { API_ROOT } from '../base/index.js';
import { openPractice, TestApi, type Practice } from './testing-api.js';

const samples = new URL('../../../../samples/', import.meta.url);
const cover = z.object({ id: z.string(), width: z.int(), capacityBytes: z.int() });
const covers = z.object({ items: z.array(cover) });
const uploaded = z.object({
  report: z.object({
    id: z.string(),
    storage: z.string(),
    sha256: z.string(),
    mediaType: z.string(),
    bytes: z.int(),
    images: z.array(z.object({ synthesised: z.boolean() })),
  }),
});
const opened = z.object({ ticket: z.string() });
const META = { title: 'Befund', category: 'laboratory' };
const BOUNDARY = 'frontier';

describe('transfer of bytes', () => {
  let api: TestApi;
  let people: Practice;
  let photo: Buffer;
  let pdf: Buffer;
  let reports = '';
  before(async () => {
    api = await TestApi.start('transfer');
    people = await openPractice(api);
    reports = `/patients/${people.patient.userId}/reports`;
    photo = await readFile(new URL('covers/chelsea.png', samples));
    pdf = await readFile(new URL('reports/lab-report.pdf', samples));
  });
  after(() => api.close());

  const form = (
    parts: readonly (readonly [name: string, value: string | Blob, file?: string])[],
  ) => {
    const data = new FormData();
    for (const [name, value, file] of parts) {
      if (typeof value === 'string') data.append(name, value);
      else data.append(name, value, file ?? 'file');
    }
    return data;
  };
  const meta = (change: object = {}) => ['meta', JSON.stringify({ ...META, ...change })] as const;
  const blob = (bytes: Uint8Array | string, type = 'application/x-lie') =>
    new Blob([bytes], { type });

  /** A body that is sent as it is. */
  const raw = (body: string, contentType = `multipart/form-data; boundary=${BOUNDARY}`) =>
    fetch(`${api.url}${API_ROOT}${reports}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${people.patient.token}`, 'content-type': contentType },
      body,
    });

  it('hides a report in the covers that come with it, and gives the same bytes back', async () => {
    const { patient } = people;
    const parts = [
      meta(),
      ['report', blob(pdf, 'text/html'), 'Befund März (1).pdf'],
      ['cover', blob(photo)],
    ] as const;
    const { report } = await patient.post(reports, form(parts), uploaded);
    const sha256 = createHash('sha256').update(pdf).digest('hex');
    expect(report).to.include({ storage: 'stego', mediaType: 'application/pdf', sha256 });
    expect(report.bytes).to.equal(pdf.length);
    expect(report.images[0]?.synthesised).to.equal(false);

    const wish = { action: 'download', purpose: 'treatment' };
    const { ticket } = await patient.post(`${reports}/${report.id}/access`, wish, opened);
    const path = `/tickets/${ticket}/content`;
    const whole = await patient.ask('GET', path);
    expect(Buffer.from(whole.bytes).equals(pdf)).to.equal(true);
    const header = (name: string) => whole.headers.get(name);
    expect(header('content-type')).to.equal('application/pdf');
    expect(header('etag')).to.equal(`"${sha256}"`);
    expect(header('accept-ranges')).to.equal('bytes');
    expect(header('cache-control')).to.equal('no-store');
    expect(header('x-content-type-options')).to.equal('nosniff');
    expect(header('content-length')).to.equal(String(pdf.length));
    expect(header('content-disposition')).to.equal(
      `attachment; filename="Befund_M_rz__1_.pdf"; filename*=UTF-8''Befund%20M%C3%A4rz%20%281%29.pdf`,
    );

    const part = await patient.ask('GET', path, undefined, { range: 'bytes=100-199' });
    expect(part.status).to.equal(206);
    expect(part.headers.get('content-range')).to.equal(`bytes 100-199/${pdf.length}`);
    expect(Buffer.from(part.bytes).equals(pdf.subarray(100, 200))).to.equal(true);
    const stale = { range: 'bytes=100-199', 'if-range': '"another"' };
    expect((await patient.ask('GET', path, undefined, stale)).status).to.equal(200);
    const outside = await patient.ask('GET', path, undefined, { range: `bytes=${pdf.length}-` });
    expect(outside.status).to.equal(416);
    expect(outside.headers.get('content-range')).to.equal(`bytes */${pdf.length}`);

    expect(await people.doctor.fails('GET', path)).to.equal('NOT_FOUND');
    api.clock.advance(5 * 60_000);
    expect(await patient.fails('GET', path)).to.equal('NOT_FOUND');
  });

  it('keeps covers until they are used or forgotten, and takes pictures only', async () => {
    const { patient } = people;
    const retina = await readFile(new URL('covers/retina.jpg', samples));
    const add = (file: Blob) => form([['cover', file]]);
    const added = await patient.post('/covers', add(blob(retina)), cover);
    expect(added.capacityBytes).to.be.greaterThan(1000);
    expect((await patient.get('/covers', covers)).items).to.deep.equal([added]);
    expect(await patient.fails('POST', '/covers', add(blob(pdf)))).to.equal('UNSUPPORTED_MEDIA');
    const cut = blob(retina.subarray(0, 5000));
    expect(await patient.fails('POST', '/covers', add(cut))).to.equal('UNSUPPORTED_MEDIA');
    const huge = blob(new Uint8Array(1024 * 1024 + 1));
    expect(await patient.fails('POST', '/covers', add(huge))).to.equal('TOO_LARGE');
    const path = `/covers/${added.id}`;
    expect(await people.doctor.fails('DELETE', path)).to.equal('NOT_FOUND');
    expect((await patient.ask('DELETE', path)).status).to.equal(204);
    expect((await patient.get('/covers', covers)).items).to.deep.equal([]);
  });

  it('answers every bad form with its own problem, and nothing is anchored', async () => {
    const { patient } = people;
    const report = ['report', blob('text')] as const;
    const listed = z.object({ items: z.array(z.unknown()) });
    const count = async () => (await patient.get(reports, listed)).items.length;
    const before = await count();
    const fails = (...parts: Parameters<typeof form>[0]) =>
      patient.fails('POST', reports, form(parts));
    expect(await fails(report)).to.equal('BAD_REQUEST');
    expect(await fails(meta())).to.equal('BAD_REQUEST');
    expect(await fails(['meta', '{"title":'], report)).to.equal('BAD_REQUEST');
    expect(await fails(meta({ title: '' }), report)).to.equal('VALIDATION');
    expect(await fails(meta({ suite: 'paper' }), report)).to.equal('VALIDATION');
    expect(await fails(meta({ month: '2029-13' }), report)).to.equal('VALIDATION');
    expect(await fails(meta(), report, report)).to.equal('BAD_REQUEST');
    expect(await fails(meta(), report, ['virus', blob('x')])).to.equal('BAD_REQUEST');
    expect(await fails(meta({ note: 'x'.repeat(40_000) }), report)).to.equal('TOO_LARGE');
    const large = ['report', blob(new Uint8Array(256 * 1024 + 1))] as const;
    expect(await fails(meta(), large)).to.equal('TOO_LARGE');
    const picture = ['cover', blob(photo)] as const;
    expect(await fails(meta(), report, picture, picture, picture)).to.equal('TOO_LARGE');
    expect(await fails(meta(), report, ['cover', blob('no picture')])).to.equal(
      'UNSUPPORTED_MEDIA',
    );
    expect(await count()).to.equal(before);
  });

  it('answers what is no whole form, and outlives a sender that goes away', async () => {
    const code = async (response: Response) =>
      z.object({ code: z.string() }).parse(await response.json()).code;
    const part = (name: string, value: string) =>
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    expect(await code(await raw(part('meta', '{}')))).to.equal('BAD_REQUEST');
    expect(await code(await raw(''))).to.equal('BAD_REQUEST');
    for (const name of ['report"; filename="a', 'cover"; filename="a']) {
      for (const length of [10, 200_000])
        expect(await code(await raw(part(name, 'x'.repeat(length))))).to.equal('BAD_REQUEST');
    }
    expect(await code(await raw('no form at all'))).to.equal('BAD_REQUEST');
    expect(await code(await raw('{}', 'application/json'))).to.equal('UNSUPPORTED_MEDIA');
    expect(await code(await raw('x', 'multipart/form-data'))).to.equal('UNSUPPORTED_MEDIA');

    const { hostname, port } = new URL(api.url);
    const socket = connect(Number(port), hostname);
    const begun = `POST ${API_ROOT}${reports} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${people.patient.token}\r\nContent-Type: multipart/form-data; boundary=${BOUNDARY}\r\nContent-Length: 100000\r\n\r\n--${BOUNDARY}\r\nContent-Disposition: form-data; name="report"; filename="a"\r\n\r\nhalf`;
    await new Promise<void>((resolve) => socket.write(begun, () => resolve()));
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    const { patient } = people;
    const { report } = await patient.post(
      reports,
      form([meta(), ['report', blob('{"resourceType":"Observation"}')]]),
      uploaded,
    );
    expect(report).to.include({ mediaType: 'application/fhir+json' });
    expect(report.images.every(({ synthesised }) => synthesised)).to.equal(true);
  });
});
