// The outbox: nothing accepted is lost, nothing is sent without end.

import { operationId, operationLine, type Receipt } from '@prms/chaincode';
import { LedgerError } from '@prms/network';
import { expect } from 'chai';
import { join } from 'node:path';
import { openStore, type Store } from '../store/index.js';
import { failure, ManualClock, temporaryFolder, type TemporaryFolder } from '../testing/index.js';
import { GatewayError } from '../errors.js';
import { Outbox } from './outbox.js';

const LIFE_MS = 10 * 60 * 1000;
const digest = `${'A'.repeat(42)}A`;

/** A signed line as far as the outbox reads it. */
function signed(at: number, salt = 1): { id: string; line: string } {
  const id = operationId(at, Buffer.alloc(10, salt));
  const kid = 'A'.repeat(22);
  const envelope =
    `{"actor":"${digest}","args":{},"expiresAt":${at + LIFE_MS},"id":"${id}","issuedAt":${at},` +
    `"kid":"${kid}","ledger":"test","type":"test","v":1}`;
  return { id, line: operationLine(envelope, 'A'.repeat(86)) };
}

describe('outbox', () => {
  let folder: TemporaryFolder;
  let clock: ManualClock;
  let store: Store;
  let sent: string[];
  let answer: (line: string) => Promise<Receipt>;
  let outbox: Outbox;
  /** What was asked of the store and sent to the ledger, in this order. */
  let steps: string[];
  const spied = (): Store => ({
    accepting: store.accepting,
    get: (...call) => store.get(...call),
    getMany: (...call) => store.getMany(...call),
    list: (...call) => store.list(...call),
    close: () => store.close(),
    commit: async (writes, options) => {
      const done = await store.commit(writes, options);
      const spaces = writes.map(({ space, value }) => (value ? space : `no ${space}`)).join(', ');
      steps.push(`${options?.sync === true ? 'synced' : 'written'}: ${done ? spaces : 'nothing'}`);
      return done;
    },
  });
  const made = () =>
    new Outbox({
      resendTogether: 500,
      store: spied(),
      clock,
      maxUnderWay: 3,
      retryEveryMs: 2000,
      longestPauseMs: 300_000,
      rememberMs: 7 * 24 * 3_600_000,
      commit: {
        submit: (line) => {
          sent.push(line);
          steps.push('sent');
          return answer(line);
        },
      },
    });
  const accept = (operation: { id: string; line: string }) =>
    outbox.accept({ ...operation, actor: digest, lane: 'lane' });

  beforeEach(async () => {
    clock = new ManualClock(1_800_000_000_000);
    folder = await temporaryFolder();
    store = await openStore(join(folder.path, 'store'));
    [sent, steps] = [[], []];
    answer = () => Promise.resolve({ id: 'x', status: 'applied', version: 1 });
    outbox = made();
  });
  afterEach(async () => {
    outbox.close();
    await store.close();
    await folder.remove();
  });

  it('settles with the ledger’s receipt and remembers it, then forgets', async () => {
    const operation = signed(clock.now());
    const { receipt } = await accept(operation);
    expect(await receipt).to.include({ status: 'applied' });
    expect(await outbox.fate(operation.id)).to.include({ state: 'applied', actor: digest });
    clock.advance(6 * 24 * 3_600_000);
    await outbox.sweep();
    expect(await outbox.fate(operation.id)).to.include({ state: 'applied' });
    clock.advance(2 * 24 * 3_600_000);
    await outbox.sweep();
    expect(await outbox.fate(operation.id)).to.equal(undefined);
  });

  it('has an operation on disk, synced, before it is on its way', async () => {
    const operation = signed(clock.now());
    await (
      await accept(operation)
    ).receipt;
    expect(steps).to.deep.equal(['synced: outbox', 'sent', 'written: no outbox, fates']);
  });

  it('has one that comes again after an unproven refusal on disk, synced, too', async () => {
    const operation = signed(clock.now());
    answer = () => Promise.resolve({ id: operation.id, status: 'refused', code: 'BAD_SIGNATURE' });
    await (
      await accept(operation)
    ).receipt;
    steps.length = 0;
    await (
      await accept(operation)
    ).receipt;
    expect(steps.slice(0, 3)).to.deep.equal([
      'synced: nothing',
      'synced: outbox, no fates',
      'sent',
    ]);
  });

  it('takes an id once, whether it is pending or settled', async () => {
    const operation = signed(clock.now());
    await (
      await accept(operation)
    ).receipt;
    const error = await failure(GatewayError, () => accept(operation));
    expect(error.code).to.equal('CONFLICT');
  });

  it('sends again, after a restart, what had no answer', async () => {
    answer = () => new Promise(() => undefined);
    const operation = signed(clock.now());
    await accept(operation);
    expect(await outbox.fate(operation.id)).to.include({ state: 'pending' });
    outbox.close();
    answer = () => Promise.resolve({ id: operation.id, status: 'refused', code: 'EXPIRED' });
    outbox = made();
    expect(await outbox.resume()).to.equal(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sent).to.deep.equal([operation.line, operation.line]);
    expect(await outbox.fate(operation.id)).to.include({ state: 'refused' });
  });

  it('is busy, with nothing on disk, when too much is under way', async () => {
    answer = () => new Promise(() => undefined);
    for (const salt of [1, 2, 3]) await accept(signed(clock.now(), salt));
    const fourth = signed(clock.now(), 4);
    const error = await failure(GatewayError, () => accept(fourth));
    expect(error.code).to.equal('BUSY');
    expect(await outbox.fate(fourth.id)).to.equal(undefined);
  });

  it('leaves a chaincode that fails in peace longer each time, and gives up when the life is over', async () => {
    answer = () => Promise.reject(new LedgerError('CHAINCODE_FAILED', 'it threw'));
    const operation = signed(clock.now());
    const { receipt } = await accept(operation);
    expect((await failure(LedgerError, () => receipt)).code).to.equal('CHAINCODE_FAILED');
    await outbox.resume();
    expect(sent.length).to.equal(1);
    clock.advance(5000);
    await outbox.resume();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sent.length).to.equal(2);
    clock.advance(5000);
    await outbox.resume();
    expect(sent.length).to.equal(2);
    clock.advance(LIFE_MS);
    await outbox.resume();
    expect(await outbox.fate(operation.id)).to.include({ state: 'failed' });
    expect(await outbox.resume()).to.equal(0);
  });

  it('keeps the mark of a late anchor for good', async () => {
    const operation = signed(clock.now());
    await (
      await accept(operation)
    ).receipt;
    await outbox.markLate(operation.id);
    clock.advance(60 * 24 * 3_600_000);
    await outbox.sweep();
    expect(await outbox.isLate(operation.id)).to.equal(true);
  });
});
