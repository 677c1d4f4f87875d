import { expect } from 'chai';
import fc from 'fast-check';
import { leastPossibleP, permutationTest } from './permutation.js';
import { randomOf } from './random.js';

/** Mean ranks by their definition, doubled. */
function ranksOf(values: readonly number[]): number[] {
  return values.map((value) => {
    const less = values.filter((other) => other < value).length;
    const same = values.filter((other) => other === value).length;
    return 2 * less + same + 1;
  });
}

/** Each division in turn. */
function bruteForce(a: readonly number[], b: readonly number[]): { p: number; leastP: number } {
  const ranks = ranksOf([...a, ...b]);
  const fars: number[] = [];
  for (let chosen = 0; chosen < 2 ** ranks.length; chosen++) {
    const own = ranks.filter((_, at) => (chosen >> at) % 2 === 1);
    if (own.length !== a.length) continue;
    const sum = own.reduce((all, rank) => all + rank, 0);
    fars.push(Math.abs(sum - a.length * (ranks.length + 1)));
  }
  const observed = ranks.slice(0, a.length).reduce((all, rank) => all + rank, 0);
  const away = Math.abs(observed - a.length * (ranks.length + 1));
  const share = (atLeast: number): number =>
    fars.filter((far) => far >= atLeast).length / fars.length;
  return { p: share(away), leastP: share(Math.max(...fars)) };
}

describe('permutation test', () => {
  it('is what counting every division says, ties and all', () => {
    const values = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(values, values, (a, b) => {
        const expected = bruteForce(a, b);
        const { p, leastP, drawn } = permutationTest(a, b);
        expect(p).to.be.closeTo(expected.p, 1e-12);
        expect(leastP).to.be.closeTo(expected.leastP, 1e-12);
        expect(drawn).to.equal(null);
      }),
      { numRuns: 150 },
    );
  });

  it('gives the p-values of the tables of Mann and Whitney', () => {
    // Five and five: U up to 0, 1, 2, 3, 4 in 1, 2, 4, 7, 12 of 252 ways, twice.
    const b = [10, 20, 30, 40, 50];
    const below = [1, 2, 3, 4, 5];
    const atU: (readonly [number[], number])[] = [
      [below, 1],
      [[1, 2, 3, 4, 15], 2],
      [[1, 2, 3, 4, 25], 4],
      [[1, 2, 3, 4, 35], 7],
      [[1, 2, 3, 4, 45], 12],
    ];
    for (const [a, ways] of atU) {
      expect(permutationTest(a, b).p).to.be.closeTo((2 * ways) / 252, 1e-12);
    }
    expect(permutationTest([1, 2, 3], [4, 5, 6]).p).to.be.closeTo(0.1, 1e-15);
    expect(permutationTest([1], [2]).p).to.equal(1);
    // One against nineteen at the end of them: one of twenty places, twice.
    const nineteen = Array.from({ length: 19 }, (_, at) => at);
    expect(permutationTest(nineteen, [99]).p).to.be.closeTo(0.1, 1e-15);
    expect(permutationTest([99], nineteen).p).to.be.closeTo(0.1, 1e-15);
  });

  it('says which is the greater, and does not mind which comes first, the unit, or the end of the scale', () => {
    const [a, b] = [
      [1, 5, 3, 2],
      [4, 8, 9, 7, 6],
    ];
    const test = permutationTest(a, b);
    expect(test.direction).to.equal(1);
    expect(permutationTest(b, a)).to.deep.equal({ ...test, direction: -1 });
    const far = (values: readonly number[]): number[] =>
      values.map((value) => (value === 9 ? Infinity : value ** 3 * 1e-9));
    expect(permutationTest(far(a), far(b))).to.deep.equal(test);
    expect(permutationTest([1, 2], [2, 1]).direction).to.equal(0);
  });

  it('says what could have been found at best', () => {
    expect(permutationTest([1, 2, 3], [1, 2, 3]).leastPOfSizes).to.be.closeTo(0.1, 1e-15);
    expect(leastPossibleP(4, 4)).to.be.closeTo(2 / 70, 1e-15);
    expect(leastPossibleP(10, 10)).to.be.closeTo(2 / 184_756, 1e-18);
    expect(leastPossibleP(1, 1)).to.equal(1);
    // Nothing to be found where all are the same, however many.
    const same = permutationTest(new Array<number>(8).fill(0), new Array<number>(8).fill(0));
    expect(same).to.include({ p: 1, leastP: 1, direction: 0 });
    expect(same.leastPOfSizes).below(0.001);
    const many = new Array<number>(300).fill(0);
    expect(permutationTest(many, many, { draws: 100 })).to.include({ p: 1, leastP: 1, drawn: 100 });
  });

  it('draws divisions where there are too many to count, and says how many', () => {
    const random = randomOf(3);
    const some = (count: number, more: number): number[] =>
      Array.from({ length: count }, () => random() + more);
    const [a, b] = [some(12, 0), some(14, 0.2)];
    const exact = permutationTest(a, b);
    const drawn = permutationTest(a, b, { maxAdditions: 0, draws: 40_000, seed: 7 });
    expect(exact.drawn).to.equal(null);
    expect(drawn.drawn).to.equal(40_000);
    expect(drawn.p).to.not.equal(exact.p);
    expect(drawn.p).to.be.closeTo(exact.p, 5 * Math.sqrt((exact.p * (1 - exact.p)) / 40_000));
    expect(permutationTest(a, b, { maxAdditions: 0, draws: 40_000, seed: 7 })).to.deep.equal(drawn);
    // A division that none of the drawn ones equals has a p above zero all the same.
    const [low, high] = [some(200, 0), some(200, 2)];
    expect(permutationTest(low, high, { draws: 999 })).to.include({ p: 0.001, leastP: 0.001 });
  });

  it('raises no more false alarms than it says, and sees what is there in spite of a spoilt run', () => {
    const random = randomOf(5);
    const trials = 4000;
    let alarms = 0;
    for (let trial = 0; trial < trials; trial++) {
      const values = Array.from({ length: 12 }, () => Math.exp(4 * random()));
      if (permutationTest(values.slice(0, 6), values.slice(6)).p <= 0.05) alarms++;
    }
    // 38 of 924 divisions: U up to 5 in 19 ways, twice.
    expect(alarms / trials).to.be.closeTo(38 / 924, 5 * Math.sqrt(0.041 / trials));
    const spoilt = permutationTest([100, 101, 99, 102, 98, 20], [110, 111, 109, 112, 108, 107]);
    expect(spoilt.p).to.be.closeTo(2 / 924, 1e-15);
  });

  it('refuses what is no sample', () => {
    expect(() => permutationTest([], [1])).to.throw(RangeError);
    expect(() => permutationTest([1], [])).to.throw(RangeError);
    expect(() => permutationTest([1], [NaN])).to.throw(RangeError);
  });
});
