// The door of the chaincodes that workloads run on: one is deployed, alone, on a ledger that begins empty.
import { announceLine, RECORDS, recordsChaincode } from '@prms/chaincode';
import type { ChaincodeFactory } from '@prms/network';
import { BenchError } from '../errors.js';
import { doNothingChaincode } from './do-nothing.js';
import { smallBankChaincode } from './smallbank.js';
import { ycsbChaincode } from './ycsb.js';

export interface Deployment {
  readonly contracts: ChaincodeFactory;
  /** Takes lines, answers with their receipts, one a line. */
  readonly batchFunction: string;
  /** The same line twice is the same as once: it may be sent again when nobody knows whether it was committed. */
  readonly idempotent: boolean;
  /** Told of a line that will come before long, where the chaincode can make something of it. */
  readonly announce?: (line: string) => void;
}

const DEPLOYMENTS: Readonly<Record<string, Deployment>> = {
  [RECORDS]: {
    contracts: recordsChaincode,
    batchFunction: 'operations:apply',
    idempotent: true,
    announce: announceLine,
  },
  'do-nothing': { contracts: doNothingChaincode, batchFunction: 'apply', idempotent: true },
  ycsb: { contracts: ycsbChaincode, batchFunction: 'apply', idempotent: false },
  smallbank: { contracts: smallBankChaincode, batchFunction: 'apply', idempotent: false },
};

/** @throws BenchError USAGE */
export function deployment(chaincode: string): Deployment {
  const known = DEPLOYMENTS[chaincode];
  if (known === undefined) throw new BenchError('USAGE', `there is no chaincode "${chaincode}"`);
  return known;
}
