// Logging in without a password: whoever holds the signing key that the ledger has for a user signs a challenge. What is
// signed names the place and the ledger, so that a gateway can't pass on somebody's signature to another.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { isSignedBy, type User } from '@prms/chaincode';
import type { Accounts } from '../../accounts/index.js';
import type { Clock, RandomBytes } from '../../ambient.js';
import { GatewayError } from '../../errors.js';
import type { Records } from '../records.js';
import { LOGIN_PREFIX } from './published.js';

export interface Challenge {
  readonly challenge: string;
  readonly origin: string;
  readonly ledger: string;
  readonly expiresAt: number;
}

export interface KeyProof {
  readonly userId: string;
  readonly challenge: string;
  /** Over {@link loginText}, base64url. */
  readonly signature: string;
  /** Where the caller reached us. */
  readonly origin: string;
}

const NONCE_BYTES = 16;
const TIME_BYTES = 8;
const MAC_BYTES = 16;

/** What is signed: `PRMS-login-v1` NUL origin NUL ledger NUL user id NUL challenge. */
export function loginText(origin: string, ledger: string, userId: string, challenge: string) {
  return `${LOGIN_PREFIX}${origin}\0${ledger}\0${userId}\0${challenge}`;
}

export class KeyLogins {
  /** Of this process alone: a restart ends every challenge, so that none can be used again after it. */
  readonly #key: Uint8Array;
  /** Challenges that have been answered, until they would have ended. Only their own users can put one here. */
  readonly #used = new Map<string, number>();

  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly accounts: Accounts;
      readonly clock: Clock;
      readonly random: RandomBytes;
      readonly lifeMs: number;
    },
  ) {
    this.#key = parts.random(32);
  }

  /** For anybody who asks, whether there is such a user or not: it costs no memory and tells nothing. */
  challenge(userId: string, origin: string): Challenge {
    const expiresAt = this.parts.clock.now() + this.parts.lifeMs;
    const time = Buffer.alloc(TIME_BYTES);
    time.writeBigUInt64BE(BigInt(expiresAt));
    const body = Buffer.concat([this.parts.random(NONCE_BYTES), time]);
    const challenge = Buffer.concat([body, this.#mac(body, userId, origin)]).toString('base64url');
    return { challenge, origin, ledger: this.parts.records.channel, expiresAt };
  }

  /**
   * Takes an answer, once.
   * @throws GatewayError WRONG_CREDENTIALS, whatever is wrong with it
   */
  async prove(proof: KeyProof): Promise<Pick<User, 'id' | 'role'>> {
    const expiresAt = this.#expiryOf(proof);
    if (expiresAt === undefined) throw refused();
    const user = await this.#userOf(proof.userId);
    const { origin, userId, challenge, signature } = proof;
    const text = loginText(origin, this.parts.records.channel, userId, challenge);
    const signed = user && isSignedBy({ publicKey: user.keys.sign, text, signature });
    if (!signed || this.#used.has(challenge)) throw refused();
    this.#used.set(challenge, expiresAt);
    return user;
  }

  /** When the challenge ends; undefined when it is over, or was not given to this user at this place. */
  #expiryOf({ userId, origin, challenge }: KeyProof): number | undefined {
    const now = this.parts.clock.now();
    for (const [used, ends] of this.#used) if (ends <= now) this.#used.delete(used);
    const bytes = Buffer.from(challenge, 'base64url');
    const well = bytes.length === NONCE_BYTES + TIME_BYTES + MAC_BYTES;
    if (!well || bytes.toString('base64url') !== challenge) return undefined;
    const body = bytes.subarray(0, NONCE_BYTES + TIME_BYTES);
    const mac = bytes.subarray(body.length);
    if (!timingSafeEqual(mac, this.#mac(body, userId, origin))) return undefined;
    const expiresAt = Number(body.readBigUInt64BE(NONCE_BYTES));
    return now < expiresAt ? expiresAt : undefined;
  }

  #mac(body: Uint8Array, userId: string, origin: string): Uint8Array {
    const mac = createHmac('sha256', this.#key).update(body).update(`${userId}\0${origin}`, 'utf8');
    return mac.digest().subarray(0, MAC_BYTES);
  }

  /** Only users with an account here have anything to log in to. */
  async #userOf(userId: string): Promise<User | undefined> {
    try {
      await this.parts.accounts.get(userId);
      return await this.parts.records.user(userId);
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }
}

function refused(): GatewayError {
  return new GatewayError(
    'WRONG_CREDENTIALS',
    'This is no answer to a challenge that still stands: ask for another one.',
  );
}
