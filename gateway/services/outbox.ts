// Every signed operation is on disk here before it is on its way, so that a crash loses none and repeats none: the
// ledger gives the first receipt again to the same bytes.

import {
  hashText,
  instantOf,
  readOperationLine,
  receiptSchema,
  type Receipt,
  type RefusalCode,
} from '@prms/chaincode';
import { LedgerError, type GroupCommit } from '@prms/network';
import { z } from 'zod';
import type { Clock } from '../ambient.js';
import { GatewayError } from '../errors.js';
import { Documents, type Store, type StoreExpectation, type StoreWrite } from '../store/index.js';
import { Places } from './places.js';

const pendingSchema = z.strictObject({
  /** The signed operation, in its line form. */
  line: z.string(),
  lane: z.string(),
  /** The operation that must reach the ledger before this one. */
  after: z.string().optional(),
  actor: z.string(),
  /** Who handed it in, when it was not the actor. */
  by: z.string().optional(),
  acceptedAt: z.int(),
  followUp: z.literal(['now', 'unless-done']).optional(),
  /** Counts what one process accepts: the order within one instant. */
  turn: z.int().optional(),
});
type Pending = z.infer<typeof pendingSchema>;

const settledSchema = z.strictObject({
  actor: z.string(),
  by: z.string().optional(),
  /** Of the operation without its signature: tells whether the same comes again. */
  hash: z.string().optional(),
  /** Missing when the chaincode itself failed on it until its life was over. */
  receipt: receiptSchema.optional(),
});
type Settled = z.infer<typeof settledSchema>;

/** What became of an operation. `failed`: the chaincode could not run it in all its life; it was not applied. */
export interface Fate {
  readonly id: string;
  readonly actor: string;
  /** Who handed it in, when it was not the actor. */
  readonly by?: string;
  readonly state: 'pending' | 'applied' | 'refused' | 'failed';
  readonly receipt?: Receipt;
  readonly late?: true;
}

export type FollowUp = 'now' | 'unless-done';

export interface SignedLine {
  readonly id: string;
  readonly actor: string;
  /** Who hands it in, when it is not the actor. */
  readonly by?: string | undefined;
  readonly line: string;
  /** What it is about: operations of one lane keep their order. */
  readonly lane: string;
  /**
   * An operation that has to be on the ledger first. A lane keeps its order only while the ledger answers: what was given
   * up and is sent again may be overtaken.
   */
  readonly after?: string | undefined;
  /**
   * What follows is noted with its receipt. `now`: whoever signed it can't do it, so it is done here at once. `unless-done`:
   * whoever waits for the receipt does it and strikes the note out; it stays when they were cut off, or stopped waiting.
   */
  readonly followUp?: FollowUp | undefined;
}

/** An operation that has come here before. `same`: with the same bytes, whatever the signature. */
export interface Earlier {
  readonly same: boolean;
  readonly fate: Fate;
  /** Missing when it is settled, or is not on its way at present. */
  readonly receipt?: Promise<Receipt>;
}

/**
 * Refusals that say nothing of whoever signed: the ledger gave them before it knew the signature to be good. They hold no
 * id, or anybody could spoil somebody else's with a forgery.
 */
const UNPROVEN: ReadonlySet<RefusalCode> = new Set([
  'MALFORMED',
  'WRONG_LEDGER',
  'BAD_SIGNATURE',
  'UNKNOWN_ACTOR',
  'KEY_NOT_CURRENT',
  'LIFE_TOO_LONG',
  'NOT_YET_VALID',
  'EXPIRED',
  'ID_MISMATCH',
]);

export class Outbox {
  readonly #pending: Documents<Pending>;
  readonly #settled: Documents<Settled>;
  /** Reports that were opened before the ledger had answered: kept for good, as the access is. */
  readonly #late: Documents<true>;
  readonly #underWay = new Map<string, Promise<Receipt>>();
  /** On disk without a receipt, and not on their way: left by a crash, or given up for a while. */
  readonly #stalled = new Set<string>();
  /** Operations on which the chaincode failed: how often, and when to try again. */
  readonly #failures = new Map<string, { readonly count: number; readonly notBefore: number }>();
  /** Every operation without a receipt takes one, on its way or not. */
  readonly #places: Places;
  #turn = 0;
  #listed = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly commit: Pick<GroupCommit<Receipt>, 'submit'>;
      readonly clock: Clock;
      /** What is to be done after operations that were signed elsewhere. */
      readonly aftermath?: { note(id: string, line: string): StoreWrite; run(): Promise<unknown> };
      readonly onSettled?: (receipt: Receipt, waitedMs: number) => void;
      /** Before an applied operation counts as settled: what fails here, or is cut off, comes again. */
      readonly onApplied?: (line: string) => Promise<void>;
      /** Operations that may be without a receipt; beyond it `accept` is BUSY. */
      readonly maxUnderWay: number;
      readonly retryEveryMs: number;
      /** Sent again together: what was on disk at a start is not all read into memory at once. */
      readonly resendTogether: number;
      /** Between two attempts at an operation on which the chaincode fails. */
      readonly longestPauseMs: number;
      /** How long a fate can be asked for after the operation was issued. */
      readonly rememberMs: number;
    },
  ) {
    this.#places = new Places(parts.maxUnderWay);
    this.#pending = new Documents(parts.store, 'outbox', pendingSchema);
    this.#settled = new Documents(parts.store, 'fates', settledSchema);
    this.#late = new Documents(parts.store, 'late-anchors', z.literal(true));
  }

  /** Operations without a receipt. */
  get waiting(): number {
    return this.#places.taken;
  }

  /** Is there a place that leaves `spare` places free? */
  hasRoom(spare: number): boolean {
    return this.#places.hasRoom(spare);
  }

  /**
   * Waits for a place that leaves `spare` places free, in turn with others who wait for one.
   * @returns false when none came in time, or `signal` aborted
   */
  room(spare: number, waitMs: number, signal: AbortSignal): Promise<boolean> {
    return this.#places.room(spare, waitMs, signal);
  }

  /**
   * Puts the operation on disk, then on its way.
   * @returns a promise that settles with the ledger's receipt, however long that takes
   * @throws GatewayError BUSY when the queue is full: then it was not accepted at all; CONFLICT when its id was accepted
   *   before, unless the ledger refused that for want of a proof who signed it
   */
  async accept(operation: SignedLine): Promise<{ readonly receipt: Promise<Receipt> }> {
    const { id, actor, by, line, lane, after, followUp } = operation;
    // Said before anything is on disk: what is on disk is sent again, and the caller would repeat it.
    if (!this.#places.take()) {
      throw new GatewayError('BUSY', 'Too many operations wait for the ledger.');
    }
    const pending: Pending = {
      line,
      lane,
      ...(after !== undefined && { after }),
      actor,
      ...(by !== undefined && by !== actor && { by }),
      ...(followUp && { followUp }),
      acceptedAt: this.parts.clock.now(),
      turn: this.#turn++,
    };
    try {
      await this.#keep(id, pending);
    } catch (error) {
      this.#places.leave();
      throw error;
    }
    const receipt = this.#send(id, pending);
    // Whoever does not wait to the end must not crash the process when it fails later.
    receipt.catch(() => undefined);
    return { receipt };
  }

  /** What came before under this id. */
  async earlier({ id, line }: Pick<SignedLine, 'id' | 'line'>): Promise<Earlier | undefined> {
    const receipt = this.#underWay.get(id);
    const pending = await this.#pending.get(id);
    const settled = await this.#settled.get(id);
    const fate = fateOf(id, pending, settled, await this.#late.get(id));
    if (!fate) return undefined;
    const hash = settled?.hash ?? (pending && unsigned(pending.line));
    const same = hash === unsigned(line);
    return receipt && fate.state === 'pending' ? { same, fate, receipt } : { same, fate };
  }

  /** Sends again what a crash or an unreachable ledger has left behind; then looks again now and then. */
  async resume(): Promise<number> {
    if (!this.#listed) await this.#list();
    const ids = [...this.#stalled];
    const { resendTogether: together } = this.parts;
    for (let at = 0; at < ids.length; at += together)
      await this.#sendAgain(ids.slice(at, at + together));
    this.#retry ??= setInterval(() => {
      this.resume().catch(() => undefined);
    }, this.parts.retryEveryMs).unref();
    return ids.length;
  }

  /** Forgets fates that nobody will ask for. Ids are in the order of time, so this stops at the first young one. */
  async sweep(): Promise<void> {
    const before = this.parts.clock.now() - this.parts.rememberMs;
    for await (const { key } of this.#settled.list()) {
      if (instantOf(key) >= before) return;
      await this.#settled.delete(key);
    }
  }

  async fate(id: string): Promise<Fate | undefined> {
    return (await this.fates([id]))[0];
  }

  /** In the order of `ids`. */
  async fates(ids: readonly string[]): Promise<(Fate | undefined)[]> {
    // First what is on its way: between the two questions it may be settled, but not the other way round.
    const pending = await this.#pending.getMany(ids);
    const [settled, late] = await Promise.all([
      this.#settled.getMany(ids),
      this.#late.getMany(ids),
    ]);
    return ids.map((id, at) => fateOf(id, pending[at], settled[at], late[at]));
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

  /** @throws GatewayError CONFLICT */
  async #keep(id: string, pending: Pending): Promise<void> {
    const keep = (expect: readonly StoreExpectation[], forgotten: boolean): Promise<boolean> => {
      const forget = forgotten ? [this.#settled.write(id, undefined)] : [];
      const writes = [this.#pending.write(id, pending), ...forget];
      return this.parts.store.commit(writes, { expect, sync: true });
    };
    const absent = this.#pending.absent(id);
    if (await keep([absent, this.#settled.absent(id)], false)) return;
    const settled = await this.#settled.find(id);
    const receipt = settled?.value.receipt;
    if (settled && receipt?.status === 'refused' && UNPROVEN.has(receipt.code)) {
      if (await keep([absent, settled.unchanged], true)) return;
    }
    throw new GatewayError('CONFLICT', 'An operation of this id was accepted before.', {
      ids: { operation: id },
    });
  }

  /** What an earlier life of this process has left, in the order in which it was accepted. */
  async #list(): Promise<void> {
    const found: { id: string; acceptedAt: number; turn: number }[] = [];
    for await (const { key, value } of this.#pending.list())
      found.push({ id: key, acceptedAt: value.acceptedAt, turn: value.turn ?? 0 });
    found.sort((a, b) => a.acceptedAt - b.acceptedAt || a.turn - b.turn);
    for (const { id } of found) {
      if (this.#underWay.has(id)) continue;
      this.#stalled.add(id);
      this.#places.leftOver();
    }
    this.#listed = true;
  }

  async #sendAgain(ids: readonly string[]): Promise<void> {
    const found = await this.#pending.getMany(ids);
    for (const [at, id] of ids.entries()) {
      const pending = found[at];
      if (!pending || this.#underWay.has(id)) continue;
      if (await this.#givenUp(id, pending)) continue;
      if ((this.#failures.get(id)?.notBefore ?? 0) <= this.parts.clock.now())
        this.#send(id, pending).catch(() => undefined);
    }
  }

  #send(id: string, pending: Pending): Promise<Receipt> {
    const { line, lane, acceptedAt, after } = pending;
    this.#stalled.delete(id);
    const first = after === undefined ? undefined : this.#afterwards(after);
    const sent = (first ?? Promise.resolve())
      .then(() => this.parts.commit.submit(line, lane))
      .then(async (receipt) => {
        if (receipt.status === 'applied') await this.parts.onApplied?.(pending.line);
        if (await this.#settledNow(id, pending, receipt))
          this.parts.onSettled?.(receipt, this.parts.clock.now() - acceptedAt);
        return receipt;
      })
      .catch((error: unknown) => {
        this.#stalled.add(id);
        this.#note(id, error);
        throw error;
      })
      .finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, sent);
    return sent;
  }

  /**
   * False when the disk takes no writes. The ledger has decided all the same, and its receipt is told: what is on disk here
   * is sent again, gets the same receipt, and is settled then.
   */
  async #settledNow(id: string, pending: Pending, receipt: Receipt): Promise<boolean> {
    try {
      await this.#settle(id, pending, receipt);
      return true;
    } catch (error) {
      if (!(error instanceof GatewayError && error.code === 'STORE_UNAVAILABLE')) throw error;
      this.#stalled.add(id);
      return false;
    }
  }

  /** From pending to settled in one step: a crash leaves it in one of the two. */
  async #settle(
    id: string,
    { actor, by, line, followUp }: Pending,
    receipt?: Receipt,
  ): Promise<void> {
    const settled: Settled = {
      actor,
      ...(by !== undefined && { by }),
      hash: unsigned(line),
      ...(receipt && { receipt }),
    };
    const follows = receipt?.status === 'applied' && followUp ? this.parts.aftermath : undefined;
    await this.parts.store.commit([
      this.#pending.write(id, undefined),
      this.#settled.write(id, settled),
      ...(follows ? [follows.note(id, line)] : []),
    ]);
    if (followUp === 'now') void follows?.run();
    this.#failures.delete(id);
    this.#stalled.delete(id);
    this.#places.leave();
  }

  /** An unreachable ledger is asked again soon; a chaincode that failed is left in peace longer each time. */
  #note(id: string, error: unknown): void {
    if (!(error instanceof LedgerError) || error.code !== 'CHAINCODE_FAILED') return;
    const count = (this.#failures.get(id)?.count ?? 0) + 1;
    const { retryEveryMs, longestPauseMs } = this.parts;
    const pauseMs = Math.min(longestPauseMs, retryEveryMs * 2 ** count);
    this.#failures.set(id, { count, notBefore: this.parts.clock.now() + pauseMs });
  }

  /** Set aside for good: the chaincode has failed on it, and its life is over. */
  async #givenUp(id: string, pending: Pending): Promise<boolean> {
    const expiresAt = readOperationLine(pending.line)?.envelope.expiresAt ?? 0;
    if (!this.#failures.has(id) || this.parts.clock.now() < expiresAt) return false;
    await this.#settle(id, pending);
    return true;
  }

  /** Waits until an earlier operation has its receipt; sends it again when it had been given up. */
  async #afterwards(id: string): Promise<void> {
    const pending = await this.#pending.get(id);
    if (pending) await (this.#underWay.get(id) ?? this.#send(id, pending));
  }
}

function fateOf(
  id: string,
  pending: Pending | undefined,
  settled: Settled | undefined,
  late: true | undefined,
): Fate | undefined {
  const known = settled ?? pending;
  if (!known) return undefined;
  const { actor, by } = known;
  const marks = { id, actor, ...(by !== undefined && { by }), ...(late && { late }) };
  if (!settled) return { ...marks, state: 'pending' };
  if (!settled.receipt) return { ...marks, state: 'failed' };
  return { ...marks, state: settled.receipt.status, receipt: settled.receipt };
}

/** A signature may be made anew, the operation stays the same: the hash of a line without its signature and `"}`. */
const unsigned = (line: string): string => hashText(line.slice(0, -88));
