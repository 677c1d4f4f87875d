// A chaincode that does next to nothing, so that the ledger's own cost is what is measured.
import { Context, Contract, Returns, Transaction } from '@prms/chaincode/fabric';

class PutsContract extends Contract {
  /** Each line is a key, a space and a value; reads the key, then puts the value. */
  @Transaction()
  @Returns('string')
  async apply(ctx: Context, batch: string): Promise<string> {
    const pairs = batch.split('\n').map((line) => {
      const space = line.indexOf(' ');
      return { key: line.slice(0, space), value: line.slice(space + 1) };
    });
    await Promise.all(pairs.map(({ key }) => ctx.stub.getState(key)));
    for (const { key, value } of pairs) await ctx.stub.putState(key, Buffer.from(value));
    return pairs.map(({ key }) => JSON.stringify({ id: key, status: 'applied' })).join('\n');
  }
}

export const putsChaincode = (): Contract[] => [new PutsContract()];
