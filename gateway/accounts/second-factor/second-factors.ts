// Second factors: enrolled by their owner (offered, confirmed, active), listed, removed, and asked for at log-in.
import type { PublicKeyCredentialCreationOptionsJSON } from '@simplewebauthn/server';
import { createHash } from 'node:crypto';
import type { Clock, RandomBytes } from '../../ambient.js';
import { GatewayError } from '../../errors.js';
import type { Store } from '../../store/index.js';
import { wipe, type MasterKey } from '../../vault/index.js';
import type { Accounts } from '../accounts.js';
import type { Source } from '../throttle/index.js';
import { FactorStore, hasFactor, type Factors, type Passkey } from './factors.js';
import {
  counterGrows,
  creationOptions,
  requestOptions,
  verifyAssertion,
  verifyCreation,
  wrongPasskey,
  type Assertion,
  type CreatedPasskey,
  type Site,
} from './passkeys.js';
import { hashRecoveryCode, newRecoveryCodes } from './recovery-codes.js';
import { ShortLived } from './short-lived.js';
import { acceptedStep, base32, totpUri } from './totp.js';

/** Whoever enrols: their session binds what is offered to them. */
export interface Enrolling {
  readonly userId: string;
  readonly loginName: string;
  readonly sessionId: string;
}

export interface ListedPasskey {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly lastUsedAt?: number;
}

export interface ListedFactors {
  readonly totp: { readonly createdAt: number; readonly lastUsedAt?: number } | null;
  readonly passkeys: readonly ListedPasskey[];
  readonly recoveryCodesLeft: number;
}

/** What can be answered with at a log-in, and what a browser needs for a passkey. */
export interface Asked {
  readonly methods: readonly ('totp' | 'passkey' | 'recovery-code')[];
  readonly passkey?: Awaited<ReturnType<typeof requestOptions>>;
}

export type Proof =
  | { readonly method: 'totp'; readonly code: string }
  | { readonly method: 'recovery-code'; readonly code: string }
  | { readonly method: 'passkey'; readonly assertion: Assertion };

export interface SecondFactorLimits {
  /** How long a challenge, or a secret that is offered, waits for its answer. */
  readonly lifeMs: number;
  /** Things waiting at one time. */
  readonly waiting: number;
  readonly passkeysPerAccount: number;
  /** Codes given at a time. */
  readonly recoveryCodes: number;
  /** So long after a reset of the password by the account's recovery code, such a code does not set the factors aside. */
  readonly resetWaitMs: number;
}

export class SecondFactors {
  private readonly factors: FactorStore;
  private readonly codeKey: Uint8Array;
  private readonly secrets: ShortLived<Uint8Array>;
  private readonly creations: ShortLived<string>;
  private readonly assertions: ShortLived<string>;

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly master: MasterKey;
      readonly clock: Clock;
      readonly random: RandomBytes;
      readonly accounts: Pick<Accounts, 'attemptSecondFactor'>;
      readonly limits: SecondFactorLimits;
    },
  ) {
    const { store, master, clock, limits } = parts;
    this.factors = new FactorStore(store, master);
    this.codeKey = master.derive('second-factor-codes');
    const waiting = { clock, lifeMs: limits.lifeMs, most: limits.waiting };
    this.secrets = new ShortLived({ ...waiting, onDrop: (secret: Uint8Array) => wipe(secret) });
    this.creations = new ShortLived(waiting);
    this.assertions = new ShortLived(waiting);
  }

  async list(userId: string): Promise<ListedFactors> {
    const { totp, passkeys, codes } = await this.factors.get(userId);
    return {
      totp: totp && shownTimes(totp),
      passkeys: passkeys.map((passkey) => ({
        id: idOf(passkey),
        name: passkey.name,
        ...shownTimes(passkey),
      })),
      recoveryCodesLeft: codes.length,
    };
  }

  async has(userId: string): Promise<boolean> {
    return hasFactor(await this.factors.get(userId));
  }

  /** A secret for an authenticator application; nothing changes until a code of it comes back. */
  offerTotp({ sessionId, loginName }: Enrolling): {
    secret: string;
    uri: string;
    expiresAt: number;
  } {
    const bytes = this.parts.random(20);
    const secret = base32(bytes);
    return {
      secret,
      uri: totpUri(secret, loginName),
      expiresAt: this.secrets.put(sessionId, bytes),
    };
  }

  /**
   * The secret is active from now on, in the place of an earlier one. Its code counts as used.
   * @returns recovery codes, when this is the first factor
   * @throws GatewayError WRONG_CREDENTIALS | NOT_FOUND (nothing was offered to this session, or too long ago)
   */
  async confirmTotp({ userId, sessionId }: Enrolling, code: string): Promise<string[] | undefined> {
    const secret = this.secrets.get(sessionId);
    if (secret === undefined) throw nothingOffered();
    const now = this.parts.clock.now();
    const step = acceptedStep(secret, code, { nowMs: now, usedStep: -1 });
    if (step === undefined) throw wrongCode();
    const totp = {
      secret: Buffer.from(secret).toString('base64url'),
      usedStep: step,
      createdAt: now,
    };
    this.secrets.drop(sessionId);
    return this.enrol(userId, (present) => ({ ...present, totp }));
  }

  /** @throws GatewayError CONFLICT when there are too many */
  async offerPasskey(
    { userId, loginName, sessionId }: Enrolling,
    site: Site,
  ): Promise<PublicKeyCredentialCreationOptionsJSON> {
    const { passkeys } = await this.factors.get(userId);
    this.assertRoom(passkeys);
    const challenge = this.newChallenge();
    this.creations.put(sessionId, challenge.text);
    return creationOptions(site, { userId, loginName }, passkeys, challenge);
  }

  /**
   * @returns its id, and recovery codes when this is the first factor
   * @throws GatewayError WRONG_CREDENTIALS | NOT_FOUND (no challenge waits) | CONFLICT (too many, or enrolled already)
   */
  async confirmPasskey(
    { userId, sessionId }: Enrolling,
    site: Site,
    { name, created }: { readonly name: string; readonly created: CreatedPasskey },
  ): Promise<{ id: string; recoveryCodes: string[] | undefined }> {
    const challenge = this.creations.take(sessionId);
    if (challenge === undefined) throw nothingOffered();
    const verified = await verifyCreation(site, challenge, created);
    const passkey = { ...verified, name, createdAt: this.parts.clock.now() };
    const recoveryCodes = await this.enrol(userId, (present) => {
      this.assertRoom(present.passkeys);
      if (present.passkeys.some(({ credential }) => credential === passkey.credential)) {
        throw new GatewayError('CONFLICT', 'This passkey is enrolled already.');
      }
      return { ...present, passkeys: [...present.passkeys, passkey] };
    });
    return { id: idOf(passkey), recoveryCodes };
  }

  /**
   * Removes one factor. With the last one the recovery codes go, too.
   * @param mayBeLast false: somebody requires a second factor of this user
   * @throws GatewayError NOT_FOUND | CONFLICT
   */
  async remove(
    userId: string,
    which: 'totp' | { passkey: string },
    mayBeLast: boolean,
  ): Promise<void> {
    await this.factors.update(userId, (present) => {
      const next: Factors =
        which === 'totp'
          ? { ...present, totp: null }
          : {
              ...present,
              passkeys: present.passkeys.filter((each) => idOf(each) !== which.passkey),
            };
      if (next.totp === present.totp && next.passkeys.length === present.passkeys.length) {
        throw new GatewayError('NOT_FOUND', 'You have no such second factor.');
      }
      if (hasFactor(next)) return next;
      if (mayBeLast) return { ...next, codes: [] };
      throw new GatewayError(
        'CONFLICT',
        'A hospital requires a second factor of you: enrol another one before you remove this one.',
      );
    });
  }

  /** New codes; the earlier ones are worth nothing. @throws GatewayError NOT_FOUND without a factor */
  async renewCodes(userId: string): Promise<string[]> {
    const codes = newRecoveryCodes(this.parts.random, this.parts.limits.recoveryCodes);
    await this.factors.update(userId, (present) => {
      if (hasFactor(present)) return { ...present, codes: this.hashes(userId, codes) };
      throw new GatewayError('NOT_FOUND', 'Enrol a second factor first.');
    });
    return codes;
  }

  /**
   * What to ask somebody for who has given the password; `undefined` when there is nothing to ask.
   * @param step names the log-in that waits: the challenge is for it alone
   */
  async ask(userId: string, step: string, site: Site): Promise<Asked | undefined> {
    const factors = await this.factors.get(userId);
    if (!hasFactor(factors)) return undefined;
    const here = factors.passkeys.filter(({ rpId }) => rpId === site.rpId);
    const methods = [
      ...(factors.totp === null ? [] : (['totp'] as const)),
      ...(here.length === 0 ? [] : (['passkey'] as const)),
      ...(factors.codes.length === 0 ? [] : (['recovery-code'] as const)),
    ];
    if (here.length === 0) return { methods };
    const challenge = this.newChallenge();
    this.assertions.put(step, challenge.text);
    return { methods, passkey: await requestOptions(site, here, challenge) };
  }

  /**
   * Checks a second factor; each code, challenge and counter counts once, also when it comes twice at one moment.
   * @throws GatewayError WRONG_CREDENTIALS | TOO_MANY
   */
  async prove(
    userId: string,
    proof: Proof,
    { step, site, source }: { readonly step: string; readonly site: Site; readonly source: Source },
  ): Promise<void> {
    switch (proof.method) {
      case 'totp':
        return this.proveTotp(userId, proof.code, source);
      case 'passkey':
        return this.provePasskey(userId, proof.assertion, step, site);
      case 'recovery-code':
        return this.spendCode(userId, proof.code);
    }
  }

  /** After the account's recovery code has reset the password. */
  async noteReset(userId: string): Promise<void> {
    if (!(await this.has(userId))) return;
    const resetAt = this.parts.clock.now();
    await this.factors.update(userId, (present) => ({ ...present, resetAt }));
  }

  /**
   * The account's recovery code may set the factors aside, together with the password; but not a code that reset the
   * password a short time ago, or its successor: one paper must not be worth both.
   * @throws GatewayError FORBIDDEN
   */
  async assertMayBeSetAside(userId: string): Promise<void> {
    const { resetAt } = await this.factors.get(userId);
    const waitMs = (resetAt ?? -Infinity) + this.parts.limits.resetWaitMs - this.parts.clock.now();
    if (waitMs <= 0) return;
    throw new GatewayError(
      'FORBIDDEN',
      'The password was reset with a recovery code: for some days it does not set the second factor aside as well.',
      { retryAfterMs: waitMs },
    );
  }

  /** The user has no second factor any more: they lost them, and proved who they are in another way. */
  async forget(userId: string): Promise<void> {
    await this.factors.forget(userId);
  }

  /** Forgets what waited too long. Call it now and then. */
  sweep(): void {
    for (const waiting of [this.secrets, this.creations, this.assertions]) waiting.sweep();
  }

  private async enrol(
    userId: string,
    add: (present: Factors) => Factors,
  ): Promise<string[] | undefined> {
    const codes = newRecoveryCodes(this.parts.random, this.parts.limits.recoveryCodes);
    const hashes = this.hashes(userId, codes);
    const stored = await this.factors.update(userId, (present) => {
      const next = add(present);
      return hasFactor(present) ? next : { ...next, codes: hashes };
    });
    return stored.codes === hashes ? codes : undefined;
  }

  private async proveTotp(userId: string, code: string, source: Source): Promise<void> {
    // The one kind that can be guessed.
    const attempt = await this.parts.accounts.attemptSecondFactor(userId, source);
    const now = this.parts.clock.now();
    await this.factors.update(userId, (present) => {
      const { totp } = present;
      if (totp === null) throw wrongCode();
      const secret = Buffer.from(totp.secret, 'base64url');
      const step = acceptedStep(secret, code, { nowMs: now, usedStep: totp.usedStep });
      if (step === undefined) throw wrongCode();
      return { ...present, totp: { ...totp, usedStep: step, lastUsedAt: now } };
    });
    await attempt.succeed();
  }

  private async provePasskey(
    userId: string,
    assertion: Assertion,
    step: string,
    site: Site,
  ): Promise<void> {
    // Taken whatever comes of it: an answer that does not hold ends the challenge, too.
    const challenge = this.assertions.take(step);
    const find = ({ passkeys }: Factors) =>
      passkeys.find((each) => each.credential === assertion.id && each.rpId === site.rpId);
    const known = find(await this.factors.get(userId));
    if (challenge === undefined || known === undefined) throw wrongPasskey();
    const counter = await verifyAssertion(site, challenge, known, assertion);
    const lastUsedAt = this.parts.clock.now();
    await this.factors.update(userId, (present) => {
      const passkey = find(present);
      if (passkey === undefined || !counterGrows(passkey.counter, counter)) throw wrongPasskey();
      const used = { ...passkey, counter, lastUsedAt };
      const passkeys = present.passkeys.map((each) => (each === passkey ? used : each));
      return { ...present, passkeys };
    });
  }

  private async spendCode(userId: string, code: string): Promise<void> {
    const hash = hashRecoveryCode(this.codeKey, userId, code);
    await this.factors.update(userId, (present) => {
      const codes = present.codes.filter((each) => each !== hash);
      if (codes.length === present.codes.length) throw wrongCode();
      return { ...present, codes };
    });
  }

  private hashes(userId: string, codes: readonly string[]): string[] {
    return codes.map((code) => hashRecoveryCode(this.codeKey, userId, code));
  }

  private newChallenge(): { challenge: Uint8Array; text: string; lifeMs: number } {
    const challenge = this.parts.random(32);
    const text = Buffer.from(challenge).toString('base64url');
    return { challenge, text, lifeMs: this.parts.limits.lifeMs };
  }

  private assertRoom(passkeys: readonly Passkey[]): void {
    const most = this.parts.limits.passkeysPerAccount;
    if (passkeys.length < most) return;
    throw new GatewayError('CONFLICT', `You have ${most} passkeys: remove one first.`);
  }
}

/** A credential's id can have a thousand bytes: in addresses it goes by its hash. */
const idOf = ({ credential }: Pick<Passkey, 'credential'>): string =>
  createHash('sha256').update(credential).digest('base64url');

const shownTimes = ({
  createdAt,
  lastUsedAt,
}: {
  readonly createdAt: number;
  readonly lastUsedAt?: number | undefined;
}) => ({ createdAt, ...(lastUsedAt !== undefined && { lastUsedAt }) });

const wrongCode = (): GatewayError =>
  new GatewayError('WRONG_CREDENTIALS', 'The code is wrong, or has been used.');

const nothingOffered = (): GatewayError =>
  new GatewayError('NOT_FOUND', 'Nothing waits to be confirmed in this session: begin again.');
