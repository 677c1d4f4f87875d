// A small chaincode that makes every promise of the port visible. On a Fabric network it is deployed under the
// names in CONFORMANCE_CHAINCODES; embedded it is handed over as a factory.
import type { ChaincodeFactory } from '../embedded/index.js';
import { Context, Contract, Info, Returns, Transaction } from '@prms/chaincode/fabric';

/** Two deployments of the same code, whose states must not touch. */
export const CONFORMANCE_CHAINCODES = ['conformance', 'conformance-two'] as const;

@Info({ title: 'ConformanceContract', description: 'Exercises the ledger port' })
export class ConformanceContract extends Contract {
  constructor() {
    super('conformance');
  }

  @Transaction()
  async put(ctx: Context, key: string, value: string): Promise<void> {
    await ctx.stub.putState(key, Buffer.from(value));
  }

  @Transaction()
  async remove(ctx: Context, key: string): Promise<void> {
    await ctx.stub.deleteState(key);
  }

  @Transaction(false)
  @Returns('string')
  async get(ctx: Context, key: string): Promise<string> {
    return text(await ctx.stub.getState(key));
  }

  /** Reads, waits, adds one: two that overlap conflict. */
  @Transaction()
  @Returns('string')
  async increment(ctx: Context, key: string, waitMs: string): Promise<string> {
    const next = String(Number(text(await ctx.stub.getState(key)) || '0') + 1);
    await pause(Number(waitMs));
    await ctx.stub.putState(key, Buffer.from(next));
    return next;
  }

  /** What a transaction sees of its own write: nothing. */
  @Transaction()
  @Returns('string')
  async putThenGet(ctx: Context, key: string, value: string): Promise<string> {
    await ctx.stub.putState(key, Buffer.from(value));
    return text(await ctx.stub.getState(key));
  }

  /** Counts a range, waits, writes the count elsewhere: an insert into the range meanwhile is a phantom. */
  @Transaction()
  @Returns('string')
  async countInto(
    ctx: Context,
    from: string,
    to: string,
    target: string,
    waitMs: string,
  ): Promise<string> {
    let count = 0;
    for await (const { key } of ctx.stub.getStateByRange(from, to)) count += key === target ? 0 : 1;
    await pause(Number(waitMs));
    await ctx.stub.putState(target, Buffer.from(String(count)));
    return String(count);
  }

  @Transaction(false)
  @Returns('string')
  async range(ctx: Context, from: string, to: string): Promise<string> {
    const found: string[] = [];
    for await (const { key, value } of ctx.stub.getStateByRange(from, to)) {
      found.push(`${key}=${text(value)}`);
    }
    return JSON.stringify(found);
  }

  @Transaction(false)
  @Returns('string')
  async page(
    ctx: Context,
    from: string,
    to: string,
    size: string,
    bookmark: string,
  ): Promise<string> {
    const { iterator, metadata } = await ctx.stub.getStateByRangeWithPagination(
      from,
      to,
      Number(size),
      bookmark,
    );
    const keys: string[] = [];
    for (let step = await iterator.next(); !step.done; step = await iterator.next()) {
      keys.push(step.value.key);
    }
    await iterator.close();
    return JSON.stringify({
      keys,
      bookmark: metadata.bookmark,
      count: metadata.fetchedRecordsCount,
    });
  }

  @Transaction()
  async putComposite(ctx: Context, type: string, attributes: string, value: string): Promise<void> {
    const key = ctx.stub.createCompositeKey(type, attributes.split(','));
    await ctx.stub.putState(key, Buffer.from(value));
  }

  @Transaction(false)
  @Returns('string')
  async composites(ctx: Context, type: string, attributes: string): Promise<string> {
    const found: string[] = [];
    const given = attributes === '' ? [] : attributes.split(',');
    for await (const { key, value } of ctx.stub.getStateByPartialCompositeKey(type, given)) {
      found.push(`${ctx.stub.splitCompositeKey(key).attributes.join(',')}=${text(value)}`);
    }
    return JSON.stringify(found);
  }

  @Transaction(false)
  @Returns('string')
  async history(ctx: Context, key: string): Promise<string> {
    const found: unknown[] = [];
    for await (const { txId, isDelete, value } of ctx.stub.getHistoryForKey(key)) {
      found.push({ txId, isDelete, value: text(value) });
    }
    return JSON.stringify(found);
  }

  @Transaction()
  async emit(ctx: Context, name: string, payload: string): Promise<void> {
    ctx.stub.setEvent(name, Buffer.from(payload));
    await ctx.stub.putState('emitted', Buffer.from(payload));
  }

  /** Writes how long the secret is, and never the secret. */
  @Transaction()
  @Returns('string')
  async measureSecret(ctx: Context, key: string): Promise<string> {
    const secret = ctx.stub.getTransient().get('secret');
    const length = String(secret?.length ?? -1);
    await ctx.stub.putState(key, Buffer.from(length));
    return length;
  }

  @Transaction()
  async fail(ctx: Context, key: string, words: string): Promise<void> {
    await ctx.stub.putState(key, Buffer.from('never'));
    throw new Error(words);
  }

  @Transaction(false)
  @Returns('string')
  async whoAmI(ctx: Context): Promise<string> {
    return Promise.resolve(
      JSON.stringify({
        mspId: ctx.clientIdentity.getMSPID(),
        id: ctx.clientIdentity.getID(),
        channel: ctx.stub.getChannelID(),
        txId: ctx.stub.getTxID(),
        timestampMs: ctx.stub.getDateTimestamp().getTime(),
      }),
    );
  }
}

export const conformanceChaincode: ChaincodeFactory = () => [new ConformanceContract()];

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

const pause = (ms: number): Promise<void> =>
  ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : Promise.resolve();
