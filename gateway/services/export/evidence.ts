// Which operations belong into a patient's export, and the proof of each: what was done to their record, by whom, and the
// operations by which those people's keys came to be.
import {
  ARGUMENTS,
  readOperationLine,
  userIdOf,
  type Envelope,
  type OperationType,
} from '@prms/chaincode';
import { LedgerError, type LedgerEvidence, type TransactionProof } from '@prms/network';
import type { Records } from '../records.js';

/** A user's key is made and changed by these; the last four name the user in their arguments. */
const OWN_KEYS: ReadonlySet<string> = new Set<OperationType>([
  'user:register',
  'hospital:register',
  'key:rotate',
]);
const OTHERS_KEYS: ReadonlySet<string> = new Set<OperationType>([
  'key:propose',
  'key:second',
  'key:object',
  'key:complete',
]);

export type HistoryKind = 'user' | 'report' | 'access' | 'appointment' | 'consultation';

/** Transactions that have to do with one patient, gathered while the record is written. */
export class EvidenceGatherer {
  readonly #transactions = new Set<string>();

  constructor(
    private readonly records: Records,
    private readonly patient: string,
  ) {}

  /** Notes every transaction that made or changed a document. */
  async note(kind: HistoryKind, id = ''): Promise<void> {
    const owner = this.patient;
    for await (const { transactionId } of this.records.all((page) =>
      this.records.history(kind, owner, id, page),
    )) {
      this.#transactions.add(transactionId);
    }
  }

  /** The operations about the patient, then those that made the keys of whoever signed them. */
  async *proofs(evidence: LedgerEvidence): AsyncGenerator<TransactionProof, void, undefined> {
    const people = new Set<string>([this.patient]);
    const about = (envelope: Envelope): boolean => concerns(envelope, this.patient);
    for (const id of this.#transactions) {
      const proof = await proofOf(evidence, id, about);
      if (!proof) continue;
      for (const { line } of proof.lines) people.add(readOperationLine(line)?.envelope.actor ?? '');
      yield proof;
    }
    people.delete('');
    // A set that grows while it is walked: those who helped somebody to new keys have keys themselves.
    for (const person of people) {
      if (person !== this.patient) yield* this.#keysOf(person, evidence, people);
    }
  }

  async *#keysOf(
    person: string,
    evidence: LedgerEvidence,
    people: Set<string>,
  ): AsyncGenerator<TransactionProof, void, undefined> {
    const transactions = new Set<string>();
    for await (const { transactionId } of this.records.all((page) =>
      this.records.history('user', person, '', page),
    )) {
      transactions.add(transactionId);
    }
    for (const id of transactions) {
      const proof = await proofOf(evidence, id, (envelope) => makesKeysOf(envelope, person));
      if (!proof) continue;
      for (const { line } of proof.lines) people.add(readOperationLine(line)?.envelope.actor ?? '');
      people.delete('');
      yield proof;
    }
  }
}

async function proofOf(
  evidence: LedgerEvidence,
  id: string,
  wanted: (envelope: Envelope) => boolean,
): Promise<TransactionProof | undefined> {
  try {
    const proof = await evidence.transaction(id, (line) => {
      const operation = readOperationLine(line);
      return operation !== null && wanted(operation.envelope);
    });
    return proof.lines.length > 0 ? proof : undefined;
  } catch (error) {
    // Younger than the head that the evidence ends in.
    if (error instanceof LedgerError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

function concerns({ type, actor, args }: Envelope, patient: string): boolean {
  if (args['patient'] === patient) return true;
  if (OTHERS_KEYS.has(type)) return args['user'] === patient || actor === patient;
  return actor === patient;
}

function makesKeysOf({ type, actor, args }: Envelope, person: string): boolean {
  if (OWN_KEYS.has(type)) return actor === person;
  if (type === 'service:authorise') return serviceOf(args) === person;
  return OTHERS_KEYS.has(type) && (args['user'] === person || type === 'key:object');
}

/** A hospital's system is authorised by its hospital, with a key whose hash is its id. */
function serviceOf(args: Envelope['args']): string | undefined {
  const read = ARGUMENTS['service:authorise'].safeParse(args);
  return read.success ? userIdOf(read.data.keys.sign) : undefined;
}
