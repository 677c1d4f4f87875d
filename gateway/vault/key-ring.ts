// Users' private keys while they are logged in: in memory only, per session, wiped when the session ends, idles
// too long or grows too old, and when the process closes.
import type { Clock } from '../ambient.js';
import { GatewayError } from '../errors.js';
import { wipe } from './bytes.js';
import type { OpenedBundle, PrivateKeyEntry } from './key-bundle.js';
import { signP256 } from './p256.js';

/** One logged-in user's keys. Every use fails with KEYS_LOCKED once they were wiped. */
export class UnlockedKeys {
  /** Stands for keys that their user keeps: whatever needs one of them fails with KEYS_ELSEWHERE. */
  static elsewhere(userId: string): UnlockedKeys {
    const keys = new UnlockedKeys(userId, { bundleKey: new Uint8Array(), keys: [] });
    keys.away = true;
    return keys;
  }

  private away = false;
  private wiped = false;
  private held: PrivateKeyEntry[];
  private readonly key: Uint8Array;

  /** Takes ownership of the opened bundle's bytes and wipes them in the end. */
  constructor(
    readonly userId: string,
    opened: OpenedBundle,
  ) {
    this.held = [...opened.keys];
    this.key = opened.bundleKey;
  }

  /** Does the user keep them? */
  get elsewhere(): boolean {
    return this.away;
  }

  /** Seals new contents of the user's bundle. */
  get bundleKey(): Uint8Array {
    this.assertHeld();
    return this.key;
  }

  get entries(): readonly PrivateKeyEntry[] {
    this.assertHeld();
    return this.held;
  }

  /** @throws GatewayError KEYS_LOCKED | NOT_FOUND */
  find(use: PrivateKeyEntry['use'], kid: string): PrivateKeyEntry {
    const entry = this.entries.find((candidate) => candidate.use === use && candidate.kid === kid);
    if (entry === undefined) {
      throw new GatewayError('NOT_FOUND', `This user holds no such ${use} key.`, { ids: { kid } });
    }
    return entry;
  }

  /** A 64-byte low-S signature by the key `kid`. */
  sign(kid: string, message: Uint8Array): Uint8Array {
    return signP256(this.find('sign', kid).privateKey, message);
  }

  /** Holds one more key, or another one of the same use and id. */
  add(entry: PrivateKeyEntry): void {
    const others = this.entries.filter(({ use, kid }) => use !== entry.use || kid !== entry.kid);
    for (const old of this.held) if (!others.includes(old)) wipe(old.privateKey);
    this.held = [...others, entry];
  }

  /** Lets go of a key that is no longer of use. */
  remove(use: PrivateKeyEntry['use'], kid: string): void {
    const kept = this.entries.filter((entry) => entry.use !== use || entry.kid !== kid);
    for (const old of this.held) if (!kept.includes(old)) wipe(old.privateKey);
    this.held = kept;
  }

  /** Puts one key before the others of its use: after a rotation that was cut off, the one that the ledger knows. */
  prefer(use: PrivateKeyEntry['use'], kid: string): void {
    const preferred = this.entries.filter((entry) => entry.use === use && entry.kid === kid);
    this.held = [...preferred, ...this.held.filter((entry) => !preferred.includes(entry))];
  }

  wipe(): void {
    this.wiped = true;
    wipe(this.key, ...this.held.map(({ privateKey }) => privateKey));
    this.held = [];
  }

  private assertHeld(): void {
    if (this.away)
      throw new GatewayError(
        'KEYS_ELSEWHERE',
        'This account keeps its own keys: sign the operation and send it to POST /operations.',
      );
    if (this.wiped)
      throw new GatewayError('KEYS_LOCKED', 'The keys are no longer in memory: log in again.');
  }
}

interface Held {
  readonly keys: UnlockedKeys;
  readonly since: number;
  used: number;
}

/** Unlocked keys by session id. Bounded: when full, the least recently used session's keys are dropped. */
export class KeyRing {
  private readonly held = new Map<string, Held>();

  constructor(
    private readonly clock: Clock,
    private readonly limits: {
      readonly idleMs: number;
      readonly absoluteMs: number;
      readonly sessions: number;
    },
  ) {}

  get size(): number {
    return this.held.size;
  }

  put(sessionId: string, keys: UnlockedKeys): void {
    this.drop(sessionId);
    this.sweep();
    if (this.held.size >= this.limits.sessions) {
      const [oldest] = this.held.keys();
      if (oldest !== undefined) this.drop(oldest);
    }
    const now = this.clock.now();
    this.held.set(sessionId, { keys, since: now, used: now });
  }

  /** @throws GatewayError KEYS_LOCKED when the session's keys are not held (any more) */
  get(sessionId: string): UnlockedKeys {
    const found = this.held.get(sessionId);
    if (found !== undefined && this.expired(found)) this.drop(sessionId);
    else if (found !== undefined) {
      found.used = this.clock.now();
      // Moved to the end: the map's order is the order of use.
      this.held.delete(sessionId);
      this.held.set(sessionId, found);
      return found.keys;
    }
    throw new GatewayError('KEYS_LOCKED', 'The keys are no longer in memory: log in again.');
  }

  /** Keeps the keys when a session gets a new id. */
  move(from: string, to: string): void {
    const found = this.held.get(from);
    if (found === undefined) return;
    this.held.delete(from);
    this.held.set(to, found);
  }

  /** Has every session of this user sign with one of the keys that it holds. */
  prefer(userId: string, kid: string): void {
    for (const { keys } of this.held.values()) if (keys.userId === userId) keys.prefer('sign', kid);
  }

  drop(sessionId: string): void {
    this.held.get(sessionId)?.keys.wipe();
    this.held.delete(sessionId);
  }

  /** Drops what has expired. Call it now and then. */
  sweep(): void {
    for (const [sessionId, held] of this.held) if (this.expired(held)) this.drop(sessionId);
  }

  dropAll(): void {
    for (const sessionId of [...this.held.keys()]) this.drop(sessionId);
  }

  private expired({ since, used }: Held): boolean {
    const now = this.clock.now();
    return now - used >= this.limits.idleMs || now - since >= this.limits.absoluteMs;
  }
}
