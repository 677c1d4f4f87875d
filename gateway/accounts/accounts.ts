// Accounts: who may log in, with their sealed keys. A login name is kept only as a keyed hash and inside the sealed
// profile, so the store at rest names nobody.
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../ambient.js';
import { GatewayError, validationError } from '../errors.js';
import { Documents } from '../store/index.js';
import type { Store } from '../store/index.js';
import { keyBundleSchema, parseRecoveryCode, wipe } from '../vault/index.js';
import type {
  KeyBundle,
  KeyBundles,
  MasterKey,
  KeyFile,
  KeyFileOwner,
  OpenedBundle,
  Party,
  PrivateKeyEntry,
} from '../vault/index.js';
import { loginNameSchema, passwordSchema } from './login-name.js';
import type { Attempt, AttemptKind, Source, Throttle } from './throttle/index.js';

export const accountRoles = ['patient', 'doctor', 'relative', 'hospital', 'auditor'] as const;
export type AccountRole = (typeof accountRoles)[number];

/** Names, contact and professional details: whatever the routes put there. Encrypted at rest. */
export type Profile = Readonly<Record<string, unknown>>;

export interface Account {
  readonly userId: string;
  readonly role: AccountRole;
  readonly loginName: string;
  readonly profile: Profile;
  readonly createdAt: number;
}

export interface Registration {
  readonly loginName: string;
  readonly password: string;
  readonly role: AccountRole;
  /** The hash of the user's first public key, as the ledger knows them. */
  readonly userId: string;
  readonly keys: readonly PrivateKeyEntry[];
  readonly profile: Profile;
}

/** A proof of the password or code, and what it opened. The receiver wipes or hands on `opened`. */
export interface LogIn {
  readonly account: Account;
  readonly opened: OpenedBundle;
}

const recordSchema = z.strictObject({
  v: z.literal(1),
  userId: z.string(),
  role: z.enum(accountRoles),
  login: z.string(),
  createdAt: z.int(),
  bundle: keyBundleSchema,
  profile: z.string(),
});
type AccountRecord = z.infer<typeof recordSchema>;

const sealedProfileSchema = z.strictObject({
  loginName: z.string(),
  profile: z.record(z.string(), z.unknown()),
});

export class Accounts {
  private readonly records: Documents<AccountRecord>;
  private readonly logins: Documents<{ userId: string }>;
  private readonly loginKey: Uint8Array;

  constructor(
    private readonly services: {
      readonly store: Store;
      readonly clock: Clock;
      readonly master: MasterKey;
      readonly bundles: KeyBundles;
      readonly throttle: Throttle;
    },
  ) {
    this.records = new Documents(services.store, 'accounts', recordSchema);
    this.logins = new Documents(services.store, 'logins', z.strictObject({ userId: z.string() }));
    this.loginKey = services.master.derive('login-names');
  }

  /**
   * Makes an account. The recovery code is returned once and kept nowhere.
   * @throws GatewayError CONFLICT when the name or user id is taken; VALIDATION | TOO_MANY | BUSY
   */
  async register(
    registration: Registration,
    source: Source,
  ): Promise<{ account: Account; recoveryCode: string }> {
    const { role, userId, keys, profile } = registration;
    const loginName = parsed('login', loginNameSchema, registration.loginName);
    const password = checkedPassword(registration.password, loginName);
    const login = this.loginHash(loginName);
    const party = await this.services.throttle.registration(source);
    // Looked up before the costly derivation; the commit below decides.
    if ((await this.logins.get(login)) !== undefined) throw taken();
    const { bundles } = this.services;
    const { bundle, recoveryCode } = await bundles.seal(userId, keys, password, party);
    const createdAt = this.services.clock.now();
    const record: AccountRecord = {
      v: 1,
      userId,
      role,
      login,
      createdAt,
      bundle,
      profile: this.sealProfile(userId, loginName, profile),
    };
    const writes = [this.records.write(userId, record), this.logins.write(login, { userId })];
    const expect = [this.records.absent(userId), this.logins.absent(login)];
    if (!(await this.services.store.commit(writes, { expect, sync: true }))) throw taken();
    return { account: { userId, role, loginName, profile, createdAt }, recoveryCode };
  }

  /**
   * Proves the password by opening the keys with it: one Argon2id derivation, also for a name that nobody has.
   * @throws GatewayError WRONG_CREDENTIALS | TOO_MANY | BUSY
   */
  async logIn(loginName: string, password: string, source: Source): Promise<LogIn> {
    const { record, attempt } = await this.recordByLogin('log-in', loginName, source);
    const { bundles } = this.services;
    const typed = password.slice(0, 256);
    if (record === undefined) return bundles.openNobody(typed, attempt.party);
    const opened = await bundles.open(record.userId, record.bundle, typed, attempt.party);
    await attempt.succeed();
    return { account: this.toAccount(record), opened };
  }

  /** Gives the password again; the proof behind a fresh log-in. Same errors as `logIn`. */
  async reauthenticate(userId: string, password: string, source: Source): Promise<LogIn> {
    const { loginName } = await this.get(userId);
    return this.logIn(loginName, password, source);
  }

  /** Leave to try a code of the second factor. @throws GatewayError TOO_MANY */
  async attemptSecondFactor(userId: string, source: Source): Promise<Attempt> {
    const { login } = await this.record(userId);
    return this.services.throttle.attempt('second-factor', login, source);
  }

  /** After a complete log-in. @returns a device token, for the next attempt to be told from a stranger's */
  async welcome(userId: string, source: Source): Promise<string> {
    return this.services.throttle.welcome((await this.record(userId)).login, source);
  }

  /** @throws GatewayError WRONG_CREDENTIALS | VALIDATION | TOO_MANY | BUSY */
  async changePassword(
    userId: string,
    present: string,
    next: string,
    source: Source,
  ): Promise<void> {
    const { account, opened } = await this.reauthenticate(userId, present, source);
    try {
      const password = checkedPassword(next, account.loginName);
      await this.changeBundle(userId, (bundle) =>
        this.services.bundles.changePassword(userId, bundle, opened, password),
      );
    } finally {
      wipeOpened(opened);
    }
  }

  /**
   * Sets a new password with the recovery code, which is spent: a new one is returned.
   * @throws GatewayError WRONG_CREDENTIALS | VALIDATION | TOO_MANY | BUSY
   */
  async recover(
    loginName: string,
    recoveryCode: string,
    password: string,
    source: Source,
  ): Promise<LogIn & { recoveryCode: string }> {
    const { bundles } = this.services;
    const next = checkedPassword(password, loginName);
    // A mistyped code is said before anybody is looked up, and a wrong one costs what an unknown name costs: neither
    // tells who has an account.
    wipe(parseRecoveryCode(recoveryCode));
    const { record, attempt } = await this.recordByLogin('recovery', loginName, source);
    const { party } = attempt;
    if (record === undefined) return bundles.openNobody(recoveryCode.slice(0, 256), party);
    const { userId } = record;
    const opened = await this.openByCode(record, recoveryCode, attempt);
    const renewed = bundles.changeRecoveryCode(userId, record.bundle, opened);
    const bundle = await bundles.changePassword(userId, renewed.bundle, opened, next, party);
    await this.spendCode(record, { password: bundle.password, recovery: bundle.recovery });
    await attempt.succeed();
    return { account: this.toAccount(record), opened, recoveryCode: renewed.recoveryCode };
  }

  /**
   * Spends the recovery code for something else than a password: somebody who has given the password proves that they
   * hold the code, too. @returns the next code
   * @throws GatewayError WRONG_CREDENTIALS | VALIDATION | TOO_MANY | BUSY
   */
  async spendRecoveryCode(userId: string, recoveryCode: string, source: Source): Promise<string> {
    const { bundles } = this.services;
    wipe(parseRecoveryCode(recoveryCode));
    const { loginName } = await this.get(userId);
    const { attempt } = await this.recordByLogin('recovery', loginName, source);
    const record = await this.record(userId);
    const opened = await this.openByCode(record, recoveryCode, attempt);
    const renewed = bundles.changeRecoveryCode(userId, record.bundle, opened);
    wipeOpened(opened);
    await this.spendCode(record, { recovery: renewed.bundle.recovery });
    await attempt.succeed();
    return renewed.recoveryCode;
  }

  /** Stores another set of keys in the user's bundle: after a rotation or a new epoch. */
  async replaceKeys(
    userId: string,
    bundleKey: Uint8Array,
    keys: readonly PrivateKeyEntry[],
  ): Promise<void> {
    await this.changeBundle(userId, (bundle) =>
      Promise.resolve(this.services.bundles.replaceKeys(userId, bundle, bundleKey, keys)),
    );
  }

  /** Whether the bundle that this key opened still has keys. */
  async holdsKeys(userId: string, bundleKey: Uint8Array): Promise<boolean> {
    const { bundle } = await this.record(userId);
    return this.services.bundles.holdsKeys(userId, bundle, bundleKey);
  }

  /**
   * Seals a user's keys under a passphrase of their choice, for them to take away.
   * @throws GatewayError VALIDATION | BUSY, and whatever `keys` throws
   */
  async exportKeys(
    owner: KeyFileOwner,
    keys: () => readonly PrivateKeyEntry[],
    lock: { readonly passphrase: string; readonly party: Party },
  ): Promise<KeyFile> {
    const { loginName } = await this.get(owner.userId);
    const passphrase = checkedPassword(lock.passphrase, loginName, 'passphrase');
    return this.services.bundles.export(owner, keys, { ...lock, passphrase });
  }

  /**
   * Seals other keys under another password, without putting them in place: for an account whose keys are lost. An
   * attempt like a log-in, and as slow for a name that nobody has.
   * @throws GatewayError WRONG_CREDENTIALS | VALIDATION | TOO_MANY | BUSY, and whatever `make` throws
   */
  async sealAnew<Made extends { readonly keys: readonly PrivateKeyEntry[] }>(
    loginName: string,
    password: string,
    source: Source,
    make: (account: Account) => Made,
  ): Promise<Made & { userId: string; bundle: KeyBundle; recoveryCode: string }> {
    const { bundles } = this.services;
    const next = checkedPassword(password, loginName);
    const { record, attempt } = await this.recordByLogin('recovery', loginName, source);
    if (record === undefined) return bundles.openNobody(next, attempt.party);
    const { userId } = record;
    const made = make(this.toAccount(record));
    return { ...made, userId, ...(await bundles.seal(userId, made.keys, next, attempt.party)) };
  }

  /** Puts another bundle in place of the account's: its password, recovery code and keys are the new ones. */
  async replaceBundle(userId: string, bundle: KeyBundle): Promise<void> {
    await this.changeBundle(userId, () => Promise.resolve(bundle));
  }

  /** The user behind a login name; no attempt, so never to be shown to whoever typed the name. */
  async idOf(loginName: string): Promise<string | undefined> {
    const name = loginNameSchema.safeParse(loginName);
    return name.success ? (await this.logins.get(this.loginHash(name.data)))?.userId : undefined;
  }

  /** @throws GatewayError NOT_FOUND */
  async get(userId: string): Promise<Account> {
    return this.toAccount(await this.record(userId));
  }

  async updateProfile(userId: string, profile: Profile): Promise<Account> {
    const { loginName } = await this.get(userId);
    const sealed = this.sealProfile(userId, loginName, profile);
    await this.records.update(
      userId,
      (record) => (record === undefined ? record : { ...record, profile: sealed }),
      {
        sync: true,
      },
    );
    return this.get(userId);
  }

  /** Accounts by user id, from `after` on. */
  async list(options: { readonly after?: string; readonly limit: number }): Promise<Account[]> {
    const accounts: Account[] = [];
    for await (const { value } of this.records.list(options)) accounts.push(this.toAccount(value));
    return accounts;
  }

  private async openByCode(
    { userId, bundle }: AccountRecord,
    recoveryCode: string,
    { party }: Attempt,
  ): Promise<OpenedBundle> {
    try {
      return this.services.bundles.recover(userId, bundle, recoveryCode);
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'WRONG_CREDENTIALS') throw error;
      return this.services.bundles.openNobody(recoveryCode.slice(0, 256), party);
    }
  }

  /** A code opens once: of two that come together, the second finds another bundle and is refused. */
  private async spendCode(
    { userId, bundle: { recovery } }: AccountRecord,
    next: Pick<KeyBundle, 'recovery'> & Partial<Pick<KeyBundle, 'password'>>,
  ): Promise<void> {
    await this.changeBundle(userId, (present) => {
      if (present.recovery.box !== recovery.box) {
        throw new GatewayError('WRONG_CREDENTIALS', 'This recovery code has been used.');
      }
      return Promise.resolve({ ...present, ...next });
    });
  }

  private async recordByLogin(
    kind: AttemptKind,
    typed: string,
    source: Source,
  ): Promise<{ record: AccountRecord | undefined; attempt: Attempt }> {
    const name = loginNameSchema.safeParse(typed);
    const login = this.loginHash(name.success ? name.data : '');
    const attempt = await this.services.throttle.attempt(kind, login, source);
    const found = await this.logins.get(login);
    // Read in any case: an unknown name costs what a known one costs.
    const record = await this.records.get(found?.userId ?? login);
    return { record: found && record, attempt };
  }

  private async record(userId: string): Promise<AccountRecord> {
    const record = await this.records.get(userId);
    if (record !== undefined) return record;
    throw new GatewayError('NOT_FOUND', 'There is no account of this id.', {
      ids: { user: userId },
    });
  }

  private async changeBundle(
    userId: string,
    change: (bundle: KeyBundle) => Promise<KeyBundle>,
  ): Promise<void> {
    for (;;) {
      const record = await this.record(userId);
      const bundle = await change(record.bundle);
      const { store } = this.services;
      const present = this.records.write(userId, record);
      const next = this.records.write(userId, { ...record, bundle });
      if (await store.commit([next], { expect: [present], sync: true })) return;
    }
  }

  private toAccount(record: AccountRecord): Account {
    const { userId, role, createdAt } = record;
    const sealed = Buffer.from(record.profile, 'base64url');
    const plain = this.services.master.openUnderMaster('profile', userId, sealed);
    const opened = sealedProfileSchema.parse(JSON.parse(Buffer.from(plain).toString('utf8')));
    return { userId, role, createdAt, ...opened };
  }

  private sealProfile(userId: string, loginName: string, profile: Profile): string {
    const plain = Buffer.from(JSON.stringify({ loginName, profile }), 'utf8');
    return Buffer.from(this.services.master.sealUnderMaster('profile', userId, plain)).toString(
      'base64url',
    );
  }

  private loginHash(loginName: string): string {
    return createHmac('sha256', this.loginKey).update(loginName, 'utf8').digest('base64url');
  }
}

/** Wipes what a log-in opened, when it is not handed to the key ring. */
export function wipeOpened(opened: OpenedBundle): void {
  wipe(opened.bundleKey, ...opened.keys.map(({ privateKey }) => privateKey));
}

const taken = (): GatewayError =>
  new GatewayError(
    'CONFLICT',
    'This login name or key is already registered: choose another name or log in.',
  );

function checkedPassword(typed: string, loginName: string, field = 'password'): string {
  const schema = passwordSchema.refine(
    (password) => !password.toLowerCase().includes(loginName.trim().toLowerCase()),
    'must not contain the login name',
  );
  return parsed(field, schema, typed);
}

function parsed<T>(field: string, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw validationError(`body.${field}`, result.error);
}
