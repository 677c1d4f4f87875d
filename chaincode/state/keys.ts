// Where each document lies in the world state. Simple keys, not composite ones: only simple keys can be read from a
// given point on, and every component is from a fixed alphabet without '/'.

import {
  newestFirst,
  type Affiliation,
  type Access,
  type Appointment,
  type Consortium,
  type Consultation,
  type Genesis,
  type Offer,
  type Report,
  type User,
} from '../model/index.js';

declare const shape: unique symbol;
/** A key that leads to a document of type T. */
export interface Key<T> {
  readonly name: string;
  readonly [shape]?: T;
}

const key = <T>(...parts: string[]): Key<T> => ({ name: parts.join('/') });

export const keys = {
  genesis: key<Genesis>('genesis'),
  consortium: key<Consortium>('consortium'),
  user: (id: string) => key<User>('user', id),
  affiliation: (hospital: string, doctor: string) =>
    key<Affiliation>('affiliation', hospital, doctor),
  report: (patient: string, id: string) => key<Report>('report', patient, newestFirst(id)),
  access: (patient: string, id: string) => key<Access>('access', patient, newestFirst(id)),
  offer: (doctor: string, id: string) => key<Offer>('offer', doctor, newestFirst(id)),
  appointment: (patient: string, id: string) =>
    key<Appointment>('appointment', patient, newestFirst(id)),
  consultation: (patient: string, id: string) =>
    key<Consultation>('consultation', patient, newestFirst(id)),
} as const;

/** Index entries: put once, never changed or read in an update. The value names what the key can't. */
export const indexes = {
  /** Every user of a role. */
  role: (role: string, id: string) => key<Pointer>('role', role, id),
  /** Whose key is this, after a rotation. */
  kid: (kid: string) => key<{ readonly user: string }>('kid', kid),
  hospitalsOf: (doctor: string, hospital: string) => key<Pointer>('affiliated', doctor, hospital),
  servicesOf: (hospital: string, service: string) => key<Pointer>('service-of', hospital, service),
  patientsOf: (doctor: string, patient: string) => key<Pointer>('care-of', doctor, patient),
  kinOf: (relative: string, patient: string) => key<Pointer>('kin-of', relative, patient),
  granted: (grantee: string, patient: string) => key<Pointer>('granted', grantee, patient),
  emergenciesAt: (hospital: string, id: string) =>
    key<{ readonly patient: string; readonly id: string }>(
      'emergency-at',
      hospital,
      newestFirst(id),
    ),
  appointmentsOf: (doctor: string, id: string) =>
    key<{ readonly patient: string; readonly id: string }>(
      'appointment-of',
      doctor,
      newestFirst(id),
    ),
  consultationsOf: (doctor: string, id: string) =>
    key<{ readonly patient: string; readonly id: string }>(
      'consultation-of',
      doctor,
      newestFirst(id),
    ),
} as const;

/** An index entry whose key says everything. */
export interface Pointer {
  readonly there: true;
}
export const THERE: Pointer = { there: true };

/** Start and end (exclusive) of all keys below a prefix: '0' follows '/' in ASCII. */
export function below(...parts: string[]): { readonly start: string; readonly end: string } {
  const prefix = parts.join('/');
  return { start: `${prefix}/`, end: `${prefix}0` };
}
