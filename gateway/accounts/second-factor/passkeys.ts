// Passkeys (WebAuthn level 3): what a browser is asked, and whether its answer holds. @simplewebauthn/server does the
// checking; here stand the choices: user verification required, no attestation, origin and site known beforehand.
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
} from '@simplewebauthn/server';
import { z } from 'zod';
import { GatewayError } from '../../errors.js';
import type { Passkey } from './factors.js';

/** The site as browsers see it: an origin, and its host as the WebAuthn relying party. */
export interface Site {
  readonly origin: string;
  readonly rpId: string;
}

const base64url = z
  .string()
  .min(1)
  .max(16_384)
  .regex(/^[A-Za-z0-9_-]+$/);
const common = {
  id: base64url.max(1400),
  rawId: base64url.max(1400),
  type: z.literal('public-key'),
  authenticatorAttachment: z.enum(['cross-platform', 'platform']).nullish(),
  clientExtensionResults: z.record(z.string(), z.unknown()).optional(),
};
const transports = z.array(z.string().max(20)).max(10);

/** `PublicKeyCredential.toJSON()` after `navigator.credentials.create`. Fields that nobody reads are let go. */
export const createdPasskeySchema = z.object({
  ...common,
  response: z.object({
    clientDataJSON: base64url,
    attestationObject: base64url,
    transports: transports.optional(),
  }),
});
export type CreatedPasskey = z.infer<typeof createdPasskeySchema>;

/** The same after `navigator.credentials.get`. */
export const assertionSchema = z.object({
  ...common,
  response: z.object({
    clientDataJSON: base64url,
    authenticatorData: base64url,
    signature: base64url,
    userHandle: z.string().max(128).nullish(),
  }),
});
export type Assertion = z.infer<typeof assertionSchema>;

/** What `navigator.credentials.create` is given, as JSON. */
export function creationOptions(
  { rpId }: Site,
  user: { readonly userId: string; readonly loginName: string },
  present: readonly Passkey[],
  { challenge, lifeMs }: { readonly challenge: Uint8Array; readonly lifeMs: number },
) {
  return generateRegistrationOptions({
    rpName: 'PRMS',
    rpID: rpId,
    userID: Uint8Array.from(Buffer.from(user.userId, 'utf8')),
    userName: user.loginName,
    challenge: Uint8Array.from(challenge),
    timeout: lifeMs,
    attestationType: 'none',
    excludeCredentials: descriptors(present, rpId),
    authenticatorSelection: { residentKey: 'discouraged', userVerification: 'required' },
  });
}

/** What `navigator.credentials.get` is given, as JSON. */
export function requestOptions(
  { rpId }: Site,
  present: readonly Passkey[],
  { challenge, lifeMs }: { readonly challenge: Uint8Array; readonly lifeMs: number },
) {
  return generateAuthenticationOptions({
    rpID: rpId,
    allowCredentials: descriptors(present, rpId),
    challenge: Uint8Array.from(challenge),
    timeout: lifeMs,
    userVerification: 'required',
  });
}

/** @throws GatewayError WRONG_CREDENTIALS when the answer does not hold */
export async function verifyCreation(
  { origin, rpId }: Site,
  challenge: string,
  created: CreatedPasskey,
): Promise<Pick<Passkey, 'credential' | 'rpId' | 'publicKey' | 'counter' | 'transports'>> {
  const { registrationInfo } = await held(() =>
    verifyRegistrationResponse({
      response: toCreation(created),
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpId,
      requireUserVerification: true,
    }),
  );
  if (registrationInfo === undefined) throw wrongPasskey();
  const { id, publicKey, counter } = registrationInfo.credential;
  return {
    credential: id,
    rpId,
    publicKey: Buffer.from(publicKey).toString('base64url'),
    counter,
    transports: created.response.transports ?? [],
  };
}

/** @returns the signature counter's new value @throws GatewayError WRONG_CREDENTIALS when the answer does not hold */
export async function verifyAssertion(
  { origin, rpId }: Site,
  challenge: string,
  passkey: Passkey,
  assertion: Assertion,
): Promise<number> {
  const { verified, authenticationInfo } = await held(() =>
    verifyAuthenticationResponse({
      response: toAssertion(assertion),
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpId,
      credential: {
        id: passkey.credential,
        publicKey: Uint8Array.from(Buffer.from(passkey.publicKey, 'base64url')),
        counter: passkey.counter,
      },
      requireUserVerification: true,
    }),
  );
  if (!verified) throw wrongPasskey();
  return authenticationInfo.newCounter;
}

/** WebAuthn §6.1.1: a counter that does not grow means a copy, unless the authenticator keeps none (always 0). */
export const counterGrows = (before: number, now: number): boolean =>
  now > before || (now === 0 && before === 0);

/** The library throws on whatever does not fit; why is nobody's business but ours. */
async function held<T>(verify: () => Promise<T>): Promise<T> {
  try {
    return await verify();
  } catch (cause) {
    throw wrongPasskey(cause);
  }
}

export const wrongPasskey = (cause?: unknown): GatewayError =>
  new GatewayError('WRONG_CREDENTIALS', 'The passkey’s answer does not hold.', { cause });

const descriptors = (passkeys: readonly Passkey[], rpId: string) =>
  passkeys
    .filter((passkey) => passkey.rpId === rpId)
    .map(({ credential, transports: used }) => ({ id: credential, transports: used }));

const toCreation = ({ id, rawId, response }: CreatedPasskey): RegistrationResponseJSON => ({
  id,
  rawId,
  type: 'public-key',
  clientExtensionResults: {},
  response: {
    clientDataJSON: response.clientDataJSON,
    attestationObject: response.attestationObject,
  },
});

const toAssertion = ({ id, rawId, response }: Assertion): AuthenticationResponseJSON => ({
  id,
  rawId,
  type: 'public-key',
  clientExtensionResults: {},
  response: {
    clientDataJSON: response.clientDataJSON,
    authenticatorData: response.authenticatorData,
    signature: response.signature,
  },
});
