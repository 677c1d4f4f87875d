// What lies in the world state. Every document says which operation made it (`created`: hash of its bytes) and which
// one changed it last (`last`): that is all the de-duplication there is.

import type { PublicProfile } from './arguments.js';
import type { AccessOutcome } from './receipt.js';
import type {
  Action,
  ConsentTerms,
  Epoch,
  KinRight,
  PublicKeys,
  Purpose,
  ReportTerms,
} from './vocabulary.js';

/** The marks that operations leave on what they made and changed. */
export interface Marks {
  /** 1 when made; one more with each change. */
  readonly version: number;
  /** SHA-256 of the bytes of the operation that made it, base64url. */
  readonly created: string;
  /** The operation that changed it last, and the SHA-256 of its bytes. */
  readonly last: { readonly id: string; readonly hash: string; readonly at: number };
}

export interface Genesis {
  readonly channel: string;
  /** Hospitals that need no vote. */
  readonly hospitals: readonly string[];
  /** How long a user has to object to a re-keying, milliseconds. */
  readonly recoveryNoticeMs: number;
  /** How long an emergency opens a record, milliseconds. */
  readonly emergencyWindowMs: number;
}

interface KeyHolder extends Marks {
  readonly id: string;
  readonly keys: PublicKeys;
  /** Id of `keys.sign`. */
  readonly kid: string;
  readonly registeredAt: number;
  readonly recovery?: Recovery;
}

/** A re-keying in the making: proposed by one hospital, seconded by another, then a notice period. */
export interface Recovery {
  readonly id: string;
  readonly created: string;
  /** SHA-256 of the bytes of the operation that brought it to its status. */
  readonly last: string;
  readonly status: 'proposed' | 'seconded' | 'objected' | 'completed';
  readonly keys: PublicKeys;
  readonly proposer: string;
  readonly seconder?: string;
  /** The notice period runs from here. */
  readonly secondedAt?: number;
}

export interface Hospital extends KeyHolder {
  readonly role: 'hospital';
  readonly profile: PublicProfile;
  readonly admitted: boolean;
  /** Admitted hospitals that voted for this one. */
  readonly votes: readonly string[];
}

export interface Doctor extends KeyHolder {
  readonly role: 'doctor';
  readonly profile: PublicProfile;
}

export interface Relative extends KeyHolder {
  readonly role: 'relative';
}

export interface Auditor extends KeyHolder {
  readonly role: 'auditor';
  readonly profile: PublicProfile;
  readonly admitted: boolean;
  readonly votes: readonly string[];
}

/** A hospital's system with keys of its own: what it signs is its own, and its hospital can end it. */
export interface Service extends KeyHolder {
  readonly role: 'service';
  readonly profile: PublicProfile;
  readonly hospital: string;
  /** Suspended for good: a system that comes back gets new keys. */
  readonly status: 'authorised' | 'suspended';
}

/** A patient's user document *is* their policy document: one read decides any request. Bounded by LIMITS. */
export interface Patient extends KeyHolder {
  readonly role: 'patient';
  readonly epoch: Epoch;
  readonly escrow: string | null;
  readonly consents: readonly Consent[];
  readonly kin: readonly KinLink[];
  readonly care: readonly Care[];
}

export type User = Hospital | Doctor | Relative | Auditor | Service | Patient;

/** An entry of a policy document. `until`: when its creating operation expires; it stays that long, so that a replay finds it. */
export interface Entry extends Marks {
  readonly id: string;
  readonly until: number;
}

export interface Consent extends Entry {
  readonly status: 'active' | 'revoked';
  readonly terms: ConsentTerms;
  /** Who signed it: the patient, or a relative on their behalf. */
  readonly by: string;
}

export interface KinLink extends Entry {
  readonly status: 'active' | 'ended';
  readonly relative: string;
  readonly rights: readonly KinRight[];
  readonly notAfter?: number;
  /** Who signed it: the patient, or a guardian. */
  readonly by: string;
}

export interface Care extends Entry {
  readonly status: 'requested' | 'approved' | 'refused' | 'ended';
  readonly doctor: string;
  readonly hospital: string;
}

/** Most items on one page of a list; a query for more is refused. */
export const MAX_PAGE_ITEMS = 500;

/** Most entries of each kind, ended ones that still await their operation's expiry included. */
export const LIMITS = { consents: 256, kin: 32, care: 64 } as const;

/** The hospitals that are admitted now: what a vote needs a majority of. */
export interface Consortium {
  readonly hospitals: readonly string[];
}

export interface Affiliation extends Marks {
  readonly hospital: string;
  readonly doctor: string;
  readonly status: 'requested' | 'authorised' | 'refused' | 'suspended' | 'left';
}

export interface Report extends Marks {
  readonly id: string;
  readonly patient: string;
  readonly author: string;
  readonly actingFor?: string;
  readonly anchoredAt: number;
  readonly status: 'active' | 'superseded' | 'withdrawn' | 'erased';
  readonly terms: ReportTerms;
  readonly supersedes?: string;
  readonly supersededBy?: string;
}

export interface Offer extends Marks {
  readonly id: string;
  readonly doctor: string;
  readonly hospital: string;
  readonly slots: readonly {
    readonly id: string;
    readonly commitment: string;
    readonly appointment?: string;
  }[];
}

export interface Appointment extends Marks {
  readonly id: string;
  readonly patient: string;
  readonly doctor: string;
  readonly hospital: string;
  readonly offer: string;
  readonly slot: string;
  readonly status: 'booked' | 'cancelled';
}

export interface Consultation extends Marks {
  readonly id: string;
  readonly patient: string;
  readonly doctor: string;
  readonly hospital: string;
  readonly status: 'open' | 'closed';
  readonly openedAt: number;
  /** Messages anchored so far, and the chain's head after the last of them. */
  readonly count: number;
  readonly head?: string;
}

/** One request to read, or one emergency. Never changed but by review and objection. */
export interface Access extends Marks {
  readonly id: string;
  readonly kind: 'read' | 'emergency';
  readonly patient: string;
  readonly actor: string;
  readonly actingFor?: string;
  readonly issuedAt: number;
  readonly outcome: AccessOutcome;
  readonly report?: string;
  readonly action?: Action;
  readonly purpose?: Purpose;
  /** Of a read: the emergency that it relied on. */
  readonly emergency?: string;
  /** Of an emergency: hash of the stated reason, end of the window, and what came after. */
  readonly reason?: string;
  readonly endsAt?: number;
  readonly review?: {
    readonly by: string;
    readonly verdict: 'justified' | 'unjustified';
    readonly note?: string;
    readonly at: number;
  };
  readonly objection?: { readonly note?: string; readonly at: number };
}
