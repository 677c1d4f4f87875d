// Checks one block's transactions against the state rebuilt from the blocks before it.
import { AsyncLocalStorage } from 'node:async_hooks';
import { LedgerError } from '../ledger.js';
import type { Block, Outcome, Transaction, ValidationCode } from './block.js';
import { BlockOverlay } from './block-overlay.js';
import { ByteWriter } from './bytes.js';
import { effectsOf } from './committer.js';
import { type ChaincodeFactory, ChaincodeHost } from './host.js';
import { publicKeyOf, verifyBytes } from './identity.js';
import {
  type RangeRead,
  rangeDigest,
  sameVersion,
  type Version,
  writeReadWriteSet,
} from './read-write-set.js';
import { StateView } from './state.js';
import type { StoreReader } from './store.js';

export interface Problem {
  readonly transactionId: string;
  readonly message: string;
}

export interface TransactionCheckerOptions {
  readonly rebuilt: StoreReader;
  readonly channel: string;
  readonly readBlock: (number: number) => Promise<Block>;
  readonly chaincodes: Readonly<Record<string, ChaincodeFactory>>;
  /** The only ones whose transactions may have come with transient data, and so can't be run again. */
  readonly transientChaincodes: ReadonlySet<string>;
  readonly mspId: string;
}

export class TransactionChecker {
  // Transactions of a block are run again side by side, each at its own time.
  readonly #now = new AsyncLocalStorage<number>();
  readonly #hosts = new Map<string, ChaincodeHost>();

  constructor(private readonly options: TransactionCheckerOptions) {
    const env = { now: () => this.#now.getStore() ?? 0 };
    for (const [name, factory] of Object.entries(options.chaincodes)) {
      this.#hosts.set(name, new ChaincodeHost(name, factory, env, options.mspId));
    }
  }

  /**
   * Lets go of what follows promises. Node up to 22 has each promise of the process carry every such storage that was ever
   * used, for good: a process that verified often would be slower with each time.
   */
  close(): void {
    this.#now.disable();
  }

  /** The first problem in block order, if any. */
  async check(block: Block): Promise<Problem | undefined> {
    const overlay = new BlockOverlay(this.options.rebuilt);
    for (const [tx, transaction] of block.transactions.entries()) {
      const message =
        this.#checkProposal(transaction, block.number) ??
        this.#checkChaincode(transaction) ??
        (await this.#checkVerdict(transaction, overlay.before(tx)));
      if (message !== undefined) return { transactionId: transaction.id, message };
      if (transaction.validation !== 'VALID') continue;
      const { proposal, outcome } = transaction;
      overlay.note(tx, effectsOf(proposal.chaincode, outcome.writes, block.number, tx));
    }
    const messages = await Promise.all(
      block.transactions.map((transaction, tx) => this.#runAgain(transaction, overlay.before(tx))),
    );
    for (const [tx, message] of messages.entries()) {
      const transactionId = block.transactions[tx]?.id;
      if (message !== undefined && transactionId !== undefined) return { transactionId, message };
    }
    return undefined;
  }

  #checkProposal(transaction: Transaction, block: number): string | undefined {
    const { id, proposal, proposalBytes, signature, simulatedHeight } = transaction;
    if (proposal.channel !== this.options.channel) {
      return `transaction ${id} was made for channel ${proposal.channel}`;
    }
    if (simulatedHeight > block) return `transaction ${id} claims to have seen its own future`;
    let signed = false;
    try {
      signed = verifyBytes(publicKeyOf(proposal.creator.certificate), proposalBytes, signature);
    } catch {
      return `transaction ${id} carries a certificate that can not be read`;
    }
    return signed ? undefined : `transaction ${id} is not signed by its creator`;
  }

  /** A transaction that can't be run again could have written anything: only where that was agreed on. */
  #checkChaincode({ id, proposal }: Transaction): string | undefined {
    const { chaincode, fn, hasTransient } = proposal;
    const host = this.#hosts.get(chaincode);
    if (host === undefined) {
      return `transaction ${id} is of chaincode ${chaincode}, which this verification does not know`;
    }
    if (!hasTransient) return undefined;
    if (!this.options.transientChaincodes.has(chaincode)) {
      return `transaction ${id} claims transient data, which chaincode ${chaincode} never uses`;
    }
    return host.knows(fn)
      ? undefined
      : `transaction ${id} calls ${fn}, which chaincode ${chaincode} does not have`;
  }

  async #checkVerdict(transaction: Transaction, state: StoreReader): Promise<string | undefined> {
    const { id, validation, proposal, outcome } = transaction;
    const verdict = await verdictOf(proposal.chaincode, outcome, this.#view(0, state));
    if (verdict === validation) return undefined;
    return `transaction ${id} is marked ${validation} and should be ${verdict}`;
  }

  async #runAgain(transaction: Transaction, state: StoreReader): Promise<string | undefined> {
    const { id, proposal, outcome, validation, simulatedHeight } = transaction;
    const host = this.#hosts.get(proposal.chaincode);
    // Both were checked before: whether the chaincode is known, and whether it may have transient data.
    if (host === undefined || validation !== 'VALID' || proposal.hasTransient) return undefined;
    try {
      const again = await this.#now.run(proposal.timestampMs, () =>
        host.simulate(proposal, {}, this.#view(simulatedHeight, state)),
      );
      const difference = differenceOf(outcome, again.outcome);
      return difference && `transaction ${id}, run again, has other ${difference}`;
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      return `transaction ${id}, run again, is refused: ${error.message}`;
    }
  }

  #view(height: number, state: StoreReader): StateView {
    return new StateView(height, state, this.options.readBlock);
  }
}

/** MVCC by the book: every version read is compared with the state's. */
async function verdictOf(
  chaincode: string,
  outcome: Outcome,
  view: StateView,
): Promise<ValidationCode> {
  const keys = outcome.reads.map(({ key }) => key);
  const held = await view.getMany(chaincode, keys);
  const isStale = outcome.reads.some(
    ({ version }, at) => !sameVersion(held[at]?.version ?? null, version),
  );
  if (isStale) return 'MVCC_READ_CONFLICT';
  for (const range of outcome.ranges) {
    const digest = rangeDigest(await rangeNow(view, chaincode, range));
    if (!Buffer.from(digest).equals(range.digest)) return 'PHANTOM_READ_CONFLICT';
  }
  return 'VALID';
}

async function rangeNow(
  view: StateView,
  chaincode: string,
  range: RangeRead,
): Promise<ReadonlyMap<string, Version>> {
  const results = new Map<string, Version>();
  // An iterator that stopped early saw its last key: U+0000 behind it makes the exclusive bound include it.
  const end = range.exhausted ? range.end : `${range.end}\u0000`;
  for await (const { key, version } of view.range(chaincode, range.start, end)) {
    results.set(key, version);
  }
  return results;
}

/** What differs, in words, or undefined. */
function differenceOf(recorded: Outcome, again: Outcome): string | undefined {
  if (!Buffer.from(recorded.response).equals(again.response)) return 'results';
  if (!eventBytes(recorded).equals(eventBytes(again))) return 'events';
  return setBytes(recorded).equals(setBytes(again)) ? undefined : 'reads or writes';
}

function eventBytes({ event }: Outcome): Buffer {
  if (event === null) return Buffer.alloc(0);
  return new ByteWriter().string(event.name).bytes(event.payload).finish();
}

function setBytes(outcome: Outcome): Buffer {
  const writer = new ByteWriter();
  writeReadWriteSet(writer, outcome);
  return writer.finish();
}
