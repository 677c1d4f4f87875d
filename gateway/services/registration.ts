// Registration: makes a user's keys, seals them under their password, and puts the user on the ledger.

import {
  genesisSchema,
  kidOf,
  RECORDS,
  userIdOf,
  type ArgumentsOf,
  type PublicProfile,
  type Role,
} from '@prms/chaincode';
import type { Ledger } from '@prms/network';
import { timingSafeEqual, createHash } from 'node:crypto';
import { z } from 'zod';
import type { Accounts, Profile, Source } from '../accounts/index.js';
import type { RandomBytes } from '../ambient.js';
import { GatewayError } from '../errors.js';
import {
  encodePublicKey,
  generateKeyPair,
  publicKeyOf,
  UnlockedKeys,
  type PrivateKeyEntry,
} from '../vault/index.js';
import type { Actor } from './actor.js';
import type { HospitalKeys } from './hospital-keys.js';
import { ledgerTrouble } from './ledger-trouble.js';
import type { Records } from './records.js';
import type { Vaults } from './vaults.js';
import { recipientOf } from './vaults.js';

interface Credentials {
  readonly login: string;
  readonly password: string;
}

/** What patients and relatives say of themselves: stays at the gateway, encrypted. */
export interface PersonalDetails {
  readonly name: string;
  readonly [detail: string]: string | undefined;
}

/** What of a registration concerns the ledger. It is kept in the sealed profile, so that it can be taken up again. */
const requestSchema = z.discriminatedUnion('role', [
  z.object({ role: z.literal('hospital'), profile: z.custom<PublicProfile>() }),
  z.object({ role: z.literal('doctor'), profile: z.custom<PublicProfile>() }),
  z.object({ role: z.literal('auditor'), profile: z.custom<PublicProfile>() }),
  z.object({
    role: z.literal('patient'),
    details: z.custom<PersonalDetails>(),
    escrow: z.string().nullable(),
  }),
  z.object({ role: z.literal('relative'), details: z.custom<PersonalDetails>() }),
]);
type LedgerRequest = z.infer<typeof requestSchema>;

export type RegistrationRequest = Credentials &
  LedgerRequest & { readonly setupCode?: string | undefined };

export interface Registered {
  readonly userId: string;
  /** Shown once: opens the account when the password is lost. */
  readonly recoveryCode: string;
  /** Of a hospital or auditor: false until the hospitals have voted. */
  readonly admitted?: boolean;
}

interface NewUser {
  readonly userId: string;
  readonly keys: { readonly sign: string; readonly seal: string };
  readonly entries: readonly PrivateKeyEntry[];
}

export class Registration {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly ledger: Ledger;
      readonly accounts: Accounts;
      readonly hospitalKeys: HospitalKeys;
      readonly vaults: Vaults;
      readonly random: RandomBytes;
      /** Founds the ledger, once. Undefined when it has been founded. */
      readonly setupCode: () => Promise<string | undefined>;
      readonly genesis: Omit<z.input<typeof genesisSchema>, 'hospitals'>;
    },
  ) {}

  /** @throws GatewayError CONFLICT (login taken) | FORBIDDEN (set-up code) | VALIDATION | REFUSED | TOO_MANY | BUSY */
  async register(request: RegistrationRequest, source: Source): Promise<Registered> {
    const user = this.#newUser();
    const founds = await this.mayFound(request);
    // Before there is an account: a name must not be spent on a registration that can't succeed.
    if (request.role === 'patient' && request.escrow !== null)
      await this.mustBeAdmitted(request.escrow);
    // The account first: a user on the ledger without stored keys could never come back.
    const registration = {
      loginName: request.login,
      password: request.password,
      role: request.role,
      userId: user.userId,
      keys: user.entries,
      profile: profileOf(request),
    };
    const { recoveryCode } = await this.parts.accounts.register(registration, source);
    if (founds) await this.found(user.userId);
    const actor = this.#actor(user, request.role);
    try {
      await this.#enrol(actor, user, request);
      return {
        userId: user.userId,
        recoveryCode,
        ...(await this.admission(request.role, user.userId)),
      };
    } finally {
      actor.keys.wipe();
    }
  }

  /** @throws GatewayError VALIDATION */
  async mustBeAdmitted(hospital: string): Promise<void> {
    const user = await this.parts.records.user(hospital).catch((error: unknown) => {
      if (error instanceof GatewayError && error.code === 'NOT_FOUND') return null;
      throw error;
    });
    if (user?.role === 'hospital' && user.admitted) return;
    const fields = [{ path: 'body.escrow', message: 'is not an admitted hospital' }];
    throw new GatewayError('VALIDATION', 'The hospital for emergencies must be an admitted one.', {
      fields,
    });
  }

  #newUser(): NewUser {
    const [sign, seal] = [generateKeyPair(this.parts.random), generateKeyPair(this.parts.random)];
    const keys = { sign: encodePublicKey(sign.publicKey), seal: encodePublicKey(seal.publicKey) };
    const entries: PrivateKeyEntry[] = [
      { use: 'sign', kid: kidOf(keys.sign), privateKey: sign.privateKey },
      { use: 'unseal', kid: kidOf(keys.seal), privateKey: seal.privateKey },
    ];
    return { userId: userIdOf(keys.sign), keys, entries };
  }

  #actor({ userId, entries }: NewUser, role: Role): Actor {
    const opened = {
      bundleKey: this.parts.random(32),
      keys: entries.map((entry) => ({ ...entry })),
    };
    return { userId, role, sessionId: '', keys: new UnlockedKeys(userId, opened) };
  }

  async #enrol(
    actor: Actor,
    { userId, keys, entries }: NewUser,
    request: LedgerRequest,
  ): Promise<void> {
    const { records, hospitalKeys } = this.parts;
    switch (request.role) {
      case 'hospital': {
        const unseal = entries.find(({ use }) => use === 'unseal');
        if (unseal) await hospitalKeys.add(userId, unseal);
        await records.act(actor, 'hospital:register', { keys, profile: request.profile }, userId);
        return;
      }
      case 'doctor':
      case 'auditor':
        await records.act(
          actor,
          'user:register',
          { role: request.role, keys, profile: request.profile },
          userId,
        );
        return;
      case 'relative':
        await records.act(actor, 'user:register', { role: 'relative', keys }, userId);
        return;
      case 'patient':
        await records.act(
          actor,
          'user:register',
          await this.#patientArguments(userId, keys, request.escrow),
          userId,
        );
    }
  }

  /** A patient's first epoch, and the key to their categories. */
  async #patientArguments(
    id: string,
    keys: NewUser['keys'],
    escrow: string | null,
  ): Promise<ArgumentsOf<'user:register'>> {
    const { vaults, records, random } = this.parts;
    const pair = generateKeyPair(random);
    const epoch = { number: 1 as const, key: encodePublicKey(pair.publicKey) };
    const opened = { number: 1, privateKey: pair.privateKey };
    const self = { id, sealKey: keys.seal };
    await vaults.giveEpoch({ id, epoch }, opened, self);
    const tagKey = random(32);
    await vaults.giveTagKey(id, tagKey, self);
    if (escrow !== null) {
      const hospital = recipientOf(await records.user(escrow));
      await vaults.giveEpoch({ id, epoch }, opened, hospital, 'escrow');
      await vaults.giveTagKey(id, tagKey, hospital);
    }
    return { role: 'patient', keys, epoch, escrow };
  }

  /**
   * Puts a user on the ledger whose registration a crash cut off between account and ledger. Called at each log-in.
   * @throws GatewayError as `register`
   */
  async complete(actor: Actor, profile: Profile): Promise<void> {
    const known = await this.parts.records.user(actor.userId).catch((error: unknown) => {
      if (error instanceof GatewayError && error.code === 'NOT_FOUND') return null;
      throw error;
    });
    if (known) {
      // A rotation that was cut off leaves two signing keys: the ledger knows which one counts.
      actor.keys.prefer('sign', known.kid);
      return;
    }
    const request = requestSchema.safeParse({ ...profile, role: actor.role });
    if (!request.success)
      throw new GatewayError('STORE_DAMAGED', 'The account’s details do not fit its role.', {
        ids: { user: actor.userId },
      });
    const entries = actor.keys.entries;
    const publicOf = (use: PrivateKeyEntry['use']) => {
      const entry = entries.find((e) => e.use === use);
      if (!entry)
        throw new GatewayError('STORE_DAMAGED', 'The account lacks a key.', {
          ids: { user: actor.userId },
        });
      return encodePublicKey(publicKeyOf(entry.privateKey));
    };
    const keys = { sign: publicOf('sign'), seal: publicOf('unseal') };
    await this.#enrol(actor, { userId: actor.userId, keys, entries }, request.data);
  }

  /**
   * Is this the first hospital, and does it know the set-up code? Nobody else can register before it.
   * @throws GatewayError FORBIDDEN | LEDGER_UNAVAILABLE
   */
  async mayFound({
    role,
    setupCode: given,
  }: Pick<RegistrationRequest, 'role' | 'setupCode'>): Promise<boolean> {
    const expected = await this.parts.setupCode();
    if (expected === undefined) return false;
    if (role !== 'hospital') {
      const message = 'The ledger has not been founded: the first hospital registers first.';
      throw new GatewayError('LEDGER_UNAVAILABLE', message);
    }
    if (given !== undefined && sameSecret(given, expected)) return true;
    const message =
      given === undefined
        ? 'This ledger has not been founded: the first hospital registers with the set-up code.'
        : 'The set-up code is wrong.';
    throw new GatewayError('FORBIDDEN', message);
  }

  /** @throws GatewayError LEDGER_UNAVAILABLE */
  async found(hospital: string): Promise<void> {
    const genesis = { hospitals: [hospital], ...this.parts.genesis };
    try {
      await this.parts.ledger.submit(RECORDS, 'ledger:init', [JSON.stringify(genesis)]);
    } catch (error) {
      // Another gateway's hospital was first: this one registers like any other, and waits for its vote.
      if ((await this.parts.setupCode()) === undefined) return;
      throw ledgerTrouble(error);
    }
  }

  /** Of a hospital or auditor: has it been admitted? */
  async admission(role: Role, userId: string): Promise<{ admitted?: boolean }> {
    if (role !== 'hospital' && role !== 'auditor') return {};
    const user = await this.parts.records.user(userId);
    return 'admitted' in user ? { admitted: user.admitted } : {};
  }
}

/** Compares without telling how much was right. */
function sameSecret(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text, 'utf8').digest();
  return timingSafeEqual(digest(a), digest(b));
}

function profileOf(request: RegistrationRequest): Profile {
  if ('profile' in request) return { profile: request.profile };
  return request.role === 'patient'
    ? { details: request.details, escrow: request.escrow }
    : { details: request.details };
}
