// How workloads choose: uniform, zipfian, scrambled zipfian, latest, and a mix of kinds. As YCSB has them (Cooper et al.,
// "Benchmarking cloud serving systems with YCSB", SoCC 2010), with the randomness passed in.
import { hashModulo, hashOf } from './fnv.js';
import { type Random, wholeBelow } from './random.js';

/** Whole numbers from 0 on, as many as it was told of. */
export interface Chooser {
  next(): number;
}

/** YCSB's skew. */
export const THETA = 0.99;

export class Uniform implements Chooser {
  constructor(
    private readonly random: Random,
    private readonly items: number,
  ) {}

  next(): number {
    return wholeBelow(this.random, this.items);
  }
}

/**
 * Item k is asked for in proportion to 1/(k + 1)^θ: 0 is the most popular. By the formula of Gray et al. ("Quickly
 * generating billion-record synthetic databases", SIGMOD 1994, §3.2), which is exact for the first two items and takes
 * the others from a continuous curve.
 */
export class Zipfian implements Chooser {
  readonly #alpha: number;
  readonly #zeta2: number;
  #items: number;
  #zeta: number;
  #eta = 0;

  /** @param zeta {@link zeta} of items and theta, where somebody knows it already */
  constructor(
    private readonly random: Random,
    items: number,
    private readonly theta = THETA,
    zetaOfItems = zeta(items, theta),
  ) {
    this.#alpha = 1 / (1 - theta);
    this.#zeta2 = zeta(2, theta);
    this.#items = items;
    this.#zeta = zetaOfItems;
    this.#prepare();
  }

  get items(): number {
    return this.#items;
  }

  /** From now on there are so many items, not fewer than before; costs as much as there are new ones. */
  grow(items: number): void {
    if (items === this.#items) return;
    this.#zeta = zeta(items, this.theta, this.#items, this.#zeta);
    this.#items = items;
    this.#prepare();
  }

  next(): number {
    const u = this.random();
    const scaled = u * this.#zeta;
    if (scaled < 1) return 0;
    if (scaled < this.#zeta2) return 1;
    const place = this.#items * (this.#eta * u - this.#eta + 1) ** this.#alpha;
    // Rounding may reach the end itself.
    return Math.min(this.#items - 1, Math.floor(place));
  }

  #prepare(): void {
    const share = (2 / this.#items) ** (1 - this.theta);
    this.#eta = (1 - share) / (1 - this.#zeta2 / this.#zeta);
  }
}

/** Σ 1/i^θ for i from 1 to `items`; goes on from a sum that is known up to `from`. */
export function zeta(items: number, theta: number, from = 0, known = 0): number {
  let sum = known;
  for (let at = from + 1; at <= items; at++) sum += at ** -theta;
  return sum;
}

/** Popularity is drawn among so many, whatever the number of items, so that more items change nobody's rank. */
const RANKS = 10_000_000_000;
const ZETA_OF_RANKS = 26.46902820178302;

/** Zipfian popularity, scattered over the items by a hash: popular items don't lie side by side. */
export class ScrambledZipfian implements Chooser {
  readonly #ranks: Zipfian;

  /** @param ranks tests take fewer than YCSB's ten thousand million */
  constructor(
    random: Random,
    private readonly items: number,
    ranks?: Zipfian,
  ) {
    this.#ranks = ranks ?? new Zipfian(random, RANKS, THETA, ZETA_OF_RANKS);
  }

  next(): number {
    return hashModulo(hashOf(this.#ranks.next()), this.items);
  }
}

/** The newer the more popular, by the zipfian; the newest is the last of `count()` items. */
export class Latest implements Chooser {
  readonly #ages: Zipfian;

  constructor(
    random: Random,
    private readonly count: () => number,
  ) {
    this.#ages = new Zipfian(random, count());
  }

  next(): number {
    this.#ages.grow(this.count());
    return this.#ages.items - 1 - this.#ages.next();
  }
}

/** One of several kinds, each with its weight. */
export class Mix<T extends string> {
  readonly #kinds: readonly { readonly kind: T; readonly upTo: number }[];
  readonly #last: T;

  /** @param weights need not add up to anything; at least one is above zero */
  constructor(
    private readonly random: Random,
    weights: readonly (readonly [T, number])[],
  ) {
    const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
    let upTo = 0;
    this.#kinds = weights.map(([kind, weight]) => ({ kind, upTo: (upTo += weight / total) }));
    const last = weights.findLast(([, weight]) => weight > 0);
    if (last === undefined) throw new RangeError('a mix needs a weight above zero');
    this.#last = last[0];
  }

  next(): T {
    const u = this.random();
    return this.#kinds.find(({ upTo }) => u < upTo)?.kind ?? this.#last;
  }
}
