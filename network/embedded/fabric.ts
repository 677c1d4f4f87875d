// The only door to Fabric's libraries in this package. Loading them has side effects on the whole process
// (handlers that swallow uncaught exceptions, a logger on stdout), which are undone here.
import { removeAddedHandlers } from './fabric-before.js';
import { createRequire } from 'node:module';
import fabric, { Context, Contract } from 'fabric-contract-api';
import type { JSONSerializer as Serializer } from 'fabric-contract-api';

/** Routes a stub's call to contracts: what runs in a peer's chaincode container. */
export interface ChaincodeFromContract {
  defaultContractName: string;
  readonly contractImplementations: Record<string, { contractInstance: Contract } | undefined>;
  readonly metadata: {
    readonly contracts: Record<string, { transactions: { name: string }[] } | undefined>;
  };
  /** Never rejects for what a contract throws: `status` is then 500. */
  Invoke(stub: object): Promise<{ status: number; message?: string; payload?: Uint8Array }>;
}

/** The array is changed by the call; each entry is called with `new`. */
type ChaincodeFromContractClass = new (
  contracts: (new () => Contract)[],
  serializers: { transaction: string; serializers: Record<string, new () => Serializer> },
) => ChaincodeFromContract;

// fabric-shim ships no types for this file; the interface above is the part that is called here. Fabric's libraries
// are CommonJS, so that one loaded this way is the same as an imported one.
export const ChaincodeFromContract = createRequire(import.meta.url)(
  'fabric-shim/lib/contract-spi/chaincodefromcontract.js',
) as ChaincodeFromContractClass;

removeAddedHandlers();

// Type-checked as named exports but missing at run time: CommonJS hides them from the lexer.
const { Transaction, Returns, Info, JSONSerializer } = fabric;

export { Context, Contract, Info, JSONSerializer, Returns, Transaction };
