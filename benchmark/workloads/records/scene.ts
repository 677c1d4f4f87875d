// What is on the ledger before the measured part, by name: seed and time of issue decide every id, so preparation and
// streams agree without telling each other.
import { createHash } from 'node:crypto';
import { type ConsentTerms, monthOf, type ReportTerms, type StoredObject } from '@prms/chaincode';
import { Cast, type Numbers } from './people.js';
import { fixedStamp, type Stamp } from './signing.js';

/** Slots of a patient's own offer: as many appointments as a patient has at once. */
export const SLOTS = 4;

/** The name of the cloud that reports say they are in. */
export const CLOUD = 'bench';

export class Scene {
  readonly cast: Cast;
  /** Of reports: the month of the preparation. */
  readonly month: string;

  /** @param issuedAt of everything that is prepared */
  constructor(
    readonly seed: number,
    numbers: Numbers,
    readonly issuedAt: number,
  ) {
    this.cast = new Cast(seed, numbers);
    this.month = monthOf(issuedAt);
  }

  /** @param name what it is and whose: `report/17` */
  stamp(name: string): Stamp {
    return fixedStamp(this.seed, name, this.issuedAt);
  }

  id(name: string): string {
    return this.stamp(name).id;
  }

  slotId(patient: number, slot: number): string {
    return this.id(`slot/${patient}/${slot}`);
  }
}

/** May view one report, for treatment: can be taken back without a new epoch of the vault. */
export function permitToView(grantee: string, report: string): ConsentTerms {
  return {
    effect: 'permit',
    grantee: { kind: 'user', id: grantee },
    scope: { kind: 'selective', reports: [report] },
    actions: ['view'],
    purposes: ['treatment'],
  };
}

/** What the ledger is told of a report that is hidden in one image. */
export interface AnchoredReport {
  readonly image: StoredObject;
  readonly label: StoredObject;
  readonly commitment: string;
}

export function reportTerms(
  { image, label, commitment }: AnchoredReport,
  tag: string,
  month: string,
): ReportTerms {
  return {
    storage: 'stego',
    suite: 'A256GCM',
    parts: [image],
    label,
    commitment,
    tag,
    month,
    epoch: 1,
  };
}

/** Stands for an object where no cloud is part of the load. */
export const standIn = (name: string): StoredObject => ({
  cloud: CLOUD,
  object: digestOf(`object/${name}`),
  sha256: digestOf(`bytes/${name}`),
});

export const digestOf = (text: string): string =>
  createHash('sha256').update(text).digest('base64url');
