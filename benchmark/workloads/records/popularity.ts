// Whom calls are about: Zipf's law over all patients, dealt out to generators so that what they make together is the law,
// which a zipfian choice of each one's own among their patients would not be.
import { THETA } from '../../stats/distributions.js';
import { type Random, wholeBelow } from '../../stats/random.js';

/**
 * One generator's patients. All generators make equally many calls, so patients are dealt by weight, from the most popular
 * one on, each to the generator that has least so far. With up to ten generators their shares differ by less than the
 * weight of the least popular patients, and all calls together follow the law over all patients.
 */
export class Popularity {
  /** Patients of this share, the most popular one first. */
  readonly patients: readonly number[];
  readonly #cumulative: Float64Array;

  /** @param scramble decides who is popular; must be the same for every generator */
  constructor(
    count: number,
    share: { readonly generator: number; readonly generators: number },
    scramble: Random,
  ) {
    const order = shuffled(count, scramble);
    const sums = new Float64Array(share.generators);
    const mine: number[] = [];
    const weights: number[] = [];
    for (const [rank, patient] of order.entries()) {
      const weight = (rank + 1) ** -THETA;
      const least = indexOfLeast(sums);
      sums[least] = (sums[least] ?? 0) + weight;
      if (least !== share.generator) continue;
      mine.push(patient);
      weights.push(weight);
    }
    let sum = 0;
    this.#cumulative = Float64Array.from(weights, (weight) => (sum += weight));
    this.patients = mine;
  }

  /** A place in `patients`. */
  draw(random: Random): number {
    const total = this.#cumulative.at(-1) ?? 0;
    const wanted = random() * total;
    let [low, high] = [0, this.#cumulative.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#cumulative[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function indexOfLeast(sums: Float64Array): number {
  let least = 0;
  for (let n = 1; n < sums.length; n++) {
    if ((sums[n] ?? 0) < (sums[least] ?? 0)) least = n;
  }
  return least;
}

/** Fisher and Yates's shuffle of 0 … count − 1. */
function shuffled(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, n) => n);
  for (let last = count - 1; last > 0; last--) {
    const other = wholeBelow(random, last + 1);
    [order[last], order[other]] = [order[other] ?? 0, order[last] ?? 0];
  }
  return order;
}
