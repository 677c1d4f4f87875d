// Logging in and out: a session, and the user's keys unlocked in memory for as long as it lasts.

import { wipeOpened } from '../accounts/index.js';
import type {
  Account,
  Accounts,
  LogIn,
  Profile,
  Session,
  SessionKind,
  Sessions,
  Source,
} from '../accounts/index.js';
import { UnlockedKeys, type KeyRing } from '../vault/index.js';
import type { Actor } from './actor.js';
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
  /** After a log-in: to be shown with the next one, which then is no stranger’s. */
  readonly device?: string;
}

export class Logins {
  constructor(
    private readonly parts: {
      readonly accounts: Accounts;
      readonly sessions: Sessions;
      readonly keyRing: KeyRing;
      readonly registration: Registration;
      readonly recoveries: Recoveries;
      readonly ownKeys: OwnKeysRegistration;
    },
  ) {}

  /** @throws GatewayError WRONG_CREDENTIALS | TOO_MANY | BUSY */
  async logIn(
    login: string,
    password: string,
    { kind, source }: { readonly kind: SessionKind; readonly source: Source },
  ): Promise<LoggedIn> {
    await this.parts.recoveries.adopt(login);
    const proved = await this.parts.accounts.logIn(login, password, source);
    const begun = await this.#begin(proved, kind);
    return { ...begun, device: await this.parts.accounts.welcome(proved.account.userId, source) };
  }

  /** Sets a new password with the recovery code; every session ends. @returns the next recovery code */
  async recover(
    login: string,
    recoveryCode: string,
    newPassword: string,
    source: Source,
  ): Promise<string> {
    const recovered = await this.parts.accounts.recover(login, recoveryCode, newPassword, source);
    new UnlockedKeys(recovered.account.userId, recovered.opened).wipe();
    await this.parts.sessions.endAll(recovered.account.userId);
    return recovered.recoveryCode;
  }

  /** Gives the password again: the session gets a new token, and counts as fresh for a few minutes. */
  async refresh(session: Session, password: string, source: Source): Promise<LoggedIn> {
    const own = { ...source, session: session.id };
    const { opened } = await this.parts.accounts.reauthenticate(session.userId, password, own);
    new UnlockedKeys(session.userId, opened).wipe();
    return this.#shown(await this.parts.sessions.refresh(session));
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

  /** The actor behind a session. @throws GatewayError KEYS_LOCKED after a restart */
  actor(session: Session): Actor {
    const { userId, role, id, ownKeys } = session;
    const keys = ownKeys ? UnlockedKeys.elsewhere(userId) : this.parts.keyRing.get(id);
    return { userId, role, sessionId: id, keys };
  }

  account(session: Session): Promise<Account> {
    return this.parts.accounts.get(session.userId);
  }

  /** Begins a session for somebody who has proved to hold the account's signing key. Its keys are elsewhere. */
  async withKey(userId: string, kind: SessionKind): Promise<LoggedIn> {
    const { role } = await this.parts.accounts.get(userId);
    return this.#shown(await this.parts.sessions.start({ userId, role, kind, ownKeys: true }));
  }

  async #begin({ account, opened }: LogIn, kind: SessionKind): Promise<LoggedIn> {
    const { userId, role } = account;
    if (opened.keys.length === 0) {
      wipeOpened(opened);
      await this.parts.ownKeys.complete(account);
      return this.withKey(userId, kind);
    }
    const keys = new UnlockedKeys(userId, opened);
    try {
      await this.parts.registration.complete(
        { userId, role, sessionId: '', keys },
        account.profile satisfies Profile,
      );
    } catch (error) {
      keys.wipe();
      throw error;
    }
    const begun = await this.parts.sessions.start({ userId, role, kind });
    this.parts.keyRing.put(begun.session.id, keys);
    return this.#shown(begun);
  }

  #shown({ token, session }: { readonly token: string; readonly session: Session }): LoggedIn {
    const { sessions } = this.parts;
    const [csrfToken, expiresAt] = [sessions.csrfToken(session), sessions.expiresAt(session)];
    return { token, session, csrfToken, expiresAt };
  }
}
