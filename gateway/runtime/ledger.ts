// Opens the ledger and the group commit before it, with every bound that they have from the settings: the compiler
// refuses one that is missing here, so none has another value than the table shows.

import { join } from 'node:path';
import {
  readReceipts,
  RECORDS,
  recordsChaincode,
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

/** The embedded ledger of a configuration's data folder: for gateways that share one, opened and closed by whoever runs them. */
export function openLedger(config: Config, clock: Clock = systemClock): Promise<EmbeddedLedger> {
  const verifier = new ThreadedVerifier(config.signatureThreads || undefined);
  return openEmbeddedLedger({
    dir: join(config.dataDir, 'ledger'),
    channel: config.channel,
    chaincodes: { [RECORDS]: (environment) => recordsChaincode(environment, verifier) },
    clock: () => clock.now(),
    ...ledgerBounds(config),
  });
}

/** Packs operations into transactions of the ledger. */
export function openCommit(
  config: Config,
  ledger: Pick<EmbeddedLedger, 'submit'>,
): GroupCommit<Receipt> {
  return new GroupCommit({
    ledger,
    chaincode: RECORDS,
    fn: 'operations:apply',
    parseReceipts: readReceipts,
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
