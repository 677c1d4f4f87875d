// When password and recovery code are both lost: the user asks for new keys with a new password, shows a code to a
// hospital, two hospitals put the keys on the ledger, and with the next log-in the new keys are the account's.

import { createHash } from 'node:crypto';
import type { Patient, Role } from '@prms/chaincode';
import { z } from 'zod';
import type { Accounts, SecondFactors, Sessions, Source } from '../accounts/index.js';
import type { RandomBytes } from '../ambient.js';
import { GatewayError } from '../errors.js';
import { Documents, type Store } from '../store/index.js';
import { keyBundleSchema, wipe } from '../vault/index.js';
import type { Actor } from './actor.js';
import type { HospitalKeys } from './hospital-keys.js';
import { freshKeys } from './keys.js';
import type { Records } from './records.js';
import { recipientOf, type Vaults } from './vaults.js';

/** What the user takes away: one code to show to a hospital, one to keep. Both are shown once. */
export interface RequestedKeys {
  readonly requestCode: string;
  readonly recoveryCode: string;
  readonly expiresAt: number;
}

/** What a hospital sees of a request, and proposes to the ledger when it has made sure who is standing there. */
export interface KeyRequest {
  readonly userId: string;
  readonly role: Role;
  readonly keys: { readonly sign: string; readonly seal: string };
  readonly proof: string;
  readonly proofId: string;
  readonly requestedAt: number;
}

const requestSchema = z.strictObject({
  bundle: keyBundleSchema,
  keys: z.strictObject({ sign: z.string(), seal: z.string() }),
  proof: z.string(),
  proofId: z.string(),
  requestedAt: z.int(),
});
type StoredRequest = z.infer<typeof requestSchema>;

const NOBODY = '-';

export class Recoveries {
  /** `<user id>/<hash of the code>` */
  readonly #requests: Documents<StoredRequest>;
  readonly #users: Documents<{ userId: string }>;

  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly accounts: Accounts;
      readonly sessions: Sessions;
      readonly secondFactors: SecondFactors;
      readonly vaults: Vaults;
      readonly hospitalKeys: HospitalKeys;
      readonly store: Store;
      readonly random: RandomBytes;
      /** How long a request waits. */
      readonly lifeMs: number;
      readonly mostPerUser: number;
    },
  ) {
    this.#requests = new Documents(parts.store, 'key-requests', requestSchema);
    this.#users = new Documents(
      parts.store,
      'key-request-codes',
      z.strictObject({ userId: z.string() }),
    );
  }

  /**
   * Makes new keys under a new password; nothing changes yet. Says nothing of the account: whoever knows a login name
   * does not learn the id behind it.
   * @throws GatewayError WRONG_CREDENTIALS (no such account) | FORBIDDEN (a hospital) | VALIDATION | TOO_MANY | BUSY
   */
  async request(login: string, password: string, source: Source): Promise<RequestedKeys> {
    const { accounts, records, random, store } = this.parts;
    const proofId = records.newId();
    const made = await accounts.sealAnew(login, password, source, ({ userId, role }) => {
      if (role === 'hospital') {
        throw new GatewayError('FORBIDDEN', 'A hospital’s keys are not replaced in this way.');
      }
      const fresh = freshKeys(random, userId, proofId);
      return { fresh, keys: [fresh.sign, fresh.unseal] };
    });
    const { userId, fresh, bundle, recoveryCode } = made;
    wipe(fresh.sign.privateKey, fresh.unseal.privateKey);
    await this.#makeRoom(userId);
    const requestCode = Buffer.from(random(16)).toString('base64url');
    const hash = hashOf(requestCode);
    const requestedAt = records.now();
    const { keys, proof } = fresh;
    await store.commit(
      [
        this.#requests.write(`${userId}/${hash}`, { bundle, keys, proof, proofId, requestedAt }),
        this.#users.write(hash, { userId }),
      ],
      { sync: true },
    );
    return { requestCode, recoveryCode, expiresAt: requestedAt + this.parts.lifeMs };
  }

  /** @throws GatewayError NOT_FOUND */
  async look(requestCode: string): Promise<KeyRequest> {
    const hash = hashOf(requestCode);
    const owner = await this.#users.get(hash);
    const found = owner && (await this.#requests.get(`${owner.userId}/${hash}`));
    if (!owner || !found || this.#isOver(found)) {
      throw new GatewayError('NOT_FOUND', 'No request of this code waits here.');
    }
    const { keys, proof, proofId, requestedAt } = found;
    const { userId } = owner;
    const { role } = await this.parts.records.user(userId);
    return { userId, role, keys, proof, proofId, requestedAt };
  }

  /** Puts requested keys in place when the ledger has them. Called before each log-in; costs one look-up. */
  async adopt(login: string): Promise<void> {
    const { accounts, sessions, secondFactors, records } = this.parts;
    const userId = await accounts.idOf(login);
    // Looked for in any case: an unknown name costs what a known one costs.
    const waiting = await this.#waiting(userId ?? NOBODY);
    if (userId === undefined || waiting.length === 0) return;
    const { keys } = await records.user(userId);
    const match = waiting.find(({ value }) => value.keys.sign === keys.sign);
    if (!match) return;
    await accounts.replaceBundle(userId, match.value.bundle);
    // Two hospitals have made sure who this is: whoever lost password and code has lost the second factor, too.
    await secondFactors.forget(userId);
    await sessions.endAll(userId);
    await this.#forget(waiting.map(({ key }) => key));
  }

  /**
   * The escrow hospital hands a re-keyed patient the key to their vault, wrapped for the new key.
   * @returns false when the hospital is not the one that the patient has named: then it holds nothing to hand over
   */
  async restoreVault(actor: Actor, patientId: string): Promise<boolean> {
    const { records, vaults, hospitalKeys } = this.parts;
    const user = await records.user(patientId);
    if (user.role !== 'patient' || user.escrow !== actor.userId) return false;
    if (user.recovery?.status !== 'completed' || user.recovery.keys.seal !== user.keys.seal) {
      throw new GatewayError('CONFLICT', 'This patient’s keys have not been replaced.', {
        ids: { patient: patientId },
      });
    }
    const hospital = await hospitalKeys.unsealer(actor.userId);
    const epoch = await vaults.openEpoch(user, hospital, 'escrow');
    await vaults.giveEpoch(user, epoch, recipientOf(user));
    await vaults.giveTagKey(user.id, await this.#tagKey(user, hospital), recipientOf(user));
    return true;
  }

  /** The hospital has the key to the categories when it was asked for care; else the patient begins a new one. */
  async #tagKey(
    patient: Patient,
    hospital: Parameters<Vaults['openTagKey']>[1],
  ): Promise<Uint8Array> {
    try {
      return await this.parts.vaults.openTagKey(patient.id, hospital);
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'NOT_FOUND') return this.parts.random(32);
      throw error;
    }
  }

  async #waiting(userId: string): Promise<{ key: string; value: StoredRequest }[]> {
    const waiting: { key: string; value: StoredRequest }[] = [];
    for await (const entry of this.#requests.list({ prefix: `${userId}/` })) waiting.push(entry);
    return waiting.sort((a, b) => a.value.requestedAt - b.value.requestedAt);
  }

  /** Anybody may ask in anybody's name: what is over goes, then the oldest that no hospital has taken up. */
  async #makeRoom(userId: string): Promise<void> {
    const waiting = await this.#waiting(userId);
    const { recovery } = await this.parts.records.user(userId);
    const over = waiting.filter(({ value }) => this.#isOver(value));
    const rest = waiting.filter(
      ({ value }) => !this.#isOver(value) && value.keys.sign !== recovery?.keys.sign,
    );
    const surplus = rest.slice(0, Math.max(0, rest.length - this.parts.mostPerUser + 1));
    await this.#forget([...over, ...surplus].map(({ key }) => key));
  }

  async #forget(keys: readonly string[]): Promise<void> {
    const writes = keys.flatMap((key) => [
      this.#requests.write(key, undefined),
      this.#users.write(key.slice(key.indexOf('/') + 1), undefined),
    ]);
    if (writes.length > 0) await this.parts.store.commit(writes, { sync: true });
  }

  #isOver({ requestedAt }: StoredRequest): boolean {
    return this.parts.records.now() >= requestedAt + this.parts.lifeMs;
  }
}

const hashOf = (code: string): string =>
  createHash('sha256').update('PRMS-key-request-v1\0').update(code, 'utf8').digest('base64url');
