// Every signed operation is on disk here before it is on its way, so that a crash loses none and repeats none: the
// ledger gives the first receipt again to the same bytes.

import type { Receipt } from '@prms/chaincode';
import { LedgerError, type GroupCommit } from '@prms/network';
import { z } from 'zod';
import type { Clock } from '../ambient.js';
import { GatewayError } from '../errors.js';
import { Documents, type Store } from '../store/index.js';

const receiptSchema = z.looseObject({ id: z.string(), status: z.enum(['applied', 'refused']) });

const recordSchema = z.strictObject({
  /** The signed operation's line; dropped when its fate is known. */
  line: z.string().optional(),
  lane: z.string(),
  /** The operation that must reach the ledger before this one. */
  after: z.string().optional(),
  actor: z.string(),
  acceptedAt: z.int(),
  settledAt: z.int().optional(),
  receipt: receiptSchema.optional(),
  /** The report was opened before the ledger had answered. */
  late: z.literal(true).optional(),
});
type OutboxRecord = z.infer<typeof recordSchema>;

/** What became of an operation. */
export interface Fate {
  readonly id: string;
  readonly actor: string;
  readonly state: 'pending' | 'applied' | 'refused';
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

/** How long a fate can be asked for after it was settled. */
const REMEMBER_MS = 7 * 24 * 60 * 60 * 1000;
const RETRY_EVERY_MS = 2000;
const MAX_UNDER_WAY = 10_000;

export class Outbox {
  readonly #records: Documents<OutboxRecord>;
  readonly #underWay = new Map<string, Promise<Receipt>>();
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
    this.#records = new Documents(parts.store, 'outbox', recordSchema);
  }

  /**
   * Puts the operation on disk, then on its way.
   * @returns a promise that settles with the ledger's receipt, however long that takes
   * @throws GatewayError BUSY when the queue is full: then it was not accepted at all
   */
  async accept(operation: SignedLine): Promise<{ readonly receipt: Promise<Receipt> }> {
    const { id, actor, line, lane, after } = operation;
    // Said before anything is on disk: what is on disk is sent again, and the caller would repeat it.
    if (this.#underWay.size >= this.#maxUnderWay)
      throw new GatewayError('BUSY', 'Too many operations wait for the ledger.', {
        retryAfterMs: 1000,
      });
    const acceptedAt = this.parts.clock.now();
    const record: OutboxRecord = {
      line,
      lane,
      actor,
      acceptedAt,
      ...(after !== undefined && { after }),
    };
    const fresh = await this.#records.putIfAbsent(id, record, { sync: true });
    if (!fresh)
      throw new GatewayError('CONFLICT', 'An operation of this id was accepted before.', {
        ids: { operation: id },
      });
    const receipt = this.#send(id, record);
    // Whoever does not wait to the end must not crash the process when it fails later.
    receipt.catch(() => undefined);
    return { receipt };
  }

  /** Sends again what a crash or an unreachable ledger has left behind; then looks again now and then. */
  async resume(): Promise<number> {
    let pending = 0;
    for await (const { key, value } of this.#records.list()) {
      if (value.settledAt !== undefined) {
        // A late anchor's mark belongs to the access, which is for good.
        const over = value.settledAt + REMEMBER_MS < this.parts.clock.now();
        if (over && value.late === undefined) await this.#records.delete(key);
      } else if (!this.#underWay.has(key)) {
        pending++;
        this.#send(key, value).catch(() => undefined);
      }
    }
    this.#retry ??= setInterval(
      () => void this.resume().catch(() => undefined),
      RETRY_EVERY_MS,
    ).unref();
    return pending;
  }

  async fate(id: string): Promise<Fate | undefined> {
    const record = await this.#records.get(id);
    if (!record) return undefined;
    const { receipt, actor, late } = record;
    const marks = { id, actor, ...(late && { late }) };
    if (!receipt) return { ...marks, state: 'pending' };
    // Written by `#send` from the ledger's own receipt.
    return { ...marks, state: receipt.status, receipt: receipt as Receipt };
  }

  async markLate(id: string): Promise<void> {
    await this.#records.update(id, (record) => record && { ...record, late: true }, { sync: true });
  }

  close(): void {
    clearInterval(this.#retry);
  }

  #send(id: string, { line, lane, acceptedAt, after }: OutboxRecord): Promise<Receipt> {
    if (line === undefined)
      throw new GatewayError('INTERNAL', 'A pending operation has no bytes.', {
        ids: { operation: id },
      });
    const first = after === undefined ? undefined : this.#settled(after);
    const sent = Promise.resolve(first)
      .then(() => this.parts.commit.submit(line, lane))
      .then(async (given) => {
        const receipt = given as unknown as Receipt;
        const settledAt = this.parts.clock.now();
        await this.#records.update(id, (record) => {
          if (!record) return record;
          const { line: _sent, ...rest } = record;
          return { ...rest, receipt: given, settledAt };
        });
        this.parts.onSettled?.(receipt, settledAt - acceptedAt);
        return receipt;
      })
      .finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, sent);
    return sent;
  }

  /** Waits until an earlier operation has its receipt; sends it again when it had been given up. */
  async #settled(id: string): Promise<void> {
    const record = await this.#records.get(id);
    if (record?.line === undefined) return;
    await (this.#underWay.get(id) ?? this.#send(id, record));
  }
}

/** What a client is told when the ledger could not be reached. */
export function ledgerTrouble(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  if (!(error instanceof LedgerError))
    return new GatewayError('INTERNAL', 'The ledger failed in an unforeseen way.', {
      cause: error,
    });
  if (error.code === 'CHAINCODE_FAILED' && error.message.startsWith('NOT_FOUND')) {
    return new GatewayError('NOT_FOUND', 'The ledger knows nothing of this id.', { cause: error });
  }
  if (error.code === 'CHAINCODE_FAILED' && error.message.startsWith('BAD_ARGUMENTS')) {
    return new GatewayError('BAD_REQUEST', 'The ledger can’t read this question.', {
      cause: error,
    });
  }
  if (error.code === 'CHAINCODE_FAILED' && error.message.startsWith('NOT_INITIALISED')) {
    return new GatewayError(
      'LEDGER_UNAVAILABLE',
      'The ledger has not been founded: register the first hospital.',
      { cause: error },
    );
  }
  if (error.code === 'UNAVAILABLE')
    return new GatewayError('BUSY', 'The ledger’s queue is full.', {
      cause: error,
      retryAfterMs: 1000,
    });
  return new GatewayError('LEDGER_UNAVAILABLE', 'The ledger does not answer as it should.', {
    cause: error,
  });
}
