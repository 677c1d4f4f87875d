// Rotation and recovery of keys over HTTP, on a real ledger.
import { expect } from 'chai';
import { z } from 'zod';
import { openPractice, TestApi, type Practice, type Visitor } from './testing-api.js';

const DAY_MS = 24 * 60 * 60_000;
const publicUser = z.object({ kid: z.string(), keys: z.object({ seal: z.string() }) });
const requested = z.object({ requestCode: z.string(), recoveryCode: z.string() });
const looked = z.object({
  userId: z.string(),
  role: z.string(),
  keys: z.object({ sign: z.string(), seal: z.string() }),
  proof: z.string(),
  proofId: z.string(),
});
const restored = z.object({ restored: z.boolean() });
const uploaded = z.object({ report: z.object({ id: z.string(), sha256: z.string() }) });
const opened = z.object({ ticket: z.string(), label: z.object({ title: z.string() }) });
const TEXT = 'Haemoglobin 13.1 g/dl';

function reportForm(): FormData {
  const form = new FormData();
  form.append('meta', JSON.stringify({ title: 'Blood count', category: 'laboratory' }));
  form.append('report', new Blob([TEXT]), 'blood.txt');
  return form;
}

/** Opens a report on the record and reads it. */
async function readReport(reader: Visitor, patient: string, id: string): Promise<string> {
  const wish = { action: 'view', purpose: 'treatment' };
  const path = `/patients/${patient}/reports/${id}/access`;
  const { ticket } = await reader.post(path, wish, opened);
  const { bytes } = await reader.ask('GET', `/tickets/${ticket}/content`);
  return Buffer.from(bytes).toString('utf8');
}

describe('key rotation', () => {
  let api: TestApi;
  let people: Practice;
  before(async () => {
    api = await TestApi.start('rotation');
    people = await openPractice(api);
  });
  after(() => api.close());

  const kidOf = async (visitor: Visitor) =>
    (await visitor.get(`/users/${visitor.userId}`, publicUser)).kid;

  it('gives new keys under the same id; what was wrapped for the old ones still opens', async () => {
    const { patient } = people;
    const id = patient.userId;
    const { report } = await patient.post(`/patients/${id}/reports`, reportForm(), uploaded);
    const before = await kidOf(patient);
    await patient.change('/me/keys/rotate');
    expect(await kidOf(patient)).not.to.equal(before);
    expect(await readReport(patient, id, report.id)).to.equal(TEXT);
    // Reading is signed: this session signs with the new key, and so does the next.
    await patient.logIn();
    expect(await readReport(patient, id, report.id)).to.equal(TEXT);
    const second = await patient.post(`/patients/${id}/reports`, reportForm(), uploaded);
    expect(await readReport(patient, id, second.report.id)).to.equal(TEXT);
    // And once more, from a session that holds two unsealing keys.
    await patient.change('/me/keys/rotate');
    expect(await readReport(patient, id, report.id)).to.equal(TEXT);
  });

  it('ends the user’s other sessions, which hold a key that signs no more', async () => {
    const { doctor } = people;
    const elsewhere = api.visitor(doctor.login);
    await elsewhere.logIn();
    await doctor.change('/me/keys/rotate');
    expect(await elsewhere.fails('GET', '/me')).to.equal('UNAUTHENTICATED');
    expect((await doctor.ask('GET', '/me')).status).to.equal(200);
  });

  it('of a hospital leaves what was wrapped for it within its gateway’s reach', async () => {
    const { hospital, doctor, patient } = people;
    const id = patient.userId;
    const { report } = await patient.post(`/patients/${id}/reports`, reportForm(), uploaded);
    await patient.change(`/patients/${id}/consents`, {
      terms: {
        effect: 'permit',
        grantee: { kind: 'hospital', id: hospital.userId },
        scope: { kind: 'full' },
        actions: ['view'],
        purposes: ['treatment'],
      },
    });
    await hospital.change('/me/keys/rotate');
    const path = `/patients/${id}/reports/${report.id}/access`;
    const wish = { action: 'view', purpose: 'treatment', actingFor: hospital.userId };
    expect((await doctor.post(path, wish, opened)).label.title).to.equal('Blood count');
  });

  it('that the ledger answers late is no loss: the key that it knows signs, now and after a log-in', async () => {
    const { patient } = people;
    await patient.logIn();
    const { ledger } = api.gateway;
    const submit = ledger.submit.bind(ledger);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    ledger.submit = async (...request) => {
      await held;
      return submit(...request);
    };
    const before = await kidOf(patient);
    expect(await patient.fails('POST', '/me/keys/rotate')).to.equal('COMMIT_TIMEOUT');
    const meanwhile = api.visitor(patient.login);
    await meanwhile.logIn();
    ledger.submit = submit;
    release();
    for (let tries = 0; (await kidOf(patient)) === before && tries < 100; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await kidOf(patient)).not.to.equal(before);
    // This session knew the old key first; rotating again finds the one that counts.
    await meanwhile.change('/me/keys/rotate');
    await patient.logIn();
    await patient.change('/me/keys/rotate');
  });

  it('wants the password given a short time ago, and two at once make one after the other', async () => {
    const { patient } = people;
    await patient.logIn();
    const both = await Promise.all([
      patient.ask('POST', '/me/keys/rotate'),
      patient.ask('POST', '/me/keys/rotate'),
    ]);
    expect(both.map(({ status }) => status)).to.deep.equal([200, 200]);
    await patient.logIn();
    api.clock.advance(6 * 60_000);
    expect(await patient.fails('POST', '/me/keys/rotate')).to.equal('FRESH_LOGIN_REQUIRED');
  });
});

describe('key recovery', () => {
  let api: TestApi;
  let people: Practice;
  let south: Visitor;
  let report = '';
  const NEW_PASSWORD = 'another long password';

  before(async () => {
    api = await TestApi.start('recovery');
    people = await openPractice(api);
    const { hospital, patient } = people;
    south = await api.visitor('south').register('hospital', { profile: { name: 'South' } });
    expect(await south.fails('POST', `/hospitals/${patient.userId}/vote`)).to.match(/^REFUSED/);
    await hospital.change(`/hospitals/${south.userId}/vote`);
    const path = `/patients/${patient.userId}/reports`;
    report = (await patient.post(path, reportForm(), uploaded)).report.id;
  });
  after(() => api.close());

  const ask = (login: string) =>
    api
      .visitor('nobody')
      .post('/recovery/requests', { login, newPassword: NEW_PASSWORD }, requested);
  const propose = async (hospital: Visitor, requestCode: string) => {
    const found = await hospital.get(`/recovery/requests/${requestCode}`, looked);
    const { userId, keys, proof, proofId } = found;
    return hospital.change(`/users/${userId}/recovery`, { keys, proof, proofId });
  };

  it('shows a request to admitted hospitals only, and says nothing of an account that is not there', async () => {
    const { patient, doctor, hospital } = people;
    const { requestCode } = await ask(patient.login);
    const path = `/recovery/requests/${requestCode}`;
    expect(await doctor.fails('GET', path)).to.equal('FORBIDDEN');
    const upstart = await api.visitor('west').register('hospital', { profile: { name: 'West' } });
    expect(await upstart.fails('GET', path)).to.equal('FORBIDDEN');
    expect(await hospital.get(path, looked)).to.include({
      userId: patient.userId,
      role: 'patient',
    });
    const unknown = `/recovery/requests/${'A'.repeat(22)}`;
    expect(await hospital.fails('GET', unknown)).to.equal('NOT_FOUND');
    const body = { login: 'not-there', newPassword: NEW_PASSWORD };
    expect(await doctor.fails('POST', '/recovery/requests', body)).to.equal('WRONG_CREDENTIALS');
    const own = { ...body, login: hospital.login };
    expect(await doctor.fails('POST', '/recovery/requests', own)).to.equal('FORBIDDEN');
    // Asking changed nothing.
    await patient.logIn();
  });

  it('is stopped by the user, whose keys are not lost after all', async () => {
    const { patient, hospital } = people;
    const { requestCode } = await ask(patient.login);
    const { id } = await propose(hospital, requestCode);
    const seen = z.object({ recovery: z.object({ id: z.string(), status: z.string() }) });
    expect((await patient.get('/me/recovery', seen)).recovery).to.deep.equal({
      id,
      status: 'proposed',
    });
    await patient.change(`/me/recovery/${id}/object`);
    const second = `/users/${patient.userId}/recovery/${id}/second`;
    expect(await south.fails('POST', second)).to.equal('REFUSED:WRONG_STATE');
    api.clock.advance(1);
  });

  it('gives a patient new keys, password and vault, by two hospitals and after the notice', async () => {
    const { patient, hospital } = people;
    const user = `/users/${patient.userId}`;
    const { requestCode, recoveryCode } = await ask(patient.login);
    const { id } = await propose(hospital, requestCode);
    const step = `${user}/recovery/${id}`;
    expect(await hospital.fails('POST', `${step}/second`)).to.equal('REFUSED:NOT_OWNER');
    await south.change(`${step}/second`);
    expect(await hospital.fails('POST', `${step}/complete`)).to.equal('REFUSED:NOTICE_RUNNING');
    expect(await hospital.fails('POST', `${user}/recovery/vault`)).to.equal('CONFLICT');
    const forgetful = api.visitor(patient.login);
    forgetful.password = NEW_PASSWORD;
    const early = { login: forgetful.login, password: NEW_PASSWORD };
    expect(await forgetful.fails('POST', '/sessions', early)).to.equal('WRONG_CREDENTIALS');

    api.clock.advance(7 * DAY_MS);
    await Promise.all([hospital.logIn(), south.logIn()]);
    await hospital.change(`${step}/complete`);
    expect((await south.post(`${user}/recovery/vault`, undefined, restored)).restored).to.equal(
      false,
    );
    expect((await hospital.post(`${user}/recovery/vault`, undefined, restored)).restored).to.equal(
      true,
    );
    await forgetful.logIn();
    expect(await forgetful.get('/me', z.looseObject({ userId: z.string() }))).to.include({
      userId: patient.userId,
    });
    expect(await readReport(forgetful, patient.userId, report)).to.equal(TEXT);
    const path = `/patients/${patient.userId}/reports`;
    await forgetful.post(path, reportForm(), uploaded);

    const old = { login: patient.login, password: patient.password };
    expect(await patient.fails('POST', '/sessions', old)).to.equal('WRONG_CREDENTIALS');
    // The request is spent; the recovery code that came with it counts.
    const spent = `/recovery/requests/${requestCode}`;
    expect(await hospital.fails('GET', spent)).to.equal('NOT_FOUND');
    const recover = { login: patient.login, recoveryCode, newPassword: 'a third long password' };
    expect((await forgetful.ask('POST', '/recover', recover)).status).to.equal(200);
  });

  it('keeps few requests of one account, and not for ever', async () => {
    const { doctor, hospital } = people;
    const codes: string[] = [];
    for (let n = 0; n < 9; n++) {
      codes.push((await ask(doctor.login)).requestCode);
      api.clock.advance(60_000);
    }
    await hospital.logIn();
    const [first = '', second = ''] = codes;
    expect(await hospital.fails('GET', `/recovery/requests/${first}`)).to.equal('NOT_FOUND');
    await hospital.get(`/recovery/requests/${second}`, looked);
    api.clock.advance(31 * DAY_MS);
    await hospital.logIn();
    expect(await hospital.fails('GET', `/recovery/requests/${second}`)).to.equal('NOT_FOUND');
  });
});
