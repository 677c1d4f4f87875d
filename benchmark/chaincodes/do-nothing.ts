// Does nothing: reads no key, writes none, answers each line. What is measured with it is the platform's floor.
import { Context, Contract, Returns, Transaction } from './fabric.js';

class DoNothingContract extends Contract {
  constructor() {
    super('do-nothing');
  }

  /** Each line is an operation's id. */
  @Transaction()
  @Returns('string')
  apply(_context: Context, lines: string): Promise<string> {
    const receipts = lines
      .split('\n')
      .map((id) => `{"id":${JSON.stringify(id)},"status":"applied"}`);
    return Promise.resolve(receipts.join('\n'));
  }
}

export const doNothingChaincode = (): Contract[] => [new DoNothingContract()];
