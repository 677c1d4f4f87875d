// What the embedded ledger offers beyond the port: identities, blocks, and its manners when a chaincode misbehaves.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { generateKeyPairSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { conformanceChaincode, expectCode } from '../conformance/index.js';
import { Context, Contract, Transaction } from '@prms/chaincode/fabric';
import { createIdentity, type EmbeddedLedger, openEmbeddedLedger } from './index.js';

class HangingContract extends Contract {
  @Transaction()
  async hang(ctx: Context): Promise<void> {
    await ctx.stub.getState('k');
    await new Promise(() => undefined);
  }

  @Transaction()
  async explode(): Promise<void> {
    await Promise.reject(new TypeError('a bug in the chaincode'));
  }
}

const chaincodes = { one: conformanceChaincode, hanging: () => [new HangingContract()] };

describe('the embedded ledger', () => {
  let dir = '';
  let ledger: EmbeddedLedger;
  const open = (): Promise<EmbeddedLedger> =>
    openEmbeddedLedger({ dir, channel: 'embedded', chaincodes, transientChaincodes: ['one'] });

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'prms-embedded-'));
    ledger = await open();
  });
  afterEach(async () => {
    await ledger.close();
    await rm(dir, { recursive: true });
  });

  describe('as somebody else', () => {
    it('submits and evaluates with their certificate, which the block keeps', async () => {
      const keyPair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const doctor = await createIdentity({ mspId: 'HospitalMSP', commonName: 'Dr Who', keyPair });
      const view = ledger.as(doctor);
      const answer = Buffer.from(await view.evaluate('one', 'whoAmI', [])).toString();
      expect(JSON.parse(answer)).to.include({ mspId: 'HospitalMSP' });
      expect(answer).to.include('Dr Who');
      const { blockNumber, transactionId } = await view.submit('one', 'put', ['k', 'v']);
      const block = await ledger.block(blockNumber);
      const { mspId, certificate } = doctor;
      expect(block.transactions[0]).to.have.property('id', transactionId);
      expect(block.transactions[0]?.proposal.creator).to.deep.equal({ mspId, certificate });
      expect(ledger.identity.mspId).to.equal('EmbeddedMSP');
    });

    it('closes the view alone', async () => {
      const view = ledger.as(ledger.identity);
      await view.close();
      await expectCode(view.submit('one', 'put', ['k', 'v']), 'CLOSED');
      await ledger.submit('one', 'put', ['k', 'v']);
    });

    it("INVALID when the key is not the certificate's or not P-256", async () => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const { mspId, certificate } = ledger.identity;
      expect(() => ledger.as({ mspId, certificate, privateKey }))
        .to.throw()
        .with.property('code', 'INVALID');
      expect(() => ledger.as({ mspId, certificate: 'no', privateKey }))
        .to.throw()
        .with.property('code', 'INVALID');
      const keyPair = generateKeyPairSync('ec', { namedCurve: 'P-384' });
      await expectCode(createIdentity({ mspId, commonName: 'x', keyPair }), 'INVALID');
    });
  });

  it('goes on where it stopped: state, history, events and the chain', async () => {
    await ledger.submit('one', 'emit', ['before', 'x']);
    const { blockNumber } = await ledger.submit('one', 'put', ['k', '1']);
    await ledger.close();
    ledger = await open();
    expect(await ledger.height()).to.equal(blockNumber + 1);
    expect(Buffer.from(await ledger.evaluate('one', 'get', ['k'])).toString()).to.equal('1');
    await ledger.submit('one', 'emit', ['after', 'x']);
    const names: string[] = [];
    for await (const { name } of ledger.events({ fromBlock: 0 })) {
      names.push(name);
      if (names.length === 2) break;
    }
    expect(names).to.deep.equal(['before', 'after']);
    expect((await ledger.verify()).ok).to.equal(true);
  });

  it('writes transient data to no file', async () => {
    const transient = { secret: Buffer.from('never-to-be-written') };
    await expectCode(ledger.submit('hanging', 'explode', [], { transient }), 'INVALID');
    await ledger.submit('one', 'measureSecret', ['length'], { transient });
    await ledger.close();
    const files = await readdir(join(dir, 'db'));
    const contents = await Promise.all(files.map((file) => readFile(join(dir, 'db', file))));
    const all = Buffer.concat(contents);
    expect(all.includes('measureSecret')).to.equal(true);
    expect(all.includes('never-to-be')).to.equal(false);
  });

  it('lets a slow follower have every block once while many are written', async () => {
    const seen: number[] = [];
    const follower = (async () => {
      for await (const { number } of ledger.blocks({ fromBlock: 0 })) {
        seen.push(number);
        if (number % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    for (let round = 0; round < 60; round++)
      await ledger.submit('one', 'put', ['k', String(round)]);
    const height = await ledger.height();
    while (seen.length < height) await new Promise((resolve) => setTimeout(resolve, 5));
    await ledger.close();
    await follower;
    expect(seen).to.deep.equal(Array.from({ length: height }, (_, at) => at));
  });

  it('puts transactions that are ready together into one block', async () => {
    const works = Array.from({ length: 20 }, (_, at) =>
      ledger.submit('one', 'put', [`k${at}`, 'x']),
    );
    const blocks = new Set((await Promise.all(works)).map(({ blockNumber }) => blockNumber));
    expect(blocks.size).to.be.lessThan(5);
  });

  it('a chaincode that hangs is a TIMEOUT and does not keep the ledger from closing', async () => {
    await expectCode(ledger.submit('hanging', 'hang', [], { deadlineMs: 20 }), 'TIMEOUT');
    await ledger.submit('one', 'put', ['k', 'v']);
    expect(ledger.inFlight).to.equal(1);
    await ledger.close();
  });

  it('does not order what was simulated after the deadline', async () => {
    const late = ledger.submit('one', 'increment', ['k', '60'], { deadlineMs: 20 });
    await expectCode(late, 'TIMEOUT');
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(await ledger.height()).to.equal(1);
    expect(ledger.inFlight).to.equal(0);
    await ledger.submit('one', 'increment', ['k', '0']);
  });

  it('is bounded in bytes, and lets something large through when it is alone', async () => {
    await ledger.close();
    ledger = await openEmbeddedLedger({
      dir,
      channel: 'embedded',
      chaincodes,
      maxInFlightBytes: 1000,
    });
    await ledger.submit('one', 'put', ['large', 'x'.repeat(5000)]);
    const works = ['a', 'b'].map((key) => ledger.submit('one', 'put', [key, 'x'.repeat(600)]));
    await expectCode(works[1] ?? Promise.resolve(), 'UNAVAILABLE');
    await works[0];
    const queries = ['a', 'b'].map((key) => ledger.evaluate('one', 'put', [key, 'x'.repeat(600)]));
    await expectCode(queries[1] ?? Promise.resolve(), 'UNAVAILABLE');
    await queries[0];
  });

  it('a chaincode with a bug is CHAINCODE_FAILED, with its words', async () => {
    const error = await expectCode(ledger.submit('hanging', 'explode', []), 'CHAINCODE_FAILED');
    expect(error.message).to.include('a bug in the chaincode');
    expect(error.ids).to.include({ chaincode: 'hanging', fn: 'explode' });
  });

  it('NOT_FOUND for a block that is not there', async () => {
    await expectCode(ledger.block(99), 'NOT_FOUND');
    await expectCode(ledger.block(-1), 'NOT_FOUND');
    expect((await ledger.block(0)).config).to.include({ channel: 'embedded' });
  });
});
