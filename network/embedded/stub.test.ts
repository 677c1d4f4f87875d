// What Fabric forbids is forbidden here, too, and said in the chaincode's face.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectCode } from '../conformance/index.js';
import { Context, Contract, Returns, Transaction } from '@prms/chaincode/fabric';
import { type EmbeddedLedger, LIMITS, openEmbeddedLedger } from './index.js';

type Stub = Context['stub'];
const STEPS: Readonly<Record<string, (stub: Stub) => unknown>> = {
  emptyValue: (stub) => stub.putState('k', Buffer.alloc(0)),
  loneSurrogate: (stub) => stub.putState('\ud800', Buffer.from('x')),
  longKey: (stub) => stub.putState('k'.repeat(LIMITS.keyBytes + 1), Buffer.from('x')),
  bigValue: (stub) => stub.putState('k', Buffer.alloc(LIMITS.valueBytes + 1)),
  compositeBound: (stub) => stub.getStateByRange('\u0000', ''),
  emptyPart: (stub) => stub.createCompositeKey('type', ['']),
  nullInPart: (stub) => stub.createCompositeKey('type', ['a\u0000b']),
  namelessEvent: (stub) => stub.setEvent('', Buffer.from('x')),
  privateData: (stub) => stub.getPrivateData('collection', 'k'),
  richQuery: (stub) => stub.getQueryResult('{}'),
  otherChaincode: (stub) => stub.invokeChaincode('other', [], ''),
  emptyPage: (stub) => stub.getStateByRangeWithPagination('', '', 0),
  pageThenWrite: async (stub) => {
    await stub.getStateByRangeWithPagination('', '', 5);
    await stub.putState('k', Buffer.from('x'));
  },
  writeThenPage: async (stub) => {
    await stub.putState('k', Buffer.from('x'));
    await stub.getStateByRangeWithPagination('', '', 5);
  },
};

let stray: Stub | undefined;

class ProbeContract extends Contract {
  @Transaction()
  async probe(ctx: Context, step: string): Promise<void> {
    await STEPS[step]?.(ctx.stub);
  }

  @Transaction()
  async keepStub(ctx: Context): Promise<void> {
    stray = ctx.stub;
    await ctx.stub.putState('kept', Buffer.from('x'));
  }

  /** Opens iterators and forgets them; changes a buffer after handing it over. */
  @Transaction()
  async careless(ctx: Context): Promise<void> {
    await ctx.stub.getStateByRange('', '');
    const iterator = await ctx.stub.getStateByRange('', '');
    await iterator.next();
    const value = Buffer.from('written');
    await ctx.stub.putState('careless', value);
    value.fill('!');
  }

  @Transaction(false)
  @Returns('string')
  async facts(ctx: Context): Promise<string> {
    const { stub } = ctx;
    const { seconds, nanos } = stub.getTxTimestamp();
    const [value] = await Promise.all([stub.getState('careless'), stub.getState('nothing')]);
    return JSON.stringify({
      args: stub.getStringArgs(),
      call: stub.getFunctionAndParameters(),
      timestampMs: seconds.toNumber() * 1000 + nanos / 1e6,
      mspId: stub.getMspID(),
      creator: stub.getCreator().mspid,
      split: stub.splitCompositeKey(stub.createCompositeKey('t', ['a', 'b'])),
      value: Buffer.from(value).toString(),
    });
  }
}

/** Not the default: Fabric's library keeps one default contract for the whole process. */
class SecondContract extends Contract {
  constructor() {
    super('second');
  }
  @Transaction(false)
  @Returns('string')
  async hello(ctx: Context): Promise<string> {
    return Promise.resolve(`hello from ${ctx.stub.getChannelID()}`);
  }
}

describe('the chaincode stub', () => {
  let dir = '';
  let ledger: EmbeddedLedger;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'prms-stub-'));
    const chaincodes = { probe: () => [new ProbeContract(), new SecondContract()] };
    const clock = (): number => 1_700_000_000_123;
    ledger = await openEmbeddedLedger({
      dir,
      channel: 'stub',
      chaincodes,
      clock,
      mspId: 'NodeMSP',
    });
  });
  after(async () => {
    await ledger.close();
    await rm(dir, { recursive: true });
  });

  for (const step of Object.keys(STEPS)) {
    it(`refuses: ${step}`, async () => {
      const error = await expectCode(ledger.submit('probe', 'probe', [step]), 'CHAINCODE_FAILED');
      expect(error.message)
        .to.match(/may|must|not|offer|whole number/)
        .and.not.match(/is not a function|undefined/);
    });
  }

  it('knows nothing to refuse in an empty step', async () => {
    await ledger.submit('probe', 'probe', ['no such step']);
  });

  it('copies values, closes what was left open, and gives the facts', async () => {
    await ledger.submit('probe', 'careless', []);
    const facts: unknown = JSON.parse(
      Buffer.from(await ledger.evaluate('probe', 'facts', [])).toString(),
    );
    expect(facts).to.deep.equal({
      args: ['facts'],
      call: { fcn: 'facts', params: [] },
      timestampMs: 1_700_000_000_123,
      mspId: 'NodeMSP',
      creator: 'NodeMSP',
      split: { objectType: 't', attributes: ['a', 'b'] },
      value: 'written',
    });
    expect((await ledger.verify()).ok).to.equal(true);
  });

  it('refuses stray calls after the transaction', async () => {
    await ledger.submit('probe', 'keepStub', []);
    let refusal = '';
    try {
      await stray?.putState('late', Buffer.from('x'));
    } catch (error) {
      refusal = String(error);
    }
    expect(refusal).to.match(/over/);
  });

  it('finds functions by contract and NOT_FOUND for those that are not there', async () => {
    const answer = await ledger.evaluate('probe', 'second:hello', []);
    expect(Buffer.from(answer).toString()).to.equal('hello from stub');
    await expectCode(ledger.evaluate('probe', 'hello', []), 'NOT_FOUND');
    await expectCode(ledger.evaluate('probe', 'nobody:hello', []), 'NOT_FOUND');
    await expectCode(ledger.submit('probe', 'nothing', []), 'NOT_FOUND');
  });

  it('refuses arguments beyond the limit', async () => {
    const huge = 'x'.repeat(LIMITS.argumentBytes);
    await expectCode(ledger.submit('probe', 'probe', [huge]), 'INVALID');
  });
});

describe("Fabric's libraries in this process", () => {
  it('leave no process-wide handlers behind', () => {
    const names = [
      ...process.listeners('unhandledRejection'),
      ...process.listeners('uncaughtException'),
    ].map((listener) => listener.name);
    expect(names)
      .to.not.include('loggerUnhandledRejectionFn')
      .and.not.include('bound _uncaughtException');
  });
});
