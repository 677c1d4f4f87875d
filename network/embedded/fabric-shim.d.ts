// fabric-shim ships no types for its contract host; this is the part that is called here.
declare module 'fabric-shim/lib/contract-spi/chaincodefromcontract.js' {
  import type { Contract, JSONSerializer } from 'fabric-contract-api';

  class ChaincodeFromContract {
    /** The array is changed by the call; each entry is called with `new`. */
    constructor(
      contracts: (new () => Contract)[],
      serializers: {
        transaction: string;
        serializers: Record<string, new () => JSONSerializer>;
      },
    );
    defaultContractName: string;
    readonly contractImplementations: Record<string, { contractInstance: Contract } | undefined>;
    readonly metadata: {
      readonly contracts: Record<string, { transactions: { name: string }[] } | undefined>;
    };
    /** Never rejects for what a contract throws: `status` is then 500. */
    Invoke(stub: object): Promise<{ status: number; message?: string; payload?: Uint8Array }>;
  }
  export default ChaincodeFromContract;
}
