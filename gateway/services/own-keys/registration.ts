// Registration of people who keep their own keys: they made them, they sign the operation that puts them on the ledger,
// and the gateway keeps an account without private keys. The key bundle with an empty list still proves the password.

import {
  ARGUMENTS,
  instantOf,
  isSignedBy,
  kidOf,
  lifeMsOf,
  MAX_SKEW_MS,
  readOperationLine,
  signedText,
  userIdOf,
  type ArgumentsOf,
  type Envelope,
  type PublicProfile,
} from '@prms/chaincode';
import type { Account, AccountRole, Accounts, Source } from '../../accounts/index.js';
import { GatewayError } from '../../errors.js';
import type { Outbox } from '../outbox.js';
import type { Details } from '../patient-files.js';
import type { AppliedReceipt, Records } from '../records.js';
import type { Registered, Registration } from '../registration.js';

export interface OwnKeysRequest {
  readonly login: string;
  readonly password: string;
  /** The signed `user:register` or `hospital:register`, in its line form. */
  readonly line: string;
  /** Of patients and relatives. */
  readonly details?: Details | undefined;
  readonly setupCode?: string | undefined;
}

export interface OwnKeysRegistered extends Registered {
  readonly receipt: AppliedReceipt;
}

/** A registration that holds together: who, as what, and under which key. */
interface Enrolment {
  readonly envelope: Envelope;
  readonly role: AccountRole;
  readonly profile?: PublicProfile;
  readonly escrow: string | null;
}

export class OwnKeysRegistration {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly outbox: Outbox;
      readonly accounts: Accounts;
      readonly registration: Registration;
    },
  ) {}

  /**
   * Everything that can be known beforehand is checked before there is an account: a name must not be spent on a
   * registration that can't succeed.
   * @throws GatewayError VALIDATION | CONFLICT (name or key taken) | FORBIDDEN (set-up code) | REFUSED | COMMIT_TIMEOUT | TOO_MANY | BUSY
   */
  async register(request: OwnKeysRequest, source: Source): Promise<OwnKeysRegistered> {
    const { accounts, registration } = this.parts;
    const { login, password, line, details, setupCode } = request;
    const { envelope, role, profile, escrow } = this.#read(line);
    checkDetails(role, details);
    const userId = envelope.actor;
    const founds = await registration.mayFound({ role, setupCode });
    if (!founds) await this.#mustBeNew(userId);
    if (escrow !== null) await registration.mustBeAdmitted(escrow);
    const account = {
      loginName: login,
      password,
      role,
      userId,
      keys: [],
      // The operation stays beside the account, so that a crash between the two can be made good.
      profile: { ...(profile ? { profile } : { details }), registration: line },
    };
    const { recoveryCode } = await accounts.register(account, source);
    if (founds) await registration.found(userId);
    const receipt = await this.#submit(envelope, line);
    return { userId, recoveryCode, receipt, ...(await registration.admission(role, userId)) };
  }

  /** Puts a user on the ledger whose registration a crash cut off after the account. Called at each log-in. */
  async complete({ userId, profile }: Account): Promise<void> {
    const line = profile['registration'];
    if (typeof line !== 'string' || (await this.#isKnown(userId))) return;
    const envelope = readOperationLine(line)?.envelope;
    if (!envelope || (await this.parts.outbox.fate(envelope.id))) return;
    try {
      await this.#submit(envelope, line);
    } catch (error) {
      // Too late for this operation: its user logs in all the same, and sends another one.
      if (!(error instanceof GatewayError) || error.code !== 'REFUSED') throw error;
    }
  }

  async #submit(envelope: Envelope, line: string): Promise<AppliedReceipt> {
    const { records, outbox } = this.parts;
    const { id, actor, issuedAt } = envelope;
    const { receipt } = await outbox.accept({ id, actor, line, lane: actor });
    return records.settle({ id, issuedAt, receipt });
  }

  /** @throws GatewayError VALIDATION */
  #read(line: string): Enrolment {
    const read = readOperationLine(line);
    if (!read) throw unfit('is not one signed operation in its canonical line form');
    const { envelope, bytes, signature } = read;
    const { type, args, actor, kid, id, issuedAt, expiresAt, ledger } = envelope;
    if (type !== 'user:register' && type !== 'hospital:register')
      throw unfit('is not a registration');
    const checked = ARGUMENTS[type].safeParse(args);
    if (!checked.success) throw unfit('has arguments that do not fit its type');
    const registered: ArgumentsOf<'user:register' | 'hospital:register'> = checked.data;
    const publicKey = registered.keys.sign;
    const now = this.parts.records.now();
    if (ledger !== this.parts.records.channel) throw unfit('is for another ledger');
    if (actor !== userIdOf(publicKey) || kid !== kidOf(publicKey))
      throw unfit('does not come from the key that it registers');
    if (!isSignedBy({ publicKey, text: signedText(bytes), signature }))
      throw unfit('has a signature that does not fit');
    const lifeMs = expiresAt - issuedAt;
    if (instantOf(id) !== issuedAt || lifeMs <= 0 || lifeMs > lifeMsOf(type, args))
      throw unfit('has an id or a life span that the ledger refuses');
    if (issuedAt > now + MAX_SKEW_MS || expiresAt <= now) throw unfit('is not of the present');
    return {
      envelope,
      role: 'role' in registered ? registered.role : 'hospital',
      ...('profile' in registered && { profile: registered.profile }),
      escrow: 'escrow' in registered ? registered.escrow : null,
    };
  }

  /**
   * What was registered before stands on the ledger for everybody to read: sending it again proves nothing.
   * @throws GatewayError CONFLICT
   */
  async #mustBeNew(userId: string): Promise<void> {
    if (!(await this.#isKnown(userId))) return;
    throw new GatewayError('CONFLICT', 'This key is registered already.', {
      ids: { user: userId },
    });
  }

  async #isKnown(userId: string): Promise<boolean> {
    try {
      await this.parts.records.user(userId);
      return true;
    } catch (error) {
      if (error instanceof GatewayError && error.code === 'NOT_FOUND') return false;
      throw error;
    }
  }
}

/** Professionals' names are public and stand in the operation; patients' and relatives' stay here. */
function checkDetails(role: AccountRole, details: Details | undefined): void {
  const personal = role === 'patient' || role === 'relative';
  if (personal === (details !== undefined)) return;
  const message = personal ? 'are missing' : 'are for patients and relatives';
  throw new GatewayError('VALIDATION', 'The details do not fit the role.', {
    fields: [{ path: 'body.details', message }],
  });
}

function unfit(message: string): GatewayError {
  return new GatewayError('VALIDATION', `The line ${message}.`, {
    fields: [{ path: 'body.line', message }],
  });
}
