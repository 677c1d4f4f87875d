// From a ledger's port to a generator's connection: ordered calls travel in batches, queries go alone.
// Every platform that has a ledger port uses this, so that their figures differ by the ledger and by nothing else.
import {
  type BlockSummary,
  GroupCommit,
  type Ledger,
  LedgerError,
  parseReceipts,
} from '@prms/network';
import {
  type Answer,
  type Call,
  CallError,
  type Connection,
  type OrderedCall,
} from './platform.js';

/** What of a ledger a generator needs. */
export interface CallableLedger extends Pick<
  Ledger,
  'submit' | 'evaluate' | 'blocks' | 'height' | 'close'
> {
  /** Told of a line before its batch is submitted. */
  announce?(line: string): void;
}

export interface LedgerConnectionOptions {
  readonly ledger: CallableLedger;
  readonly chaincode: string;
  /** The chaincode's function that takes lines and answers with receipts. */
  readonly batchFunction: string;
  /** An operation may be sent again when nobody knows whether it was committed. */
  readonly idempotent: boolean;
  readonly lanes: number;
  readonly batch: number;
  /** Of one batch. Default: group commit's. */
  readonly maxBytes?: number;
  /** Tries of one operation at most; the first is one of them. */
  readonly maxAttempts: number;
  readonly maxQueued: number;
  readonly deadlineMs: number;
}

const CONFLICTS: ReadonlySet<string> = new Set(['MVCC_CONFLICT', 'PHANTOM_CONFLICT']);

export class LedgerConnection implements Connection {
  readonly #commit: GroupCommit;

  constructor(private readonly options: LedgerConnectionOptions) {
    const { ledger, chaincode, batchFunction, lanes, batch, maxAttempts, maxQueued } = options;
    this.#commit = new GroupCommit({
      ledger,
      chaincode,
      fn: batchFunction,
      parseReceipts,
      lanes,
      maxOperations: batch,
      maxAttempts,
      maxQueued,
      deadlineMs: options.deadlineMs,
      idempotent: options.idempotent,
      ...(options.maxBytes !== undefined && { maxBytes: options.maxBytes }),
      ...(ledger.announce !== undefined && { announce: ledger.announce.bind(ledger) }),
    });
  }

  async call(call: Call): Promise<Answer> {
    try {
      return await this.#call(call);
    } catch (error) {
      throw asCallError(error, this.options);
    }
  }

  async order(fromBlock: number): Promise<readonly string[]> {
    const ids: string[] = [];
    await this.#transactions(fromBlock, ({ transactionId, validation }) => {
      if (validation === 'VALID') ids.push(transactionId);
    });
    return ids;
  }

  async conflicts(fromBlock: number): Promise<Readonly<Record<string, number>>> {
    const counts: Record<string, number> = {};
    await this.#transactions(fromBlock, ({ validation }) => {
      if (validation !== 'VALID') counts[validation] = (counts[validation] ?? 0) + 1;
    });
    return counts;
  }

  async close(): Promise<void> {
    await this.#commit.close();
    await this.options.ledger.close();
  }

  async #transactions(
    fromBlock: number,
    each: (transaction: BlockSummary['transactions'][number]) => void,
  ): Promise<void> {
    const height = await this.options.ledger.height();
    if (fromBlock >= height) return;
    for await (const block of this.options.ledger.blocks({ fromBlock })) {
      block.transactions.forEach(each);
      if (block.number >= height - 1) return;
    }
  }

  #call(call: Call): Promise<Answer> {
    if (call.way === 'ordered') return this.#ordered(call);
    return call.way === 'query'
      ? this.#query(call.fn, call.args)
      : this.#invoke(call.fn, call.args);
  }

  async #ordered({ line, lane }: OrderedCall): Promise<Answer> {
    const located = await this.#commit.submitAndLocate(line, lane);
    const { receipt, transactionId, blockNumber, position, attempts } = located;
    return {
      status: receipt.status,
      ...(receipt.code !== undefined && { code: receipt.code }),
      ...(typeof receipt['result'] === 'string' && { result: receipt['result'] }),
      attempts,
      place: { block: blockNumber, transactionId, position },
      ...(located.stagesMs !== undefined && { stagesMs: located.stagesMs }),
    };
  }

  async #query(fn: string, args: readonly string[]): Promise<Answer> {
    const result = await this.options.ledger.evaluate(this.options.chaincode, fn, args);
    return { status: 'applied', attempts: 1, result: Buffer.from(result).toString('utf8') };
  }

  async #invoke(fn: string, args: readonly string[]): Promise<Answer> {
    const { ledger, chaincode, deadlineMs } = this.options;
    const committed = await ledger.submit(chaincode, fn, args, { deadlineMs });
    return {
      status: 'applied',
      attempts: 1,
      place: { block: committed.blockNumber, transactionId: committed.transactionId, position: 0 },
    };
  }
}

function asCallError(
  error: unknown,
  { maxAttempts, idempotent }: LedgerConnectionOptions,
): CallError {
  if (!(error instanceof LedgerError)) {
    return new CallError('FAILED', String(error), 1, { cause: error });
  }
  const { code, message } = error;
  if (CONFLICTS.has(code))
    return new CallError('CONFLICTED', message, maxAttempts, { cause: error });
  if (code === 'TIMEOUT') {
    return new CallError('LOST', message, idempotent ? maxAttempts : 1, { cause: error });
  }
  return new CallError('FAILED', `${code}: ${message}`, 1, { cause: error });
}
