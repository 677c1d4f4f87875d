// One generator's YCSB calls.
import type { Answer, Call, CallError } from '../../platforms/index.js';
import { type Chooser, Latest, Mix, ScrambledZipfian } from '../../stats/distributions.js';
import { type Random, randomOf, wholeBelow } from '../../stats/random.js';
import { FIELDS } from '../../chaincodes/ycsb.js';
import type { Share, Stream, WorkloadSetting } from '../workload.js';
import type { CoreWorkload, Kind } from './mixes.js';
import { fieldValue, insertLine, keyOf } from './records.js';

const MAX_SCAN = 100;
/** Streams of the seed that one generator uses. */
const STREAMS_OF_ONE = 4;

export interface YcsbStreamOptions {
  readonly setting: Pick<WorkloadSetting, 'seed'>;
  readonly core: CoreWorkload;
  /** Reads and scans go through the ledger. */
  readonly ordered: boolean;
  readonly share: Share;
  /** Records that were loaded. */
  readonly loaded: number;
}

/** The records that one generator may ask for: those loaded, and those that it inserted and knows to be there. */
class KnownRecords {
  readonly #own: number[] = [];

  constructor(readonly loaded: number) {}

  get count(): number {
    return this.loaded + this.#own.length;
  }

  /** In the order in which they came to be known. */
  at(place: number): number {
    return place < this.loaded ? place : (this.#own[place - this.loaded] ?? 0);
  }

  add(record: number): void {
    this.#own.push(record);
  }
}

export class YcsbStream implements Stream {
  readonly #kinds: Mix<Kind>;
  readonly #places: Chooser;
  readonly #random: Random;
  readonly #values: Random;
  readonly #known: KnownRecords;
  readonly #inserting = new Map<Call, number>();
  #calls = 0;
  #inserts = 0;

  constructor(private readonly options: YcsbStreamOptions) {
    const { core, loaded, share, setting } = options;
    const streams = Array.from({ length: STREAMS_OF_ONE }, (_, at) =>
      randomOf(setting.seed, share.generator * STREAMS_OF_ONE + at),
    );
    const [kinds, places, random, values] = streams;
    if (!kinds || !places || !random || !values) throw new RangeError('there are too few streams');
    this.#kinds = new Mix(kinds, core.mix);
    this.#known = new KnownRecords(loaded);
    this.#places = placesOf(options, this.#known, places);
    this.#random = random;
    this.#values = values;
  }

  next(): Call {
    const kind = this.#kinds.next();
    if (kind === 'insert') return this.#insert();
    const key = keyOf(this.#known.at(this.#places.next()));
    if (kind === 'read') return this.#asking(kind, 'read', key);
    if (kind === 'scan') {
      return this.#asking(kind, 'scan', key, String(1 + wholeBelow(this.#random, MAX_SCAN)));
    }
    const field = wholeBelow(this.#random, FIELDS);
    const word = kind === 'update' ? kind : 'rmw';
    const line = `${this.#id()} ${word} ${key} ${field} ${fieldValue(this.#values)}`;
    return { kind, way: 'ordered', line, lane: key };
  }

  ended(call: Call, end: Answer | CallError): undefined {
    const record = this.#inserting.get(call);
    if (record === undefined) return;
    this.#inserting.delete(call);
    if ('status' in end && end.status === 'applied') this.#known.add(record);
  }

  #asking(kind: Kind, fn: string, key: string, ...args: readonly string[]): Call {
    if (!this.options.ordered) return { kind, way: 'query', fn, args: [key, ...args] };
    const line = [this.#id(), fn, key, ...args].join(' ');
    return { kind, way: 'ordered', line, lane: key };
  }

  /** Each generator inserts records of its own residue class. */
  #insert(): Call {
    const { loaded, setting, share } = this.options;
    const record = loaded + this.#inserts++ * share.generators + share.generator;
    const line = insertLine(this.#id(), setting.seed, record);
    const call: Call = { kind: 'insert', way: 'ordered', line, lane: keyOf(record) };
    this.#inserting.set(call, record);
    return call;
  }

  #id(): string {
    return `g${this.options.share.generator}-${(this.#calls++).toString(36)}`;
  }
}

function placesOf(
  { core, loaded, share }: YcsbStreamOptions,
  known: KnownRecords,
  random: Random,
): Chooser {
  if (core.asks === 'latest') return new Latest(random, () => known.count);
  // As in YCSB: the scattering has room for what will be inserted, twice over, so that popular records stay popular;
  // a place that nothing lies at yet is drawn again. Never more than nine of ten draws are.
  const inserts = core.mix.find(([kind]) => kind === 'insert')?.[1] ?? 0;
  const room = Math.min(Math.ceil(2 * inserts * share.calls), 9 * loaded);
  const places = new ScrambledZipfian(random, loaded + room);
  const next = (): number => {
    for (;;) {
      const place = places.next();
      if (place < known.count) return place;
    }
  };
  return { next };
}
