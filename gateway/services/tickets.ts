// An access that the ledger has recorded gives its session a ticket: for a few minutes the bytes may be fetched, in
// ranges, as long as the access stands. Kept in memory only; a restart ends them all.

import type { Clock, RandomBytes } from '../ambient.js';
import { GatewayError } from '../errors.js';
import { wipe } from '../vault/index.js';
import type { Permit } from './accesses/index.js';
import type { ChunkDigests, Label } from './reports/index.js';

export interface Ticket {
  readonly sessionId: string;
  readonly permit: Permit;
  readonly label: Label;
  readonly dataKey: Uint8Array;
  /** Of a chunked report: read through once a ticket, at its first use. */
  digests?: Promise<ChunkDigests>;
  readonly expiresAt: number;
}

export class Tickets {
  readonly #tickets = new Map<string, Ticket>();

  constructor(
    private readonly clock: Clock,
    private readonly random: RandomBytes,
    private readonly limits: { readonly lifeMs: number; readonly most: number },
  ) {}

  /** @param since when the access was signed: its life begins then, and never later than now */
  issue(content: Omit<Ticket, 'expiresAt'>, since: number): { ticket: string; expiresAt: number } {
    this.sweep();
    if (this.#tickets.size >= this.limits.most)
      throw new GatewayError('BUSY', 'Too many reports are open at once.', {
        retry: 'later',
      });
    const ticket = Buffer.from(this.random(32)).toString('base64url');
    const expiresAt = Math.min(since, this.clock.now()) + this.limits.lifeMs;
    this.#tickets.set(ticket, { ...content, expiresAt });
    return { ticket, expiresAt };
  }

  /** @throws GatewayError NOT_FOUND, also for another session's ticket */
  take(ticket: string, sessionId: string): Ticket {
    this.sweep();
    const found = this.#tickets.get(ticket);
    if (found?.sessionId === sessionId) return found;
    throw new GatewayError(
      'NOT_FOUND',
      'This ticket is not valid (any more): ask for access again.',
    );
  }

  sweep(): void {
    const now = this.clock.now();
    for (const [ticket, { expiresAt }] of this.#tickets) if (expiresAt <= now) this.#drop(ticket);
  }

  /** Before its time. Idempotent. */
  end(ticket: string): void {
    this.#drop(ticket);
  }

  /** All that open this report: it is to be erased. */
  endOf(report: string): void {
    for (const [ticket, held] of this.#tickets)
      if (held.permit.report.id === report) this.#drop(ticket);
  }

  dropAll(): void {
    for (const ticket of this.#tickets.keys()) this.#drop(ticket);
  }

  #drop(ticket: string): void {
    wipe(this.#tickets.get(ticket)?.dataKey ?? new Uint8Array());
    this.#tickets.delete(ticket);
  }
}
