// Signed operations by the line, through HTTP: what is taken, what is refused, and that one never harms another.
import { setTimeout as sleep } from 'node:timers/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { z } from 'zod';
import { BulkStream } from '../../testing/bulk-stream.js';
import { openPractice, TestApi, type Practice, type Visitor } from './testing-api.js';
import { Signer, type Signed } from './testing-operations.js';

const receiptsSchema = z.array(
  z.looseObject({
    line: z.int(),
    id: z.string().optional(),
    status: z.string(),
    code: z.string().optional(),
  }),
);
type LineReceipt = z.infer<typeof receiptsSchema>[number];
const fateSchema = z.looseObject({ id: z.string(), state: z.string() });

const body = (...signed: readonly (Signed | string)[]): string =>
  signed.map((one) => `${typeof one === 'string' ? one : one.line}\n`).join('');

describe('signed operations by the line', function () {
  this.timeout(120_000);
  let api: TestApi;
  let people: Practice;
  let maria: Signer;
  let doctor: Signer;

  before(async () => {
    // Thousands of operations on a busy machine take their time.
    api = await TestApi.start('operations', { PRMS_COMMIT_WAIT_MS: '60000' });
    people = await openPractice(api);
    const now = () => api.clock.now();
    maria = await Signer.of(api.gateway, people.patient, now);
    doctor = await Signer.of(api.gateway, people.doctor, now);
  });
  after(() => api.close());

  /** Hands in lines, all at once. @returns receipts in the order of their lines */
  const handIn = async (
    who: Visitor,
    ...signed: readonly (Signed | string)[]
  ): Promise<LineReceipt[]> => {
    const receipts = await who.post('/operations', body(...signed), receiptsSchema);
    return receipts.toSorted((a, b) => a.line - b.line);
  };
  const summary = (receipts: readonly LineReceipt[]) =>
    receipts.map(({ line, status, code }) => [line, status, code].filter((x) => x !== undefined));
  const fate = (who: Visitor, { id }: Pick<Signed, 'id'>) =>
    who.get(`/operations/${id}`, fateSchema);

  it('applies one, with the ledger’s receipt, and its fate can be asked', async () => {
    const access = maria.access();
    expect(await handIn(people.patient, access)).to.deep.equal([
      {
        line: 1,
        id: access.id,
        status: 'applied',
        version: 1,
        outcome: { decision: 'refuse', code: 'NOT_FOUND' },
      },
    ]);
    expect(await fate(people.patient, access)).to.include({ id: access.id, state: 'applied' });
  });

  it('each line of the answer is what the OpenAPI document says of a line', async () => {
    const ajv = new Ajv2020({ strict: false });
    const served: unknown = await (await fetch(`${api.url}/api/v1/openapi.json`)).json();
    ajv.addSchema(z.looseObject({}).parse(served), 'openapi');
    const place = ['paths', '~1operations', 'post', 'responses', '200', 'content'].join('/');
    const $ref = `openapi#/${place}/application~1x-ndjson/schema`;
    const isLine = ajv.compile({ $ref });

    const good = maria.access();
    const forged = maria.access();
    const forgery = forged.line.replace('"purpose":"treatment"', '"purpose":"research"');
    const answer = await fetch(`${api.url}/api/v1/operations`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${people.patient.token}`,
        'content-type': 'application/x-ndjson',
      },
      body: [good.line, good.line, forgery, doctor.access().line, '{}', 'no line', ''].join('\n'),
    });
    expect(answer.headers.get('content-type')).to.equal('application/x-ndjson');
    const lines = (await answer.text()).split('\n').slice(0, -1);
    const statuses = lines.map((line) => {
      const receipt = z.looseObject({ status: z.string() }).parse(JSON.parse(line));
      expect(isLine(receipt), `${line} ${JSON.stringify(isLine.errors)}`).to.equal(true);
      expect(isLine({ ...receipt, line: undefined }), line).to.equal(false);
      expect(isLine({ ...receipt, status: 'perhaps' }), line).to.equal(false);
      return receipt.status;
    });
    expect(lines).to.have.length(6);
    expect(statuses).to.include.members(['applied', 'refused', 'invalid']);
  });

  it('gives each bad line its own answer, and takes the rest', async () => {
    const good = [maria.access(), maria.access(), maria.access()] as const;
    const forged = maria.access();
    const forgery = forged.line.replace('"purpose":"treatment"', '"purpose":"research"');
    const day = 24 * 60 * 60 * 1000;
    const tooLong = `{"operation":{"x":"${'y'.repeat(20_000)}"`;
    const receipts = await handIn(
      people.patient,
      good[0],
      'no JSON at all',
      '{"operation":{},"signature":"x"}',
      maria.access({ ledger: 'another' }),
      maria.access({ type: 'access:everything' }),
      maria.access({ args: { patient: maria.userId } }),
      maria.access({ expiresAt: api.clock.now() + day }),
      maria.access({ issuedAt: api.clock.now() + 10 * 60_000 }),
      maria.access({ issuedAt: api.clock.now() - 20 * 60_000 }),
      maria.access({ id: '01J0000000000000000000000A' }),
      good[1],
      forgery,
      doctor.access(),
      tooLong,
      '',
      good[2],
    );
    expect(summary(receipts)).to.deep.equal([
      [1, 'applied'],
      [2, 'invalid', 'BAD_REQUEST'],
      [3, 'invalid', 'BAD_REQUEST'],
      [4, 'refused', 'WRONG_LEDGER'],
      [5, 'refused', 'MALFORMED'],
      [6, 'refused', 'MALFORMED'],
      [7, 'refused', 'LIFE_TOO_LONG'],
      [8, 'refused', 'NOT_YET_VALID'],
      [9, 'refused', 'EXPIRED'],
      [10, 'refused', 'ID_MISMATCH'],
      [11, 'applied'],
      [12, 'refused', 'BAD_SIGNATURE'],
      [13, 'invalid', 'FORBIDDEN'],
      [14, 'invalid', 'TOO_LARGE'],
      [16, 'applied'],
    ]);
  });

  it('refuses a whole request that is no lines, or is nobody’s', async () => {
    expect(await people.patient.fails('POST', '/operations', {})).to.equal('UNSUPPORTED_MEDIA');
    const stranger = api.visitor('stranger');
    expect(await stranger.fails('POST', '/operations', 'x\n')).to.equal('UNAUTHENTICATED');
    const packed = await people.patient.ask('POST', '/operations', 'x\n', {
      'content-encoding': 'gzip',
    });
    expect(packed.status).to.equal(415);
    expect(await handIn(people.patient)).to.deep.equal([]);
  });

  it('gives the same operation the same fate, and refuses another of its id', async () => {
    const first = maria.denial(people.hospital.userId);
    const [applied] = await handIn(people.patient, first);
    expect(applied?.status).to.equal('applied');
    const other = maria.access({ id: first.id });
    const resigned = maria.denial(people.hospital.userId, { id: first.id });
    expect(resigned.line).to.not.equal(first.line);
    expect(await handIn(people.patient, first, other, resigned)).to.deep.equal([
      { ...applied, line: 1 },
      { line: 2, id: first.id, status: 'refused', code: 'ID_REUSED', detail: ID_REUSED },
      { ...applied, line: 3 },
    ]);
    const { consents } = await api.gateway.services.records.patient(maria.userId);
    expect(consents.filter(({ id }) => id === first.id)).to.have.length(1);
  });

  it('takes one id once, however many hand it in at the same time', async () => {
    const one = maria.denial(people.hospital.userId);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => handIn(people.patient, one, one)),
    );
    const receipts = new Set(
      answers.flat().map(({ line: _, ...receipt }) => JSON.stringify(receipt)),
    );
    expect([...receipts]).to.have.length(1);
    expect([...receipts][0]).to.include('"applied"');
  });

  it('lets a forgery hold nobody’s id', async () => {
    const true_ = maria.access();
    const forged = true_.line.slice(0, -10) + 'AAAAAAAA"}';
    expect(summary(await handIn(people.hospital, forged))).to.deep.equal([
      [1, 'refused', 'BAD_SIGNATURE'],
    ]);
    expect(summary(await handIn(people.patient, true_))).to.deep.equal([[1, 'applied']]);
    expect(summary(await handIn(people.hospital, forged))).to.deep.equal([[1, 'applied']]);
  });

  it('relays for an admitted hospital alone, and tells both of them the fate', async () => {
    const access = maria.access();
    expect(summary(await handIn(people.doctor, access))).to.deep.equal([
      [1, 'invalid', 'FORBIDDEN'],
    ]);
    const south = await api.visitor('south').register('hospital', { profile: { name: 'South' } });
    expect(summary(await handIn(south, access))).to.deep.equal([[1, 'invalid', 'FORBIDDEN']]);
    expect(summary(await handIn(people.hospital, access))).to.deep.equal([[1, 'applied']]);
    for (const who of [people.patient, people.hospital])
      expect(await fate(who, access)).to.include({ state: 'applied' });
    for (const who of [people.doctor, south])
      expect(await who.fails('GET', `/operations/${access.id}`)).to.equal('NOT_FOUND');
  });

  it('tells the fates of many at once, and none of a stranger’s', async () => {
    const mine = [maria.access(), maria.access()];
    const theirs = doctor.access();
    await handIn(people.patient, ...mine);
    await handIn(people.doctor, theirs);
    const unknown = maria.access();
    const ids = [...mine, theirs, unknown].map(({ id }) => id);
    const schema = z.object({ items: z.array(fateSchema) });
    const { items } = await people.patient.post('/operations/fates', { ids }, schema);
    expect(items.map(({ id }) => id)).to.deep.equal(ids);
    expect(items.map(({ state }) => state)).to.deep.equal([
      'applied',
      'applied',
      'unknown',
      'unknown',
    ]);
    const many = Array.from({ length: 1001 }, () => unknown.id);
    expect(await people.patient.fails('POST', '/operations/fates', { ids: many })).to.equal(
      'TOO_LARGE',
    );
  });

  it('answers while the lines still come, and reads on in whatever pieces they come', async () => {
    const stream = new BulkStream({ url: api.url, token: people.patient.token });
    const [first, second] = [maria.access(), maria.access()];
    await stream.send(`${first.line}\n${second.line.slice(0, 100)}`);
    expect(await stream.next()).to.include({ line: 1, id: first.id, status: 'applied' });
    await stream.send(second.line.slice(100));
    stream.end('\r\n');
    expect(await stream.next()).to.include({ line: 2, id: second.id, status: 'applied' });
    expect(await stream.next()).to.equal(undefined);
  });

  it('settles what it had accepted when the connection is cut in the middle', async () => {
    const stream = new BulkStream({ url: api.url, token: people.patient.token });
    const signed = Array.from({ length: 100 }, () => maria.access());
    const cutOff = maria.access();
    await stream.send(body(...signed) + cutOff.line);
    await stream.next();
    stream.cut();
    for (const one of signed) {
      for (let i = 0; i < 100; i++) {
        const answer = await people.patient.ask('GET', `/operations/${one.id}`);
        const state = answer.status === 200 ? fateSchema.parse(answer.body).state : '';
        if (state === 'applied') break;
        if (i === 99) throw new Error(`${one.id} is ${state}`);
        await sleep(20);
      }
    }
    expect(await people.patient.fails('GET', `/operations/${cutOff.id}`)).to.equal('NOT_FOUND');
    expect(api.gateway.services.bulk.requests).to.equal(0);
  });

  it('takes 5,000 operations over one connection, sent at once and then read', async () => {
    const signed = await maria.accesses(5000);
    const receipts = await handIn(people.patient, ...signed);
    expect(receipts.map(({ id }) => id)).to.deep.equal(signed.map(({ id }) => id));
    expect(new Set(receipts.map(({ status }) => status))).to.deep.equal(new Set(['applied']));
  });

  it('keeps the order of one patient’s operations', async () => {
    const granted = maria.denial(people.hospital.userId);
    const revoked = maria.sign('consent:revoke', {
      patient: maria.userId,
      id: granted.id,
      replaces: 1,
    });
    expect(summary(await handIn(people.patient, granted, revoked))).to.deep.equal([
      [1, 'applied'],
      [2, 'applied'],
    ]);
  });

  it('takes no more once the session has ended, in a request that it began', async () => {
    const stream = new BulkStream({ url: api.url, token: people.patient.token });
    await stream.send(body(maria.access()));
    expect(await stream.next()).to.include({ status: 'applied' });
    const late = maria.access();
    await people.patient.ask('DELETE', '/sessions/current');
    await stream.send(body(late));
    expect(await stream.next()).to.include({ status: 'invalid', code: 'UNAUTHENTICATED' });
    stream.end();
    await people.patient.logIn();
    maria = await Signer.of(api.gateway, people.patient, () => api.clock.now());
  });

  describe('an emergency', () => {
    const emergency = () =>
      doctor.sign('access:emergency', {
        patient: maria.userId,
        actingFor: people.hospital.userId,
        reason: 'A'.repeat(43),
      });
    /** Past the time for which a log-in is fresh. */
    const grow = () => api.clock.advance(6 * 60_000);

    it('is taken from a fresh log-in alone', async () => {
      grow();
      expect(summary(await handIn(people.doctor, emergency()))).to.deep.equal([
        [1, 'invalid', 'FRESH_LOGIN_REQUIRED'],
      ]);
      await people.doctor.logIn();
      const [receipt] = await handIn(people.doctor, emergency());
      expect(receipt?.code).to.not.equal('FRESH_LOGIN_REQUIRED');
      expect(receipt?.status).to.be.oneOf(['applied', 'refused']);
    });

    it('is not relayed, however fresh the relaying log-in: not for a stale doctor, nor for a fresh one', async () => {
      await people.doctor.logIn();
      for (const age of [() => undefined, grow]) {
        age();
        await people.hospital.logIn();
        const [broken, other] = [emergency(), maria.access()];
        expect(summary(await handIn(people.hospital, broken, other))).to.deep.equal([
          [1, 'invalid', 'FORBIDDEN'],
          [2, 'applied'],
        ]);
        // Nothing of it was kept: its signer may still hand it in.
        expect(await people.doctor.fails('GET', `/operations/${broken.id}`)).to.equal('NOT_FOUND');
        await people.doctor.logIn();
        const [own] = await handIn(people.doctor, broken);
        expect(own?.status).to.equal('applied');
      }
    });

    it('is taken as a line by no other route', async () => {
      await people.doctor.logIn();
      const { id, line } = emergency();
      const account = { login: 'somebody-new', password: 'correct horse battery', line };
      const refused = await people.doctor.fails('POST', '/register/own-keys', account);
      expect(refused).to.equal('VALIDATION');
      expect(await people.doctor.fails('GET', `/operations/${id}`)).to.equal('NOT_FOUND');
    });

    it('is judged by the log-in’s age at its line, not at the beginning of the request', async () => {
      await people.doctor.logIn();
      const stream = new BulkStream({ url: api.url, token: people.doctor.token });
      await stream.send(body(doctor.access()));
      expect(await stream.next()).to.include({ line: 1 });
      grow();
      await stream.send(body(emergency()));
      expect(await stream.next()).to.include({ status: 'invalid', code: 'FRESH_LOGIN_REQUIRED' });
      stream.end();
    });
  });
});

const ID_REUSED = 'Another operation has used this id.';
