// Logging in and out: one proof or two, a session, and the user's keys unlocked in memory for as long as it lasts.

import { wipeOpened } from '../accounts/index.js';
import type {
  Account,
  Accounts,
  Asked,
  LogIn,
  PendingLogIns,
  Profile,
  Proof,
  SecondFactors,
  Session,
  SessionKind,
  Sessions,
  SignInPolicies,
  Site,
  Source,
} from '../accounts/index.js';
import { GatewayError } from '../errors.js';
import { UnlockedKeys, type KeyRing, type MasterKey } from '../vault/index.js';
import type { Actor } from './actor.js';
import type { Aftermath } from './aftermath.js';
import type { Notice, Notices } from './notices.js';
import type { OwnKeysRegistration } from './own-keys/index.js';
import type { Recoveries } from './recoveries.js';
import type { Registration } from './registration.js';

export interface LoggedIn {
  readonly token: string;
  readonly session: Session;
  /** To be sent back in `x-csrf-token`; for cookie sessions. */
  readonly csrfToken: string;
  /** When the session ends, used or not; milliseconds since the epoch. */
  readonly expiresAt: number;
  /** What the user has to hear of. */
  readonly notices: readonly Notice[];
  /** After a log-in: to be shown with the next one, which then is no stranger’s. */
  readonly device?: string;
  /** Until a second factor is enrolled the session is good for nothing else. */
  readonly mustEnrol?: true;
  /** The next recovery code of the account, when this one was spent. */
  readonly recoveryCode?: string;
}

/** The first step is done: there is no session until the second one is. */
export interface AwaitingFactor extends Asked {
  readonly pending: string;
  readonly expiresAt: number;
}

/** Where a caller is: which client, at which of our names. */
export interface Place {
  readonly source: Source;
  readonly site: Site;
}

export interface LogInPlace extends Place {
  readonly kind: SessionKind;
  /** What the client says it is. */
  readonly client?: string | undefined;
}

/** The account's recovery code, in the place of a second factor that is lost for good. */
export type LogInProof =
  Proof | { readonly method: 'account-recovery-code'; readonly code: string };

/** What happens after the last proof; `wipe` when it never comes. */
export interface NextStep {
  readonly finish: (proved: { readonly secondFactor?: true }) => Promise<LoggedIn>;
  readonly wipe: () => void;
  /** The session that is to be made fresh, and no other. */
  readonly sessionId?: string;
}

export class Logins {
  constructor(
    private readonly parts: {
      readonly accounts: Accounts;
      readonly aftermath: Pick<Aftermath, 'run'>;
      readonly sessions: Sessions;
      readonly keyRing: KeyRing;
      readonly master: MasterKey;
      readonly registration: Registration;
      readonly recoveries: Recoveries;
      readonly ownKeys: OwnKeysRegistration;
      readonly notices: Pick<Notices, 'of'>;
      readonly secondFactors: SecondFactors;
      readonly signInPolicies: SignInPolicies;
      readonly pending: PendingLogIns<NextStep>;
    },
  ) {}

  /** @throws GatewayError WRONG_CREDENTIALS | TOO_MANY | BUSY */
  async logIn(
    login: string,
    password: string,
    how: LogInPlace,
  ): Promise<LoggedIn | AwaitingFactor> {
    await this.parts.recoveries.adopt(login);
    const proved = await this.parts.accounts.logIn(login, password, how.source);
    const { account, opened } = proved;
    if (opened.keys.length === 0) {
      wipeOpened(opened);
      await this.parts.ownKeys.complete(account);
      return this.withKey(account.userId, how);
    }
    const keys = new UnlockedKeys(account.userId, opened);
    return this.#nextStep(account.userId, how.site, {
      finish: async (factor) => {
        await this.parts.registration.complete(
          { userId: account.userId, role: account.role, sessionId: '', keys },
          account.profile satisfies Profile,
        );
        const begun = await this.#begin(account, { ...how, ...factor });
        this.parts.keyRing.put(begun.session.id, keys);
        await this.#mustHold(begun.session, keys);
        return begun;
      },
      wipe: () => keys.wipe(),
    });
  }

  /**
   * Goes on with somebody who has proved to hold the account's signing key, or whose keys are elsewhere: there are none
   * to hold. A second factor is asked for like after a password.
   */
  async withKey(userId: string, how: LogInPlace): Promise<LoggedIn | AwaitingFactor> {
    const account = await this.parts.accounts.get(userId);
    // What ends the sessions of the keys before must not end the one that begins now.
    await this.parts.aftermath.run();
    return this.#nextStep(userId, how.site, {
      finish: (factor) => this.#begin(account, { ...how, ...factor, ownKeys: true }),
      wipe: () => undefined,
    });
  }

  /**
   * The second step of a log-in, or of making a session fresh.
   * @param visitor the session that asks, when one does
   * @throws GatewayError UNAUTHENTICATED (nothing waits) | WRONG_CREDENTIALS | FORBIDDEN | TOO_MANY
   */
  async secondStep(
    pending: string,
    proof: LogInProof,
    { source, site, visitor }: Place & { readonly visitor: Session | undefined },
  ): Promise<LoggedIn> {
    const { what, proved } = await this.parts.pending.complete(
      pending,
      async (userId, step, next): Promise<{ recoveryCode?: string }> => {
        if (next.sessionId !== undefined && next.sessionId !== visitor?.id) {
          throw new GatewayError('UNAUTHENTICATED', 'This step belongs to another session.');
        }
        if (proof.method === 'account-recovery-code') {
          return { recoveryCode: await this.#setAside(userId, proof.code, source, next) };
        }
        await this.parts.secondFactors.prove(userId, proof, { step, site, source });
        return {};
      },
    );
    const isSetAside = proved.recoveryCode !== undefined;
    try {
      return { ...(await what.finish(isSetAside ? {} : { secondFactor: true })), ...proved };
    } catch (error) {
      what.wipe();
      throw error;
    }
  }

  /** Sets a new password with the recovery code; every session ends. @returns the next recovery code */
  async recover(
    login: string,
    recoveryCode: string,
    newPassword: string,
    source: Source,
  ): Promise<string> {
    const recovered = await this.parts.accounts.recover(login, recoveryCode, newPassword, source);
    const { userId } = recovered.account;
    new UnlockedKeys(userId, recovered.opened).wipe();
    await this.parts.secondFactors.noteReset(userId);
    await this.parts.sessions.endAll(userId);
    return recovered.recoveryCode;
  }

  /**
   * Gives the password again, and the second factor when there is one: the session gets a new token, and counts as
   * fresh for a few minutes.
   */
  async refresh(
    session: Session,
    password: string,
    { source, site }: Place,
  ): Promise<LoggedIn | AwaitingFactor> {
    const own = { ...source, session: session.id };
    const { opened } = await this.parts.accounts.reauthenticate(session.userId, password, own);
    new UnlockedKeys(session.userId, opened).wipe();
    return this.#nextStep(session.userId, site, {
      finish: async (factor) => this.#shown(await this.parts.sessions.refresh(session, factor)),
      wipe: () => undefined,
      sessionId: session.id,
    });
  }

  /** After a factor was enrolled in this session: it was proved, so the session has it. Others began without it. */
  async enrolled(session: Session): Promise<LoggedIn> {
    const next = await this.parts.sessions.refresh(session, { secondFactor: true });
    for (const other of await this.parts.sessions.list(session.userId)) {
      if (other.secondFactor !== true) await this.parts.sessions.end(other.id);
    }
    return this.#shown(next);
  }

  async changePassword(
    session: Session,
    present: string,
    next: string,
    source: Source,
  ): Promise<void> {
    const own = { ...source, session: session.id };
    await this.parts.accounts.changePassword(session.userId, present, next, own);
    await this.parts.sessions.endAll(session.userId, session.id);
  }

  /** Whether a hospital requires a second factor of this session's user, and the session began without one. */
  async lacksSecondFactor({ userId, role, secondFactor }: Session): Promise<boolean> {
    return secondFactor !== true && (await this.parts.signInPolicies.isRequired({ userId, role }));
  }

  /** A user's sessions, with what their clients said they are. */
  async sessionsOf(userId: string): Promise<(Session & { readonly clientText?: string })[]> {
    const sessions = await this.parts.sessions.list(userId);
    return sessions.map((session) => {
      if (session.client === undefined) return session;
      const sealed = Buffer.from(session.client, 'base64url');
      const text = this.parts.master.openUnderMaster(CLIENT, userId, sealed);
      return { ...session, clientText: Buffer.from(text).toString('utf8') };
    });
  }

  /** The actor behind a session. @throws GatewayError KEYS_LOCKED after a restart */
  actor(session: Session): Actor {
    const { userId, role, id, ownKeys } = session;
    const keys = ownKeys ? UnlockedKeys.elsewhere(userId) : this.parts.keyRing.get(id);
    return { userId, role, sessionId: id, keys };
  }

  account(session: Session): Promise<Account> {
    return this.parts.accounts.get(session.userId);
  }

  /**
   * The keys were opened with the first proof; since then their user may have taken them away. Looked at when the session
   * is there already: what happens from now on ends it like all others.
   */
  async #mustHold({ id, userId }: Session, { bundleKey }: UnlockedKeys): Promise<void> {
    if (await this.parts.accounts.holdsKeys(userId, bundleKey)) return;
    await this.parts.sessions.end(id);
    throw new GatewayError(
      'UNAUTHENTICATED',
      'The keys of this account have changed: log in again.',
    );
  }

  /** Asks for the second factor of whoever has one; whoever has none is through. */
  async #nextStep(userId: string, site: Site, next: NextStep): Promise<LoggedIn | AwaitingFactor> {
    try {
      const step = this.parts.pending.newStep();
      const asked = await this.parts.secondFactors.ask(userId, step.id, site);
      if (asked === undefined) return await next.finish({});
      const expiresAt = this.parts.pending.add(step, userId, next);
      return { ...asked, pending: step.token, expiresAt };
    } catch (error) {
      next.wipe();
      throw error;
    }
  }

  /** The factors are lost: password and recovery code together set them aside. @returns the next recovery code */
  async #setAside(
    userId: string,
    code: string,
    source: Source,
    { sessionId }: NextStep,
  ): Promise<string> {
    if (sessionId !== undefined) {
      throw new GatewayError('FORBIDDEN', 'Log in anew to set a lost second factor aside.');
    }
    const { secondFactors, accounts, sessions } = this.parts;
    await secondFactors.assertMayBeSetAside(userId);
    const recoveryCode = await accounts.spendRecoveryCode(userId, code, source);
    await secondFactors.forget(userId);
    await sessions.endAll(userId);
    return recoveryCode;
  }

  async #begin(
    { userId, role }: LogIn['account'],
    how: LogInPlace & { readonly secondFactor?: true; readonly ownKeys?: true },
  ): Promise<LoggedIn> {
    const { kind, client, secondFactor, ownKeys } = how;
    const begun = await this.parts.sessions.start({
      userId,
      role,
      kind,
      ...(ownKeys && { ownKeys }),
      ...(secondFactor && { secondFactor }),
      ...(client !== undefined && { client: this.#sealed(userId, client) }),
    });
    const device = await this.parts.accounts.welcome(userId, how.source);
    return { ...(await this.#shown(begun)), device };
  }

  #sealed(userId: string, client: string): string {
    const sealed = this.parts.master.sealUnderMaster(CLIENT, userId, Buffer.from(client, 'utf8'));
    return Buffer.from(sealed).toString('base64url');
  }

  async #shown({
    token,
    session,
  }: {
    readonly token: string;
    readonly session: Session;
  }): Promise<LoggedIn> {
    const { sessions } = this.parts;
    const [csrfToken, expiresAt] = [sessions.csrfToken(session), sessions.expiresAt(session)];
    const limited = await this.lacksSecondFactor(session);
    // A ledger that does not answer keeps nobody out who may have to open a record in an emergency.
    const notices = await this.parts.notices.of(session.userId).catch(() => []);
    return {
      token,
      session,
      csrfToken,
      expiresAt,
      notices,
      ...(limited && { mustEnrol: true as const }),
    };
  }
}

const CLIENT = 'session-client';
