import { expect } from 'chai';
import {
  canonicalise,
  instantOf,
  isSignedBy,
  operationId,
  readOperationLine,
  signedText,
  SHORT_LIFE_MS,
} from '@prms/chaincode';
import { THETA } from '../../stats/distributions.js';
import { randomOf } from '../../stats/random.js';
import { ALPHA, chiSquareP } from '../../testing/chi-square.js';
import type { Share } from '../workload.js';
import { entriesFor, Generator } from './generator.js';
import { Cast, numbersOf } from './people.js';
import { Popularity } from './popularity.js';
import { Scene, SLOTS } from './scene.js';
import { Ids, Signer } from './signing.js';
import { lineOf } from './streams.js';

/** As the workload is described. */
const PERCENT = {
  'access:request': 35,
  'report:anchor': 20,
  'consultation:message': 15,
  'consent:grant': 10,
  'consent:revoke': 5,
  appointment: 15,
};

const START_MS = Date.UTC(2026, 0, 1);
const ONE: Share = { generator: 0, generators: 1, calls: 4000 };
const signer = new Signer('bench');
const sceneOf = (seed: number): Scene => new Scene(seed, numbersOf({ quick: true }), START_MS);

describe('calls of the records workload', function () {
  this.timeout(60_000);

  it('come in the proportions of the mix, and one in twenty of each kind breaks a rule', () => {
    const generator = new Generator(sceneOf(1), signer, ONE, false);
    const calls = Array.from({ length: ONE.calls }, () => generator.make(START_MS));
    const kinds = Object.entries(PERCENT);
    const of = (kind: string) => calls.filter((call) => call.kind === kind);
    const observed = kinds.map(([kind]) => of(kind).length);
    const law = kinds.map(([, weight]) => weight / 100);
    expect(chiSquareP(observed, law)).to.be.above(ALPHA);
    expect(chiSquareP(observed, law.toReversed())).to.be.below(ALPHA);
    for (const [kind] of kinds) {
      const refused = of(kind).filter(({ refusable }) => refusable).length;
      const seen = [refused, of(kind).length - refused];
      expect(chiSquareP(seen, [0.05, 0.95]), kind).to.be.above(ALPHA);
    }
  });

  it('are the same for the same seed, but for times, signatures and what the time is part of', () => {
    const stream = (seed: number, atMs: number): string[] => {
      const generator = new Generator(sceneOf(seed), signer, ONE, false);
      return Array.from({ length: 400 }, () => timeless(lineOf(generator.make(atMs)), atMs));
    };
    expect(stream(1, START_MS + 5000)).to.deep.equal(stream(1, START_MS + 777_000));
    expect(stream(2, START_MS + 5000)).to.not.deep.equal(stream(1, START_MS + 5000));
  });

  it('differ between generators, who have different patients', () => {
    const patients = [0, 1].map((number) => {
      const share = { ...ONE, generator: number, generators: 2 };
      const generator = new Generator(sceneOf(1), signer, share, false);
      return new Set(Array.from({ length: 1000 }, () => generator.make(0).record.patient));
    });
    const [first = new Set(), second = new Set()] = patients;
    expect([...first].filter((patient) => second.has(patient))).to.deep.equal([]);
  });

  it('are signed over the chaincode’s own text by the key of whoever acts', () => {
    const generator = new Generator(sceneOf(1), signer, ONE, false);
    const points = pointsOf(sceneOf(1).cast);
    for (let n = 0; n < 200; n++) {
      const line = lineOf(generator.make(START_MS));
      const operation = readOperationLine(line);
      if (operation === null) throw new Error(`not an operation: ${line}`);
      const { envelope, bytes, signature } = operation;
      expect(canonicalise(envelope)).to.equal(bytes);
      expect(instantOf(envelope.id)).to.equal(envelope.issuedAt);
      expect(envelope.expiresAt - envelope.issuedAt).to.equal(SHORT_LIFE_MS);
      const publicKey = points.get(envelope.actor) ?? '';
      expect(isSignedBy({ publicKey, text: signedText(bytes), signature })).to.equal(true);
    }
  });

  it('give no patient more consents than a policy document holds, and keep the mix', () => {
    const calls = 40_000;
    const generator = new Generator(sceneOf(3), dummySigner, { ...ONE, calls }, false);
    const made = Array.from({ length: calls }, () => generator.make(START_MS));
    const records = new Set(made.map(({ record }) => record));
    const most = Math.max(...Array.from(records, ({ entries }) => entries));
    expect(most).to.equal(entriesFor(calls, 100)).and.to.be.below(255);
    const grants = made.filter(({ kind }) => kind === 'consent:grant').length;
    expect(chiSquareP([grants, calls - grants], [0.1, 0.9])).to.be.above(ALPHA);
  });

  it('take, exchange and free slots, of which no patient’s get lost', () => {
    const generator = new Generator(sceneOf(3), dummySigner, ONE, false);
    const made = Array.from({ length: 5000 }, () => generator.make(START_MS));
    for (const { record } of made)
      expect(record.freeSlots + record.appointments.length).to.equal(SLOTS);
    const booked = new Set(made.map(({ record }) => record.appointments.length));
    expect([...booked].sort()).to.deep.equal([0, 1, 2, 3, 4]);
  });

  it('can’t go on when no record has room', () => {
    const generator = new Generator(sceneOf(3), dummySigner, { ...ONE, calls: 1 }, false);
    const makeMany = (): void => {
      for (let n = 0; n < 20_000; n++) generator.make(START_MS);
    };
    expect(makeMany).to.throw(/too long for so few patients/);
  });
});

describe('popularity', () => {
  const COUNT = 100;

  it('of all shares together follows Zipf’s law', () => {
    const generators = 2;
    const shares = Array.from(
      { length: generators },
      (_, generator) => new Popularity(COUNT, { generator, generators }, randomOf(5)),
    );
    const whole = new Popularity(COUNT, { generator: 0, generators: 1 }, randomOf(5)).patients;
    const draws = 100_000;
    const counts = new Map<number, number>();
    for (const [n, share] of shares.entries()) {
      const random = randomOf(9, n);
      for (let draw = 0; draw < draws / generators; draw++) {
        const patient = share.patients[share.draw(random)] ?? -1;
        counts.set(patient, (counts.get(patient) ?? 0) + 1);
      }
    }
    const law = (theta: number): number[] => {
      const weights = whole.map((_, rank) => (rank + 1) ** -theta);
      const sum = weights.reduce((a, b) => a + b);
      return weights.map((weight) => weight / sum);
    };
    const observed = whole.map((patient) => counts.get(patient) ?? 0);
    expect(chiSquareP(observed, law(THETA))).to.be.above(ALPHA);
    expect(chiSquareP(observed, law(0.9))).to.be.below(ALPHA);
  });

  it('gives every patient to one share', () => {
    const shares = [0, 1, 2].map(
      (generator) => new Popularity(COUNT, { generator, generators: 3 }, randomOf(5)).patients,
    );
    expect(shares.flat().sort((a, b) => a - b)).to.deep.equal(
      Array.from({ length: COUNT }, (_, n) => n),
    );
  });
});

describe('names and signatures', () => {
  it('make ids as the chaincode does', () => {
    // Ten bits at a time, most significant first: what the ids below are cut from.
    const quarter = 0b1000_0000_0100_0000_0011 / 2 ** 20;
    const id = new Ids(() => quarter).next(START_MS);
    const bits = '10000000010000000011'.repeat(4);
    const bytes = Uint8Array.from({ length: 10 }, (_, n) =>
      parseInt(bits.slice(8 * n, 8 * n + 8), 2),
    );
    expect(id).to.equal(operationId(START_MS, bytes));
  });
});

/** Text only: for tests that look at thousands of calls and at no signature. */
const dummySigner = new (class extends Signer {
  override line(): string {
    return '';
  }
})('bench');

/** What is left of a line when everything is taken away that depends on the time. */
function timeless(line: string, atMs: number): string {
  const time = operationId(atMs, new Uint8Array(10)).slice(0, 10);
  return line
    .slice(0, line.indexOf(',"signature"'))
    .replaceAll(time, 'TIME')
    .replace(/"(expiresAt|issuedAt)":\d+/g, '');
}

function pointsOf(cast: Cast): ReadonlyMap<string, string> {
  const { doctors, patients } = cast.numbers;
  const people = [
    ...Array.from({ length: doctors }, (_, n) => cast.doctor(n)),
    ...Array.from({ length: patients }, (_, n) => cast.patient(n)),
  ];
  return new Map(people.map(({ id, point }) => [id, point]));
}
