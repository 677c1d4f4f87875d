// Changing a patient's policy document: entries by id, bounded in number, the vault's epochs.

import {
  LIMITS,
  MAX_SKEW_MS,
  type Care,
  type Consent,
  type Entry,
  type Epoch,
  type KinLink,
  type OperationType,
  type Patient,
} from '../model/index.js';
import { isPoint } from '../signatures/index.js';
import { keys } from '../state/index.js';
import { made, mustBe, Refused, type Call } from './call.js';
import { vaultMark } from './vault-mark.js';

type ListName = 'consents' | 'kin' | 'care';
type EntryOf<L extends ListName> = Patient[L][number];
type AnyCall = Pick<Call<OperationType>, 'envelope' | 'hash' | 'world'>;

/** An ended entry stays until no replay of the operation that made it could be accepted any more, skews included. */
const REPLAY_MARGIN_MS = 5 * MAX_SKEW_MS;

export function entryOf<L extends ListName>(patient: Patient, list: L, id: string): EntryOf<L> {
  const entries: readonly EntryOf<L>[] = patient[list];
  const entry = entries.find((e) => e.id === id);
  if (!entry) throw new Refused('NOT_FOUND');
  return entry;
}

/** The fields that every new entry has. */
export function newEntry(call: AnyCall): Entry {
  return { ...made(call), id: call.envelope.id, until: call.envelope.expiresAt };
}

/**
 * Whatever others than the patient have signed takes at most half of a list, so that the patient always has room.
 * @throws Refused LIMIT_REACHED when there is no room even without what may be forgotten
 */
export function addEntry<L extends ListName>(
  call: AnyCall,
  patient: Patient,
  list: L,
  entry: EntryOf<L>,
): Patient {
  const kept = (patient[list] as readonly EntryOf<L>[]).filter(
    (e) => !mayForget(e, call.envelope.issuedAt),
  );
  mustBe(kept.length < LIMITS[list], 'LIMIT_REACHED');
  if (isOthers(entry, patient)) {
    const others = kept.filter((e) => isOthers(e, patient)).length;
    mustBe(others < LIMITS[list] / 2, 'LIMIT_REACHED');
  }
  return { ...patient, [list]: [...kept, entry] };
}

function isOthers(entry: Consent | KinLink | Care, patient: Patient): boolean {
  return 'by' in entry && entry.by !== patient.id;
}

function mayForget(entry: Entry & { readonly status: string }, now: number): boolean {
  const over = entry.status === 'revoked' || entry.status === 'ended' || entry.status === 'refused';
  return over && entry.until + REPLAY_MARGIN_MS < now && entry.last.at + REPLAY_MARGIN_MS < now;
}

export function replaceEntry<L extends ListName>(
  patient: Patient,
  list: L,
  entry: EntryOf<L>,
): Patient {
  const entries: readonly EntryOf<L>[] = patient[list];
  return { ...patient, [list]: entries.map((e) => (e.id === entry.id ? entry : e)) };
}

/**
 * Whoever hands out the vault's key, or makes its next one, may say what they saw: then that must be how it is.
 * @throws Refused VERSION_CONFLICT
 */
export function mustSee(
  patient: Patient,
  { vault }: { readonly vault?: string | undefined },
): void {
  mustBe(vault === undefined || vault === vaultMark(patient), 'VERSION_CONFLICT');
}

/**
 * The next epoch of a vault: required when somebody who held its key no longer may, and otherwise refused. A new key that
 * nothing called for could be one that the patient has never held. "at will" is for what only patients sign.
 */
export function advanceEpoch(
  patient: Patient,
  epoch: Epoch | undefined,
  need: boolean | 'at will',
): Patient {
  if (!epoch) {
    mustBe(need !== true, 'EPOCH_REQUIRED');
    return patient;
  }
  mustBe(isPoint(epoch.key), 'MALFORMED');
  mustBe(need !== false, 'WRONG_STATE');
  mustBe(epoch.number === patient.epoch.number + 1, 'VERSION_CONFLICT');
  // The old key again would lock nobody out.
  mustBe(epoch.key !== patient.epoch.key, 'ALREADY_EXISTS');
  return { ...patient, epoch };
}

export function putPatient(call: AnyCall, patient: Patient): void {
  call.world.put(keys.user(patient.id), patient);
}
