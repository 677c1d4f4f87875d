// One generator's SmallBank calls.
import type { Call } from '../../platforms/index.js';
import { Mix } from '../../stats/distributions.js';
import { type Random, randomOf, wholeBelow } from '../../stats/random.js';
import type { Share, Stream, WorkloadSetting } from '../workload.js';
import { HOT_CUSTOMERS } from './accounts.js';

export type Kind =
  | 'amalgamate'
  | 'balance'
  | 'deposit-checking'
  | 'send-payment'
  | 'transact-savings'
  | 'write-check';

export type Weights = readonly (readonly [Kind, number])[];

export const DEPOSIT_CENTS = 130;
export const SAVINGS_CENTS = 2020;
export const PAYMENT_CENTS = 500;
export const CHECK_CENTS = 500;

/** Of the operations that go to the hot customers. */
const HOT_SHARE = 0.9;
/** Streams of the seed that one generator uses. */
const STREAMS_OF_ONE = 4;

export interface SmallBankStreamOptions {
  readonly setting: Pick<WorkloadSetting, 'seed'>;
  readonly share: Share;
  readonly weights: Weights;
  readonly hotspot: boolean;
  readonly customers: number;
}

export class SmallBankStream implements Stream {
  readonly #kinds: Mix<Kind>;
  readonly #random: Random;
  #calls = 0;

  constructor(private readonly options: SmallBankStreamOptions) {
    const { setting, share, weights } = options;
    const first = share.generator * STREAMS_OF_ONE;
    this.#kinds = new Mix(randomOf(setting.seed, first), weights);
    this.#random = randomOf(setting.seed, first + 1);
  }

  next(): Call {
    const kind = this.#kinds.next();
    const [customer, other] = this.#customers();
    const id = `g${this.options.share.generator}-${(this.#calls++).toString(36)}`;
    const words = [id, kind, customer, ...this.#rest(kind, other)];
    const refusable = kind === 'transact-savings' || kind === 'send-payment';
    return { kind, way: 'ordered', line: words.join(' '), lane: String(customer), refusable };
  }

  #rest(kind: Kind, other: number): readonly number[] {
    switch (kind) {
      case 'balance':
        return [];
      case 'deposit-checking':
        return [DEPOSIT_CENTS];
      case 'transact-savings':
        return [this.#random() < 0.5 ? SAVINGS_CENTS : -SAVINGS_CENTS];
      case 'write-check':
        return [CHECK_CENTS];
      case 'send-payment':
        return [other, PAYMENT_CENTS];
      case 'amalgamate':
        return [other];
    }
  }

  /** Two different ones; an operation goes to the hot customers with both or with none. */
  #customers(): [number, number] {
    const { hotspot, customers } = this.options;
    if (!hotspot) return this.#two(0, customers);
    if (this.#random() < HOT_SHARE) return this.#two(0, HOT_CUSTOMERS);
    return this.#two(HOT_CUSTOMERS, customers - HOT_CUSTOMERS);
  }

  #two(from: number, count: number): [number, number] {
    const one = wholeBelow(this.#random, count);
    const step = 1 + wholeBelow(this.#random, count - 1);
    return [from + one, from + ((one + step) % count)];
  }
}
