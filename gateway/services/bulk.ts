// Many signed operations over one request: lines in, receipts out, both as streams. Nothing here grows with the number of
// lines: what waits for the ledger, and what waits for the client to read it, is bounded, and beyond it no more is read.

import type { Receipt } from '@prms/chaincode';
import type { Session, Sessions } from '../accounts/index.js';
import { GatewayError } from '../errors.js';
import type { Fate, Outbox } from './outbox.js';
import type { Intake, Submitter, Taken } from './intake.js';
import { Tray } from './tray.js';

/** One line as it came, perhaps empty, or what is wrong with it. */
export type SubmittedLine =
  | { readonly number: number; readonly text: string }
  | { readonly number: number; readonly fault: GatewayError };

/** What became of one line. `invalid` and `busy`: nothing of it was kept. `pending`: it is on disk; ask for its fate. */
export type LineReceipt =
  | ({ readonly line: number } & Receipt)
  | {
      readonly line: number;
      readonly id: string;
      readonly status: 'refused';
      readonly code: string;
      readonly detail: string;
    }
  | { readonly line: number; readonly id: string; readonly status: 'pending' | 'failed' }
  | {
      readonly line: number;
      readonly id?: string;
      readonly status: 'invalid' | 'busy';
      readonly code: string;
      readonly detail: string;
    };

export interface BulkLimits {
  /** Requests at one time, and of one account. */
  readonly requests: number;
  readonly requestsPerAccount: number;
  /** Operations of one request that may be without a receipt. */
  readonly window: number;
  /** Receipts of one request that may wait for their reader. */
  readonly unread: number;
  /** How long a reader may leave that many lying. */
  readonly stallMs: number;
  /** Places in the outbox that are left to everybody else. */
  readonly spare: number;
  /** How long one operation may wait for the outbox, then for the ledger. */
  readonly commitWaitMs: number;
  /** Lines of one request that are no operations, empty ones too, before no more are read. */
  readonly junkLines: number;
  /** How long all requests together may keep the event loop before everybody else has a turn. */
  readonly turnMs: number;
}

/** Receipts that are handed on at once: writing them takes its time, too. */
const HANDFUL_RECEIPTS = 100;

/** One request. `ended`: its session is over, and no more is taken of it. */
interface Underway {
  readonly by: Submitter;
  ended: boolean;
  /** Lines so far that were no operations. */
  junk: number;
}

export class Bulk {
  readonly #open = new Map<string, number>();
  /** Requests under way by the session that began them. */
  readonly #ofSession = new Map<string, Set<Underway>>();
  #requests = 0;
  #turnBegan = 0;
  #nextTurn: Promise<void> | undefined;

  constructor(
    private readonly parts: {
      readonly intake: Intake;
      readonly outbox: Outbox;
      readonly limits: BulkLimits;
      readonly sessions: Pick<Sessions, 'onEnd'>;
    },
  ) {
    parts.sessions.onEnd((sessionId) => {
      for (const underway of this.#ofSession.get(sessionId) ?? []) underway.ended = true;
    });
  }

  /** Requests under way. */
  get requests(): number {
    return this.#requests;
  }

  /**
   * Takes lines as fast as their operations settle and their receipts are read.
   * @returns receipts in the order of settlement, in handfuls
   * @throws GatewayError BUSY | TOO_MANY before anything is taken; REQUEST_TIMEOUT when the reader stops reading
   */
  async run(
    lines: AsyncIterable<readonly SubmittedLine[]>,
    session: Session,
    signal: AbortSignal,
  ): Promise<AsyncIterable<readonly LineReceipt[]>> {
    const leave = this.#enter(session.userId);
    try {
      const underway = { by: await this.parts.intake.submitter(session), ended: false, junk: 0 };
      const ofSession = this.#ofSession.get(session.id) ?? new Set();
      this.#ofSession.set(session.id, ofSession.add(underway));
      return this.#receipts(lines, underway, signal, () => {
        ofSession.delete(underway);
        if (ofSession.size === 0) this.#ofSession.delete(session.id);
        leave();
      });
    } catch (error) {
      leave();
      throw error;
    }
  }

  #enter(account: string): () => void {
    const { outbox, limits } = this.parts;
    const own = this.#open.get(account) ?? 0;
    if (own >= limits.requestsPerAccount)
      throw new GatewayError('TOO_MANY', 'This account has too many such requests open.');
    if (this.#requests >= limits.requests || !outbox.hasRoom(limits.spare))
      throw new GatewayError('BUSY', 'Too many operations wait for the ledger.');
    this.#requests++;
    this.#open.set(account, own + 1);
    return () => {
      this.#requests--;
      const left = (this.#open.get(account) ?? 1) - 1;
      if (left === 0) this.#open.delete(account);
      else this.#open.set(account, left);
    };
  }

  async *#receipts(
    lines: AsyncIterable<readonly SubmittedLine[]>,
    underway: Underway,
    signal: AbortSignal,
    leave: () => void,
  ): AsyncGenerator<readonly LineReceipt[], void, undefined> {
    const { window, unread, stallMs } = this.parts.limits;
    const tray = new Tray<LineReceipt>({ window, unread, stallMs, signal });
    try {
      this.#read(lines, underway, tray, signal).then(
        () => tray.end(),
        (error: unknown) => tray.fail(error),
      );
      for (;;) {
        const receipts = await tray.take();
        if (receipts.length === 0) return;
        for (let at = 0; at < receipts.length; at += HANDFUL_RECEIPTS) {
          yield receipts.slice(at, at + HANDFUL_RECEIPTS);
          await this.#turn();
        }
      }
    } finally {
      // What was accepted settles all the same: its fate can be asked for.
      tray.close();
      leave();
    }
  }

  async #read(
    lines: AsyncIterable<readonly SubmittedLine[]>,
    underway: Underway,
    tray: Tray<LineReceipt>,
    signal: AbortSignal,
  ): Promise<void> {
    const { outbox, limits } = this.parts;
    for await (const batch of lines) {
      for (const line of batch) {
        await this.#turn();
        const isEmpty = 'text' in line && line.text === '';
        const isLast = underway.junk >= limits.junkLines;
        if (isEmpty) underway.junk++;
        if (isEmpty && !isLast) continue;
        if (!(await tray.begin())) return;
        if (isLast) {
          tray.put(faultOf(line.number, tooMuchJunk(limits.junkLines)));
          return;
        }
        const placed =
          outbox.hasRoom(limits.spare) ||
          (await outbox.room(limits.spare, limits.commitWaitMs, signal));
        if (signal.aborted) return;
        void this.#one(line, underway, placed).then((receipt) => tray.put(receipt));
      }
    }
  }

  /**
   * Lets everybody else have a turn when these requests had theirs. Lines that are refused at once wait for nothing, so
   * that however many of them would be one turn.
   */
  async #turn(): Promise<void> {
    this.#nextTurn ??= this.#begunTurn();
    if (performance.now() - this.#turnBegan >= this.parts.limits.turnMs) await this.#nextTurn;
  }

  #begunTurn(): Promise<void> {
    this.#turnBegan = performance.now();
    return new Promise((resolve) =>
      setImmediate(() => {
        this.#nextTurn = undefined;
        resolve();
      }),
    );
  }

  /** Never rejects. */
  async #one(line: SubmittedLine, underway: Underway, placed: boolean): Promise<LineReceipt> {
    const { number } = line;
    try {
      if ('fault' in line) throw line.fault;
      if (underway.ended)
        throw new GatewayError('UNAUTHENTICATED', 'The session has ended: log in again.');
      if (!placed) throw new GatewayError('BUSY', 'Too many operations wait for the ledger.');
      const taken = await this.parts.intake.submit(line.text, underway.by);
      return { line: number, ...(await this.#outcome(taken)) };
    } catch (error) {
      const fault = faultOf(number, error);
      if (isJunk(fault)) underway.junk++;
      return fault;
    }
  }

  async #outcome({ id, receipt, again }: Taken) {
    const pending = { id, status: 'pending' } as const;
    if (!receipt) return again ? settledAs(again) : pending;
    // Given up for now, or failed on by the chaincode: either way it is on disk here, and is sent again.
    return within(receipt, this.parts.limits.commitWaitMs).then(
      (given) => given ?? pending,
      () => pending,
    );
  }
}

function settledAs({ id, state, receipt }: Fate) {
  return receipt ?? ({ id, status: state === 'failed' ? 'failed' : 'pending' } as const);
}

function faultOf(line: number, error: unknown): LineReceipt {
  if (!(error instanceof GatewayError))
    return { line, status: 'busy', code: 'INTERNAL', detail: 'The gateway failed on this line.' };
  const { code, message: detail, ids, options } = error;
  const id = typeof ids['operation'] === 'string' ? { id: ids['operation'] } : {};
  if (code === 'REFUSED' && options.reason !== undefined)
    return { line, id: '', ...id, status: 'refused', code: options.reason, detail };
  const status = error.status >= 500 ? 'busy' : 'invalid';
  return { line, ...id, status, code, detail };
}

/** It can't be read as an operation, whosever it would be. */
function isJunk({ status, ...receipt }: LineReceipt): boolean {
  return (
    status === 'invalid' &&
    'code' in receipt &&
    (receipt.code === 'BAD_REQUEST' || receipt.code === 'TOO_LARGE')
  );
}

function tooMuchJunk(lines: number): GatewayError {
  return new GatewayError(
    'TOO_MANY',
    `${lines} lines of this request were no operations: neither this one nor those after it are read.`,
  );
}

/** The promise's value, or undefined after so long. */
function within<T>(promise: Promise<T>, waitMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), waitMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
