// SmallBank on a ledger (Alomari et al., "The cost of serializability on platforms that use snapshot isolation", ICDE 2008).
// Amounts are whole cents. A customer has two keys, as in H-Store and BLOCKBENCH: checking and savings. In one key,
// transactions on different accounts of a customer would conflict, which the benchmark's authors did not mean.
//
//   <id> create <customer> <savings> <checking>   refused EXISTS
//   <id> balance <customer>                       savings + checking, ordered
//   <id> deposit-checking <customer> <amount>
//   <id> transact-savings <customer> <amount>     below zero it takes out; refused INSUFFICIENT_FUNDS below a balance of 0
//   <id> send-payment <from> <to> <amount>        checking to checking; refused INSUFFICIENT_FUNDS
//   <id> write-check <customer> <amount>          a dollar more when savings + checking are less; may overdraw
//   <id> amalgamate <from> <to>                   all of `from` into `to`'s checking
//
// Every one but `create` is refused NO_ACCOUNT for customers that there aren't; those of two, SAME_ACCOUNT for one.
import { applyBatch, BatchState, type Operation, Refusal, wholeNumber } from './batch.js';
import { Context, Contract, Returns, Transaction } from './fabric.js';

export const PENALTY_CENTS = 100;
const MAX_CUSTOMER = 9_999_999;
const MAX_CENTS = 1e12;
const MAX_PAGE = 10_000;
/** Keys of all balances lie between these. */
const [FIRST_KEY, END_OF_KEYS] = ['checking/', 'savings0'];

/** Where a customer's two balances lie. */
export interface Accounts {
  readonly savings: string;
  readonly checking: string;
}

export function accountsOf(customer: number): Accounts {
  const number = String(customer).padStart(7, '0');
  return { savings: `savings/${number}`, checking: `checking/${number}` };
}

class SmallBankContract extends Contract {
  constructor() {
    super('smallbank');
  }

  @Transaction()
  @Returns('string')
  apply(context: Context, lines: string): Promise<string> {
    return applyBatch(context.stub, lines, smallBankOperation);
  }

  /** What a customer has, in cents: savings + checking. */
  @Transaction(false)
  @Returns('string')
  async balance(context: Context, customer: string): Promise<string> {
    const asked = balance(customerOf(customer));
    const state = new BatchState(context.stub);
    await state.fetch(asked.keys);
    return String(await asked.run(state));
  }

  /**
   * A page of all accounts, for whoever checks them: `{"bookmark","balances":{<key>: <cents>, …}}`.
   * An empty bookmark asks for the first page, and says that there is no more.
   */
  @Transaction(false)
  @Returns('string')
  async balances(context: Context, size: string, bookmark: string): Promise<string> {
    const { iterator, metadata } = await context.stub.getStateByRangeWithPagination(
      FIRST_KEY,
      END_OF_KEYS,
      wholeNumber(size, 1, MAX_PAGE),
      bookmark,
    );
    const balances: Record<string, number> = {};
    for (let step = await iterator.next(); !step.done; step = await iterator.next()) {
      balances[step.value.key] = Number(Buffer.from(step.value.value).toString());
    }
    await iterator.close();
    return JSON.stringify({ bookmark: metadata.bookmark, balances });
  }
}

export const smallBankChaincode = (): Contract[] => [new SmallBankContract()];

/** One line's meaning. @throws Refusal BAD_LINE */
export function smallBankOperation(kind: string, words: readonly string[]): Operation {
  const customer = customerOf(words[0]);
  switch (kind) {
    case 'create':
      return create(customer, cents(words[1]), cents(words[2]));
    case 'balance':
      return balance(customer);
    case 'deposit-checking':
      return depositChecking(customer, positive(words[1]));
    case 'transact-savings':
      return transactSavings(customer, cents(words[1]));
    case 'send-payment':
      return sendPayment(customer, customerOf(words[1]), positive(words[2]));
    case 'write-check':
      return writeCheck(customer, positive(words[1]));
    case 'amalgamate':
      return amalgamate(customer, customerOf(words[1]));
    default:
      throw new Refusal('BAD_LINE');
  }
}

function create(customer: number, savingsCents: number, checkingCents: number): Operation {
  const { savings, checking } = accountsOf(customer);
  const run = (state: BatchState): undefined => {
    if (state.get(savings) !== undefined) throw new Refusal('EXISTS');
    put(state, savings, savingsCents);
    put(state, checking, checkingCents);
  };
  return { keys: [savings], run };
}

function balance(customer: number): Operation {
  const { savings, checking } = accountsOf(customer);
  const run = (state: BatchState): string => String(get(state, savings) + get(state, checking));
  return { keys: [savings, checking], run };
}

function depositChecking(customer: number, amountCents: number): Operation {
  const { checking } = accountsOf(customer);
  const run = (state: BatchState): undefined => {
    put(state, checking, get(state, checking) + amountCents);
  };
  return { keys: [checking], run };
}

function transactSavings(customer: number, amountCents: number): Operation {
  const { savings } = accountsOf(customer);
  const run = (state: BatchState): undefined => {
    const left = get(state, savings) + amountCents;
    if (left < 0) throw new Refusal('INSUFFICIENT_FUNDS');
    put(state, savings, left);
  };
  return { keys: [savings], run };
}

function sendPayment(from: number, to: number, amountCents: number): Operation {
  const [source, target] = [accountsOf(from).checking, accountsOf(to).checking];
  const run = (state: BatchState): undefined => {
    mustDiffer(from, to);
    const [has, receives] = [get(state, source), get(state, target)];
    if (has < amountCents) throw new Refusal('INSUFFICIENT_FUNDS');
    put(state, source, has - amountCents);
    put(state, target, receives + amountCents);
  };
  return { keys: [source, target], run };
}

function writeCheck(customer: number, amountCents: number): Operation {
  const { savings, checking } = accountsOf(customer);
  const run = (state: BatchState): undefined => {
    const has = get(state, checking);
    const short = get(state, savings) + has < amountCents;
    put(state, checking, has - amountCents - (short ? PENALTY_CENTS : 0));
  };
  return { keys: [savings, checking], run };
}

function amalgamate(from: number, to: number): Operation {
  const source = accountsOf(from);
  const target = accountsOf(to).checking;
  const run = (state: BatchState): undefined => {
    mustDiffer(from, to);
    const all = get(state, source.savings) + get(state, source.checking);
    const receives = get(state, target);
    put(state, source.savings, 0);
    put(state, source.checking, 0);
    put(state, target, receives + all);
  };
  return { keys: [source.savings, source.checking, target], run };
}

function mustDiffer(from: number, to: number): void {
  if (from === to) throw new Refusal('SAME_ACCOUNT');
}

function get(state: BatchState, account: string): number {
  const balanceCents = state.get(account);
  if (balanceCents === undefined) throw new Refusal('NO_ACCOUNT');
  return Number(balanceCents);
}

function put(state: BatchState, account: string, balanceCents: number): void {
  state.put(account, String(balanceCents));
}

const customerOf = (word: string | undefined): number => wholeNumber(word, 0, MAX_CUSTOMER);
const cents = (word: string | undefined): number => wholeNumber(word, -MAX_CENTS, MAX_CENTS);
const positive = (word: string | undefined): number => wholeNumber(word, 0, MAX_CENTS);
