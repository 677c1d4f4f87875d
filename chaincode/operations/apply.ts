// From signed bytes to receipts: authenticates each operation, applies it on its own savepoint, and answers with codes.

import {
  ARGUMENTS,
  isOperationType,
  instantOf,
  MAX_SKEW_MS,
  readOperationLine,
  type Envelope,
  type Genesis,
  type OperationType,
  type Receipt,
  type RefusalCode,
  type SignedOperation,
  type User,
} from '../model/index.js';
import {
  hashText,
  isSignedBy,
  kidOf,
  signedText,
  userIdOf,
  type SignaturesAhead,
  type SignatureCheck,
  type SignatureVerifier,
} from '../signatures/index.js';
import { keys, type World } from '../state/index.js';
import { Refused, type Applied, type Call, type Definition } from './call.js';
import { lifeMsOf, OPERATIONS } from './table.js';

export interface BatchContext {
  readonly world: World;
  readonly genesis: Genesis;
  /** The transaction's timestamp: what `expiresAt` is held against. Never enters state. */
  readonly nowMs: number;
  readonly verifier: SignatureVerifier;
  /** Signatures that have been checked before their batch came, when somebody announced them. */
  readonly ahead?: SignaturesAhead;
}

/** An operation as a batch takes it up. */
interface Incoming extends SignedOperation {
  /** The arguments as their type's schema reads them; null when they don't fit it, or the type is unknown. */
  readonly args: unknown;
  /** The key that the signature is known to fit. */
  readonly signedBy: string | null;
}

/** Applies operations in order; later ones see what earlier ones wrote. One receipt each, in the same order. */
export async function applyBatch(
  lines: readonly string[],
  context: BatchContext,
): Promise<Receipt[]> {
  const operations = await readAll(lines, context);
  await readTogether(operations, context.world);
  const verified = await verifyAhead(operations, context);
  const receipts: Receipt[] = [];
  for (const [i, operation] of operations.entries()) {
    if (!operation) {
      receipts.push({ id: '', status: 'refused', code: 'MALFORMED' });
      continue;
    }
    const { bytes, signature } = operation;
    const authentic = (publicKey: string) =>
      verified[i] === publicKey || isSignedBy({ publicKey, text: signedText(bytes), signature });
    receipts.push(await applyOne(operation, authentic, context));
  }
  return receipts;
}

async function readAll(
  lines: readonly string[],
  { ahead }: BatchContext,
): Promise<(Incoming | null)[]> {
  const signers = await ahead?.take(lines);
  return lines.map((line, i) => {
    const operation = readOperationLine(line);
    if (!operation) return null;
    const args = readArguments(operation.envelope);
    return { ...operation, args, signedBy: signers?.[i] ?? null };
  });
}

/** Reads what the operations will look at for the whole batch at once, instead of one after the other. */
async function readTogether(operations: readonly (Incoming | null)[], world: World): Promise<void> {
  const known = operations.flatMap((operation) => {
    const definition = operation && definitionOf(operation);
    return definition ? [{ ...operation, definition }] : [];
  });
  await world.preload(
    known.flatMap(({ envelope, args, definition }) => [
      keys.user(envelope.actor),
      ...(definition.reads?.(args as never, envelope) ?? []),
    ]),
  );
  await world.preload(
    known.flatMap(({ envelope, args, definition }) => [
      ...(definition.readsNext?.(args as never, envelope, (key) => world.found(key)) ?? []),
    ]),
  );
}

function definitionOf({ envelope, args }: Incoming): Definition<never> | null {
  const { type } = envelope;
  return isOperationType(type) && args !== null ? OPERATIONS[type] : null;
}

/** The arguments as their type's schema reads them, or null. */
export function readArguments({ type, args }: Envelope): unknown {
  const read = isOperationType(type) ? ARGUMENTS[type].safeParse(args) : null;
  return read?.success === true ? read.data : null;
}

/**
 * Checks all signatures at once against the keys that are current before the batch. An operation whose key changes
 * within the batch is simply checked again, alone, when its turn comes.
 * @returns for each operation the key that its signature fits, or null
 */
async function verifyAhead(
  operations: readonly (Incoming | null)[],
  { world, verifier, ahead }: BatchContext,
): Promise<(string | null)[]> {
  // Asked for together: a ledger that reads from disk answers them together.
  const actors = new Set(operations.flatMap((operation) => operation?.envelope.actor ?? []));
  await Promise.all([...actors].map((actor) => world.get(keys.user(actor))));
  const verified = operations.map((operation) => operation?.signedBy ?? null);
  const checks: SignatureCheck[] = [];
  const places: number[] = [];
  for (const [i, operation] of operations.entries()) {
    const actor = operation && (await world.get(keys.user(operation.envelope.actor)));
    const publicKey = operation && (actor?.keys.sign ?? registrationKey(operation.envelope));
    if (!publicKey) continue;
    if (actor) ahead?.learn(actor.kid, publicKey);
    if (verified[i] === publicKey) continue;
    checks.push({ publicKey, text: signedText(operation.bytes), signature: operation.signature });
    places.push(i);
  }
  const answers = await verifier.verify(checks);
  for (const [n, check] of checks.entries()) {
    const place = places[n];
    if (place !== undefined && answers[n] === true) verified[place] = check.publicKey;
  }
  return verified;
}

/** Who registers is not on the ledger yet: their key stands in the arguments, and their id is its hash. */
function registrationKey({ type, actor, args }: Envelope): string | null {
  if (type !== 'user:register' && type !== 'hospital:register') return null;
  const read = ARGUMENTS[type].safeParse(args);
  return read.success && userIdOf(read.data.keys.sign) === actor ? read.data.keys.sign : null;
}

/**
 * Applies one operation and keeps or undoes its writes.
 * @param authentic says whether the operation comes from the holder of a public key
 */
export async function applyOne(
  operation: Pick<Incoming, 'envelope' | 'bytes' | 'args'>,
  authentic: (publicKey: string) => boolean,
  context: BatchContext,
): Promise<Receipt> {
  const { id } = operation.envelope;
  try {
    const applied = await attempt(operation, authentic, context);
    context.world.keep();
    const { version, outcome } = applied;
    return outcome
      ? { id, status: 'applied', version, outcome }
      : { id, status: 'applied', version };
  } catch (error) {
    context.world.undo();
    if (error instanceof Refused) return { id, status: 'refused', code: error.code };
    throw error;
  }
}

async function attempt(
  operation: Pick<Incoming, 'envelope' | 'bytes' | 'args'>,
  authentic: (publicKey: string) => boolean,
  context: BatchContext,
): Promise<Applied> {
  const { envelope } = operation;
  const { type } = envelope;
  if (!isOperationType(type)) throw new Refused('MALFORMED');
  const late = checkEnvelope(envelope, lifeMsOf(type, envelope.args), context);
  const actor = await context.world.get(keys.user(envelope.actor));
  const doubt = checkActor(envelope, actor, authentic);
  // A key that has been replaced since may still have signed what was applied then.
  if (doubt && doubt !== 'KEY_NOT_CURRENT') throw new Refused(doubt);
  checkLife(envelope, lifeMsOf(type, envelope.args, actor?.role));
  const refusal = doubt ?? (late ? 'EXPIRED' : null);
  const hashed = { ...operation, hash: hashText(operation.bytes) };
  if (refusal === null) return run(type, hashed, actor, context);
  return onlyAgain(refusal, () => run(type, hashed, actor, context));
}

/** The first receipt again, or this refusal: for operations that may not be applied now, but may have been before. */
async function onlyAgain(refusal: RefusalCode, apply: () => Promise<Applied>): Promise<Applied> {
  try {
    const applied = await apply();
    if (applied.again) return applied;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  throw new Refused(refusal);
}

/** @returns whether the operation has expired: then only its first receipt, if it had one, may be given again */
function checkEnvelope(
  envelope: Envelope,
  lifeMs: number,
  { genesis, nowMs }: BatchContext,
): boolean {
  const { issuedAt, expiresAt } = envelope;
  if (envelope.ledger !== genesis.channel) throw new Refused('WRONG_LEDGER');
  if (instantOf(envelope.id) !== issuedAt) throw new Refused('ID_MISMATCH');
  checkLife(envelope, lifeMs);
  if (issuedAt > nowMs + MAX_SKEW_MS) throw new Refused('NOT_YET_VALID');
  return expiresAt <= nowMs;
}

function checkLife({ issuedAt, expiresAt }: Envelope, lifeMs: number): void {
  const life = expiresAt - issuedAt;
  if (life <= 0 || life > lifeMs) throw new Refused('LIFE_TOO_LONG');
}

function checkActor(
  envelope: Envelope,
  actor: User | null,
  authentic: (publicKey: string) => boolean,
): RefusalCode | null {
  const publicKey = actor ? actor.keys.sign : registrationKey(envelope);
  if (publicKey === null) return 'UNKNOWN_ACTOR';
  if (envelope.kid !== (actor ? actor.kid : kidOf(publicKey))) return 'KEY_NOT_CURRENT';
  return authentic(publicKey) ? null : 'BAD_SIGNATURE';
}

/**
 * Applies an operation that has been authenticated elsewhere; its writes are the caller's to keep or undo.
 * @throws Refused
 */
export function applyAuthentic(
  envelope: Envelope,
  hash: string,
  actor: User | null,
  context: Pick<BatchContext, 'world' | 'genesis'>,
): Promise<Applied> {
  const { type } = envelope;
  if (!isOperationType(type)) throw new Refused('MALFORMED');
  return run(type, { envelope, hash, args: readArguments(envelope) }, actor, context);
}

async function run(
  type: OperationType,
  { envelope, hash, args }: Pick<Incoming, 'envelope' | 'args'> & { readonly hash: string },
  actor: User | null,
  context: Pick<BatchContext, 'world' | 'genesis'>,
): Promise<Applied> {
  if (args === null) throw new Refused('MALFORMED');
  const { world, genesis } = context;
  // The type picks schema and definition alike, which the compiler can't follow through a union of types; and only
  // registrations, which never look at it, come without an actor (checkActor).
  const call = { envelope, hash, args, world, genesis, actor } as Call<never>;
  const definition = OPERATIONS[type] as Definition<never>;
  return definition.apply(call);
}
