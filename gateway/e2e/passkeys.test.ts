// Passkeys over HTTP, with an authenticator in software: enrolled, used, copied, replayed, and shown to the wrong site.
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { expect } from 'chai';
import { z } from 'zod';
import { SoftwareAuthenticator, type Mischief } from '../testing/authenticator.js';
import {
  enrolledSchema,
  enrolPasskey,
  enrolTotp,
  FACTORS,
  firstStep,
  refresh,
  refusal,
  secondStep,
  takeSession,
} from './sign-in.js';
import { World, type Visitor } from './world.js';

const SITE = 'https://records.example';
const MINUTE_MS = 60_000;
const creation = z.looseObject({
  challenge: z.string(),
  rp: z.looseObject({ id: z.string() }),
  user: z.looseObject({ id: z.string() }),
  attestation: z.string(),
  excludeCredentials: z.array(z.looseObject({ id: z.string() })),
  authenticatorSelection: z.looseObject({ userVerification: z.string() }),
});
const listSchema = z.object({
  totp: z.null(),
  passkeys: z.array(
    z.looseObject({ id: z.string(), name: z.string(), lastUsedAt: z.int().optional() }),
  ),
  recoveryCodesLeft: z.int(),
});

describe('passkeys over HTTP', function () {
  this.timeout(30_000);
  let world: World;
  let maria: Visitor;
  let key: SoftwareAuthenticator;

  before(async () => {
    world = await World.open({ env: { PRMS_PUBLIC_ORIGIN: SITE } });
    await world.hospital('North');
  });
  beforeEach(async () => {
    maria = await world.patient('Maria');
    key = new SoftwareAuthenticator(SITE);
    await enrolPasskey(maria, key, 'the blue one');
  });
  after(() => world.close());

  /** Begins a log-in and answers its challenge. */
  async function answer(authenticator = key, mischief: Mischief = {}) {
    const { pending, passkey } = await firstStep(maria);
    if (passkey === undefined) throw new Error('no passkey was asked for');
    const assertion = authenticator.get(passkey, mischief);
    return { pending, passkey, proof: { method: 'passkey', assertion } };
  }
  const tried = async (authenticator = key, mischief: Mischief = {}) => {
    const { pending, proof } = await answer(authenticator, mischief);
    return refusal(await secondStep(maria, pending, proof));
  };
  const logIn = async () => {
    const { pending, proof } = await answer();
    return takeSession(maria, await secondStep(maria, pending, proof));
  };
  const list = () => maria.get(FACTORS, listSchema);
  const offer = (who: Visitor) => who.post(`${FACTORS}/passkeys/options`, undefined, creation);
  const enrol = (who: Visitor, credential: object) =>
    who.ask('POST', `${FACTORS}/passkeys`, { name: 'one', credential });

  it('are enrolled under a name, give recovery codes once, and complete a log-in', async () => {
    const tomas = await world.patient('Tomas');
    const his = new SoftwareAuthenticator(SITE);
    const first = await enrolPasskey(tomas, his, 'first');
    const second = await enrolPasskey(tomas, new SoftwareAuthenticator(SITE), 'second');
    expect(first.recoveryCodes).to.have.length(10);
    expect(second.recoveryCodes).to.equal(undefined);
    const { passkeys } = await tomas.get(FACTORS, listSchema);
    expect(passkeys.map(({ id, name }) => [id, name])).to.deep.equal([
      [first.id, 'first'],
      [second.id, 'second'],
    ]);
    await logIn();
    expect((await maria.ask('GET', '/me')).status).to.equal(200);
    expect((await list()).passkeys[0]?.lastUsedAt).to.equal(world.clock.now());
    await logIn();
  });

  it('are asked for the right site, with user verification and no attestation, and not twice', async () => {
    const options = await offer(maria);
    expect(options.rp.id).to.equal('records.example');
    expect(options.authenticatorSelection.userVerification).to.equal('required');
    expect(options.attestation).to.equal('none');
    expect(options.excludeCredentials).to.have.length(1);
    expect(Buffer.from(options.user.id, 'base64url').toString()).to.equal(maria.userId);
    const { passkey } = await answer();
    expect(passkey).to.include({ rpId: 'records.example', userVerification: 'required' });
  });

  it('answer a challenge once: the same answer again is refused, in the same log-in and in the next', async () => {
    const { pending, proof } = await answer();
    takeSession(maria, await secondStep(maria, pending, proof));
    expect(refusal(await secondStep(maria, pending, proof))).to.equal('UNAUTHENTICATED');
    const next = await firstStep(maria);
    expect(refusal(await secondStep(maria, next.pending, proof))).to.equal('WRONG_CREDENTIALS');
  });

  it('answer a challenge once also when the answer comes twice at the same moment', async () => {
    const { pending, proof } = await answer();
    const answers = await Promise.all([0, 1].map(() => secondStep(maria, pending, proof)));
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([201, 401]);
  });

  it('end their challenge with a wrong answer', async () => {
    const { pending, passkey } = await answer();
    const wrong = key.get(passkey, { userVerified: false });
    const step = (assertion: object) =>
      secondStep(maria, pending, { method: 'passkey', assertion });
    expect(refusal(await step(wrong))).to.equal('WRONG_CREDENTIALS');
    expect(refusal(await step(key.get(passkey)))).to.equal('WRONG_CREDENTIALS');
  });

  it('are refused for another origin, another site, another challenge, and without their user', async () => {
    const phished = new SoftwareAuthenticator('https://records.example.evil');
    const tomas = await world.patient('Tomas');
    const options = await offer(tomas);
    const elsewhere = refusal(await enrol(tomas, phished.create(options)));
    expect(elsewhere).to.equal('WRONG_CREDENTIALS');
    const mischiefs: Mischief[] = [
      { rpId: 'records.example.evil' },
      { challenge: Buffer.alloc(32, 1).toString('base64url') },
      { userVerified: false },
      { type: 'webauthn.create' },
    ];
    for (const mischief of mischiefs) {
      expect(await tried(key, mischief), JSON.stringify(mischief)).to.equal('WRONG_CREDENTIALS');
      if ('type' in mischief) continue;
      const credential = key.create(await offer(tomas), mischief);
      const place = `enrolling ${JSON.stringify(mischief)}`;
      expect(refusal(await enrol(tomas, credential)), place).to.equal('WRONG_CREDENTIALS');
    }
    // The same key, driven by a page of another origin.
    const relay = await firstStep(maria);
    if (relay.passkey === undefined) throw new Error('no passkey was asked for');
    const honest = key.get(relay.passkey);
    const data: unknown = JSON.parse(
      Buffer.from(honest.response.clientDataJSON, 'base64url').toString('utf8'),
    );
    const foreign = { ...z.looseObject({}).parse(data), origin: 'https://records.example.evil' };
    const clientDataJSON = Buffer.from(JSON.stringify(foreign)).toString('base64url');
    const forged = { ...honest, response: { ...honest.response, clientDataJSON } };
    const step = await secondStep(maria, relay.pending, { method: 'passkey', assertion: forged });
    expect(refusal(step)).to.equal('WRONG_CREDENTIALS');
    await logIn();
  });

  it('that were copied are caught by their counter', async () => {
    await logIn();
    expect(await tried(key, { counterStands: true })).to.equal('WRONG_CREDENTIALS');
    await logIn();
  });

  it('of somebody else, or of nobody, are worth nothing', async () => {
    const tomas = await world.patient('Tomas');
    const his = new SoftwareAuthenticator(SITE);
    await enrolPasskey(tomas, his);
    const { pending, passkey } = await answer();
    const { challenge } = passkey;
    for (const assertion of [his.get({ challenge }), his.get({ challenge }, { rpId: 'x' })]) {
      const step = await secondStep(maria, pending, { method: 'passkey', assertion });
      expect(refusal(step)).to.equal('WRONG_CREDENTIALS');
    }
  });

  it('are refused when an answer is cut off, bent or endless', async () => {
    const { pending, passkey } = await answer();
    const whole = key.get(passkey);
    const bent = [
      { ...whole, response: { ...whole.response, authenticatorData: 'AA' } },
      {
        ...whole,
        response: { ...whole.response, signature: whole.response.signature.slice(0, -8) },
      },
      { ...whole, response: { ...whole.response, clientDataJSON: 'bm90IGpzb24' } },
      { ...whole, id: 'A'.repeat(2000) },
      { ...whole, response: {} },
    ];
    for (const assertion of bent) {
      const step = await secondStep(maria, pending, { method: 'passkey', assertion });
      expect(refusal(step)).to.be.oneOf(['WRONG_CREDENTIALS', 'VALIDATION', 'UNAUTHENTICATED']);
    }
    const tomas = await world.patient('Tomas');
    const created = key.create(await offer(tomas));
    const attestationObject = created.response.attestationObject.slice(0, 40);
    const cut = { ...created, response: { ...created.response, attestationObject } };
    expect(refusal(await enrol(tomas, cut))).to.equal('WRONG_CREDENTIALS');
  });

  it('are enrolled by the session that asked, once, while the challenge stands', async () => {
    const tomas = await world.patient('Tomas');
    const other = world.visitor(tomas.login);
    await other.logIn();
    const credential = key.create(await offer(tomas));
    expect(refusal(await enrol(other, credential))).to.equal('NOT_FOUND');
    world.clock.advance(5 * MINUTE_MS);
    await refresh(tomas);
    expect(refusal(await enrol(tomas, credential))).to.equal('NOT_FOUND');
    const again = key.create(await offer(tomas));
    const enrolled = await enrol(tomas, again);
    tomas.token = enrolledSchema.parse(enrolled.body).token;
    expect(refusal(await enrol(tomas, again))).to.equal('NOT_FOUND');
  });

  it('are removed one by one; the last one takes the recovery codes with it', async () => {
    const spare = await enrolPasskey(maria, new SoftwareAuthenticator(SITE), 'spare');
    const [first] = (await list()).passkeys;
    const remove = (id = '') => maria.ask('DELETE', `${FACTORS}/passkeys/${id}`);
    expect((await remove(first?.id)).status).to.equal(204);
    expect(refusal(await remove(first?.id))).to.equal('NOT_FOUND');
    const { passkeys, recoveryCodesLeft } = await list();
    expect([passkeys.map(({ name }) => name), recoveryCodesLeft]).to.deep.equal([['spare'], 10]);
    expect((await remove(spare.id)).status).to.equal(204);
    expect((await list()).recoveryCodesLeft).to.equal(0);
    await maria.logIn();
  });

  it('need a session that gave a factor, when there is one: a password alone removes and adds nothing', async () => {
    const { sessions } = world.gateway.services;
    const session = await sessions.authenticate(maria.token);
    if (session === undefined) throw new Error('no session');
    const { userId, role } = session;
    const begun = await sessions.start({ userId, role, kind: 'bearer' });
    const thief = world.visitor(maria.login);
    thief.token = begun.token;
    const [first] = (await list()).passkeys;
    for (const [method, path] of [
      ['DELETE', `${FACTORS}/passkeys/${first?.id ?? ''}`],
      ['POST', `${FACTORS}/passkeys/options`],
      ['POST', `${FACTORS}/totp`],
      ['POST', `${FACTORS}/recovery-codes`],
    ] as const) {
      expect(await thief.fails(method, path), path).to.equal('SECOND_FACTOR_REQUIRED');
    }
  });

  it('stand beside one-time codes: either completes a log-in', async () => {
    const telephone = await enrolTotp(world, maria);
    const { pending, methods } = await firstStep(maria);
    expect(methods).to.deep.equal(['totp', 'passkey', 'recovery-code']);
    const code = telephone.nextCode();
    takeSession(maria, await secondStep(maria, pending, { method: 'totp', code }));
    await logIn();
  });

  it('are at most ten', async () => {
    for (let n = 0; n < 9; n += 1) await enrolPasskey(maria, new SoftwareAuthenticator(SITE));
    expect(await maria.fails('POST', `${FACTORS}/passkeys/options`)).to.equal('CONFLICT');
  });
});

describe('passkeys without a public origin', () => {
  it('count for the host that they were made for, and no other', async () => {
    const world = await World.open();
    try {
      await world.hospital('North');
      const maria = await world.patient('Maria');
      const { protocol, port } = new URL(world.url);
      const local = new SoftwareAuthenticator(`${protocol}//127.0.0.1:${port}`);
      await enrolPasskey(maria, local);
      const step = await firstStep(maria);
      if (step.passkey === undefined) throw new Error('no passkey was asked for');
      const proof = { method: 'passkey', assertion: local.get(step.passkey) };
      takeSession(maria, await secondStep(maria, step.pending, proof));

      // Reached by another name: it is not even asked for, and there is nothing to enrol where there is no name.
      const credentials = { login: maria.login, password: maria.password, kind: 'bearer' };
      const asked = await postAs('other.example', world.url, credentials);
      expect(asked.status).to.equal(202);
      const { methods } = z.looseObject({ methods: z.array(z.string()) }).parse(asked.body);
      expect(methods).to.deep.equal(['recovery-code']);
      expect((await postAs('no host at all', world.url, credentials)).status).to.equal(400);
    } finally {
      await world.close();
    }
  });
});

/** Logs in with a Host header of one's own. */
function postAs(
  host: string,
  url: string,
  body: object,
): Promise<{ status: number | undefined; body: unknown }> {
  return new Promise((resolve, reject) => {
    const headers = { host, 'content-type': 'application/json' };
    const sent = request(`${url}/api/v1/sessions`, { method: 'POST', headers }, (response) => {
      json(response).then(
        (answer) => resolve({ status: response.statusCode, body: answer }),
        reject,
      );
    });
    sent.on('error', reject).end(JSON.stringify(body));
  });
}
