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

  type Called = Promise<{ code: number; out: string; err: string }>;
  const callAt = async (errIsTerminal: boolean, words: readonly string[]): Called => {
    let out = '';
    let err = '';
    const output = {
      out: (text: string) => (out += text),
      err: (text: string) => (err += text),
      errIsTerminal,
    };
    const code = await run(words, output, chaincodes);
    return { code, out, err };
  };
  const call = (...words: string[]): Called => callAt(false, words);

  it('verifies', async () => {
    const human = await call('ledger', 'verify', '--data', data);
    expect(human).to.include({ code: 0, err: '' });
    expect(human.out).to.include('honest').and.include('channel cli');
    const machine = await call('ledger', 'verify', '--data', data, '--json');
    expect(JSON.parse(machine.out)).to.include({ ok: true, height: 2, transactions: 1 });
  });

  it('counts as run again only what was', async () => {
    const ledger = await openEmbeddedLedger({
      dir: join(data, 'ledger'),
      channel: 'cli',
      chaincodes,
    });
    const works = Array.from({ length: 3 }, () => ledger.submit(RECORDS, 'increment', ['n', '50']));
    await Promise.allSettled(works);
    await ledger.close();
    const machine = await call('ledger', 'verify', '--data', data, '--json');
    expect(JSON.parse(machine.out)).to.include({ ok: true, transactions: 4, conflicts: 2 });
    const { out } = await call('ledger', 'verify', '--data', data);
    expect(out)
      .to.match(/transactions +4, signed/)
      .and.match(/run again +2, with the same/);
  });

  it('believes no transaction for the transient data that it claims', async () => {
    const ledger = await openEmbeddedLedger({
      dir: join(data, 'ledger'),
      channel: 'cli',
      chaincodes,
      transientChaincodes: [RECORDS],
    });
    await ledger.submit(RECORDS, 'put', ['user/FORGED', '{}'], { transient: { x: Buffer.of(1) } });
    await ledger.close();
    const { code, out } = await call('ledger', 'verify', '--data', data);
    expect(code).to.equal(1);
    expect(out)
      .to.match(/claims transient data/)
      .and.include('First block that lies: 2 of 3');
  });

  it('shows its progress on a terminal, wiped in the end, and nowhere else', async () => {
    const words = ['ledger', 'verify', '--data', data];
    const watched = await callAt(true, words);
    expect(watched.err).to.include('block 1 of 1 (100 %)');
    expect(watched.err.endsWith('\r\u001b[K')).to.equal(true);
    expect(watched.out).to.equal((await callAt(false, words)).out);
    expect((await callAt(false, words)).err).to.equal('');
    expect((await callAt(true, [...words, '--json'])).err).to.equal('');
  });

  it('says that there is no network in this version', async () => {
    for (const words of [['network'], ['network', 'up'], ['network', '--help']]) {
      const { code, err, out } = await call(...words);
      expect(code).to.equal(2);
      expect(err).to.include('prms network is not part of this version').and.not.include('Usage');
      expect(out).to.equal('');
    }
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
      ['stego'],
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
