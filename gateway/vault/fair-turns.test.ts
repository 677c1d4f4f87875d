import { expect } from 'chai';
import { GatewayError } from '../errors.js';
import { failure } from '../testing/index.js';
import { FairTurns } from './fair-turns.js';

const stranger = (name: string) => ({ name, known: false });

describe('fair turns', () => {
  /** Work that ends when it is told to, and says when it began. */
  function workshop(turns: FairTurns) {
    const order: string[] = [];
    const ends: (() => void)[] = [];
    const begin = (name: string, known = false): Promise<void> =>
      turns.run({ name, known }, () => {
        order.push(name);
        return new Promise<void>((resolve) => ends.push(resolve));
      });
    const endOne = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      ends.shift()?.();
    };
    return { order, begin, endOne };
  }

  it('pass from party to party: one that asks often waits for itself', async () => {
    const { order, begin, endOne } = workshop(new FairTurns({ atOnce: 1, queue: 20 }));
    const all = ['flood', 'flood', 'flood', 'flood', 'anna', 'ben', 'anna'].map((name) =>
      begin(name),
    );
    for (let n = 0; n < all.length; n += 1) await endOne();
    await Promise.all(all);
    expect(order).to.deep.equal(['flood', 'flood', 'anna', 'ben', 'flood', 'anna', 'flood']);
  });

  it('are refused beyond a party’s share, while others still find a place', async () => {
    const turns = new FairTurns({ atOnce: 1, queue: 8, perParty: 2 });
    const { begin, endOne } = workshop(turns);
    const all = ['flood', 'flood', 'flood'].map((name) => begin(name));
    const error = await failure(GatewayError, () => begin('flood'));
    expect(error.code).to.equal('BUSY');
    all.push(begin('anna'));
    expect(turns.queued).to.equal(3);
    for (let n = 0; n < 4; n += 1) await endOne();
    await Promise.all(all);
    expect(turns.queued).to.equal(0);
  });

  it('keep a quarter of the places for those who are known', async () => {
    const { begin, endOne } = workshop(new FairTurns({ atOnce: 1, queue: 4, perParty: 4 }));
    const all = ['a', 'b', 'c', 'd'].map((name) => begin(name));
    await failure(GatewayError, () => begin('e'));
    all.push(begin('anna', true));
    await failure(GatewayError, () => begin('ben', true));
    for (let n = 0; n < 5; n += 1) await endOne();
    await Promise.all(all);
  });

  it('are handed on when work fails', async () => {
    const turns = new FairTurns({ atOnce: 1, queue: 2 });
    const broken = turns.run(stranger('a'), () => Promise.reject(new Error('broken')));
    const next = turns.run(stranger('b'), () => Promise.resolve('done'));
    expect((await failure(Error, () => broken)).message).to.equal('broken');
    expect(await next).to.equal('done');
  });
});
