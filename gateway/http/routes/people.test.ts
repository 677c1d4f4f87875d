// Accounts, sessions, hospitals and their doctors, and the ledger's own routes over HTTP.
import { expect } from 'chai';
import { z } from 'zod';
import { API_ROOT } from '../base/index.js';
import { openPractice, SETUP_CODE, TestApi, type Practice, type Visitor } from './testing-api.js';

const id = z.string();
const users = z.object({
  items: z.array(z.looseObject({ id, role: z.string(), admitted: z.boolean().optional() })),
});
const affiliations = z.object({
  items: z.array(z.object({ hospital: id, doctor: id, status: z.string(), version: z.int() })),
});
const sessions = z.object({
  items: z.array(z.object({ id, kind: z.string(), current: z.boolean() })),
});
const ledger = z.object({ channel: z.string(), height: z.int(), headHash: z.string() });

describe('people', () => {
  let api: TestApi;
  before(async () => (api = await TestApi.start('people')));
  after(() => api.close());

  it('found the ledger with the set-up code, once; later hospitals wait for votes', async () => {
    const profile = { name: 'North' };
    const first = api.visitor('north');
    const { login, password } = first;
    const path = '/register/hospital';
    const body = { login, password, profile };
    expect(await first.fails('POST', path, body)).to.equal('FORBIDDEN');
    const wrong = { ...body, setupCode: 'not-the-set-up-code' };
    expect(await first.fails('POST', path, wrong)).to.equal('FORBIDDEN');
    await first.register('hospital', { profile, setupCode: SETUP_CODE });
    const second = await api.visitor('south').register('hospital', {
      profile: { name: 'South' },
      setupCode: SETUP_CODE,
    });
    const admitted = async () =>
      (await first.get('/hospitals', users)).items
        .filter((hospital) => hospital.admitted)
        .map((hospital) => hospital.id);
    expect(await admitted()).to.deep.equal([first.userId]);
    const vote = `/hospitals/${second.userId}/vote`;
    expect(await second.fails('POST', vote)).to.match(/^REFUSED/);
    await first.change(vote);
    expect(await admitted()).to.have.members([first.userId, second.userId]);
  });

  it('register once under a login name, with a password that is worth the name', async () => {
    const ann = await api.visitor('ann').register('relative', { details: { name: 'Ann' } });
    const again = { login: 'ANN', password: ann.password, details: { name: 'Another' } };
    expect(await ann.fails('POST', '/register/relative', again)).to.equal('CONFLICT');
    const weak = { login: 'ben', password: 'short', details: { name: 'Ben' } };
    expect(await ann.fails('POST', '/register/relative', weak)).to.equal('VALIDATION');
    const odd = { login: 'ben', password: ann.password, details: { name: 'Ben', role: 'x' } };
    expect(await ann.fails('POST', '/register/relative', odd)).to.equal('VALIDATION');
  });

  it('see their account and sessions, and end them', async () => {
    const ann = await api.visitor('ann').logIn();
    const me = await ann.get('/me', z.looseObject({ login: z.string(), details: z.object({}) }));
    expect(me).to.include({ login: 'ann', role: 'relative' });
    const other = await api.visitor('ann').logIn();
    const all = (await ann.get('/sessions', sessions)).items;
    expect(all.filter(({ current }) => current)).to.have.length(1);
    for (const session of all.filter(({ current }) => !current))
      expect((await ann.ask('DELETE', `/sessions/${session.id}`)).status).to.equal(204);
    expect(await other.fails('GET', '/me')).to.equal('UNAUTHENTICATED');
    expect(await ann.fails('DELETE', '/sessions/not-mine')).to.equal('NOT_FOUND');
    expect((await ann.ask('DELETE', '/sessions/current')).status).to.equal(204);
    expect(await ann.fails('GET', '/me')).to.equal('UNAUTHENTICATED');
  });

  it('in a browser have a cookie that scripts can’t read, and a token against forged requests', async () => {
    const { password } = api.visitor('ann');
    const send = (method: string, path: string, headers: Record<string, string>, body?: object) =>
      fetch(`${api.url}${API_ROOT}${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body && { body: JSON.stringify(body) }),
      });
    const begun = await send('POST', '/sessions', {}, { login: 'ann', password });
    const { csrfToken, ...rest } = z
      .looseObject({ csrfToken: z.string() })
      .parse(await begun.json());
    expect(rest).not.to.have.property('token');
    const set = begun.headers.get('set-cookie') ?? '';
    expect(set).to.match(/^prms_session=.*HttpOnly; SameSite=Strict/);
    const cookie = set.split(';')[0] ?? '';
    const refresh = (headers: Record<string, string>) =>
      send('POST', '/sessions/current/fresh', { cookie, ...headers }, { password });
    expect((await refresh({})).status).to.equal(403);
    const foreign = { 'x-csrf-token': csrfToken, origin: 'https://evil.example' };
    expect((await refresh(foreign)).status).to.equal(403);
    const fresh = await refresh({ 'x-csrf-token': csrfToken });
    expect(fresh.status).to.equal(200);
    // The session has another token now: the old cookie is worth nothing.
    expect((await send('GET', '/me', { cookie })).status).to.equal(401);
    const next = (fresh.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    expect((await send('GET', '/me', { cookie: next })).status).to.equal(200);
    // A cookie's token is no bearer token.
    const authorization = `Bearer ${next.slice(next.indexOf('=') + 1)}`;
    expect((await send('GET', '/me', { authorization })).status).to.equal(401);
  });

  it('change their password, or set it with the recovery code, which works once', async () => {
    const eve = await api.visitor('eve').register('relative', { details: { name: 'Eve' } });
    const elsewhere = await api.visitor('eve').logIn();
    const newPassword = 'a much longer password';
    const change = (oldPassword: string) => ({ oldPassword, newPassword });
    expect(await eve.fails('PUT', '/me/password', change('not the old one'))).to.equal(
      'WRONG_CREDENTIALS',
    );
    expect((await eve.ask('PUT', '/me/password', change(eve.password))).status).to.equal(204);
    expect(await elsewhere.fails('GET', '/me')).to.equal('UNAUTHENTICATED');
    await eve.get('/me', z.unknown());
    const recover = { login: 'eve', recoveryCode: eve.recoveryCode, newPassword: eve.password };
    const { recoveryCode } = await eve.post('/recover', recover, z.object({ recoveryCode: id }));
    expect(await eve.fails('GET', '/me')).to.equal('UNAUTHENTICATED');
    await eve.logIn();
    expect(await eve.fails('POST', '/recover', recover)).to.equal('WRONG_CREDENTIALS');
    expect(recoveryCode).not.to.equal(eve.recoveryCode);
  });

  it('must log in again after a restart: keys are in memory only', async () => {
    const ann = await api.visitor('ann').logIn();
    await api.restart(() => Promise.resolve());
    // The session is still known, its keys are not.
    await ann.get('/me', z.unknown());
    expect(await ann.fails('GET', '/kin')).to.equal('KEYS_LOCKED');
    await ann.logIn();
    expect((await ann.ask('GET', '/kin')).status).to.equal(200);
  });
});

describe('hospitals and doctors', () => {
  let api: TestApi;
  let people: Practice;
  before(async () => {
    api = await TestApi.start('affiliations');
    people = await openPractice(api);
  });
  after(() => api.close());

  const own = async (visitor: Visitor) => (await visitor.get('/affiliations', affiliations)).items;
  const doctorsOf = async (hospital: string) =>
    (await people.patient.get(`/doctors?hospital=${hospital}`, users)).items.map((user) => user.id);

  it('a doctor asks; the hospital authorises, refuses, suspends; the doctor leaves', async () => {
    const { hospital } = people;
    const bruun = await api.visitor('bruun').register('doctor', { profile: { name: 'Bruun' } });
    const asked = await bruun.change('/affiliations', { hospital: hospital.userId });
    expect((await own(bruun)).map(({ status }) => status)).to.deep.equal(['requested']);
    const path = `/affiliations/${bruun.userId}`;
    expect(await doctorsOf(hospital.userId)).not.to.include(bruun.userId);
    const { version } = await hospital.change(`${path}/authorise`, { replaces: asked.version });
    expect(await doctorsOf(hospital.userId)).to.include(bruun.userId);
    expect((await own(hospital)).map(({ doctor }) => doctor)).to.include(bruun.userId);
    const stale = { replaces: asked.version };
    expect(await hospital.fails('POST', `${path}/suspend`, stale)).to.equal(
      'REFUSED:VERSION_CONFLICT',
    );
    const suspended = await hospital.change(`${path}/suspend`, { replaces: version });
    expect(await doctorsOf(hospital.userId)).not.to.include(bruun.userId);
    await bruun.change('/affiliations/leave', {
      hospital: hospital.userId,
      replaces: suspended.version,
    });
    expect((await own(bruun)).map(({ status }) => status)).to.deep.equal(['left']);

    const chen = await api.visitor('chen').register('doctor', { profile: { name: 'Chen' } });
    const request = await chen.change('/affiliations', { hospital: hospital.userId });
    await hospital.change(`/affiliations/${chen.userId}/refuse`, { replaces: request.version });
    expect((await own(chen)).map(({ status }) => status)).to.deep.equal(['refused']);
    const all = (await people.patient.get('/doctors', users)).items.map((user) => user.id);
    expect(all).to.include.members([chen.userId, bruun.userId, people.doctor.userId]);
  });

  it('roles keep to their routes', async () => {
    const { doctor, patient, hospital } = people;
    const body = { hospital: hospital.userId };
    expect(await patient.fails('POST', '/affiliations', body)).to.equal('FORBIDDEN');
    const path = `/affiliations/${doctor.userId}/suspend`;
    expect(await doctor.fails('POST', path, { replaces: 2 })).to.equal('FORBIDDEN');
    expect(await patient.fails('POST', '/ledger/verify')).to.equal('FORBIDDEN');
    const badId = { hospital: 'not-an-id' };
    expect(await doctor.fails('POST', '/affiliations', badId)).to.equal('VALIDATION');
    expect(await doctor.fails('GET', '/hospitals?limit=0')).to.equal('VALIDATION');
    expect(await doctor.fails('GET', '/hospitals?bookmark=zzz')).to.equal('BAD_REQUEST');
    expect(await doctor.fails('GET', `/users/${'A'.repeat(43)}`)).to.equal('NOT_FOUND');
  });

  it('what everybody sees of a patient is no name', async () => {
    const { patient, doctor } = people;
    const seen = await doctor.ask('GET', `/users/${patient.userId}`);
    expect(seen.body).to.have.all.keys('id', 'role', 'kid', 'keys');
  });

  it('an auditor sees nothing before the hospitals have voted', async () => {
    const { patient, hospital } = people;
    const auditor = await api.visitor('audit').register('auditor', { profile: { name: 'Audit' } });
    const record = `/patients/${patient.userId}`;
    const closed = [
      `${record}/reports`,
      `${record}/accesses`,
      `${record}/consents`,
      `${record}/kin`,
      `${record}/history?kind=user&id=${patient.userId}`,
    ];
    for (const path of closed) expect(await auditor.fails('GET', path), path).to.equal('FORBIDDEN');
    expect(await auditor.fails('POST', '/ledger/verify')).to.equal('FORBIDDEN');
    await hospital.change(`/hospitals/${auditor.userId}/vote`);
    for (const path of closed) expect((await auditor.ask('GET', path)).status, path).to.equal(200);
  });

  it('a patient’s history is for them, not for their doctor’s curiosity or a stranger', async () => {
    const { patient, doctor } = people;
    const path = `/patients/${patient.userId}/history?kind=user&id=${patient.userId}`;
    const states = z.object({ items: z.array(z.object({ transactionId: id })) });
    expect((await patient.get(path, states)).items.length).to.be.greaterThan(1);
    expect(await doctor.fails('GET', path)).to.equal('FORBIDDEN');
    const other = await api
      .visitor('tomas')
      .register('patient', { details: { name: 'Tomas' }, escrow: null });
    expect(await other.fails('GET', path)).to.equal('FORBIDDEN');
  });

  it('the ledger tells its head, what became of an operation, and that it is whole', async () => {
    const { hospital, doctor } = people;
    const before = await doctor.get('/ledger', ledger);
    const { id: operation } = await doctor.change('/slots', {
      hospital: hospital.userId,
      slots: [{ startsAt: api.clock.now() + 3_600_000, minutes: 30 }],
    });
    const after = await doctor.get('/ledger', ledger);
    expect(after.height).to.be.greaterThan(before.height);
    expect(after.headHash)
      .to.match(/^[0-9a-f]{64}$/)
      .and.not.equal(before.headHash);
    const fate = z.object({ state: z.string(), receipt: z.object({ id }) });
    expect(await doctor.get(`/operations/${operation}`, fate)).to.deep.equal({
      state: 'applied',
      receipt: { id: operation },
    });
    expect(await hospital.fails('GET', `/operations/${operation}`)).to.equal('NOT_FOUND');
    const report = z.object({ ok: z.boolean(), height: z.int(), headHash: z.string() });
    expect(await hospital.post('/ledger/verify', undefined, report)).to.deep.equal({
      ok: true,
      height: after.height,
      headHash: after.headHash,
    });
  });
});
