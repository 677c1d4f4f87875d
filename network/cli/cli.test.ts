// The ledger commands: their words, their JSON and their exit status.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { RECORDS } from '@prms/chaincode';
import { conformanceChaincode } from '../conformance/index.js';
import { openEmbeddedLedger, openLevelStore } from '../embedded/index.js';
import { run } from './index.js';

const chaincodes = { [RECORDS]: conformanceChaincode };

describe('prms ledger', () => {
  let data = '';
  let transactionId = '';
  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), 'prms-cli-'));
    const ledger = await openEmbeddedLedger({
      dir: join(data, 'ledger'),
      channel: 'cli',
      chaincodes,
    });
    ({ transactionId } = await ledger.submit(RECORDS, 'put', ['some key', 'value']));
    await ledger.close();
  });
  afterEach(() => rm(data, { recursive: true, force: true }));

  const call = async (...words: string[]): Promise<{ code: number; out: string; err: string }> => {
    let out = '';
    let err = '';
    const output = { out: (text: string) => (out += text), err: (text: string) => (err += text) };
    const code = await run(words, output, chaincodes);
    return { code, out, err };
  };

  it('verifies', async () => {
    const human = await call('ledger', 'verify', '--data', data);
    expect(human).to.include({ code: 0, err: '' });
    expect(human.out).to.include('honest').and.include('channel cli');
    const machine = await call('ledger', 'verify', '--data', data, '--json');
    expect(JSON.parse(machine.out)).to.include({ ok: true, height: 2, transactions: 1 });
  });

  it('names the block that lies, and says so in its exit status', async () => {
    const store = await openLevelStore(join(data, 'ledger', 'db'), { createIfMissing: false });
    await store.write([{ type: 'del', key: `b/${'1'.padStart(14, '0')}` }], { durable: true });
    await store.close();
    const human = await call('ledger', 'verify', '--data', data);
    expect(human.code).to.equal(1);
    expect(human.out).to.include('First block that lies: 1 of 2');
    const machine = await call('ledger', 'verify', '--data', data, '--json');
    expect(machine.code).to.equal(1);
    expect(JSON.parse(machine.out)).to.have.nested.property('lie.block', 1);
  });

  it('holds the chain against a hash noted earlier', async () => {
    const noted = `1:${'0'.repeat(64)}`;
    const { code, out } = await call('ledger', 'verify', '--data', data, '--expect', noted);
    expect(code).to.equal(1);
    expect(out).to.include('noted');
  });

  it('shows the chain and one block', async () => {
    const chain = await call('ledger', 'show', '--data', data);
    expect(chain.code).to.equal(0);
    expect(chain.out).to.match(/channel cli.*2 blocks/);
    const block = await call('ledger', 'show', '--data', data, '--block', '1');
    expect(block.out).to.include(transactionId).and.include('writes 5 bytes to "some key"');
    const machine = await call('ledger', 'show', '--data', data, '--block', '1', '--json');
    expect(JSON.parse(machine.out)).to.have.nested.property('contents[0].validation', 'VALID');
    expect((await call('ledger', 'show', '--data', data, '--block', '9')).code).to.equal(1);
  });

  it('says clearly that a ledger is in use or not there', async () => {
    const ledger = await openEmbeddedLedger({
      dir: join(data, 'ledger'),
      channel: 'cli',
      chaincodes,
    });
    const busy = await call('ledger', 'verify', '--data', data);
    await ledger.close();
    expect(busy.code).to.equal(1);
    expect(busy.err).to.match(/^LOCKED: another process/);
    const none = await call('ledger', 'show', '--data', join(data, 'none'), '--json');
    expect(none.code).to.equal(1);
    expect(JSON.parse(none.out)).to.include({ ok: false, code: 'NOT_FOUND' });
  });

  it('helps, and answers wrong use with status 2', async () => {
    const help = await call('ledger', '--help');
    expect(help.code).to.equal(0);
    expect(help.out).to.include('Usage: prms ledger');
    const wrong = [
      ['ledger'],
      ['ledger', 'dance'],
      ['network', 'up'],
      ['ledger', 'verify', 'twice'],
      ['ledger', 'verify', '--nonsense'],
      ['ledger', 'verify', '--expect', '1:short'],
      ['ledger', 'verify', '--block', '1'],
      ['ledger', 'show', '--expect', `1:${'0'.repeat(64)}`],
      ['ledger', 'show', '--block', '-1'],
      ['ledger', 'show', '--block', 'one'],
    ];
    for (const words of wrong) {
      const { code, err, out } = await call(...words);
      expect(code, words.join(' ')).to.equal(2);
      expect(err).to.include('Usage:');
      expect(out).to.equal('');
    }
  });
});
