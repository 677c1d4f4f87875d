// Service accounts: a hospital's systems as users of their own. Made, listed, given new tokens and ended by the hospital's
// office. A token is shown once and kept as a hash; the signing key rests under the master key, because the queue must go
// on after a restart with nobody there.

import { createHash } from 'node:crypto';
import type { Page, PublicProfile, Service } from '@prms/chaincode';
import { userIdOf } from '@prms/chaincode';
import { z } from 'zod';
import type { Clock, RandomBytes } from '../../ambient.js';
import { GatewayError } from '../../errors.js';
import { Documents, KeyedLock, type Store } from '../../store/index.js';
import { UnlockedKeys, wipe, type MasterKey } from '../../vault/index.js';
import type { Actor } from '../actor.js';
import { freshKeys } from '../keys.js';
import type { AppliedReceipt, PageRequest, Records } from '../records.js';

const accountSchema = z.strictObject({
  hospital: z.string(),
  /** Names of its keys, and the private ones, sealed. */
  sign: z.strictObject({ kid: z.string(), sealed: z.string() }),
  unseal: z.strictObject({ kid: z.string(), sealed: z.string() }),
  /** Of the token in force; none once the account has ended. */
  tokenHash: z.string().optional(),
  createdAt: z.int(),
  tokenMadeAt: z.int(),
});
type Account = z.infer<typeof accountSchema>;

/** A system, as its office sees it. */
export interface ShownService {
  readonly id: string;
  readonly name: string;
  /** On the ledger. */
  readonly status: Service['status'];
  readonly version: number;
  readonly createdAt: number;
  /** When its token was made; missing when it has none here any more. */
  readonly tokenMadeAt?: number;
}

/** What a caller with a good token is. */
export interface KnownService {
  readonly id: string;
  readonly hospital: string;
}

/** So that a token is recognised where it must not be: in a log, in a repository. */
const TOKEN_PREFIX = 'prms_svc_';
const TOKEN = /^prms_svc_[A-Za-z0-9_-]{43}$/;

export class ServiceAccounts {
  readonly #accounts: Documents<Account>;
  readonly #tokens: Documents<{ service: string }>;
  readonly #locks = new KeyedLock();

  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly store: Store;
      readonly master: MasterKey;
      readonly clock: Clock;
      readonly random: RandomBytes;
      readonly maxPerHospital: number;
    },
  ) {
    this.#accounts = new Documents(parts.store, 'service-accounts', accountSchema);
    const tokenSchema = z.strictObject({ service: z.string() });
    this.#tokens = new Documents(parts.store, 'service-tokens', tokenSchema);
  }

  /**
   * Lets a system in: with new keys, on the ledger by the hospital's signature.
   * @returns the token, which nobody can be shown again
   * @throws GatewayError REFUSED | CONFLICT when the hospital has as many as it may
   */
  create(
    office: Actor,
    profile: PublicProfile,
  ): Promise<{ id: string; token: string; receipt: AppliedReceipt }> {
    return this.#locks.run([office.userId], async () => {
      const { records, random, clock, maxPerHospital } = this.parts;
      let live = 0;
      for await (const { value } of this.#accounts.list())
        if (value.hospital === office.userId && value.tokenHash !== undefined) live++;
      if (live >= maxPerHospital)
        throw new GatewayError('CONFLICT', `At most ${maxPerHospital} systems: end one first.`);
      const operation = records.newId();
      const fresh = freshKeys(random, userIdOf, operation);
      const id = userIdOf(fresh.keys.sign);
      const now = clock.now();
      const account: Account = {
        hospital: office.userId,
        sign: { kid: fresh.sign.kid, sealed: this.#seal(id, fresh.sign.privateKey) },
        unseal: { kid: fresh.unseal.kid, sealed: this.#seal(id, fresh.unseal.privateKey) },
        createdAt: now,
        tokenMadeAt: now,
      };
      wipe(fresh.sign.privateKey, fresh.unseal.privateKey);
      // The keys first: a system on the ledger without them could sign nothing.
      await this.#accounts.put(id, account, { sync: true });
      const args = { keys: fresh.keys, proof: fresh.proof, profile };
      const receipt = await records.act(office, 'service:authorise', args, id, operation);
      return { id, token: await this.#giveToken(id), receipt };
    });
  }

  async list(office: Actor, page: PageRequest): Promise<Page<ShownService>> {
    const { items, bookmark } = await this.parts.records.services(office.userId, page);
    const accounts = await this.#accounts.getMany(items.map(({ id }) => id));
    return {
      items: items.map(({ id, profile, status, version, registeredAt }, i) => ({
        id,
        name: profile.name,
        status,
        version,
        createdAt: registeredAt,
        ...(accounts[i]?.tokenHash !== undefined && { tokenMadeAt: accounts[i].tokenMadeAt }),
      })),
      bookmark,
    };
  }

  /** A new token; the old one ends with it. @throws GatewayError NOT_FOUND | CONFLICT */
  rotate(office: Actor, id: string): Promise<string> {
    return this.#locks.run([office.userId], async () => {
      await this.#own(office, id);
      const user = await this.parts.records.user(id);
      if (user.role !== 'service' || user.status !== 'authorised')
        throw new GatewayError('CONFLICT', 'This system has been ended: make another one.');
      return this.#giveToken(id);
    });
  }

  /**
   * Ends a system for good: its token here first, then its name on the ledger. What waits from it is refused.
   * @throws GatewayError NOT_FOUND | REFUSED
   */
  end(office: Actor, id: string, replaces: number): Promise<{ receipt: AppliedReceipt }> {
    return this.#locks.run([office.userId], async () => {
      const account = await this.#own(office, id);
      await this.#setToken(id, account, undefined);
      const args = { service: id, replaces };
      return { receipt: await this.parts.records.act(office, 'service:suspend', args, id) };
    });
  }

  /** Whose token this is; undefined for nobody's. Looked up by its hash, so time tells nothing of it. */
  async authenticate(token: string): Promise<KnownService | undefined> {
    if (!TOKEN.test(token)) return undefined;
    const hash = hashOf(token);
    const found = await this.#tokens.get(hash);
    const account = found && (await this.#accounts.get(found.service));
    if (!found || account?.tokenHash !== hash) return undefined;
    return { id: found.service, hospital: account.hospital };
  }

  /** The system itself, to sign what it has handed in. The caller wipes its keys. @throws GatewayError NOT_FOUND */
  async actor(id: string): Promise<Actor> {
    const account = await this.#accounts.get(id);
    if (!account) throw noSuchService(id);
    const keys = (['sign', 'unseal'] as const).map((use) => ({
      use,
      kid: account[use].kid,
      privateKey: this.#open(id, account[use].sealed),
    }));
    const opened = { bundleKey: new Uint8Array(), keys };
    return { userId: id, role: 'service', sessionId: '', keys: new UnlockedKeys(id, opened) };
  }

  async #own(office: Actor, id: string): Promise<Account> {
    const account = await this.#accounts.get(id);
    if (account?.hospital !== office.userId) throw noSuchService(id);
    return account;
  }

  async #giveToken(id: string): Promise<string> {
    const account = await this.#accounts.get(id);
    if (!account) throw noSuchService(id);
    const token = TOKEN_PREFIX + Buffer.from(this.parts.random(32)).toString('base64url');
    await this.#setToken(id, account, hashOf(token));
    return token;
  }

  async #setToken(id: string, account: Account, hash: string | undefined): Promise<void> {
    const { tokenHash: before, ...rest } = account;
    const tokenMadeAt = hash === undefined ? account.tokenMadeAt : this.parts.clock.now();
    const after = { ...rest, tokenMadeAt, ...(hash !== undefined && { tokenHash: hash }) };
    const writes = [
      this.#accounts.write(id, after),
      ...(before === undefined ? [] : [this.#tokens.write(before, undefined)]),
      ...(hash === undefined ? [] : [this.#tokens.write(hash, { service: id })]),
    ];
    await this.parts.store.commit(writes, { sync: true });
  }

  #seal(id: string, privateKey: Uint8Array): string {
    const sealed = this.parts.master.sealUnderMaster('service-key', id, privateKey);
    return Buffer.from(sealed).toString('base64url');
  }

  #open(id: string, sealed: string): Uint8Array {
    const bytes = Buffer.from(sealed, 'base64url');
    return this.parts.master.openUnderMaster('service-key', id, bytes);
  }
}

/** A token has 256 random bits: one hash is enough. */
function hashOf(token: string): string {
  return createHash('sha256').update(`PRMS-service-token-v1\0${token}`).digest('base64url');
}

function noSuchService(id: string): GatewayError {
  return new GatewayError('NOT_FOUND', 'There is no such system of this hospital here.', {
    ids: { service: id },
  });
}
