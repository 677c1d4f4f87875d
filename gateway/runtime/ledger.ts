// Opens the ledger and the group commit before it, with every bound that they have from the settings: the compiler
// refuses one that is missing here, so none has another value than the table shows.

import { join } from 'node:path';
import {
  readReceipts,
  RECORDS,
  recordsChaincode,
  SignaturesAhead,
  ThreadedVerifier,
  type Receipt,
} from '@prms/chaincode';
import {
  GroupCommit,
  openEmbeddedLedger,
  type EmbeddedLedger,
  type EmbeddedLedgerBounds,
  type GroupCommitBounds,
} from '@prms/network';
import { systemClock, type Clock } from '../ambient.js';
import type { Config } from '../config/index.js';

/** Who checks the signatures of operations, in their batches and ahead of them, on the same threads. */
export interface SignatureChecks {
  readonly verifier: ThreadedVerifier;
  readonly ahead: SignaturesAhead;
}

export function signatureChecks(config: Config): SignatureChecks {
  const verifier = new ThreadedVerifier(config.signatureThreads || undefined);
  return { verifier, ahead: new SignaturesAhead(verifier) };
}

/** The embedded ledger of a configuration's data folder: for gateways that share one, opened and closed by whoever runs them. */
export function openLedger(
  config: Config,
  clock: Clock = systemClock,
  { verifier, ahead }: SignatureChecks = signatureChecks(config),
): Promise<EmbeddedLedger> {
  return openEmbeddedLedger({
    dir: join(config.dataDir, 'ledger'),
    channel: config.channel,
    chaincodes: { [RECORDS]: (environment) => recordsChaincode(environment, verifier, ahead) },
    clock: () => clock.now(),
    ...ledgerBounds(config),
  });
}

/**
 * Packs operations into transactions of the ledger.
 * @param ahead told of operations that wait, when the ledger's chaincode runs in this process
 */
export function openCommit(
  config: Config,
  ledger: Pick<EmbeddedLedger, 'submit'>,
  ahead?: SignaturesAhead,
): GroupCommit<Receipt> {
  return new GroupCommit({
    ledger,
    chaincode: RECORDS,
    fn: 'operations:apply',
    parseReceipts: readReceipts,
    announce: (line) => ahead?.announce(line),
    ...commitBounds(config),
  });
}

function commitBounds(config: Config): GroupCommitBounds {
  return {
    maxQueued: config.outboxOperations,
    lanes: config.commitLanes,
    maxOperations: config.commitBatchOperations,
    maxBytes: config.commitBatchBytes,
    maxAttempts: config.commitAttempts,
    firstDelayMs: config.commitBackoffMs,
    maxDelayMs: config.commitLongestPauseMs,
  };
}

function ledgerBounds(config: Config): EmbeddedLedgerBounds {
  return {
    maxInFlight: config.ledgerTransactionsAtOnce,
    maxInFlightBytes: config.ledgerBytesAtOnce,
    maxQueries: config.ledgerQueriesAtOnce,
    deadlineMs: config.ledgerDeadlineMs,
    maxBlockTransactions: config.blockTransactions,
    maxBlockBytes: config.blockBytes,
    maxVerifications: config.ledgerVerifications,
    cacheBytes: config.ledgerCacheBytes,
    writeBufferBytes: config.ledgerWriteBufferBytes,
  };
}
