// People who keep their own keys: registration and log-in, through HTTP.
import { expect } from 'chai';
import { kidOf } from '@prms/chaincode';
import { z } from 'zod';
import { OwnKeyPerson, publicText } from './own-key-person.js';
import { World, type Visitor } from './world.js';

const schemaSchema = z.looseObject({
  ledger: z.string(),
  now: z.int(),
  signing: z.looseObject({ prefix: z.string() }),
  limits: z.record(z.string(), z.int()),
  livesMs: z.record(z.string(), z.int()),
  envelope: z.looseObject({ type: z.literal('object') }),
  args: z.record(z.string(), z.looseObject({})),
});

describe('keys of one’s own', () => {
  let world: World;
  let hospital: Visitor;
  let olga: OwnKeyPerson;

  before(async () => {
    world = await World.open();
    hospital = await world.hospital('North');
    olga = await new OwnKeyPerson(world, 'olga').register(hospital.userId);
  });
  after(() => world.close());

  const registering = (person: OwnKeyPerson, line: string) =>
    person.visitor.fails('POST', '/register/own-keys', person.registration(line));
  const byKey = (answer: object) => olga.visitor.fails('POST', '/key-logins', answer);

  it('what a client needs to know is published to anybody', async () => {
    const told = await world.visitor('stranger').get('/operations/schema', schemaSchema);
    expect(told.ledger).to.equal('records');
    expect(told.now).to.equal(world.clock.now());
    expect(told.signing.prefix).to.equal('PRMS-op-v1\0');
    expect(told.limits['operationBytes']).to.equal(16_384);
    expect(told.livesMs).to.include({ 'access:request': 600_000, 'consent:grant': 86_400_000 });
    expect(Object.keys(told.args)).to.include.members(['user:register', 'access:request']);
    expect(told.args['key:object']).to.deep.include({
      required: ['proposal'],
      additionalProperties: false,
    });
  });

  it('a registration signed elsewhere makes an account, and its session says so where a key is needed', async () => {
    const me = await olga.visitor.get('/me', z.looseObject({ userId: z.string() }));
    expect(me.userId).to.equal(olga.userId);
    const user = await world.gateway.services.records.user(olga.userId);
    expect(user.kid).to.equal(kidOf(publicText(olga.signing)));
    const { userId } = olga;
    expect(await olga.visitor.fails('POST', '/me/keys/rotate')).to.equal('KEYS_ELSEWHERE');
    const wish = { doctor: hospital.userId, hospital: hospital.userId };
    expect(await olga.visitor.fails('POST', '/care', wish)).to.equal('KEYS_ELSEWHERE');
    const list = z.object({ items: z.array(z.unknown()), bookmark: z.string() });
    await olga.visitor.get(`/patients/${userId}/reports`, list);
    await olga.visitor.get(`/patients/${userId}/accesses`, list);
    await olga.visitor.get(`/patients/${userId}`, z.looseObject({ escrow: z.string() }));
  });

  it('the session outlives a restart: there are no keys to lose', async () => {
    await world.restart();
    await olga.visitor.get('/me', z.looseObject({}));
    expect(await hospital.fails('GET', '/emergencies')).to.equal('KEYS_LOCKED');
    await hospital.logIn();
  });

  it('refuses a registration that is not its sender’s, or not for here and now', async () => {
    const eve = new OwnKeyPerson(world, 'eve');
    const good = eve.registrationLine();
    const other = new OwnKeyPerson(world, 'other');
    expect(await registering(eve, 'nonsense')).to.equal('VALIDATION');
    expect(await registering(eve, good.replace('{"operation":{', '{"operation": {'))).to.equal(
      'VALIDATION',
    );
    const stolen = eve.envelope('user:register', { role: 'relative', keys: other.keys });
    expect(
      await registering(eve, eve.line('user:register', { role: 'relative', keys: other.keys })),
    ).to.equal('VALIDATION');
    expect(stolen.actor).to.equal(eve.userId);
    const forged = `${good.slice(0, -20)}${good.at(-20) === 'A' ? 'B' : 'A'}${good.slice(-19)}`;
    expect(await registering(eve, forged)).to.equal('VALIDATION');
    for (const twist of [
      { ledger: 'elsewhere' },
      { actor: other.userId },
      { kid: kidOf(publicText(other.signing)) },
      { expiresAt: world.clock.now() },
      { issuedAt: world.clock.now() + 600_000 },
      { expiresAt: world.clock.now() + 2 * 86_400_000 },
    ]) {
      expect(await registering(eve, eve.registrationLine(null, twist))).to.equal('VALIDATION');
    }
    expect(await registering(eve, eve.registrationLine(other.userId))).to.equal('VALIDATION');
    const rotate = eve.rotation(1).line;
    expect(await registering(eve, rotate)).to.equal('VALIDATION');
    const bare = { ...eve.registration(good), details: undefined };
    expect(await eve.visitor.fails('POST', '/register/own-keys', bare)).to.equal('VALIDATION');
    // None of this has spent the name.
    await eve.register();
  });

  it('a registration that stands on the ledger opens no second account', async () => {
    const line = new OwnKeyPerson(world, 'mallory').registrationLine();
    const first = new OwnKeyPerson(world, 'first-of-two');
    await first.visitor.post('/register/own-keys', first.registration(line), z.looseObject({}));
    const second = new OwnKeyPerson(world, 'second-of-two');
    expect(await registering(second, line)).to.equal('CONFLICT');
  });

  it('a signature logs in, once, here, on this ledger, in time', async () => {
    await olga.logIn();
    await olga.visitor.get('/me', z.looseObject({}));

    const answer = await olga.answer();
    await olga.visitor.post('/key-logins', answer, z.looseObject({ token: z.string() }));
    expect(await byKey(answer)).to.equal('WRONG_CREDENTIALS');

    expect(await byKey(await olga.answer({ origin: 'https://evil.example' }))).to.equal(
      'WRONG_CREDENTIALS',
    );
    expect(await byKey(await olga.answer({ ledger: 'other' }))).to.equal('WRONG_CREDENTIALS');

    const late = await olga.answer();
    world.clock.advance(60_000);
    expect(await byKey(late)).to.equal('WRONG_CREDENTIALS');

    const eve = new OwnKeyPerson(world, 'eva');
    await eve.register();
    const foreign = await eve.answer({ userId: olga.userId });
    expect(await byKey({ ...foreign, userId: olga.userId })).to.equal('WRONG_CREDENTIALS');
    const mine = await olga.answer();
    expect(await byKey({ ...mine, userId: eve.userId })).to.equal('WRONG_CREDENTIALS');
    expect(await byKey({ ...mine, challenge: `${mine.challenge}A` })).to.equal('WRONG_CREDENTIALS');
    expect(await byKey({ ...mine, challenge: 'x' })).to.equal('WRONG_CREDENTIALS');
    expect(await byKey({ ...mine, signature: foreign.signature })).to.equal('WRONG_CREDENTIALS');
  });

  it('a challenge does not say whether somebody is there', async () => {
    const nobody = new OwnKeyPerson(world, 'nobody');
    expect(await byKey(await nobody.answer())).to.equal('WRONG_CREDENTIALS');
  });

  it('an answer does not survive a restart', async () => {
    const answer = await olga.answer();
    await world.restart();
    await hospital.logIn();
    expect(await byKey(answer)).to.equal('WRONG_CREDENTIALS');
  });

  it('the recovery code resets the password, and brings no keys', async () => {
    const { visitor } = olga;
    const body = {
      login: visitor.login,
      recoveryCode: visitor.recoveryCode,
      newPassword: 'another battery staple',
    };
    await visitor.post('/recover', body, z.looseObject({ recoveryCode: z.string() }));
    visitor.password = body.newPassword;
    await visitor.logIn();
    expect(await visitor.fails('POST', '/me/keys/rotate')).to.equal('KEYS_ELSEWHERE');
  });
});
