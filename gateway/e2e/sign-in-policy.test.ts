// Second factors that a hospital requires of its staff: from when on, of whom, and what a session without one may do.
import { expect } from 'chai';
import { z } from 'zod';
import { routes } from '../http/routes/index.js';
import { SoftwareAuthenticator } from '../testing/authenticator.js';
import { enrolPasskey, enrolTotp, FACTORS, logInWith, refresh } from './sign-in.js';
import { Talker } from './talker.js';
import { World, type Visitor } from './world.js';

const HOUR_MS = 60 * 60_000;
const policySchema = z.object({ secondFactor: z.string(), from: z.int() });
const sessionSchema = z.looseObject({ mustEnrol: z.literal(true).optional() });

/** What a session may do whose user must enrol first. A new entry is a decision. */
const OPEN = [
  'delete /me/second-factors/passkeys/{id}',
  'delete /me/second-factors/totp',
  'delete /sessions',
  'delete /sessions/current',
  'delete /sessions/{id}',
  'get /hospitals/{id}/sign-in-policy',
  'get /me',
  'get /me/second-factors',
  'get /sessions',
  'post /me/second-factors/passkeys',
  'post /me/second-factors/passkeys/options',
  'post /me/second-factors/recovery-codes',
  'post /me/second-factors/totp',
  'post /me/second-factors/totp/confirm',
  'post /sessions/current/fresh',
];

describe('a hospital that requires second factors', function () {
  this.timeout(60_000);
  let world: World;
  let north: Visitor;
  let south: Visitor;
  let doctor: Visitor;
  let maria: Visitor;

  beforeEach(async () => {
    world = await World.open();
    north = await world.hospital('North');
    south = await world.hospital('South', north);
    doctor = await world.doctor('Adeyemi', north, south);
    maria = await world.patient('Maria');
  });
  afterEach(() => world.close());

  const policy = (who: Visitor, secondFactor: string, from?: number, of = who) =>
    who.ask('PUT', `/hospitals/${of.userId}/sign-in-policy`, { secondFactor, from });
  /** A route like any other. */
  const works = async (who: Visitor) => {
    const { status, body } = await who.ask('GET', '/doctors');
    return status === 200 ? 'works' : z.looseObject({ code: z.string() }).parse(body).code;
  };
  const begin = async (who: Visitor) => {
    const { login, password } = who;
    const answer = await who.ask('POST', '/sessions', { login, password, kind: 'bearer' });
    return sessionSchema.parse(answer.body);
  };

  it('holds up its doctors and its own office until they have one, and nobody else', async () => {
    const foreign = await world.doctor('Bruun', south);
    expect((await policy(north, 'required')).status).to.equal(200);
    for (const who of [doctor, north]) {
      expect(await works(who), who.login).to.equal('SECOND_FACTOR_REQUIRED');
      expect((await begin(who)).mustEnrol).to.equal(true);
      await who.logIn();
      expect(await works(who)).to.equal('SECOND_FACTOR_REQUIRED');
      await enrolTotp(world, who);
      expect(await works(who)).to.equal('works');
    }
    for (const who of [foreign, maria, south]) {
      expect(await works(who), who.login).to.equal('works');
      expect((await begin(who)).mustEnrol).to.equal(undefined);
    }
  });

  it('leaves a session without one what it takes to enrol, and nothing else', async () => {
    await policy(north, 'required');
    const open = routes.filter(({ withoutSecondFactor }) => withoutSecondFactor === true);
    expect(open.map(({ method, path }) => `${method} ${path}`).sort()).to.deep.equal(OPEN);
    const session = routes.filter(({ auth }) => auth === 'session');
    const refused = new Set<string>();
    for (const { method, path } of session) {
      const place = `${method} ${path}`;
      if (OPEN.includes(place)) continue;
      const sample = path.replaceAll(/\{\w+\}/g, 'A');
      const code = await doctor.fails(
        method.toUpperCase(),
        sample,
        method === 'get' ? undefined : {},
      );
      // A role that is not the doctor's is said first.
      expect(code, place).to.be.oneOf(['SECOND_FACTOR_REQUIRED', 'FORBIDDEN']);
      if (code === 'SECOND_FACTOR_REQUIRED') refused.add(place);
    }
    expect([...refused]).to.include('post /patients/{patient}/emergency');
    expect(refused.size).to.be.greaterThan(40);
  });

  it('takes either kind; who has one logs in with it and works', async () => {
    await enrolPasskey(doctor, new SoftwareAuthenticator(world.url));
    await policy(north, 'required');
    expect(await works(doctor)).to.equal('works');
    const telephone = await enrolTotp(world, doctor);
    await logInWith(doctor, { method: 'totp', code: telephone.nextCode() });
    expect(await works(doctor)).to.equal('works');
  });

  it('says from when on, and holds nobody up before', async () => {
    const from = world.clock.now() + HOUR_MS;
    await policy(north, 'required', from);
    const listed = z.object({ requiredFrom: z.int().optional() });
    expect((await doctor.get(FACTORS, listed)).requiredFrom).to.equal(from);
    expect((await maria.get(FACTORS, listed)).requiredFrom).to.equal(undefined);
    expect(await works(doctor)).to.equal('works');
    for (let n = 0; n < 4; n += 1) {
      world.clock.advance(HOUR_MS / 4);
      await doctor.ask('GET', '/me');
    }
    expect(await works(doctor)).to.equal('SECOND_FACTOR_REQUIRED');
  });

  it('is one of several: the strictest counts, and only while it has authorised the doctor', async () => {
    const later = world.clock.now() + HOUR_MS;
    await policy(south, 'required', later);
    await policy(north, 'required');
    const listed = z.object({ requiredFrom: z.int() });
    expect((await doctor.get(FACTORS, listed)).requiredFrom).to.equal(world.clock.now());
    await enrolTotp(world, north);
    const list = z.object({
      items: z.array(z.looseObject({ doctor: z.string(), version: z.int() })),
    });
    const { items } = await north.get('/affiliations', list);
    const version = items.find((each) => each.doctor === doctor.userId)?.version ?? 0;
    await north.change(`/affiliations/${doctor.userId}/suspend`, { replaces: version });
    expect((await doctor.get(FACTORS, listed)).requiredFrom).to.equal(later);
    expect(await works(doctor)).to.equal('works');
  });

  it('holds up whoever is at a WebSocket already, speaking or listening', async () => {
    await world.care(maria, doctor, north);
    const wish = { patient: maria.userId, hospital: north.userId };
    const { id } = await doctor.post('/consultations', wish, z.looseObject({ id: z.string() }));
    const path = `/patients/${maria.userId}/consultations/${id}`;
    await doctor.ask('POST', `${path}/admit`, { user: maria.userId });
    const [speaks, listens] = [1, 2].map(() => Talker.at(world.url, path, doctor));
    if (!speaks || !listens) throw new Error('there are two');
    for (const each of [speaks, listens]) await (await each.join()).next('joined');
    await speaks.say('before');
    await listens.hears(1);
    await policy(north, 'required');
    const after = { type: 'say', id: 'after-the-policy', text: 'after' };
    expect(await speaks.refused(after)).to.equal('SECOND_FACTOR_REQUIRED');
    expect(await speaks.closed()).to.equal(4403);
    world.clock.advance(1000);
    expect((await maria.ask('POST', `${path}/messages`, { text: 'psst' })).status).to.equal(201);
    expect(await listens.closed()).to.equal(4403);
    expect(listens.heard.length).to.equal(1);
  });

  it('lets nobody remove the last factor; without the policy they may', async () => {
    await policy(north, 'required');
    await enrolTotp(world, doctor);
    const path = `${FACTORS}/totp`;
    expect(await doctor.fails('DELETE', path)).to.equal('CONFLICT');
    const { id } = await enrolPasskey(doctor, new SoftwareAuthenticator(world.url));
    expect((await doctor.ask('DELETE', path)).status).to.equal(204);
    expect(await doctor.fails('DELETE', `${FACTORS}/passkeys/${id ?? ''}`)).to.equal('CONFLICT');
    await enrolTotp(world, north);
    await policy(north, 'optional');
    expect((await doctor.ask('DELETE', `${FACTORS}/passkeys/${id ?? ''}`)).status).to.equal(204);
    expect(await works(doctor)).to.equal('works');
  });

  it('is set by its own office, admitted and freshly logged in, and shown to whoever asks', async () => {
    expect(await policy(south, 'required', undefined, north).then(code)).to.equal('FORBIDDEN');
    expect(await policy(doctor, 'required', undefined, north).then(code)).to.equal('FORBIDDEN');
    const stranger = await world
      .visitor('east')
      .register('hospital', { profile: { name: 'East' } });
    expect(await policy(stranger, 'required').then(code)).to.equal('FORBIDDEN');
    expect(await policy(north, 'sometimes').then(code)).to.equal('VALIDATION');
    world.clock.advance(6 * 60_000);
    expect(await policy(north, 'required').then(code)).to.equal('FRESH_LOGIN_REQUIRED');
    const path = `/hospitals/${north.userId}/sign-in-policy`;
    expect((await maria.get(path, policySchema)).secondFactor).to.equal('optional');
    await refresh(north);
    await policy(north, 'required', 1000);
    expect(await maria.get(path, policySchema)).to.deep.equal({
      secondFactor: 'required',
      from: 1000,
    });
  });
});

const code = ({ body }: { readonly body: unknown }): string =>
  z.looseObject({ code: z.string() }).parse(body).code;
