// What every operation's apply function is given, and the few steps that they share: finding documents, refusing,
// noticing a repetition, and marking what was made or changed.

import type {
  AccessOutcome,
  Affiliation,
  ArgumentsOf,
  Envelope,
  Genesis,
  Hospital,
  Marks,
  OperationType,
  Patient,
  RefusalCode,
  User,
} from '../model/index.js';
import { refuse, type Ruling } from '../rules/index.js';
import { keys, type Key, type World } from '../state/index.js';

/** One authenticated operation on its way. `actor` is null only for those who are registering. */
export interface Call<T extends OperationType> {
  readonly envelope: Envelope;
  /** SHA-256 of the operation's bytes. */
  readonly hash: string;
  readonly args: ArgumentsOf<T>;
  readonly world: World;
  readonly genesis: Genesis;
  readonly actor: User;
}

/** What applying came to. `again`: nothing was written, the operation had been applied before. */
export interface Applied {
  readonly version: number;
  readonly outcome?: AccessOutcome;
  readonly again?: true;
}

export interface Definition<T extends OperationType> {
  /** Longest life span; default 24 h. Short where backdating would reach around a rule. The arguments are as they came, unread. */
  readonly lifeMs?: number | ((args: Readonly<Record<string, unknown>>) => number);
  /** What `apply` will read in any case, besides the actor: a hint for speed, on the types that come in great numbers. */
  reads?(args: ArgumentsOf<T>, envelope: Envelope): readonly Key<unknown>[];
  /** What it will read next, as what it has read tells. */
  readsNext?(args: ArgumentsOf<T>, envelope: Envelope, found: Found): readonly Key<unknown>[];
  apply(call: Call<T>): Promise<Applied> | Applied;
}

/** A document that was read before, or null: it is not there, or has not been read. */
export type Found = <D>(key: Key<D>) => D | null;

/** A refusal on its way to becoming a receipt: never leaves this folder. */
export class Refused extends Error {
  override readonly name = 'Refused';
  constructor(readonly code: RefusalCode) {
    super(code);
  }
}

/** @throws Refused unless the ruling permits */
export function must(ruling: Ruling): void {
  if (!ruling.permit) throw new Refused(ruling.code);
}

export function mustBe(condition: boolean, code: RefusalCode): void {
  if (!condition) must(refuse(code));
}

export async function find<T>(call: { readonly world: World }, key: Key<T>): Promise<T> {
  const document = await call.world.get(key);
  if (document === null) throw new Refused('NOT_FOUND');
  return document;
}

export async function findPatient(call: { readonly world: World }, id: string): Promise<Patient> {
  const user = await find(call, keys.user(id));
  if (user.role !== 'patient') throw new Refused('NOT_FOUND');
  return user;
}

export async function findHospital(call: { readonly world: World }, id: string): Promise<Hospital> {
  const user = await find(call, keys.user(id));
  if (user.role !== 'hospital') throw new Refused('NOT_FOUND');
  return user;
}

/** What the rules need to know about whoever acts for a hospital. */
export async function standing(
  call: { readonly world: World },
  actor: User,
  actingFor: string | undefined,
): Promise<{ affiliation: Affiliation | null; hospital: Hospital | null }> {
  const acts = actor.role === 'doctor' || actor.role === 'service';
  if (!acts || actingFor === undefined) return { affiliation: null, hospital: null };
  const hospital = await call.world.get(keys.user(actingFor));
  return {
    affiliation:
      actor.role === 'doctor' ? await call.world.get(keys.affiliation(actingFor, actor.id)) : null,
    hospital: hospital?.role === 'hospital' ? hospital : null,
  };
}

/** What {@link standing} will read of whoever acts for a hospital. */
export function standingReads(
  { actor }: Pick<Envelope, 'actor'>,
  actingFor: string | undefined,
): readonly Key<unknown>[] {
  return actingFor === undefined ? [] : [keys.user(actingFor), keys.affiliation(actingFor, actor)];
}

type AnyCall = Call<OperationType>;
type CallMarks = Pick<AnyCall, 'envelope' | 'hash'>;

/** The marks of a document that this operation makes. */
export function made({ envelope, hash }: CallMarks): Marks {
  return { version: 1, created: hash, last: { id: envelope.id, hash, at: envelope.issuedAt } };
}

/** The marks of a document that this operation changes. */
export function changed({ envelope, hash }: CallMarks, before: Marks): Marks {
  return {
    version: before.version + 1,
    created: before.created,
    // Never goes back: signers' clocks differ, and what was issued before this may not come again.
    last: { id: envelope.id, hash, at: Math.max(before.last.at, envelope.issuedAt) },
  };
}

/**
 * Has this operation made this document before? The same bytes get the first receipt again.
 * @throws Refused ID_REUSED when other bytes made it
 */
export function madeBefore(
  call: CallMarks,
  existing: Marks | null | undefined,
  outcome?: AccessOutcome,
): Applied | null {
  if (!existing) return null;
  mustBe(existing.created === call.hash, 'ID_REUSED');
  return outcome ? { version: 1, outcome, again: true } : { version: 1, again: true };
}

/**
 * Has this operation changed this document before, and if not, is this the version that it means to change?
 * @throws Refused ID_REUSED | VERSION_CONFLICT
 */
export function changedBefore(call: CallMarks, existing: Marks, replaces: number): Applied | null {
  if (existing.last.id === call.envelope.id) {
    mustBe(existing.last.hash === call.hash, 'ID_REUSED');
    return { version: existing.version, again: true };
  }
  mustBe(existing.version === replaces, 'VERSION_CONFLICT');
  return null;
}
