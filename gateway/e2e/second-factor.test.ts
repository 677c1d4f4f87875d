// One-time codes over HTTP: enrolled, asked for, spent once, lost and set aside; what waits and for how long.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { z } from 'zod';
import { OwnKeyPerson } from './own-key-person.js';
import {
  awaitingSchema,
  enrolTotp,
  FACTORS,
  firstStep,
  foundedWorld,
  logInWith,
  patientWithCodes,
  refresh,
  refusal,
  secondStep,
  takeSession,
  type Telephone,
} from './sign-in.js';
import type { Visitor, World } from './world.js';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const listSchema = z.object({
  totp: z.looseObject({}).nullable(),
  passkeys: z.array(z.looseObject({ id: z.string(), name: z.string() })),
  recoveryCodesLeft: z.int(),
});
const codesSchema = z.object({ recoveryCodes: z.array(z.string()) });

describe('one-time codes over HTTP', function () {
  this.timeout(30_000);
  let world: World;
  let maria: Visitor;
  let telephone: Telephone;

  before(async () => (world = await foundedWorld()));
  beforeEach(async () => ({ maria, telephone } = await patientWithCodes(world)));
  after(() => world.close());

  const me = async (who: Visitor) => (await who.ask('GET', '/me')).status;
  const totp = () => ({ method: 'totp', code: telephone.nextCode() });
  const list = () => maria.get(FACTORS, listSchema);
  const sessionCount = async () =>
    (await maria.get('/sessions', z.object({ items: z.array(z.unknown()) }))).items.length;

  it('are enrolled by a confirmed code, in a session that goes on under a new token', async () => {
    const tomas = await world.patient('Tomas');
    const tokenBefore = tomas.token;
    const elsewhere = world.visitor(tomas.login);
    await elsewhere.logIn();
    const offered = z.object({ secret: z.string(), uri: z.string(), expiresAt: z.int() });
    const { secret, uri } = await tomas.post(`${FACTORS}/totp`, undefined, offered);
    expect(uri).to.include(`secret=${secret}`);
    expect(await tomas.fails('POST', `${FACTORS}/totp/confirm`, { code: '000000' })).to.equal(
      'WRONG_CREDENTIALS',
    );
    expect((await tomas.get(FACTORS, listSchema)).totp, 'offered is not enrolled').to.equal(null);
    await tomas.logIn();
    const another = await tomas.fails('POST', `${FACTORS}/totp/confirm`, { code: '000000' });
    expect(another, 'what was offered to another session').to.equal('NOT_FOUND');

    const { recoveryCodes } = await enrolTotp(world, tomas);
    expect(new Set(recoveryCodes).size).to.equal(10);
    expect(await me(tomas)).to.equal(200);
    const old = world.visitor(tomas.login);
    old.token = tokenBefore;
    expect(await me(old), 'the token from before').to.equal(401);
    expect(await me(elsewhere), 'a session that began without a factor').to.equal(401);
  });

  it('are asked for at log-in; before that there is no session', async () => {
    const sessions = await sessionCount();
    const { token } = maria;
    const { pending, methods, passkey } = await firstStep(maria);
    expect(methods).to.deep.equal(['totp', 'recovery-code']);
    expect(passkey).to.equal(undefined);
    maria.token = pending;
    expect(await me(maria), 'a pending token is no session’s').to.equal(401);
    maria.token = token;
    expect(await sessionCount()).to.equal(sessions);
    maria.token = '';
    takeSession(maria, await secondStep(maria, pending, totp()));
    expect(await me(maria)).to.equal(200);
    expect(await sessionCount()).to.equal(sessions + 1);
    // The keys that waited are in place: signing works.
    await maria.change('/me/keys/rotate');
  });

  it('count once, in either order, and at the same moment', async () => {
    const proof = totp();
    await logInWith(maria, proof);
    const again = await firstStep(maria);
    expect(refusal(await secondStep(maria, again.pending, proof))).to.equal('WRONG_CREDENTIALS');
    const other = totp();
    const [one, two] = [await firstStep(maria), await firstStep(maria)];
    const answers = await Promise.all(
      [one, two].map(({ pending }) => secondStep(maria, pending, other)),
    );
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([201, 401]);
  });

  it('are taken when the telephone is one step late or early, not two', async () => {
    const late = telephone.nextCode();
    world.clock.advance(30_000);
    await logInWith(maria, { method: 'totp', code: late });
    const tooLate = telephone.nextCode();
    world.clock.advance(60_000);
    const { pending } = await firstStep(maria);
    const answer = await secondStep(maria, pending, { method: 'totp', code: tooLate });
    expect(refusal(answer)).to.equal('WRONG_CREDENTIALS');
  });

  it('leave the log-in waiting when they are wrong, five times', async () => {
    const { pending } = await firstStep(maria);
    const wrong = { method: 'totp', code: '12345' };
    for (let n = 0; n < 4; n += 1) {
      expect(refusal(await secondStep(maria, pending, wrong))).to.equal('WRONG_CREDENTIALS');
    }
    takeSession(maria, await secondStep(maria, pending, totp()));

    const second = await firstStep(maria);
    const many = await Promise.all(
      Array.from({ length: 9 }, () => secondStep(maria, second.pending, wrong)),
    );
    const tried = many.map(refusal).filter((code) => code === 'WRONG_CREDENTIALS');
    expect(tried.length, 'tries that came together').to.be.at.most(5);
    const late = await secondStep(maria, second.pending, totp());
    expect(refusal(late)).to.equal('UNAUTHENTICATED');
  });

  it('finish a log-in once: a pending token is worth nothing afterwards, nor when it is made up', async () => {
    const { pending } = await firstStep(maria);
    takeSession(maria, await secondStep(maria, pending, totp()));
    for (const token of [pending, 'A'.repeat(43), '', 'x']) {
      expect(refusal(await secondStep(maria, token, totp())), token).to.equal('UNAUTHENTICATED');
    }
  });

  it('come too late after five minutes; the keys that waited are gone by then', async () => {
    const { pendingLogIns } = world.gateway.services;
    const { pending } = await firstStep(maria);
    world.clock.advance(5 * MINUTE_MS - 30_001);
    expect(refusal(await secondStep(maria, pending, { method: 'totp', code: '1' }))).to.equal(
      'WRONG_CREDENTIALS',
    );
    takeSession(maria, await secondStep(maria, pending, totp()));
    const late = await firstStep(maria);
    world.clock.advance(5 * MINUTE_MS);
    expect(refusal(await secondStep(maria, late.pending, totp()))).to.equal('UNAUTHENTICATED');
    pendingLogIns.sweep();
    expect(pendingLogIns.size).to.equal(0);
  });

  it('are for one account: a log-in that waits is finished by its own user’s code', async () => {
    const tomas = await world.patient('Tomas');
    const his = await enrolTotp(world, tomas);
    const { pending } = await firstStep(maria);
    const answer = await secondStep(maria, pending, { method: 'totp', code: his.nextCode() });
    expect(refusal(answer)).to.equal('WRONG_CREDENTIALS');
  });

  it('do not show at a wrong password', async () => {
    const tomas = await world.patient('Tomas');
    const answers = [];
    for (const { login } of [maria, tomas, { login: 'nobody-at-all' }]) {
      const stranger = world.visitor(login);
      const { status, body } = await stranger.ask('POST', '/sessions', {
        login,
        password: 'not the password',
      });
      answers.push({ status, ...z.looseObject({}).parse(body), instance: '' });
    }
    expect(answers[0]).to.deep.include({ status: 401, code: 'WRONG_CREDENTIALS' });
    expect(answers[1]).to.deep.equal(answers[0]);
    expect(answers[2]).to.deep.equal(answers[0]);
  });

  it('are asked for when the password is given again, for the session that asked', async () => {
    world.clock.advance(6 * MINUTE_MS);
    expect(await maria.fails('POST', '/me/keys/rotate')).to.equal('FRESH_LOGIN_REQUIRED');
    const { token } = maria;
    const asked = await maria.ask('POST', '/sessions/current/fresh', { password: maria.password });
    expect(asked.status).to.equal(202);
    const { pending } = awaitingSchema.parse(asked.body);
    expect(await maria.fails('POST', '/me/keys/rotate')).to.equal('FRESH_LOGIN_REQUIRED');
    const other = world.visitor(maria.login);
    expect(refusal(await secondStep(other, pending, totp())), 'nobody').to.equal('UNAUTHENTICATED');
    await logInWith(Object.assign(other, { password: maria.password }), totp());
    expect(refusal(await secondStep(other, pending, totp())), 'another session').to.equal(
      'UNAUTHENTICATED',
    );
    takeSession(maria, await secondStep(maria, pending, totp()));
    await maria.change('/me/keys/rotate');
    const old = world.visitor(maria.login);
    old.token = token;
    expect(await me(old), 'the token from before').to.equal(401);
  });

  it('are removed after a fresh log-in with one of them, and then no longer asked for', async () => {
    world.clock.advance(6 * MINUTE_MS);
    expect(await maria.fails('DELETE', `${FACTORS}/totp`)).to.equal('FRESH_LOGIN_REQUIRED');
    await refresh(maria, totp());
    expect((await maria.ask('DELETE', `${FACTORS}/totp`)).status).to.equal(204);
    expect(await list()).to.deep.equal({ totp: null, passkeys: [], recoveryCodesLeft: 0 });
    expect(await maria.fails('DELETE', `${FACTORS}/totp`)).to.equal('NOT_FOUND');
    await maria.logIn();
  });

  it('are recovered from by codes that count once each, also at the same moment', async () => {
    const [first = '', second = ''] = telephone.recoveryCodes;
    const proof = (code: string) => ({ method: 'recovery-code', code });
    await logInWith(maria, proof(first.toLowerCase().replaceAll('-', ' ')));
    expect((await list()).recoveryCodesLeft).to.equal(9);
    const spent = await firstStep(maria);
    expect(refusal(await secondStep(maria, spent.pending, proof(first)))).to.equal(
      'WRONG_CREDENTIALS',
    );
    const [one, two] = [await firstStep(maria), await firstStep(maria)];
    const answers = await Promise.all(
      [one, two].map(({ pending }) => secondStep(maria, pending, proof(second))),
    );
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([201, 401]);
    const tomas = await world.patient('Tomas');
    await enrolTotp(world, tomas);
    const his = await firstStep(tomas);
    const third = telephone.recoveryCodes[2] ?? '';
    expect(refusal(await secondStep(tomas, his.pending, proof(third)))).to.equal(
      'WRONG_CREDENTIALS',
    );
  });

  it('get new recovery codes when asked; the old ones are worth nothing', async () => {
    await refresh(maria, totp());
    const renewed = await maria.post(`${FACTORS}/recovery-codes`, undefined, codesSchema);
    const proof = (code = '') => ({ method: 'recovery-code', code });
    const { pending } = await firstStep(maria);
    const old = await secondStep(maria, pending, proof(telephone.recoveryCodes[0]));
    expect(refusal(old)).to.equal('WRONG_CREDENTIALS');
    takeSession(maria, await secondStep(maria, pending, proof(renewed.recoveryCodes[0])));
  });

  it('stay when the account’s recovery code resets the password', async () => {
    const { login, recoveryCode } = maria;
    const newPassword = 'another long password';
    const { status } = await maria.ask('POST', '/recover', { login, recoveryCode, newPassword });
    expect(status).to.equal(200);
    maria.password = newPassword;
    await logInWith(maria, totp());
  });

  it('are set aside by password and the account’s recovery code, but not by one paper for both', async () => {
    const { recoveryCode } = maria;
    const aside = (code: string) => ({ method: 'account-recovery-code', code });
    const step = await firstStep(maria);
    const mistyped = await secondStep(maria, step.pending, aside('no code'));
    expect(refusal(mistyped)).to.equal('VALIDATION');
    const tomas = await world.patient('Tomas');
    const foreign = await secondStep(maria, step.pending, aside(tomas.recoveryCode));
    expect(refusal(foreign)).to.equal('WRONG_CREDENTIALS');
    const begun = takeSession(maria, await secondStep(maria, step.pending, aside(recoveryCode)));
    expect((await list()).totp).to.equal(null);
    await maria.logIn();

    // The next code, shown with the log-in, resets the password; then it does not set factors aside for a week.
    telephone = await enrolTotp(world, maria);
    const newPassword = 'another long password';
    const body = { login: maria.login, recoveryCode: begun.recoveryCode, newPassword };
    const next = z.object({ recoveryCode: z.string() });
    const recovered = await maria.post('/recover', body, next);
    maria.password = newPassword;
    const early = await firstStep(maria);
    const refused = await secondStep(maria, early.pending, aside(recovered.recoveryCode));
    expect(refusal(refused)).to.equal('FORBIDDEN');
    world.clock.advance(7 * DAY_MS);
    const late = await firstStep(maria);
    takeSession(maria, await secondStep(maria, late.pending, aside(recovered.recoveryCode)));
  });

  it('are never set aside for a session that is only made fresh', async () => {
    const asked = await maria.ask('POST', '/sessions/current/fresh', { password: maria.password });
    const { pending } = awaitingSchema.parse(asked.body);
    const proof = { method: 'account-recovery-code', code: maria.recoveryCode };
    expect(refusal(await secondStep(maria, pending, proof))).to.equal('FORBIDDEN');
    expect((await list()).totp).to.not.equal(null);
  });

  it('are asked for after a signature, too, of somebody who keeps their own keys', async () => {
    const olga = await new OwnKeyPerson(world, 'olga-own').register();
    const { visitor } = olga;
    const his = await enrolTotp(world, visitor);
    visitor.token = '';
    const byKey = await visitor.ask('POST', '/key-logins', await olga.answer());
    expect(byKey.status).to.equal(202);
    const { pending } = awaitingSchema.parse(byKey.body);
    const proof = { method: 'totp', code: his.nextCode() };
    takeSession(visitor, await secondStep(visitor, pending, proof));
    expect(await me(visitor)).to.equal(200);
    await firstStep(visitor);
  });

  it('rest sealed: neither the secret nor a recovery code is in the store', async () => {
    const tomas = await world.patient('Tomas');
    const offered = z.looseObject({ secret: z.string() });
    const { secret } = await tomas.post(`${FACTORS}/totp`, undefined, offered);
    const { recoveryCodes } = await enrolTotp(world, tomas);
    const dir = join(world.dataDir, 'store');
    const files = await Promise.all(
      (await readdir(dir)).map((file) => readFile(join(dir, file), 'latin1')),
    );
    const text = files.join('\n');
    expect(text).to.include('second-factors').and.include(tomas.userId);
    for (const hidden of [
      secret,
      ...recoveryCodes,
      ...recoveryCodes.map((c) => c.replaceAll('-', '')),
    ]) {
      expect(text.includes(hidden), hidden).to.equal(false);
    }
  });
});
