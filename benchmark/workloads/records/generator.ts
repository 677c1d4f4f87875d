// Makes one generator's calls, one after the other: which kind, about whom, allowed or not; signed as they are made.
import { LIMITS, SHORT_LIFE_MS } from '@prms/chaincode';
import { BenchError } from '../../errors.js';
import type { OrderedCall } from '../../platforms/platform.js';
import { type Random, randomOf, wholeBelow } from '../../stats/random.js';
import type { Share } from '../workload.js';
import { Operations, type Subject } from './operations.js';
import { Popularity } from './popularity.js';
import { PatientRecord } from './record.js';
import { type AnchoredReport, type Scene } from './scene.js';
import { Ids, type Signer, type Stamp } from './signing.js';

/** Of a hundred calls. */
export const MIX = {
  'access:request': 35,
  'report:anchor': 20,
  'consultation:message': 15,
  'consent:grant': 10,
  'consent:revoke': 5,
  appointment: 15,
} as const;
export type Kind = keyof typeof MIX;

/** Of each kind, calls that break a rule. */
const REFUSED_SHARE = 0.05;

const HUNDRED: readonly Kind[] = (Object.keys(MIX) as Kind[]).flatMap((kind) =>
  Array.from({ length: MIX[kind] }, () => kind),
);

/** Consents that every patient has before the run. */
const PREPARED_CONSENTS = 2;
/** A policy document with few entries is changed, too. */
const LEAST_ENTRIES = 8;
/** Draws before patients are gone through one by one. */
const DRAWS = 16;

/** A call that is signed, or will be once its report lies somewhere. */
export interface Made {
  readonly kind: Kind;
  readonly refusable: boolean;
  readonly record: PatientRecord;
  readonly stamp: Stamp;
  /** The signed line, or what signs it. */
  readonly line: string | ((report: AnchoredReport) => string);
}

const STREAM = { scramble: 0x5ca, choices: 0x100000, ids: 0x200000 } as const;

export class Generator {
  readonly #popularity: Popularity;
  readonly #records: readonly PatientRecord[];
  readonly #operations: Operations;
  readonly #random: Random;
  readonly #ids: Ids;
  readonly #entries: number;

  /** @param stores reports are stored before they are anchored, those apart that no ledger would take */
  constructor(
    scene: Scene,
    signer: Signer,
    share: Share,
    private readonly stores: boolean,
  ) {
    const { seed, cast } = scene;
    const { patients } = cast.numbers;
    this.#popularity = new Popularity(patients, share, randomOf(seed, STREAM.scramble));
    this.#records = this.#popularity.patients.map(
      (patient) => new PatientRecord(scene, patient, cast.patient(patient)),
    );
    this.#random = randomOf(seed, STREAM.choices + share.generator);
    this.#ids = new Ids(randomOf(seed, STREAM.ids + share.generator));
    this.#operations = new Operations(scene, signer, this.#random);
    this.#entries = entriesFor(share.calls, this.#records.length);
  }

  /** Ids of the reports that the share's patients have before the run, by patient. */
  firstReports(): ReadonlyMap<number, string> {
    return new Map(this.#records.map((record) => [record.patient, record.report(0)]));
  }

  /** @throws BenchError USAGE when no patient's policy document has room for another consent */
  make(issuedAt: number): Made {
    const kind = HUNDRED[wholeBelow(this.#random, HUNDRED.length)] ?? 'access:request';
    const refused = this.#random() < REFUSED_SHARE;
    const record = this.#about(kind, refused);
    const stamp = { id: this.#ids.next(issuedAt), issuedAt, expiresAt: issuedAt + SHORT_LIFE_MS };
    const line = this.#operation(kind, { record, stamp, refused });
    return { kind, refusable: refused, record, stamp, line };
  }

  #operation(kind: Kind, subject: Subject): Made['line'] {
    switch (kind) {
      case 'access:request':
        return this.#operations.access(subject);
      case 'report:anchor':
        return this.#anchor(subject);
      case 'consultation:message':
        return this.#operations.message(subject);
      case 'consent:grant':
        return this.#operations.grant(subject);
      case 'consent:revoke':
        return this.#operations.revoke(subject);
      case 'appointment':
        return this.#operations.appointment(subject);
    }
  }

  #anchor(subject: Subject): Made['line'] {
    const line = this.#operations.anchor(subject);
    return this.stores && !subject.refused ? line : line(this.#operations.nowhere());
  }

  #about(kind: Kind, refused: boolean): PatientRecord {
    if (refused) return this.#whoever(() => true);
    if (kind === 'consent:grant') return this.#whoever(({ entries }) => entries < this.#entries);
    if (kind === 'consent:revoke') return this.#whoever(({ revocable }) => revocable > 0);
    return this.#whoever(() => true);
  }

  /** By popularity, among those who will do; when they are hard to find, the first one from a random place on. */
  #whoever(willDo: (record: PatientRecord) => boolean): PatientRecord {
    for (let draw = 0; draw < DRAWS; draw++) {
      const record = this.#records[this.#popularity.draw(this.#random)];
      if (record !== undefined && willDo(record)) return record;
    }
    const from = wholeBelow(this.#random, this.#records.length);
    for (let n = 0; n < this.#records.length; n++) {
      const record = this.#records[(from + n) % this.#records.length];
      if (record !== undefined && willDo(record)) return record;
    }
    throw new BenchError('USAGE', 'the run is too long for so few patients: no record has room');
  }
}

/**
 * How many consents a run gives one patient at most. The ledger keeps those that were taken back for ten minutes and more,
 * and with a zipfian choice the most popular record would be full within seconds: a consent that finds no room goes to
 * another patient. Twice the mean, so that popular patients have more than others, and the document stays small.
 */
export function entriesFor(calls: number, patients: number): number {
  const mean = (calls * MIX['consent:grant']) / 100 / Math.max(1, patients);
  const room = LIMITS.consents - PREPARED_CONSENTS;
  return Math.min(room, Math.max(LEAST_ENTRIES, Math.ceil(2 * mean)));
}

/** The call of a line. */
export function callOf(
  { kind, refusable, record }: Made,
  line: string,
  stagesMs: Readonly<Record<string, number>>,
): OrderedCall {
  return { kind, refusable, way: 'ordered', line, lane: record.person.id, stagesMs };
}
