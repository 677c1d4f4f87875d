// Log-ins of browsers in two steps: tokens change with each proof, nothing that an attacker put there beforehand
// becomes a session, other sites cause nothing; and the list of one's sessions.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { shownCode } from '../demo/authenticator-app.js';
import { Browser } from './browser.js';
import { enrolTotp, FACTORS, foundedWorld, patientWithCodes, type Telephone } from './sign-in.js';
import type { Visitor, World } from './world.js';

const PASSWORD = 'correct horse battery';
const listSchema = z.object({
  items: z.array(
    z.looseObject({
      id: z.string(),
      kind: z.string(),
      current: z.boolean(),
      secondFactor: z.boolean(),
      client: z.string().optional(),
      createdAt: z.int(),
      lastUsedAt: z.int(),
    }),
  ),
});

describe('log-ins of browsers', function () {
  this.timeout(30_000);
  let world: World;
  let maria: Visitor;
  let telephone: Telephone;

  before(async () => (world = await foundedWorld()));
  beforeEach(async () => ({ maria, telephone } = await patientWithCodes(world)));
  after(() => world.close());

  const me = async (who: Browser) => (await who.ask('GET', '/me')).body['userId'];
  const first = (who: Browser, headers?: Readonly<Record<string, string>>) =>
    who.ask('POST', '/sessions', { login: maria.login, password: PASSWORD }, headers);
  const second = (
    who: Browser,
    pending: unknown,
    code: string,
    headers?: Readonly<Record<string, string>>,
  ) =>
    who.ask(
      'POST',
      '/sessions/second-factor',
      { pending, proof: { method: 'totp', code } },
      headers,
    );
  const logIn = async (who: Browser): Promise<void> => {
    const { body } = await first(who);
    const answer = await second(who, body['pending'], telephone.nextCode());
    expect(answer.status).to.equal(201);
    who.take(answer.setCookie, answer.body);
  };

  it('set no cookie before the second step is done', async () => {
    const browser = new Browser(world.url);
    const { status, setCookie, body } = await first(browser);
    expect([status, setCookie]).to.deep.equal([202, '']);
    expect(body).to.not.have.any.keys('csrfToken', 'token', 'userId', 'role');
    browser.cookie = String(body['pending']);
    expect((await browser.ask('GET', '/me')).status, 'a pending token as a cookie').to.equal(401);
    const wrong = await second(browser, body['pending'], '12345');
    expect([wrong.status, wrong.setCookie]).to.deep.equal([401, '']);
    await logIn(browser);
    expect(await me(browser)).to.equal(maria.userId);
  });

  it('never take up a session that an attacker has put there', async () => {
    const mallory = await world.patient('Mallory');
    const attacker = new Browser(world.url);
    await attacker.logIn(mallory.login, PASSWORD);
    const victim = new Browser(world.url);
    victim.cookie = attacker.cookie;
    await logIn(victim);
    expect(victim.cookie).to.not.equal(attacker.cookie);
    expect(await me(victim)).to.equal(maria.userId);
    expect(await me(attacker)).to.equal(mallory.userId);
    const made = new Browser(world.url);
    made.cookie = 'A'.repeat(43);
    await logIn(made);
    expect(made.cookie).to.not.equal('A'.repeat(43));
    // Nor does a step that waits become theirs: without the code it is nobody's, with their own it is not Maria's.
    const { body } = await first(new Browser(world.url));
    const theirs = await enrolTotp(world, mallory);
    expect((await second(attacker, body['pending'], theirs.nextCode())).status).to.equal(401);
  });

  it('change their token with each proof: at log-in, when it is given again, and when a factor is enrolled', async () => {
    const browser = new Browser(world.url);
    await logIn(browser);
    const seen = [browser.cookie];
    const csrf = [browser.csrf];
    const fresh = await browser.ask('POST', '/sessions/current/fresh', { password: PASSWORD });
    expect([fresh.status, fresh.setCookie]).to.deep.equal([202, '']);
    const done = await second(browser, fresh.body['pending'], telephone.nextCode());
    browser.take(done.setCookie, done.body);
    seen.push(browser.cookie);
    csrf.push(browser.csrf);

    const offered = await browser.ask('POST', `${FACTORS}/totp`);
    const code = shownCode(String(offered.body['secret']), world.clock.now());
    const enrolled = await browser.ask('POST', `${FACTORS}/totp/confirm`, { code });
    browser.take(enrolled.setCookie, enrolled.body);
    seen.push(browser.cookie);
    csrf.push(browser.csrf);
    expect(new Set(seen).size).to.equal(3);
    expect(new Set(csrf).size).to.equal(3);
    expect(await me(browser)).to.equal(maria.userId);
    for (const cookie of seen.slice(0, 2)) {
      const old = new Browser(world.url);
      old.cookie = cookie;
      expect((await old.ask('GET', '/me')).status).to.equal(401);
    }
  });

  it('are caused by no other site, in neither step', async () => {
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      const browser = new Browser(world.url);
      expect((await first(browser, headers)).body['code']).to.equal('CSRF');
      const { body } = await first(browser);
      const code = telephone.nextCode();
      const refused = await second(browser, body['pending'], code, headers);
      expect([refused.status, refused.body['code'], refused.setCookie]).to.deep.equal([
        403,
        'CSRF',
        '',
      ]);
      const own = { origin: world.url, 'sec-fetch-site': 'same-origin' };
      expect((await second(browser, body['pending'], code, own)).status).to.equal(201);
    }
  });

  it('need their CSRF token to change a factor or end sessions', async () => {
    const browser = new Browser(world.url);
    await logIn(browser);
    browser.csrf = '';
    for (const [method, path] of [
      ['POST', `${FACTORS}/totp`],
      ['DELETE', `${FACTORS}/totp`],
      ['POST', `${FACTORS}/passkeys/options`],
      ['POST', `${FACTORS}/recovery-codes`],
      ['DELETE', '/sessions'],
    ] as const) {
      expect((await browser.ask(method, path)).body['code'], path).to.equal('CSRF');
    }
  });

  it('end while they wait to be made fresh: the second step brings nothing back', async () => {
    const browser = new Browser(world.url);
    await logIn(browser);
    const { body } = await browser.ask('POST', '/sessions/current/fresh', { password: PASSWORD });
    await browser.ask('DELETE', '/sessions/current');
    const late = await second(browser, body['pending'], telephone.nextCode());
    expect([late.status, late.setCookie]).to.deep.equal([401, '']);
    expect((await browser.ask('GET', '/me')).status).to.equal(401);
  });

  it('leave a device cookie that scripts can’t read and that opens nothing, one for each person', async () => {
    const browser = new Browser(world.url);
    const { body } = await first(browser);
    const { setCookie, ...answer } = await second(browser, body['pending'], telephone.nextCode());
    const device = setCookie
      .split(/, (?=prms_)/)
      .find((cookie) => cookie.startsWith('prms_device='));
    expect(device)
      .to.match(/; HttpOnly/i)
      .and.match(/; SameSite=Strict/i)
      .and.match(/; Max-Age=/i);
    browser.take(setCookie, answer.body);
    const one = browser.device;
    const tomas = await world.patient('Tomas');
    await browser.logIn(tomas.login, PASSWORD);
    expect(browser.device.split('.')).to.have.length(2).and.include(one);
    const thief = new Browser(world.url);
    thief.cookie = one;
    expect((await thief.ask('GET', '/me')).status).to.equal(401);
    // The same person again keeps the token that they have.
    await browser.logIn(tomas.login, PASSWORD);
    expect(browser.device.split('.')).to.have.length(2);
  });

  it('are listed with what their clients said they are, and ended: one, or all others', async () => {
    const tomas = await world.patient('Tomas');
    const credentials = { login: tomas.login, password: PASSWORD, kind: 'bearer' };
    const client = 'Tomas’s telephone, in the kitchen';
    const begun = await tomas.post(
      '/sessions',
      { ...credentials, client },
      z.looseObject({ token: z.string() }),
    );
    const kitchen = world.visitor(tomas.login);
    kitchen.token = begun.token;
    await world.visitor(tomas.login).logIn();
    const { items } = await kitchen.get('/sessions', listSchema);
    expect(items).to.have.length(3);
    const [current] = items.filter((item) => item.current);
    expect(current).to.include({ client, kind: 'bearer', secondFactor: false });
    expect(items.filter((item) => item.client !== undefined)).to.have.length(1);
    expect(Object.keys(items[0] ?? {})).to.not.include.members(['userId', 'token', 'freshAt']);

    const path = join(world.dataDir, 'store');
    const files = await Promise.all(
      (await readdir(path)).map((file) => readFile(join(path, file), 'utf8')),
    );
    expect(files.join('\n')).to.not.include('kitchen');

    // The words stay with the session when its token changes.
    const fresh = await kitchen.ask('POST', '/sessions/current/fresh', { password: PASSWORD });
    kitchen.token = z.looseObject({ token: z.string() }).parse(fresh.body).token;
    expect((await kitchen.ask('DELETE', '/sessions')).status).to.equal(204);
    const left = await kitchen.get('/sessions', listSchema);
    expect(left.items.map((item) => [item.current, item.client])).to.deep.equal([[true, client]]);
    expect((await tomas.ask('GET', '/me')).status).to.equal(401);
    expect(await tomas.fails('DELETE', `/sessions/${current?.id ?? ''}`)).to.equal(
      'UNAUTHENTICATED',
    );
  });
});
