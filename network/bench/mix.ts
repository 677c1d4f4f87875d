// A hospital's day in small: people, what stands between them, and a stream of their operations in given shares.
// Each operation is signed when the stream is made; what it rests on lies far enough before it in the stream.
import { randomBytes } from 'node:crypto';
import { operationId, type ArgumentsOf } from '@prms/chaincode';
import { signed, signer, signers, type Signed, type Signer } from './people.js';

const HOSPITALS = 4;
const DOCTORS = 200;
const SLOTS = 12;
const PERMITS = 16;
/** Requests for a report that is not there: recorded, and refused. */
const ASKED_IN_VAIN = 0.05;

/** Of a hundred operations. */
const SHARES = {
  access: 35,
  anchor: 20,
  message: 15,
  grant: 10,
  revoke: 5,
  offer: 1,
  book: 9,
  cancel: 5,
} as const;
type Kind = keyof typeof SHARES;
const KINDS = Object.entries(SHARES).flatMap(([kind, share]) =>
  Array.from({ length: share }, () => kind as Kind),
);

interface Doctor extends Signer {
  readonly hospital: Signer;
}

interface Patient extends Signer {
  readonly doctor: Doctor;
  consultation: string;
  messages: number;
  permits: number;
}

/** An operation and the lane in which it travels. */
export interface Step extends Signed {
  readonly lane: string;
}

export interface Population {
  readonly hospitals: readonly Signer[];
  readonly doctors: readonly Doctor[];
  readonly patients: readonly Patient[];
}

export function population(count: number): Population {
  const hospitals = signers(HOSPITALS);
  const doctors = signers(DOCTORS).map((d, n) => ({ ...d, hospital: at(hospitals, n) }));
  const patients = Array.from({ length: count }, (_, n) => ({
    ...signer(),
    doctor: at(doctors, n),
    consultation: '',
    messages: 0,
    permits: 1,
  }));
  return { hospitals, doctors, patients };
}

/** What has to be on the ledger before the stream: in steps of which each rests on the one before. */
export function* setUp({ hospitals, doctors, patients }: Population): Generator<Step[]> {
  const profile = { name: 'bench' };
  const all = <T extends Signer>(of: readonly T[], make: (one: T) => Signed): Step[] =>
    of.map((one) => ({ ...make(one), lane: one.id }));
  yield all(hospitals, (h) => signed(h, 'hospital:register', { keys: h.keys, profile }));
  yield all(doctors, (d) => signed(d, 'user:register', { role: 'doctor', keys: d.keys, profile }));
  yield all(doctors, (d) => signed(d, 'affiliation:request', { hospital: d.hospital.id }));
  yield all(doctors, (d) =>
    signed(d.hospital, 'affiliation:authorise', { doctor: d.id, replaces: 1 }),
  );
  const epoch = (p: Patient) => ({ number: 1 as const, key: p.keys.seal });
  yield all(patients, (p) =>
    signed(p, 'user:register', { role: 'patient', keys: p.keys, epoch: epoch(p), escrow: null }),
  );
  yield all(patients, (p) => signed(p, 'consent:grant', permit(p, p.doctor.hospital.id)));
  const asked = all(patients, (p) =>
    signed(p, 'care:request', { doctor: p.doctor.id, hospital: p.doctor.hospital.id }),
  );
  yield asked;
  yield patients.map((p, n) => {
    const args = { patient: p.id, id: asked[n]?.id ?? '', replaces: 1 };
    return { ...signed(p.doctor, 'care:approve', args), lane: p.id };
  });
  yield patients.map((p) => {
    const args = { patient: p.id, hospital: p.doctor.hospital.id };
    const opened = signed(p.doctor, 'consultation:open', args);
    p.consultation = opened.id;
    return { ...opened, lane: p.id };
  });
}

/** Operations, each resting only on what lies at least `lag` before it. */
export class Stream {
  readonly #rank: () => number;
  readonly #random: () => number;
  readonly #reports = new Waiting<{ patient: Patient; id: string }>();
  readonly #consents = new Waiting<{ patient: Patient; id: string }>();
  readonly #slots = new Waiting<{ doctor: Doctor; offer: string; slot: string }>();
  readonly #booked = new Waiting<{ patient: Patient; id: string }>();
  #made = 0;

  constructor(
    private readonly people: Population,
    private readonly lag: number,
    seed: number,
  ) {
    this.#random = mulberry32(seed);
    this.#rank = zipfian(people.patients.length, 0.99, this.#random);
  }

  /** Where in the stream what is made now may rest on. */
  get #ripe(): number {
    return this.#made - this.lag;
  }

  next(): Step {
    this.#made++;
    return this.#make(at(KINDS, Math.floor(this.#random() * KINDS.length)));
  }

  #make(kind: Kind): Step {
    const patient = at(this.people.patients, this.#rank());
    const { doctor } = patient;
    const actingFor = doctor.hospital.id;
    switch (kind) {
      case 'access': {
        const known =
          this.#random() < ASKED_IN_VAIN
            ? undefined
            : this.#reports.any(this.#ripe, this.#random());
        return access(known?.patient ?? patient, known?.id ?? ulid());
      }
      case 'anchor': {
        const args = { patient: patient.id, actingFor, report: terms() };
        const step = { ...signed(doctor, 'report:anchor', args), lane: patient.id };
        this.#reports.add(this.#made, { patient, id: step.id });
        return step;
      }
      case 'message': {
        const count = ++patient.messages;
        const by = count % 2 === 0 ? patient : doctor;
        const args = { patient: patient.id, id: patient.consultation, replaces: count, count };
        return {
          ...signed(by, 'consultation:message', { ...args, head: digest() }),
          lane: patient.id,
        };
      }
      case 'grant':
        return this.#grant(patient);
      case 'revoke': {
        const consent = this.#consents.take(this.#ripe);
        if (!consent) return this.#make('grant');
        const args = { patient: consent.patient.id, id: consent.id, replaces: 1 };
        return { ...signed(consent.patient, 'consent:revoke', args), lane: consent.patient.id };
      }
      case 'offer':
        return this.#offer(doctor);
      case 'book': {
        const place = this.#slots.take(this.#ripe);
        return place ? this.#book(place) : this.#offer(doctor);
      }
      case 'cancel': {
        const booked = this.#booked.take(this.#ripe);
        if (!booked) return this.#make('book');
        const args = { patient: booked.patient.id, id: booked.id, replaces: 1 };
        return { ...signed(booked.patient, 'appointment:cancel', args), lane: booked.patient.id };
      }
    }
  }

  /** Nobody has hundreds of permits: beyond a few it is another patient's turn. */
  #grant(wanted: Patient): Step {
    let patient = wanted;
    while (patient.permits >= PERMITS)
      patient = at(this.people.patients, Math.floor(this.#random() * this.people.patients.length));
    patient.permits++;
    const grantee = at(this.people.doctors, Math.floor(this.#random() * DOCTORS));
    const args = permit(patient, grantee.id, 'user');
    const step = { ...signed(patient, 'consent:grant', args), lane: patient.id };
    this.#consents.add(this.#made, { patient, id: step.id });
    return step;
  }

  #offer(doctor: Doctor): Step {
    const slots = Array.from({ length: SLOTS }, () => ({ id: ulid(), commitment: digest() }));
    const step = signed(doctor, 'appointment:offer', { hospital: doctor.hospital.id, slots });
    for (const { id: slot } of slots) this.#slots.add(this.#made, { doctor, offer: step.id, slot });
    return { ...step, lane: doctor.id };
  }

  /** By one of the doctor's own patients, who are as far from each other as there are doctors. */
  #book({ doctor, offer, slot }: { doctor: Doctor; offer: string; slot: string }): Step {
    const { patients, doctors } = this.people;
    const own = Math.floor((this.#random() * patients.length) / doctors.length);
    const patient = at(patients, doctors.indexOf(doctor) + own * doctors.length);
    const args = { patient: patient.id, doctor: doctor.id, offer, slot };
    const step = { ...signed(patient, 'appointment:book', args), lane: patient.id };
    this.#booked.add(this.#made, { patient, id: step.id });
    return step;
  }
}

/** Things that may be used once enough of the stream has gone by since they were made. */
class Waiting<T> {
  readonly #things: { readonly made: number; readonly thing: T }[] = [];
  #first = 0;
  #ripe = 0;

  add(made: number, thing: T): void {
    this.#things.push({ made, thing });
  }

  /** The oldest, never given again, or undefined when none is old enough. */
  take(ripe: number): T | undefined {
    const oldest = this.#things[this.#first];
    if (oldest === undefined || oldest.made > ripe) return undefined;
    this.#first++;
    return oldest.thing;
  }

  /** Any one that is old enough. */
  any(ripe: number, random: number): T | undefined {
    while ((this.#things[this.#ripe]?.made ?? Infinity) <= ripe) this.#ripe++;
    return this.#things[Math.floor(random * this.#ripe)]?.thing;
  }
}

function access(patient: Patient, report: string): Step {
  const { doctor } = patient;
  const args = {
    patient: patient.id,
    report,
    action: 'view',
    purpose: 'treatment',
    actingFor: doctor.hospital.id,
  } as const;
  return { ...signed(doctor, 'access:request', args), lane: patient.id };
}

function permit(
  patient: Signer,
  grantee: string,
  kind: 'hospital' | 'user' = 'hospital',
): ArgumentsOf<'consent:grant'> {
  // What lets somebody into the whole record can't be taken back without a new epoch: users get a part.
  const scope =
    kind === 'hospital'
      ? ({ kind: 'full' } as const)
      : ({ kind: 'partial', fromMonth: '2026-01' } as const);
  return {
    patient: patient.id,
    terms: {
      effect: 'permit',
      grantee: { kind, id: grantee },
      scope,
      actions: ['view'],
      purposes: ['treatment'],
    },
  };
}

function terms(): ArgumentsOf<'report:anchor'>['report'] {
  const object = () => ({ cloud: 'bench', object: digest(), sha256: digest() });
  return {
    storage: 'stego',
    suite: 'A256GCM',
    parts: [object()],
    label: object(),
    commitment: digest(),
    tag: randomBytes(16).toString('base64url'),
    month: '2026-01',
    epoch: 1,
  };
}

const digest = (): string => randomBytes(32).toString('base64url');
const ulid = (): string => operationId(Date.now(), randomBytes(10));

function at<T>(list: readonly T[], n: number): T {
  const item = list[n % list.length];
  if (item === undefined) throw new RangeError('an empty list');
  return item;
}

/** Ranks from 0 on: the n-th is drawn in proportion to 1 / n^skew. */
function zipfian(count: number, skew: number, random: () => number): () => number {
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let n = 0; n < count; n++) upTo[n] = sum += 1 / (n + 1) ** skew;
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((upTo[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** A small generator with a seed (mulberry32): the same stream again. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
