// The door of the chaincodes that workloads run on: one is deployed, alone, on a ledger that begins empty.
import { RECORDS, recordsChaincode } from '@prms/chaincode';
import type { ChaincodeFactory } from '@prms/network';
import { BenchError } from '../errors.js';
import { doNothingChaincode } from './do-nothing.js';

export interface Deployment {
  readonly contracts: ChaincodeFactory;
  /** Takes lines, answers with their receipts, one a line. */
  readonly batchFunction: string;
}

const DEPLOYMENTS: Readonly<Record<string, Deployment>> = {
  [RECORDS]: { contracts: recordsChaincode, batchFunction: 'operations:apply' },
  'do-nothing': { contracts: doNothingChaincode, batchFunction: 'apply' },
};

/** @throws BenchError USAGE */
export function deployment(chaincode: string): Deployment {
  const known = DEPLOYMENTS[chaincode];
  if (known === undefined) throw new BenchError('USAGE', `there is no chaincode "${chaincode}"`);
  return known;
}
