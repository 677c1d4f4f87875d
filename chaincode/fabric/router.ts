// Fabric's own router from a stub's call to a contract's function: what runs in a peer's chaincode container.

import { createRequire } from 'node:module';
import { Contract, JSONSerializer } from './contract-api.js';
import { removeAddedHandlers } from './quiet.js';

export interface Router {
  /** Whose functions are meant when a call names no contract. */
  defaultContractName: string;
  readonly metadata: {
    readonly contracts: Readonly<
      Record<string, { readonly transactions: readonly TransactionMetadata[] } | undefined>
    >;
  };
  Init(stub: object): Promise<Response>;
  /** Never rejects for what a contract throws: `status` is then 500. */
  Invoke(stub: object): Promise<Response>;
}

export interface TransactionMetadata {
  readonly name: string;
  readonly tag?: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly schema: object }[];
}

export interface Response {
  readonly status: number;
  readonly message?: string;
  readonly payload?: Uint8Array;
}

type RouterClass = new (
  contracts: (new () => Contract)[],
  serializers: { transaction: string; serializers: Record<string, unknown> },
) => Router;

// fabric-shim ships no types for this file; the interfaces above are the part that is called here. Fabric's libraries are
// CommonJS, so that one loaded this way is the same as an imported one.
const ChaincodeFromContract = createRequire(import.meta.url)(
  'fabric-shim/lib/contract-spi/chaincodefromcontract.js',
) as RouterClass;

removeAddedHandlers();

/** Routes to contracts that are made already: the router wants classes and calls `new`. */
export function routerOf(contracts: readonly Contract[]): Router {
  const classes = contracts.map(
    (contract): new () => Contract => new Proxy(Contract, { construct: () => contract }),
  );
  return new ChaincodeFromContract(classes, {
    transaction: 'jsonSerializer',
    serializers: { jsonSerializer: JSONSerializer },
  });
}
