// Who there is, and their keys. Every key is derived from the seed, so a run can be made again, and a generator makes the
// keys of its own share instead of having them sent. Keys of a benchmark: they guard nothing.
import { createECDH, createHmac, createPrivateKey, type KeyObject } from 'node:crypto';
import { kidOf, userIdOf } from '@prms/chaincode';

/** Somebody who signs. */
export interface Person {
  readonly id: string;
  readonly kid: string;
  /** Public signing key, as the ledger writes it. */
  readonly point: string;
  /** Imported once: importing costs several signatures. */
  readonly signWith: { readonly key: KeyObject; readonly dsaEncoding: 'ieee-p1363' };
}

export type Group = 'hospital' | 'doctor' | 'patient';

export interface Numbers {
  readonly hospitals: number;
  readonly doctors: number;
  readonly patients: number;
}

/** Every hospital has as many doctors. */
export const numbersOf = ({ quick }: { readonly quick: boolean }): Numbers =>
  quick
    ? { hospitals: 3, doctors: 12, patients: 100 }
    : { hospitals: 3, doctors: 201, patients: 10_000 };

/**
 * Everybody, by number. Patient n is in the care of doctor n mod doctors, and doctor d works at hospital d mod hospitals.
 * People are made when they are first asked for, some 0.1 ms each.
 */
export class Cast {
  readonly #people: Readonly<Record<Group, (Person | undefined)[]>> = {
    hospital: [],
    doctor: [],
    patient: [],
  };

  constructor(
    private readonly seed: number,
    readonly numbers: Numbers,
  ) {}

  hospital(n: number): Person {
    return this.#person('hospital', n);
  }

  doctor(n: number): Person {
    return this.#person('doctor', n);
  }

  patient(n: number): Person {
    return this.#person('patient', n);
  }

  /** The doctor in whose care a patient is. */
  doctorOf(patient: number): number {
    return patient % this.numbers.doctors;
  }

  hospitalOf(doctor: number): Person {
    return this.hospital(doctor % this.numbers.hospitals);
  }

  /** A doctor of the hospital where the patient is in care; each `turn` another one. */
  colleagueOf(patient: number, turn: number): number {
    const { doctors, hospitals } = this.numbers;
    return (this.doctorOf(patient) + hospitals * turn) % doctors;
  }

  /** A doctor of another hospital. */
  strangerOf(patient: number, turn: number): number {
    return (this.colleagueOf(patient, turn) + 1) % this.numbers.doctors;
  }

  /** Public key that receives wraps; nobody opens any. */
  sealPoint(group: Group, n: number): string {
    return pairOf(this.seed, `${group}/${n}/seal`).point.toString('base64url');
  }

  #person(group: Group, n: number): Person {
    return (this.#people[group][n] ??= personOf(this.seed, `${group}/${n}/sign`));
  }
}

function personOf(seed: number, name: string): Person {
  const { scalar, point } = pairOf(seed, name);
  const text = point.toString('base64url');
  const key = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      d: scalar.toString('base64url'),
      x: point.toString('base64url', 1, 33),
      y: point.toString('base64url', 33),
    },
  });
  const signWith = { key, dsaEncoding: 'ieee-p1363' } as const;
  return { id: userIdOf(text), kid: kidOf(text), point: text, signWith };
}

/** A pair whose private scalar is HMAC-SHA-256(seed, name); one in 2^32 names needs another try, being above the order. */
function pairOf(seed: number, name: string): { scalar: Buffer; point: Buffer } {
  for (let attempt = 0; ; attempt++) {
    const ecdh = createECDH('prime256v1');
    const scalar = derived(seed, `${name}/${attempt}`);
    try {
      ecdh.setPrivateKey(scalar);
    } catch (error) {
      if (attempt < 3) continue;
      throw error;
    }
    return { scalar, point: ecdh.getPublicKey() };
  }
}

/** 32 bytes that only the seed and the name decide. */
export function derived(seed: number, name: string): Buffer {
  return createHmac('sha256', String(seed)).update(name).digest();
}
