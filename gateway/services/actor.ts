// Whoever is logged in, and can sign.

import { kidOf, signedText, type Role } from '@prms/chaincode';
import { GatewayError } from '../errors.js';
import {
  encodePublicKey,
  publicKeyOf,
  type PrivateKeyEntry,
  type UnlockedKeys,
} from '../vault/index.js';

export interface Actor {
  readonly userId: string;
  readonly role: Role;
  readonly sessionId: string;
  readonly keys: UnlockedKeys;
}

/** Something that can open wraps: a user's session, or the hospital's own keys at this gateway. */
export interface Unsealer {
  readonly userId: string;
  /** Present and past unsealing keys. */
  readonly unsealing: readonly PrivateKeyEntry[];
}

export function unsealerOf(actor: Actor): Unsealer {
  return {
    userId: actor.userId,
    unsealing: actor.keys.entries.filter(({ use }) => use === 'unseal'),
  };
}

/** The one key that signs now. */
export function signingEntry(actor: Actor): PrivateKeyEntry {
  const entry = actor.keys.entries.find(({ use }) => use === 'sign');
  if (entry) return entry;
  throw new GatewayError('KEYS_LOCKED', 'This account holds no signing key here.');
}

/** A signature over an operation's canonical bytes, base64url. */
export function signBytes(actor: Actor, bytes: string): string {
  const { kid } = signingEntry(actor);
  return Buffer.from(actor.keys.sign(kid, Buffer.from(signedText(bytes), 'utf8'))).toString(
    'base64url',
  );
}

/** How a private key is named: after its public one. */
export function kidOfPrivate(privateKey: Uint8Array): string {
  return kidOf(encodePublicKey(publicKeyOf(privateKey)));
}
