// Log-ins between their two steps: the password was right, the second factor is awaited. The opened keys wait in
// memory, under the hash of a token that only whoever gave the password has, and are wiped when nobody comes.
import { createHash } from 'node:crypto';
import type { Clock, RandomBytes } from '../../ambient.js';
import { GatewayError } from '../../errors.js';
import { ShortLived } from './short-lived.js';

/** What waits: a session to begin, or one to be made fresh. */
interface Waiting<T> {
  readonly userId: string;
  readonly what: T;
  triesLeft: number;
}

export interface PendingStep {
  /** Names the step, safe to log: the token's hash. */
  readonly id: string;
  readonly token: string;
}

export class PendingLogIns<T> {
  private readonly waiting: ShortLived<Waiting<T>>;

  constructor(
    private readonly parts: {
      readonly clock: Clock;
      readonly random: RandomBytes;
      readonly lifeMs: number;
      readonly most: number;
      /** Further ones of one user replace the oldest. */
      readonly mostPerUser: number;
      /** Failed tries that one step bears. */
      readonly tries: number;
      /** Wipes what nobody came for. */
      readonly onDrop: (what: T) => void;
    },
  ) {
    const { clock, lifeMs, most, onDrop } = parts;
    this.waiting = new ShortLived({ clock, lifeMs, most, onDrop: ({ what }) => onDrop(what) });
  }

  get size(): number {
    return this.waiting.size;
  }

  /** A name and a token for a step that is about to wait. */
  newStep(): PendingStep {
    const token = Buffer.from(this.parts.random(32)).toString('base64url');
    return { token, id: idOf(token) };
  }

  /** Of one user's steps the oldest give way. @returns when it will be forgotten */
  add({ id }: PendingStep, userId: string, what: T): number {
    const own = this.waiting.keysWhere((each) => each.userId === userId);
    for (const key of own.slice(0, Math.max(0, own.length - this.parts.mostPerUser + 1))) {
      this.waiting.drop(key);
    }
    return this.waiting.put(id, { userId, what, triesLeft: this.parts.tries });
  }

  /**
   * Runs one try at the second step. When `prove` succeeds the step is taken, once; when it has failed too often the
   * step is gone.
   * @throws GatewayError UNAUTHENTICATED when no such step waits, and whatever `prove` throws
   */
  async complete<R>(
    token: string,
    prove: (userId: string, step: string, what: T) => Promise<R>,
  ): Promise<{ what: T; userId: string; proved: R }> {
    const id = idOf(token);
    const step = this.waiting.get(id);
    if (step === undefined) throw over();
    // Before anything is awaited: tries that come together are all counted.
    step.triesLeft -= 1;
    try {
      if (step.triesLeft < 0) throw over();
      const proved = await prove(step.userId, id, step.what);
      const taken = this.waiting.take(id);
      if (taken === undefined) throw over();
      return { what: taken.what, userId: taken.userId, proved };
    } catch (error) {
      if (step.triesLeft <= 0) this.waiting.drop(id);
      throw error;
    }
  }

  sweep(): void {
    this.waiting.sweep();
  }

  dropAll(): void {
    this.waiting.dropAll();
  }
}

const idOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

const over = (): GatewayError =>
  new GatewayError('UNAUTHENTICATED', 'No log-in waits for this: give the password again.');
