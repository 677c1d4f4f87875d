// The S3 adapter, made patient, against a server that misbehaves: what it repeats, what it gives up, and that nothing
// half-written is ever seen.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { CloudError, type Cloud } from './cloud.js';
import { cloudFailure, sha256 } from './conformance/index.js';
import { hashOf } from './copy-faults.js';
import { readAll } from './read-all.js';
import { resilient, type ResiliencePolicy } from './resilient.js';
import { openS3Cloud } from './s3.js';
import { FAKE_CREDENTIALS, S3Fake, s3OptionsFor, type S3Fault } from './testing/s3-fake.js';

describe('s3 against a server that misbehaves', function () {
  this.timeout(30_000);
  const bytes = randomBytes(40_000);
  const digest = sha256(bytes);
  let fake: S3Fake;
  let failures: CloudError[];

  const patient = (more: Partial<ResiliencePolicy> = {}, cloud?: Cloud): Cloud =>
    resilient(cloud ?? openS3Cloud(s3OptionsFor(fake)), {
      attempts: 4,
      timeoutMs: 2000,
      backoffMs: 1,
      maxBackoffMs: 4,
      onFailure: (error) => failures.push(error),
      ...more,
    });
  /** The next requests of this method meet these, one each. */
  const next = (method: string, ...faults: S3Fault[]) => {
    fake.fault = (request) => (request.method === method ? faults.shift() : undefined);
  };
  const always = (fault: S3Fault) => {
    fake.fault = () => fault;
  };
  const put = (cloud: Cloud, body: Buffer = bytes) =>
    cloud.putIfAbsent('one', body, { sha256: sha256(body) });
  const read = (cloud: Cloud) => readAll(cloud, 'one', { sha256: digest, maxBytes: 100_000 });
  const codes = () => failures.map(({ code }) => code);
  const answer = (status: number, code: string): S3Fault => ({ kind: 'answer', status, code });

  beforeEach(async () => {
    fake = await S3Fake.start();
    failures = [];
  });
  afterEach(() => fake.stop());

  it('rides out a storm of 5xx, SlowDown among them', async () => {
    const storm = [
      answer(503, 'SlowDown'),
      answer(500, 'InternalError'),
      answer(502, 'BadGateway'),
    ];
    next('PUT', ...storm);
    await put(patient());
    expect(codes()).to.deep.equal(['UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE']);
    next('GET', ...storm);
    expect(await read(patient())).to.deep.equal(bytes);
    next('DELETE', ...storm);
    await patient().delete('one');
    expect(fake.objects.size).to.equal(0);
  });

  it('gives up a storm that does not end, after so many attempts', async () => {
    always(answer(503, 'SlowDown'));
    expect(await cloudFailure(() => put(patient()))).to.equal('UNAVAILABLE');
    expect(fake.requests).to.have.length(4);
  });

  it('calls silence a TIMEOUT, and asks again', async () => {
    always({ kind: 'silence' });
    const hasty = patient({ timeoutMs: 60, attempts: 2 });
    for (const work of [
      () => put(hasty),
      () => read(hasty),
      () => hasty.head('one'),
      () => hasty.list(''),
    ])
      expect(await cloudFailure(work)).to.equal('TIMEOUT');
    expect(fake.requests).to.have.length(8);
  });

  it('calls a byte now and then a TIMEOUT, too, however long it goes on', async () => {
    await put(patient());
    always({ kind: 'drip', everyMs: 5 });
    const hasty = patient({ timeoutMs: 100, attempts: 2, minBytesPerSecond: 100_000 });
    const started = performance.now();
    expect(await cloudFailure(() => read(hasty))).to.equal('TIMEOUT');
    expect(performance.now() - started, 'ms').to.be.lessThan(10_000);
    expect(codes()).to.include('TIMEOUT');
  });

  it('goes on where a drip began, when the server recovers', async () => {
    await put(patient());
    next('GET', { kind: 'drip', everyMs: 5 });
    expect(await read(patient({ timeoutMs: 150, minBytesPerSecond: 10_000 }))).to.deep.equal(bytes);
    expect(codes()).to.deep.equal(['TIMEOUT']);
  });

  it('shows nothing of an upload that is cut in the middle', async () => {
    always({ kind: 'cut-request', afterBytes: 1000 });
    expect(await cloudFailure(() => put(patient({ attempts: 2 })))).to.equal('UNAVAILABLE');
    expect(fake.objects.size).to.equal(0);
    fake.fault = () => undefined;
    await put(patient());
    expect(await read(patient())).to.deep.equal(bytes);
  });

  it('shows nothing of an upload in parts that is cut in the middle, and takes the parts back', async () => {
    const big = randomBytes(1_000_000);
    let sent = 0;
    fake.fault = ({ method, query }) =>
      method === 'PUT' && query.has('partNumber') && ++sent === 3
        ? { kind: 'cut-request', afterBytes: 1000 }
        : undefined;
    expect(await cloudFailure(() => put(patient({ attempts: 1 }), big))).to.equal('UNAVAILABLE');
    expect([fake.objects.size, fake.uploads.size]).to.deep.equal([0, 0]);
    await put(patient(), big);
    expect(await hashOf(patient(), 'one')).to.equal(sha256(big));
  });

  for (const [how, partBytes, requests] of [
    ['whole', 64_000_000, ['PUT', 'PUT']],
    ['in parts', 12_000_000, ['POST', 'PUT', 'DELETE', 'POST', 'PUT', 'DELETE']],
  ] as const) {
    it(`calls it a TIMEOUT when the server takes an upload ${how} too slowly, and nothing is kept`, async () => {
      // More than the buffers of both ends hold, or it would be out of the adapter's hands at once.
      const big = Buffer.alloc(24_000_000, 'abc');
      const cloud = openS3Cloud({ ...s3OptionsFor(fake), partBytes });
      const hasty = { attempts: 2, timeoutMs: 300, minBytesPerSecond: 100_000_000 };
      fake.fault = ({ method }) =>
        method === 'PUT' ? { kind: 'slow-request', everyMs: 50 } : undefined;
      const started = performance.now();
      expect(await cloudFailure(() => put(patient(hasty, cloud), big))).to.equal('TIMEOUT');
      expect(codes()).to.deep.equal(['TIMEOUT', 'TIMEOUT']);
      // At this pace the server would have taken a quarter of a minute for each.
      expect(performance.now() - started, 'ms').to.be.lessThan(12_000);
      for (let tries = 0; fake.requests.length < requests.length && tries < 200; tries += 1)
        await sleep(20);
      expect(fake.requests.map(({ method }) => method)).to.have.members(requests);
      expect([fake.objects.size, fake.uploads.size]).to.deep.equal([0, 0]);
      fake.fault = () => undefined;
      await put(patient({}, cloud), big);
      expect(fake.objects.get('prms/one')?.equals(big)).to.equal(true);
    });
  }

  it('is stored where nothing is taken without its SHA-256, whole and in parts', async () => {
    const cloud = openS3Cloud(s3OptionsFor(fake));
    await put(cloud);
    const big = randomBytes(700_000);
    await cloud.putIfAbsent('two', big, { sha256: sha256(big) });
    expect([...fake.objects.values()].map(({ length }) => length)).to.deep.equal([40_000, 700_000]);
  });

  for (const [how, length] of [
    ['whole', 40_000],
    ['in parts', 700_000],
  ] as const) {
    it(`stores nothing of an upload ${how} whose bytes the server finds to be others`, async () => {
      fake.fault = ({ method }) => (method === 'PUT' ? { kind: 'flip-request' } : undefined);
      const cloud = openS3Cloud(s3OptionsFor(fake));
      expect(await cloudFailure(() => put(cloud, randomBytes(length)))).to.equal('UNAVAILABLE');
      expect([fake.objects.size, fake.uploads.size]).to.deep.equal([0, 0]);
    });
  }

  it('settles a put whose answer was lost: it is there, and its own', async () => {
    next('PUT', { kind: 'lose-answer' });
    expect(await put(patient())).to.include({ sizeBytes: bytes.length });
    expect(codes()).to.deep.equal(['UNAVAILABLE', 'EXISTS']);
  });

  it('goes on where a download was cut, and never takes the half for the whole', async () => {
    await put(patient());
    next('GET', { kind: 'cut-answer' }, { kind: 'cut-answer' });
    expect(await read(patient())).to.deep.equal(bytes);
    const ranges = fake.requests.filter(({ method }) => method === 'GET');
    expect(ranges).to.have.length(3);
    always({ kind: 'cut-answer' });
    const once = openS3Cloud(s3OptionsFor(fake));
    expect(await cloudFailure(() => read(once))).to.equal('UNAVAILABLE');
  });

  it('notices bytes that were changed on their way', async () => {
    await put(patient());
    next('GET', { kind: 'flip' });
    expect(await cloudFailure(() => read(patient()))).to.equal('CHECKSUM');
  });

  it('sends again what the server’s checksum did not fit', async () => {
    next('PUT', answer(400, 'BadDigest'));
    await put(patient());
    expect(codes()).to.deep.equal(['UNAVAILABLE']);
    expect(fake.objects.get('prms/one')).to.deep.equal(bytes);
  });

  for (const [status, code] of [
    [507, 'InsufficientStorage'],
    [403, 'QuotaExceeded'],
    [400, 'ServiceQuotaExceeded'],
  ] as const) {
    it(`calls ${code} FULL, and does not insist`, async () => {
      always(answer(status, code));
      expect(await cloudFailure(() => put(patient()))).to.equal('FULL');
      expect(fake.requests).to.have.length(1);
    });
  }

  it('gets over clocks that differ', async () => {
    const hour = 3_600_000;
    fake.fault = () => ({ kind: 'skew', ms: hour });
    await put(patient());
    expect(fake.objects.size).to.equal(1);
    expect(codes()).to.deep.equal(['UNAVAILABLE']);
    expect(failures[0]?.message).to.match(/clocks/);
  });

  for (const [what, setting, change] of [
    [
      'a secret that is wrong',
      'PRMS_CLOUD_SECRET',
      { credentials: { ...FAKE_CREDENTIALS, secretAccessKey: 'other' } },
    ],
    [
      'an unknown key id',
      'PRMS_CLOUD_ACCOUNT',
      { credentials: { ...FAKE_CREDENTIALS, accessKeyId: 'NOBODY' } },
    ],
    ['a bucket that is not there', 'PRMS_CLOUD_BUCKET', { bucket: 'nowhere' }],
    ['another region’s server', 'PRMS_CLOUD_REGION', { region: 'us-west-2' }],
  ] as const) {
    it(`names ${setting} when it meets ${what}, and does not insist`, async () => {
      const wrong = patient({}, openS3Cloud({ ...s3OptionsFor(fake), ...change }));
      expect(await cloudFailure(() => put(wrong))).to.equal('DENIED');
      expect(fake.requests).to.have.length(1);
      expect(failures[0]?.ids['setting']).to.equal(setting);
      expect(failures[0]?.message)
        .to.include(setting)
        .and.not.include(FAKE_CREDENTIALS.secretAccessKey);
    });
  }

  it('pages through a long list', async () => {
    const cloud = patient();
    for (let index = 0; index < 25; index += 1)
      fake.objects.set(`prms/n-${index}`, Buffer.from('x'));
    fake.objects.set('another-folder/n-1', Buffer.from('x'));
    const names: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await cloud.list('n-', { limit: 10, ...(cursor !== undefined && { cursor }) });
      names.push(...page.objects.map(({ objectName }) => objectName));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(new Set(names).size).to.equal(25);
    expect(await cloudFailure(() => cloud.list('n-', { cursor: 'made up' }))).to.equal('INVALID');
  });

  it('is UNAVAILABLE when nobody listens', async () => {
    const cloud = patient({ attempts: 2 });
    await fake.stop();
    expect(await cloudFailure(() => put(cloud))).to.equal('UNAVAILABLE');
    expect(codes()).to.deep.equal(['UNAVAILABLE', 'UNAVAILABLE']);
    fake = await S3Fake.start();
  });
});
