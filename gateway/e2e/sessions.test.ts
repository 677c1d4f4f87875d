// Sessions over HTTP: the cookie's flags, who may use it from where, and when it ends.
import { expect } from 'chai';
import { Browser } from './browser.js';
import { text, World, type Visitor } from './world.js';

const MINUTE_MS = 60_000;
const PASSWORD = 'correct horse battery';

describe('sessions over HTTP', function () {
  this.timeout(30_000);
  let world: World;
  let maria: Visitor;
  let browser: Browser;

  before(async () => {
    world = await World.open();
    await world.hospital('North');
  });
  beforeEach(async () => {
    maria = await world.patient('Maria');
    browser = new Browser(world.url);
    await browser.logIn(maria.login, PASSWORD);
  });
  after(() => world.close());

  const me = async (who: Browser) => (await who.ask('GET', '/me')).status;
  /** A change that costs nothing when it is let through. */
  const change = (headers?: Readonly<Record<string, string>>, who = browser) =>
    who.ask('DELETE', '/sessions/none', undefined, headers);

  it('sets a cookie that scripts can’t read and other sites can’t send', async () => {
    const set = await new Browser(world.url).logIn(maria.login, PASSWORD);
    expect(set)
      .to.match(/; HttpOnly/i)
      .and.match(/; SameSite=Strict/i)
      .and.match(/; Path=\//i);
    expect(set).to.not.match(/; Secure/i);
    expect(await me(browser)).to.equal(200);
  });

  it('never gives a cookie session’s token in the body, nor lets it be used as a bearer', async () => {
    const { body } = await browser.ask('POST', '/sessions', {
      login: maria.login,
      password: PASSWORD,
    });
    expect(JSON.stringify(body)).to.not.include('token"');
    const asBearer = new Browser(world.url);
    const { status } = await asBearer.ask('GET', '/me', undefined, {
      authorization: `Bearer ${browser.cookie}`,
    });
    expect(status).to.equal(401);
    asBearer.cookie = maria.token;
    expect(await me(asBearer)).to.equal(401);
  });

  it('is over when it began at a time that has not come: the clock was ahead', async () => {
    const DAY_MS = 24 * 60 * MINUTE_MS;
    world.clock.advance(2 * MINUTE_MS);
    await browser.logIn(maria.login, PASSWORD);
    // As much as clocks may differ is borne.
    world.clock.advance(-2 * MINUTE_MS);
    expect(await me(browser)).to.equal(200);
    world.clock.advance(DAY_MS);
    await browser.logIn(maria.login, PASSWORD);
    world.clock.advance(-DAY_MS);
    expect(await me(browser)).to.equal(401);
    world.clock.advance(DAY_MS);
    expect(await me(browser), 'it has ended').to.equal(401);
    world.clock.advance(-DAY_MS);
  });

  it('refuses a change without the CSRF token, or with another session’s', async () => {
    expect((await change()).status).to.equal(404);
    const { csrf } = browser;
    for (const token of ['', 'x'.repeat(43), `${csrf}x`]) {
      browser.csrf = token;
      const { status, body } = await change();
      expect([status, body['code']], token).to.deep.equal([403, 'CSRF']);
    }
    const other = new Browser(world.url);
    await other.logIn(maria.login, PASSWORD);
    browser.csrf = other.csrf;
    expect((await change()).status).to.equal(403);
    browser.csrf = csrf;
    expect((await change()).status).to.equal(404);
  });

  it('refuses what another site’s page causes, log-in included', async () => {
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      expect((await change(headers)).body['code']).to.equal('CSRF');
      const { status } = await new Browser(world.url).ask(
        'POST',
        '/sessions',
        { login: maria.login, password: PASSWORD },
        headers,
      );
      expect(status).to.equal(403);
    }
    expect((await change({ origin: world.url })).status).to.equal(404);
  });

  it('a fresh log-in changes the token: the one from before is worth nothing', async () => {
    const old = new Browser(world.url);
    [old.cookie, old.csrf] = [browser.cookie, browser.csrf];
    const wrong = await browser.ask('POST', '/sessions/current/fresh', {
      password: 'not this one',
    });
    expect(wrong.status).to.equal(401);
    expect(await me(old)).to.equal(200);
    const { status, setCookie, body } = await browser.ask('POST', '/sessions/current/fresh', {
      password: PASSWORD,
    });
    expect(status).to.equal(200);
    browser.take(setCookie, body);
    expect(browser.cookie).to.not.equal(old.cookie);
    expect(await me(browser)).to.equal(200);
    expect(await me(old)).to.equal(401);
  });

  it('a token that the client chose is never taken', async () => {
    const fixed = new Browser(world.url);
    fixed.cookie = 'A'.repeat(43);
    const set = await fixed.logIn(maria.login, PASSWORD);
    expect(set).to.not.include('A'.repeat(43));
  });

  it('logs out: the token ends and the cookie is cleared', async () => {
    const copy = new Browser(world.url);
    copy.cookie = browser.cookie;
    const { status, setCookie } = await browser.ask('DELETE', '/sessions/current');
    expect(status).to.equal(204);
    expect(setCookie)
      .to.match(/prms_session=;/)
      .and.match(/Expires=Thu, 01 Jan 1970/);
    expect(await me(copy)).to.equal(401);
  });

  it('ends one of one’s own sessions, and nobody else’s', async () => {
    const tomas = await world.patient('Tomas');
    const { body } = await browser.ask('GET', '/sessions');
    const items = body['items'] as { id: string; current: boolean }[];
    const mine = items.find(({ current }) => current)?.id ?? '';
    expect(await tomas.fails('DELETE', `/sessions/${mine}`)).to.equal('NOT_FOUND');
    expect(await me(browser)).to.equal(200);
    expect((await maria.ask('DELETE', `/sessions/${mine}`)).status).to.equal(204);
    expect(await me(browser)).to.equal(401);
  });

  it('ends when it idles, and used or not after its absolute time', async () => {
    world.clock.advance(30 * MINUTE_MS - 1);
    expect(await me(browser)).to.equal(200);
    world.clock.advance(30 * MINUTE_MS);
    expect(await me(browser)).to.equal(401);

    await browser.logIn(maria.login, PASSWORD);
    for (let minutes = 0; minutes < 700; minutes += 20) {
      world.clock.advance(20 * MINUTE_MS);
      expect(await me(browser), `${minutes}`).to.equal(200);
    }
    world.clock.advance(20 * MINUTE_MS);
    expect(await me(browser)).to.equal(401);
  });

  it('a change of password ends the other sessions and the old password', async () => {
    const other = new Browser(world.url);
    await other.logIn(maria.login, PASSWORD);
    const next = 'another long password';
    const path = '/me/password';
    const wrong = await browser.ask('PUT', path, { oldPassword: 'wrong', newPassword: next });
    expect(wrong.status).to.equal(401);
    expect(await me(other)).to.equal(200);
    const { status } = await browser.ask('PUT', path, { oldPassword: PASSWORD, newPassword: next });
    expect(status).to.equal(204);
    expect(await me(browser)).to.equal(200);
    expect(await me(other)).to.equal(401);
    const old = await new Browser(world.url)
      .ask('POST', '/sessions', { login: maria.login, password: PASSWORD })
      .then(({ status: answered }) => answered);
    expect(old).to.equal(401);
    await other.logIn(maria.login, next);
  });

  it('a recovery code opens the account once, with everything in it', async () => {
    const { id } = await world.upload(maria, maria, { bytes: text('still mine') });
    const body = { login: maria.login, recoveryCode: maria.recoveryCode };
    const next = 'another long password';
    const nobody = new Browser(world.url);
    const { recoveryCode } = await world.patient('Tomas');
    const wrong = { ...body, recoveryCode, newPassword: next };
    expect((await nobody.ask('POST', '/recover', wrong)).status).to.equal(401);
    const recovered = await nobody.ask('POST', '/recover', { ...body, newPassword: next });
    expect(recovered.status).to.equal(200);
    expect(await me(browser)).to.equal(401);
    const again = await nobody.ask('POST', '/recover', {
      ...body,
      newPassword: 'a third password',
    });
    expect(again.status).to.equal(401);
    maria.password = next;
    await maria.logIn();
    expect(Buffer.from(await world.read(maria, maria, id)).toString()).to.equal('still mine');
    const second = { ...body, recoveryCode: recovered.body['recoveryCode'] };
    const third = await nobody.ask('POST', '/recover', {
      ...second,
      newPassword: 'third password',
    });
    expect(third.status).to.equal(200);
  });

  it('answers an unknown name and a wrong password alike', async () => {
    const stranger = new Browser(world.url);
    const unknown = { login: 'nobody-at-all', password: PASSWORD };
    const wrong = { login: maria.login, password: 'not the password' };
    const answers = [
      await stranger.ask('POST', '/sessions', unknown),
      await stranger.ask('POST', '/sessions', wrong),
    ].map(({ status, body: { instance: _instance, ...body } }) => ({ status, body }));
    expect(answers[0]).to.deep.equal(answers[1]);
    expect(answers[0]?.status).to.equal(401);
  });
});

describe('sessions behind https', () => {
  it('marks the cookie Secure, takes its own origin and no other', async () => {
    const world = await World.open({ env: { PRMS_PUBLIC_ORIGIN: 'https://records.example' } });
    try {
      const north = await world.hospital('North');
      const browser = new Browser(world.url);
      expect(await browser.logIn(north.login, PASSWORD)).to.match(/; Secure/i);
      const change = (origin: string) =>
        browser.ask('DELETE', '/sessions/none', undefined, { origin });
      expect((await change('https://records.example')).status).to.equal(404);
      expect((await change('http://records.example')).body['code']).to.equal('CSRF');
      expect((await change(world.url)).body['code']).to.equal('CSRF');
    } finally {
      await world.close();
    }
  });
});
