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

  /** How many keys begin with a prefix. */
  @Transaction(false)
  @Returns('string')
  async list(ctx: Context, prefix: string): Promise<string> {
    let count = 0;
    for await (const { value } of ctx.stub.getStateByRange(prefix, `${prefix}~`))
      count += value.length > 0 ? 1 : 0;
    return String(count);
  }

  /** How many values a key has had. */
  @Transaction(false)
  @Returns('string')
  async history(ctx: Context, key: string): Promise<string> {
    let count = 0;
    for await (const { value } of ctx.stub.getHistoryForKey(key)) count += value.length > 0 ? 1 : 0;
    return String(count);
  }
}

export const putsChaincode = (): Contract[] => [new PutsContract()];
