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
import { z } from 'zod';
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

/** Documents of their own; everything else that is done to a patient stands in their policy document. */
const LISTED: ReadonlySet<string> = new Set(['report', 'access', 'appointment', 'consultation']);

const slotSchema = z.looseObject({ doctor: z.string(), offer: z.string() });

export type HistoryKind = 'user' | 'report' | 'access' | 'appointment' | 'consultation';

/** Transactions that have to do with one patient, gathered while the record is written. */
export class EvidenceGatherer {
  /** By transaction, the documents that it brought to a state on the way to the one that is shown. */
  readonly #transactions = new Map<string, Set<string>>();
  /** By transaction, the offers of slots that it made; the ledger's founding makes none. */
  readonly #grounds = new Map<string, Set<string>>();
  readonly #offers = new Set<string>();

  constructor(
    private readonly records: Records,
    private readonly patient: string,
  ) {}

  /**
   * Notes every transaction that made or changed a document until it was as it is shown. What came later is left out: the
   * document in the record doesn't say it.
   * @param isShown is this state of the document the one in the record?
   */
  async note(
    kind: HistoryKind,
    id: string,
    isShown: (document: unknown) => boolean,
  ): Promise<void> {
    let reached = false;
    for await (const { transactionId, document } of this.#history(kind, this.patient, id)) {
      reached ||= isShown(document);
      if (!reached) continue;
      const documents = this.#transactions.get(transactionId) ?? new Set();
      this.#transactions.set(transactionId, documents.add(`${kind}/${id}`));
      if (kind === 'appointment') await this.#noteOffer(slotSchema.parse(document));
    }
  }

  /** An appointment's hospital stands in the offer of its slot; what others did with that offer is not shown. */
  async #noteOffer({ doctor, offer }: z.infer<typeof slotSchema>): Promise<void> {
    if (this.#offers.has(offer)) return;
    this.#offers.add(offer);
    const made = await this.#first('offer', doctor, offer);
    this.#grounds.set(made, (this.#grounds.get(made) ?? new Set()).add(offer));
  }

  async #first(kind: 'offer' | 'genesis', owner: string, id: string): Promise<string> {
    let first = '';
    for await (const { transactionId } of this.#history(kind, owner, id)) first = transactionId;
    return first;
  }

  #history(kind: string, owner: string, id: string) {
    return this.records.all((page) => this.records.history(kind, owner, id, page));
  }

  /** The ledger's founding, the operations about the patient, then those that made the keys of whoever signed them. */
  async *proofs(evidence: LedgerEvidence): AsyncGenerator<TransactionProof, void, undefined> {
    const founding = await this.#first('genesis', this.patient, '');
    // Its one line is no operation.
    const founded = await proofOf(evidence, founding, () => true);
    if (founded) yield founded;
    const people = new Set<string>([this.patient]);
    for (const id of new Set([...this.#grounds.keys(), ...this.#transactions.keys()])) {
      const proof = await proofOf(evidence, id, (line) => this.#isWanted(id, line));
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

  #isWanted(transaction: string, line: string): boolean {
    const envelope = readOperationLine(line)?.envelope;
    if (!envelope) return false;
    if (this.#grounds.get(transaction)?.has(envelope.id)) return true;
    const shown = this.#transactions.get(transaction);
    return documentsOf(envelope, this.patient).some((document) => shown?.has(document));
  }

  async *#keysOf(
    person: string,
    evidence: LedgerEvidence,
    people: Set<string>,
  ): AsyncGenerator<TransactionProof, void, undefined> {
    const transactions = new Set<string>();
    for await (const { transactionId } of this.#history('user', person, '')) {
      transactions.add(transactionId);
    }
    for (const id of transactions) {
      const proof = await proofOf(evidence, id, (line) => {
        const operation = readOperationLine(line);
        return operation !== null && makesKeysOf(operation.envelope, person);
      });
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
  wanted: (line: string) => boolean,
): Promise<TransactionProof | undefined> {
  try {
    const proof = await evidence.transaction(id, wanted);
    return proof.lines.length > 0 ? proof : undefined;
  } catch (error) {
    // Younger than the head that the evidence ends in.
    if (error instanceof LedgerError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

/** The patient's documents that an operation makes or changes, as `note` names them. */
function documentsOf({ type, actor, id, args }: Envelope, patient: string): string[] {
  const [family = ''] = type.split(':');
  const owner = args['patient'] ?? (type.startsWith('key:') ? args['user'] : undefined) ?? actor;
  if (owner !== patient) return [];
  if (!LISTED.has(family)) return ['user/'];
  const named = typeof args['id'] === 'string' ? args['id'] : id;
  // A new version of a report changes the old one too.
  return [...new Set([named, ...(type === 'report:supersede' ? [id] : [])])].map(
    (document) => `${family}/${document}`,
  );
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
