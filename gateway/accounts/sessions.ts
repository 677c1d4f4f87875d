// Sessions: a random 256-bit token, of which only the SHA-256 is stored. A cookie for browsers (with a CSRF token
// bound to it) or a bearer token for programs; both end when idle, when old, or when told to.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Clock, RandomBytes } from '../ambient.js';
import { GatewayError } from '../errors.js';
import { Documents } from '../store/index.js';
import type { Store, StoreWrite } from '../store/index.js';
import type { KeyRing } from '../vault/index.js';
import { accountRoles } from './accounts.js';
import type { AccountRole } from './accounts.js';

export const sessionKinds = ['cookie', 'bearer'] as const;
export type SessionKind = (typeof sessionKinds)[number];

const sessionSchema = z.strictObject({
  id: z.string(),
  userId: z.string(),
  role: z.enum(accountRoles),
  kind: z.enum(sessionKinds),
  createdAt: z.int(),
  lastUsedAt: z.int(),
  /** When the password, and the second factor if there is one, was last given. */
  freshAt: z.int(),
  /** The user keeps their keys: there are none to hold for this session, nor to lose. */
  ownKeys: z.literal(true).optional(),
  /** A second factor was given, too. */
  secondFactor: z.literal(true).optional(),
  /** What the client said it is, sealed: a person's words. */
  client: z.string().optional(),
});

/** One log-in. `id` is the hash of its token: safe to show and to log. Times in ms since the epoch. */
export type Session = Readonly<z.infer<typeof sessionSchema>>;

export interface SessionLimits {
  readonly idleMs: number;
  readonly absoluteMs: Readonly<Record<SessionKind, number>>;
  readonly freshMs: number;
  readonly perAccount: number;
  /** How far a clock may have been put back since a session began: one from later has a beginning that nobody knows. */
  readonly skewMs: number;
  /** `lastUsedAt` is written at most so often: a read of a page should not cost a write. */
  readonly touchEveryMs: number;
}

export class Sessions {
  private readonly endListeners = new Set<(sessionId: string) => void>();
  private readonly records: Documents<Session>;
  /** Ended, though the store could not be told yet: nobody comes in by them, and the next sweep tries again. */
  private readonly over = new Set<string>();
  /** `<userId>/<session id>`, to list and end a user's sessions. */
  private readonly byUser: Documents<true>;

  constructor(
    private readonly services: {
      readonly store: Store;
      readonly clock: Clock;
      readonly random: RandomBytes;
      /** Keyed hash of CSRF tokens. */
      readonly csrfKey: Uint8Array;
      readonly limits: SessionLimits;
      /** Loses a session's keys when it ends. */
      readonly keyRing: KeyRing;
    },
  ) {
    this.records = new Documents(services.store, 'sessions', sessionSchema);
    this.byUser = new Documents(services.store, 'sessions-by-user', z.literal(true));
  }

  /** Begins a session. The token is returned once and not stored. */
  async start(who: {
    readonly userId: string;
    readonly role: AccountRole;
    readonly kind: SessionKind;
    readonly ownKeys?: true;
    readonly secondFactor?: true;
    readonly client?: string;
  }): Promise<{ token: string; session: Session }> {
    const present = await this.list(who.userId);
    const surplus = present.length - this.services.limits.perAccount + 1;
    const oldestFirst = present.toSorted((a, b) => a.lastUsedAt - b.lastUsedAt);
    for (const { id } of oldestFirst.slice(0, Math.max(0, surplus))) await this.end(id);
    const now = this.services.clock.now();
    const begun = this.make({ ...who, createdAt: now, lastUsedAt: now, freshAt: now });
    await this.services.store.commit(this.addition(begun.session), { sync: true });
    return begun;
  }

  /** The session of a token; `undefined` when there is none or it has ended. Counts as use. */
  async authenticate(token: string): Promise<Session | undefined> {
    if (!/^[A-Za-z0-9_-]{43}$/.test(token)) return undefined;
    const session = await this.present(idOf(token));
    if (session === undefined) return undefined;
    if (this.expired(session)) {
      await this.end(session.id);
      return undefined;
    }
    const now = this.services.clock.now();
    const { touchEveryMs, idleMs } = this.services.limits;
    if (now - session.lastUsedAt < Math.min(touchEveryMs, idleMs / 4)) return session;
    // A session that is ended at this moment must not come back: only what is still there is touched.
    const touched = this.records.update(
      session.id,
      (present) => present && { ...present, lastUsedAt: now },
    );
    // A use that can't be noted is one all the same: who can't even log out is locked in.
    return touched.catch((error: unknown) => {
      if (error instanceof GatewayError && error.code === 'STORE_UNAVAILABLE') return session;
      throw error;
    });
  }

  private async present(id: string): Promise<Session | undefined> {
    return this.over.has(id) ? undefined : this.records.get(id);
  }

  /** A session that is still good, by its id; `undefined` when it has ended. Looking is no use of it. */
  async look(id: string): Promise<Session | undefined> {
    const session = await this.present(id);
    if (session === undefined || !this.expired(session)) return session;
    await this.end(id);
    return undefined;
  }

  /**
   * After the password was given again: a new token (the old one ends), keys kept, fresh from now.
   * @throws GatewayError UNAUTHENTICATED when the session has ended meanwhile: it must not come back under a new token
   */
  async refresh(
    session: Session,
    proved: { readonly secondFactor?: true } = {},
  ): Promise<{ token: string; session: Session }> {
    const { store } = this.services;
    for (;;) {
      // The bytes first: what is read after them is at least as new, and then the commit finds other ones.
      const place = { space: this.records.space, key: session.id };
      const value = await store.get(place.space, place.key);
      const present = await this.present(session.id);
      if (present === undefined) {
        throw new GatewayError('UNAUTHENTICATED', 'This session has ended: log in again.');
      }
      const now = this.services.clock.now();
      const { id: _, ...kept } = present;
      const next = this.make({ ...kept, ...proved, lastUsedAt: now, freshAt: now });
      const writes = [...this.removal(present), ...this.addition(next.session)];
      const expect = [{ ...place, value }];
      if (!(await store.commit(writes, { expect, sync: true }))) continue;
      this.services.keyRing.move(session.id, next.session.id);
      await this.end(session.id);
      return next;
    }
  }

  /** Whether the password was given a short time ago. */
  isFresh(session: Session): boolean {
    const { freshMs, skewMs } = this.services.limits;
    const ageMs = this.services.clock.now() - session.freshAt;
    return ageMs < freshMs && ageMs >= -skewMs;
  }

  /** When a session ends at the latest, however much it is used. */
  expiresAt({ createdAt, kind }: Session): number {
    return createdAt + this.services.limits.absoluteMs[kind];
  }

  /** The token that a page sends back in `x-csrf-token` with every change. */
  csrfToken(session: Session): string {
    return createHmac('sha256', this.services.csrfKey).update(session.id).digest('base64url');
  }

  checkCsrf(session: Session, token: string | undefined): boolean {
    const expected = Buffer.from(this.csrfToken(session));
    const given = Buffer.from(token ?? '');
    return given.length === expected.length && timingSafeEqual(given, expected);
  }

  /** A user's sessions that are still good. */
  async list(userId: string): Promise<Session[]> {
    const sessions: Session[] = [];
    for await (const { key } of this.byUser.list({ prefix: `${userId}/` })) {
      const session = await this.present(key.slice(userId.length + 1));
      if (session !== undefined && !this.expired(session)) sessions.push(session);
    }
    return sessions;
  }

  /** Tells of every session that ends, whatever ends it: what lasts longer than a request has to stop then. */
  onEnd(listener: (sessionId: string) => void): void {
    this.endListeners.add(listener);
  }

  /**
   * Ends a session and wipes its keys; one that is not there is fine.
   * @throws GatewayError STORE_UNAVAILABLE when it is over here, but would be back after a restart
   */
  async end(sessionId: string): Promise<void> {
    this.services.keyRing.drop(sessionId);
    for (const listener of this.endListeners) listener(sessionId);
    const session = await this.records.get(sessionId);
    if (session !== undefined) {
      this.over.add(sessionId);
      await this.services.store.commit(this.removal(session), { sync: true });
    }
    this.over.delete(sessionId);
  }

  /** Ends a user's sessions, but for one: after a change of password. */
  async endAll(userId: string, exceptId?: string): Promise<void> {
    for (const { id } of await this.list(userId)) if (id !== exceptId) await this.end(id);
  }

  /** Removes what has expired. Call it now and then. */
  async sweep(): Promise<number> {
    let ended = 0;
    for await (const { value } of this.records.list()) {
      if (!this.expired(value) && !this.over.has(value.id)) continue;
      await this.end(value.id);
      ended += 1;
    }
    this.services.keyRing.sweep();
    return ended;
  }

  private make(record: Omit<Session, 'id'>): { token: string; session: Session } {
    const token = Buffer.from(this.services.random(32)).toString('base64url');
    return { token, session: { ...record, id: idOf(token) } };
  }

  private addition(session: Session): StoreWrite[] {
    const { id, userId } = session;
    return [this.records.write(id, session), this.byUser.write(`${userId}/${id}`, true)];
  }

  private removal({ id, userId }: Session): StoreWrite[] {
    return [this.records.write(id, undefined), this.byUser.write(`${userId}/${id}`, undefined)];
  }

  private expired(session: Session): boolean {
    const now = this.services.clock.now();
    const { idleMs, skewMs } = this.services.limits;
    return (
      now - session.lastUsedAt >= idleMs ||
      now >= this.expiresAt(session) ||
      session.createdAt > now + skewMs
    );
  }
}

const idOf = (token: string): string => createHash('sha256').update(token).digest('base64url');
