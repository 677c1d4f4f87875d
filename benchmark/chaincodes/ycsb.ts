// YCSB's table on a ledger: a record is one key, its ten fields of 100 bytes one value, with a space between.
// One key a record, as BLOCKBENCH has it: an update reads the record and writes it whole, so it conflicts like one.
//
//   <id> insert <key> <ten values>     refused EXISTS
//   <id> update <key> <field> <value>  one field, 0 to 9; refused NO_RECORD
//   <id> read <key>                    all fields; refused NO_RECORD
//   <id> rmw <key> <field> <value>     read and update in one; refused NO_RECORD
//   <id> scan <key> <count>            `count` records from `key` on
import { createHash } from 'node:crypto';
import { applyBatch, BatchState, type Operation, Refusal, wholeNumber } from './batch.js';
import { Context, Contract, Returns, Transaction } from './fabric.js';

export const FIELDS = 10;
export const FIELD_BYTES = 100;
const MAX_SCAN = 1000;
/** Every record's key begins so, … */
const KEY = /^user[0-9]{1,19}$/;
/** … and is less than this. */
const END_OF_KEYS = 'user:';
/** Printable, without the space that parts words. */
const VALUE = /^[!-~]{100}$/;

class YcsbContract extends Contract {
  constructor() {
    super('ycsb');
  }

  @Transaction()
  @Returns('string')
  apply(context: Context, lines: string): Promise<string> {
    return applyBatch(context.stub, lines, operation);
  }

  /** All fields of a record, with a space between. */
  @Transaction(false)
  @Returns('string')
  async read(context: Context, key: string): Promise<string> {
    const state = new BatchState(context.stub);
    await state.fetch([key]);
    return record(state, key);
  }

  /** `count` records from `key` on: a line each, key and fields. */
  @Transaction(false)
  @Returns('string')
  async scan(context: Context, key: string, count: string): Promise<string> {
    const most = wholeNumber(count, 1, MAX_SCAN);
    return scanned(new BatchState(context.stub), keyOf(key), most);
  }
}

export const ycsbChaincode = (): Contract[] => [new YcsbContract()];

function operation(kind: string, words: readonly string[]): Operation {
  const key = keyOf(words[0]);
  if (kind === 'read') return { keys: [key], run: (state) => record(state, key) };
  if (kind === 'insert') return insert(key, words.slice(1));
  if (kind === 'scan') return scan(key, wholeNumber(words[1], 1, MAX_SCAN));
  if (kind !== 'update' && kind !== 'rmw') throw new Refusal('BAD_LINE');
  const field = wholeNumber(words[1], 0, FIELDS - 1);
  const value = valueOf(words[2]);
  const run = (state: BatchState): string | undefined => {
    const before = record(state, key);
    state.put(key, before.split(' ').with(field, value).join(' '));
    return kind === 'rmw' ? before : undefined;
  };
  return { keys: [key], run };
}

function insert(key: string, values: readonly string[]): Operation {
  if (values.length !== FIELDS) throw new Refusal('BAD_LINE');
  const fields = values.map(valueOf).join(' ');
  const run = (state: BatchState): undefined => {
    if (state.get(key) !== undefined) throw new Refusal('EXISTS');
    state.put(key, fields);
  };
  return { keys: [key], run };
}

/**
 * The receipt says how many records were read, and their SHA-256. The records themselves would make megabytes of each
 * batch of scans, and everything that a transaction returns becomes part of a block.
 */
function scan(key: string, count: number): Operation {
  const run = async (state: BatchState): Promise<string> => {
    const records = await scanned(state, key, count);
    const digest = createHash('sha256').update(records).digest('hex');
    return `${records === '' ? 0 : records.split('\n').length} ${digest}`;
  };
  return { keys: [], run };
}

async function scanned(state: BatchState, key: string, count: number): Promise<string> {
  const records = await state.range(key, END_OF_KEYS, count);
  return records.map(([name, fields]) => `${name} ${fields}`).join('\n');
}

function record(state: BatchState, key: string): string {
  const fields = state.get(key);
  if (fields === undefined) throw new Refusal('NO_RECORD');
  return fields;
}

function keyOf(word: string | undefined): string {
  if (word === undefined || !KEY.test(word)) throw new Refusal('BAD_LINE');
  return word;
}

function valueOf(word: string | undefined): string {
  if (word === undefined || !VALUE.test(word)) throw new Refusal('BAD_LINE');
  return word;
}
