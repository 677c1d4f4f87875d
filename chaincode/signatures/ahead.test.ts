// Signatures checked ahead of their batch: what is told, to whom, how often, and what happens when threads fail.

import { expect } from 'chai';
import { operationLine } from '../model/index.js';
import { newKeyPair, signText } from '../testkit/index.js';
import { isSignedBy, kidOf, signedText, SignaturesAhead, type SignatureCheck } from './index.js';

const pair = newKeyPair();
const kid = kidOf(pair.publicKey);
const line = (n: number, by = pair): string => {
  const bytes = `{"args":{"kid":"someone else's"},"kid":"${kid}","n":${n}}`;
  return operationLine(bytes, signText(by.privateKey, signedText(bytes)));
};
const lines = (count: number): string[] => Array.from({ length: count }, (_, n) => line(n));

describe('signatures checked ahead', () => {
  let pieces: (readonly SignatureCheck[])[];
  let fail: boolean;
  let ahead: SignaturesAhead;

  beforeEach(() => {
    pieces = [];
    fail = false;
    ahead = new SignaturesAhead({
      verifyOnOne: (checks) => {
        pieces.push(checks);
        return fail ? Promise.reject(new Error('ended')) : Promise.resolve(checks.map(isSignedBy));
      },
    });
    ahead.learn(kid, pair.publicKey);
  });
  const announced = (all: readonly string[]): void => {
    for (const one of all) ahead.announce(one);
  };

  it('are told once for each line of a full piece, and not at all for what was not sent', async () => {
    const all = lines(40);
    announced(all);
    const told = await ahead.take(all);
    expect(pieces.map(({ length }) => length)).to.deep.equal([32]);
    expect(told).to.deep.equal(all.map((_, n) => (n < 32 ? pair.publicKey : null)));
    expect(await ahead.take(all)).to.deep.equal(all.map(() => null));
  });

  it('name no key that a signature does not fit', async () => {
    const forged = Array.from({ length: 32 }, (_, n) => line(n, n === 7 ? newKeyPair() : pair));
    announced(forged);
    const told = await ahead.take(forged);
    expect(told.flatMap((key, n) => (key === null ? [n] : []))).to.deep.equal([7]);
  });

  it('are not asked for twice, nor for lines that are none or whose key is not known', async () => {
    const stranger = line(1).replace(kid, kidOf(newKeyPair().publicKey));
    const all = lines(32);
    announced([stranger, 'no line', `{"operation":"kid":"${kid}"`, ...all, ...all]);
    expect(pieces).to.have.length(1);
    expect(await ahead.take([stranger, 'no line'])).to.deep.equal([null, null]);
  });

  it('whose batch came before they were sent are not sent any more', async () => {
    const all = lines(60);
    announced(all.slice(0, 20));
    await ahead.take(all.slice(0, 20));
    announced(all.slice(20));
    expect(pieces.map(({ length }) => length)).to.deep.equal([12]);
  });

  it('are unknown when their thread has ended', async () => {
    fail = true;
    const all = lines(32);
    announced(all);
    expect(await ahead.take(all)).to.deep.equal(all.map(() => null));
  });
});
