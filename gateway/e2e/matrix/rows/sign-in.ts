// Second factors: one's own, and what a hospital requires. Whoever enrols one is a newcomer here, since it is asked for
// at each log-in from then on.
import { z } from 'zod';
import { SoftwareAuthenticator } from '../../../testing/authenticator.js';
import { shownCode } from '../../../demo/authenticator-app.js';
import { enrolPasskey, enrolTotp, FACTORS, firstStep } from '../../sign-in.js';
import type { Visitor } from '../../world.js';
import type { Home } from '../home.js';
import { LOGGED_IN, type Row, type Rows } from '../row.js';

const offeredSchema = z.object({ secret: z.string(), uri: z.string(), expiresAt: z.int() });
const optionsSchema = z.looseObject({
  challenge: z.string(),
  rp: z.looseObject({ id: z.string().optional() }),
});

const FOR_ALL = { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' } as const;
const key = (home: Home) => new SoftwareAuthenticator(home.world.url);
const onesOwn = (ask?: Row['ask']): Row => ({
  newcomer: true,
  ...(ask && { ask }),
  answers: FOR_ALL,
});

async function passkeyOf(home: Home, who: Visitor): Promise<string> {
  return (await enrolPasskey(who, key(home))).id ?? '';
}

export const signInRows: Rows = {
  'post /sessions/second-factor': {
    perCaller: true,
    ask: async (home) => {
      const somebody = await home.relative();
      const telephone = await enrolTotp(home.world, somebody);
      const { pending } = await firstStep(somebody);
      return { body: { pending, proof: { method: 'totp', code: telephone.nextCode() } } };
    },
    answers: { rest: 'ok' },
  },
  'get /me/second-factors': { answers: FOR_ALL },
  'post /me/second-factors/totp': onesOwn(),
  'post /me/second-factors/totp/confirm': onesOwn(async ({ world }, _who, caller) => {
    const { secret } = await caller.post(`${FACTORS}/totp`, undefined, offeredSchema);
    return { body: { code: shownCode(secret, world.clock.now()) } };
  }),
  'delete /me/second-factors/totp': onesOwn(async ({ world }, _who, caller) => {
    await enrolTotp(world, caller);
    return {};
  }),
  'post /me/second-factors/passkeys/options': onesOwn(),
  'post /me/second-factors/passkeys': onesOwn(async (home, _who, caller) => {
    const path = `${FACTORS}/passkeys/options`;
    const options = await caller.post(path, undefined, optionsSchema);
    return { body: { name: 'a key', credential: key(home).create(options) } };
  }),
  // Another's is as unknown as one that never was.
  'delete /me/second-factors/passkeys/{id}': {
    newcomer: true,
    ask: async (home, who, caller) => ({
      path: { id: await passkeyOf(home, who === 'owner' ? caller : await home.relative()) },
    }),
    answers: { ok: ['owner'], UNAUTHENTICATED: ['anonymous'], rest: 'NOT_FOUND' },
  },
  'post /me/second-factors/recovery-codes': onesOwn(async ({ world }, _who, caller) => {
    await enrolTotp(world, caller);
    return {};
  }),
  'get /hospitals/{id}/sign-in-policy': {
    ask: ({ people }) => ({ path: { id: people.hospital.userId } }),
    answers: FOR_ALL,
  },
  'put /hospitals/{id}/sign-in-policy': {
    ownSession: true,
    ask: ({ people }) => ({
      path: { id: people.hospital.userId },
      body: { secondFactor: 'optional' },
    }),
    answers: { ok: ['hospital'], rest: 'FORBIDDEN' },
  },
};
