// Every signed operation is on disk here before it is on its way, so that a crash loses none and repeats none: the
// ledger gives the first receipt again to the same bytes.

import { instantOf, readOperationLine, type Receipt } from '@prms/chaincode';
import { LedgerError, type GroupCommit } from '@prms/network';
import { z } from 'zod';
import type { Clock } from '../ambient.js';
import { GatewayError } from '../errors.js';
import { Documents, type Store } from '../store/index.js';

const pendingSchema = z.strictObject({
  /** The signed operation, in its line form. */
  line: z.string(),
  lane: z.string(),
  /** The operation that must reach the ledger before this one. */
  after: z.string().optional(),
  actor: z.string(),
  acceptedAt: z.int(),
});
type Pending = z.infer<typeof pendingSchema>;

const receiptSchema = z.looseObject({ id: z.string(), status: z.enum(['applied', 'refused']) });
const settledSchema = z.strictObject({
  actor: z.string(),
  /** Missing when the chaincode itself failed on it until its life was over. */
  receipt: receiptSchema.optional(),
});

/** What became of an operation. `failed`: the chaincode could not run it in all its life; it was not applied. */
export interface Fate {
  readonly id: string;
  readonly actor: string;
  readonly state: 'pending' | 'applied' | 'refused' | 'failed';
  readonly receipt?: Receipt;
  readonly late?: true;
}

export interface SignedLine {
  readonly id: string;
  readonly actor: string;
  readonly line: string;
  /** What it is about: operations of one lane keep their order. */
  readonly lane: string;
  /**
   * An operation that has to be on the ledger first. A lane keeps its order only while the ledger answers: what was given
   * up and is sent again may be overtaken.
   */
  readonly after?: string | undefined;
}

/** How long a fate can be asked for after the operation was issued. */
const REMEMBER_MS = 7 * 24 * 60 * 60 * 1000;
const RETRY_EVERY_MS = 2000;
const LONGEST_PAUSE_MS = 5 * 60 * 1000;
const MAX_UNDER_WAY = 10_000;

export class Outbox {
  readonly #pending: Documents<Pending>;
  readonly #settled: Documents<z.infer<typeof settledSchema>>;
  /** Reports that were opened before the ledger had answered: kept for good, as the access is. */
  readonly #late: Documents<true>;
  readonly #underWay = new Map<string, Promise<Receipt>>();
  /** Operations on which the chaincode failed: how often, and when to try again. */
  readonly #failures = new Map<string, { readonly count: number; readonly notBefore: number }>();
  readonly #maxUnderWay: number;
  #retry: NodeJS.Timeout | undefined;

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly commit: Pick<GroupCommit, 'submit'>;
      readonly clock: Clock;
      readonly onSettled?: (receipt: Receipt, waitedMs: number) => void;
      /** Operations that may wait for the ledger; beyond it `accept` is BUSY. Default 10 000. */
      readonly maxUnderWay?: number;
    },
  ) {
    this.#maxUnderWay = parts.maxUnderWay ?? MAX_UNDER_WAY;
    this.#pending = new Documents(parts.store, 'outbox', pendingSchema);
    this.#settled = new Documents(parts.store, 'fates', settledSchema);
    this.#late = new Documents(parts.store, 'late-anchors', z.literal(true));
  }

  /**
   * Puts the operation on disk, then on its way.
   * @returns a promise that settles with the ledger's receipt, however long that takes
   * @throws GatewayError BUSY when the queue is full: then it was not accepted at all
   */
  async accept(operation: SignedLine): Promise<{ readonly receipt: Promise<Receipt> }> {
    const { id, actor, line, lane, after } = operation;
    // Said before anything is on disk: what is on disk is sent again, and the caller would repeat it.
    if (this.#underWay.size >= this.#maxUnderWay) {
      throw new GatewayError('BUSY', 'Too many operations wait for the ledger.', {
        retryAfterMs: 1000,
      });
    }
    const acceptedAt = this.parts.clock.now();
    const pending: Pending = {
      line,
      lane,
      actor,
      acceptedAt,
      ...(after !== undefined && { after }),
    };
    const expect = [this.#pending.absent(id), this.#settled.absent(id)];
    const writes = [this.#pending.write(id, pending)];
    if (!(await this.parts.store.commit(writes, { expect, sync: true }))) {
      throw new GatewayError('CONFLICT', 'An operation of this id was accepted before.', {
        ids: { operation: id },
      });
    }
    const receipt = this.#send(id, pending);
    // Whoever does not wait to the end must not crash the process when it fails later.
    receipt.catch(() => undefined);
    return { receipt };
  }

  /** Sends again what a crash or an unreachable ledger has left behind; then looks again now and then. */
  async resume(): Promise<number> {
    let pending = 0;
    for await (const { key, value } of this.#pending.list()) {
      if (this.#underWay.has(key)) continue;
      pending++;
      if (await this.#givenUp(key, value)) continue;
      if ((this.#failures.get(key)?.notBefore ?? 0) <= this.parts.clock.now()) {
        this.#send(key, value).catch(() => undefined);
      }
    }
    this.#retry ??= setInterval(() => {
      this.resume().catch(() => undefined);
    }, RETRY_EVERY_MS).unref();
    return pending;
  }

  /** Forgets fates that nobody will ask for. Ids are in the order of time, so this stops at the first young one. */
  async sweep(): Promise<void> {
    const before = this.parts.clock.now() - REMEMBER_MS;
    for await (const { key } of this.#settled.list()) {
      if (instantOf(key) >= before) return;
      await this.#settled.delete(key);
    }
  }

  async fate(id: string): Promise<Fate | undefined> {
    const [pending, settled, late] = await Promise.all([
      this.#pending.get(id),
      this.#settled.get(id),
      this.#late.get(id),
    ]);
    const known = settled ?? pending;
    if (!known) return undefined;
    const marks = { id, actor: known.actor, ...(late && { late }) };
    if (!settled) return { ...marks, state: 'pending' };
    if (!settled.receipt) return { ...marks, state: 'failed' };
    return { ...marks, state: settled.receipt.status, receipt: settled.receipt as Receipt };
  }

  async isLate(id: string): Promise<boolean> {
    return (await this.#late.get(id)) === true;
  }

  async markLate(id: string): Promise<void> {
    await this.#late.put(id, true, { sync: true });
  }

  close(): void {
    clearInterval(this.#retry);
  }

  #send(id: string, { line, lane, actor, acceptedAt, after }: Pending): Promise<Receipt> {
    const first = after === undefined ? undefined : this.#afterwards(after);
    const sent = Promise.resolve(first)
      .then(() => this.parts.commit.submit(line, lane))
      .then(async (given) => {
        // The chaincode's receipts are what its own types say.
        const receipt = given as unknown as Receipt;
        await this.#settle(id, { actor, receipt: given });
        this.parts.onSettled?.(receipt, this.parts.clock.now() - acceptedAt);
        return receipt;
      })
      .catch((error: unknown) => {
        this.#note(id, error);
        throw error;
      })
      .finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, sent);
    return sent;
  }

  /** From pending to settled in one step: a crash leaves it in one of the two. */
  async #settle(id: string, settled: z.infer<typeof settledSchema>): Promise<void> {
    this.#failures.delete(id);
    await this.parts.store.commit([
      this.#pending.write(id, undefined),
      this.#settled.write(id, settled),
    ]);
  }

  /** An unreachable ledger is asked again soon; a chaincode that failed is left in peace longer each time. */
  #note(id: string, error: unknown): void {
    if (!(error instanceof LedgerError) || error.code !== 'CHAINCODE_FAILED') return;
    const count = (this.#failures.get(id)?.count ?? 0) + 1;
    const pauseMs = Math.min(LONGEST_PAUSE_MS, RETRY_EVERY_MS * 2 ** count);
    this.#failures.set(id, { count, notBefore: this.parts.clock.now() + pauseMs });
  }

  /** Set aside for good: the chaincode has failed on it, and its life is over. */
  async #givenUp(id: string, { line, actor }: Pending): Promise<boolean> {
    const expiresAt = readOperationLine(line)?.envelope.expiresAt ?? 0;
    if (!this.#failures.has(id) || this.parts.clock.now() < expiresAt) return false;
    await this.#settle(id, { actor });
    return true;
  }

  /** Waits until an earlier operation has its receipt; sends it again when it had been given up. */
  async #afterwards(id: string): Promise<void> {
    const pending = await this.#pending.get(id);
    if (pending) await (this.#underWay.get(id) ?? this.#send(id, pending));
  }
}
