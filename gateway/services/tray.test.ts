// Places and trays: nothing waits without a bound, and nobody waits for ever.

import { expect } from 'chai';
import { failure } from '../testing/index.js';
import { GatewayError } from '../errors.js';
import { Places } from './places.js';
import { Tray } from './tray.js';

const soon = <T>(promise: Promise<T>): Promise<T | 'waits'> =>
  Promise.race([promise, new Promise<'waits'>((resolve) => setTimeout(resolve, 30, 'waits'))]);

describe('a tray of receipts', () => {
  let abort: AbortController;
  beforeEach(() => (abort = new AbortController()));
  const made = (options: { window?: number; unread?: number; stallMs?: number } = {}) =>
    new Tray<number>({ window: 2, unread: 3, stallMs: 60, signal: abort.signal, ...options });

  it('lets no more be on their way than its window', async () => {
    const tray = made();
    expect(await tray.begin()).to.equal(true);
    expect(await tray.begin()).to.equal(true);
    const third = tray.begin();
    expect(await soon(third)).to.equal('waits');
    tray.put(1);
    expect(await third).to.equal(true);
  });

  it('waits for its reader when too much lies unread, and goes on when it is taken', async () => {
    const tray = made({ stallMs: 10_000 });
    for (const n of [1, 2, 3]) {
      await tray.begin();
      tray.put(n);
    }
    const fourth = tray.begin();
    expect(await soon(fourth)).to.equal('waits');
    expect(await tray.take()).to.deep.equal([1, 2, 3]);
    expect(await fourth).to.equal(true);
  });

  it('gives up a reader that never comes, but not one whose ledger is slow', async () => {
    const unread = made();
    for (const n of [1, 2, 3]) {
      await unread.begin();
      unread.put(n);
    }
    expect((await failure(GatewayError, () => unread.begin())).code).to.equal('REQUEST_TIMEOUT');
    const slow = made();
    await slow.begin();
    await slow.begin();
    const third = slow.begin();
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(await soon(third)).to.equal('waits');
    slow.put(1);
    expect(await third).to.equal(true);
  });

  it('ends when all that was announced has been taken', async () => {
    const tray = made();
    await tray.begin();
    tray.end();
    const taken = tray.take();
    expect(await soon(taken)).to.equal('waits');
    tray.put(1);
    expect(await taken).to.deep.equal([1]);
    expect(await tray.take()).to.deep.equal([]);
  });

  it('hands out what lies there before it tells a failure', async () => {
    const tray = made();
    await tray.begin();
    tray.put(1);
    tray.fail(new GatewayError('BAD_REQUEST', 'enough'));
    expect(await tray.take()).to.deep.equal([1]);
    expect((await failure(GatewayError, () => tray.take())).code).to.equal('BAD_REQUEST');
  });

  it('wakes everybody when its request is over', async () => {
    const tray = made({ window: 1 });
    await tray.begin();
    const [begin, take] = [tray.begin(), tray.take()];
    abort.abort();
    expect(await begin).to.equal(false);
    expect(await take).to.deep.equal([]);
  });
});

describe('places', () => {
  const { signal } = new AbortController();

  it('are so many, and free again when somebody leaves', () => {
    const places = new Places(2);
    expect([places.take(), places.take(), places.take()]).to.deep.equal([true, true, false]);
    places.leave();
    expect(places.take()).to.equal(true);
  });

  it('are waited for in turn, and some can be spared', async () => {
    const places = new Places(2);
    places.take();
    expect(places.hasRoom(0)).to.equal(true);
    expect(places.hasRoom(1)).to.equal(false);
    places.take();
    const modest = places.room(1, 10_000, signal);
    const late = places.room(0, 10_000, signal);
    places.leave();
    expect(await soon(late)).to.equal('waits');
    places.leave();
    expect(await modest).to.equal(true);
    expect(await late).to.equal(true);
  });

  it('are not waited for longer than was said, or by whoever is gone', async () => {
    const places = new Places(1);
    places.take();
    expect(await places.room(0, 20, signal)).to.equal(false);
    const abort = new AbortController();
    const gone = places.room(0, 10_000, abort.signal);
    abort.abort();
    expect(await gone).to.equal(false);
    places.leave();
    expect(await places.room(0, 10_000, signal)).to.equal(true);
  });
});
