// People at the log-in of a gateway under test: what they enrol, and both steps of coming in.
import { z } from 'zod';
import { shownCode } from '../demo/authenticator-app.js';
import type { SoftwareAuthenticator } from '../testing/authenticator.js';
import { problemOf, World, type ApiAnswer, type Visitor } from './world.js';

export const FACTORS = '/me/second-factors';
const STEP_MS = 30_000;

const loggedInSchema = z.looseObject({
  token: z.string(),
  mustEnrol: z.literal(true).optional(),
  device: z.string().optional(),
  recoveryCode: z.string().optional(),
});
export const enrolledSchema = z.looseObject({
  token: z.string(),
  id: z.string().optional(),
  recoveryCodes: z.array(z.string()).optional(),
});
export const awaitingSchema = z.looseObject({
  pending: z.string(),
  methods: z.array(z.string()),
  passkey: z
    .looseObject({
      challenge: z.string(),
      rpId: z.string().optional(),
      allowCredentials: z.array(z.looseObject({ id: z.string() })).optional(),
    })
    .optional(),
  expiresAt: z.int(),
});
const creationSchema = z.looseObject({
  challenge: z.string(),
  rp: z.looseObject({ id: z.string().optional() }),
});

/** Somebody's telephone with one-time codes on it. */
export interface Telephone {
  readonly recoveryCodes: readonly string[];
  /** The code that it shows now. */
  code(): string;
  /** Waits for the next one, so that it has not been used. */
  nextCode(): string;
}

/** A gateway at which people can be: its ledger is founded. */
export async function foundedWorld(): Promise<World> {
  const world = await World.open();
  await world.hospital('North');
  return world;
}

/** A new patient who logs in with one-time codes. */
export async function patientWithCodes(
  world: World,
): Promise<{ readonly maria: Visitor; readonly telephone: Telephone }> {
  const maria = await world.patient('Maria');
  return { maria, telephone: await enrolTotp(world, maria) };
}

/** Enrols one-time codes in the present session, which must be fresh. */
export async function enrolTotp({ clock }: World, who: Visitor): Promise<Telephone> {
  const offered = z.looseObject({ secret: z.string(), uri: z.string() });
  const { secret } = await who.post(`${FACTORS}/totp`, undefined, offered);
  const code = () => shownCode(secret, clock.now());
  const confirmed = await who.post(`${FACTORS}/totp/confirm`, { code: code() }, enrolledSchema);
  who.token = confirmed.token;
  return {
    recoveryCodes: confirmed.recoveryCodes ?? [],
    code,
    nextCode: () => {
      clock.advance(STEP_MS);
      return code();
    },
  };
}

/** Enrols a passkey in the present session, which must be fresh. */
export async function enrolPasskey(
  who: Visitor,
  authenticator: SoftwareAuthenticator,
  name = 'a key',
): Promise<z.infer<typeof enrolledSchema>> {
  const options = await who.post(`${FACTORS}/passkeys/options`, undefined, creationSchema);
  const credential = authenticator.create(options);
  const enrolled = await who.post(`${FACTORS}/passkeys`, { name, credential }, enrolledSchema);
  who.token = enrolled.token;
  return enrolled;
}

/** The first step of somebody who has a second factor. */
export async function firstStep(who: Visitor): Promise<z.infer<typeof awaitingSchema>> {
  const { login, password } = who;
  who.token = '';
  const answer = await who.ask('POST', '/sessions', { login, password, kind: 'bearer' });
  if (answer.status !== 202) throw new Error(`the first step was answered ${answer.status}`);
  return awaitingSchema.parse(answer.body);
}

export const secondStep = (who: Visitor, pending: string, proof: object): Promise<ApiAnswer> =>
  who.ask('POST', '/sessions/second-factor', { pending, proof });

/** Both steps. */
export async function logInWith(
  who: Visitor,
  proof: object,
): Promise<z.infer<typeof loggedInSchema>> {
  const { pending } = await firstStep(who);
  return takeSession(who, await secondStep(who, pending, proof));
}

/** The session of an answer that must be one. */
export function takeSession(who: Visitor, answer: ApiAnswer): z.infer<typeof loggedInSchema> {
  if (answer.status >= 300) throw new Error(`no session but ${problemOf(answer).code}`);
  const begun = loggedInSchema.parse(answer.body);
  who.token = begun.token;
  return begun;
}

/** Gives password and, when asked, the second factor again. */
export async function refresh(who: Visitor, proof?: object): Promise<void> {
  const answer = await who.ask('POST', '/sessions/current/fresh', { password: who.password });
  if (answer.status === 202 && proof !== undefined) {
    const { pending } = awaitingSchema.parse(answer.body);
    takeSession(who, await secondStep(who, pending, proof));
  } else takeSession(who, answer);
}

/** The code of an answer that must be a refusal. */
export function refusal(answer: ApiAnswer): string {
  if (answer.status < 400) throw new Error(`answered ${answer.status}`);
  return problemOf(answer).code;
}
