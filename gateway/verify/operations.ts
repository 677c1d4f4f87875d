// The signed operations of an export: each in its block, each signed by the key that its actor had at that moment, each
// with the receipt that the ledger gave it.
import {
  ARGUMENTS,
  canonicalise,
  genesisSchema,
  hashText,
  isSignedBy,
  kidOf,
  readOperationLine,
  RECORDS,
  signedText,
  userIdOf,
  operationIdSchema,
  versionSchema,
  type AppliedOperation,
  type ArgumentsOf,
  type Envelope,
  type Genesis,
  type OperationType,
  type Receipt,
} from '@prms/chaincode';
import {
  checkTransaction,
  LedgerError,
  type CheckedTransaction,
  type TransactionProof,
} from '@prms/network';
import { z } from 'zod';
import { FILES, transactionProofSchema } from '../export-format/index.js';
import { outcomeSchema, readAs, refusalSchema } from './documents.js';
import { NotProven } from './findings.js';

const FILE = FILES.operations;

const receiptSchema = z.discriminatedUnion('status', [
  z.strictObject({
    id: operationIdSchema,
    status: z.literal('applied'),
    version: versionSchema,
    outcome: outcomeSchema.exactOptional(),
  }),
  z.strictObject({ id: operationIdSchema, status: z.literal('refused'), code: refusalSchema }),
]);
const foundedSchema = genesisSchema.extend({ channel: z.string() });

/** An operation that stands on the chain. `hash`: of its bytes, as documents on the ledger name it. */
export interface ProvenOperation extends AppliedOperation {
  readonly block: number;
  readonly transactionId: string;
}

interface Found extends Omit<ProvenOperation, 'receipt'> {
  readonly receipt: Receipt;
  readonly bytes: string;
  readonly signature: string;
  /** Its place in its block: transaction, then line. */
  readonly place: readonly [transaction: number, line: number];
}

/** Operations by id, and who holds which key in the end. */
export interface ProvenOperations {
  /** The periods and first hospitals that the ledger was founded with. */
  readonly genesis: Genesis;
  /** Those that were applied, in the order of the chain. */
  readonly applied: ReadonlyMap<string, ProvenOperation>;
  readonly refused: number;
  /** Each known user's present public signing key. */
  readonly keys: ReadonlyMap<string, string>;
  /** Users whose keys two hospitals replaced. */
  readonly rekeyed: ReadonlySet<string>;
}

/** One line of the evidence. @throws NotProven */
export function readProof(value: unknown): TransactionProof {
  const read = readAs(transactionProofSchema, value, { file: FILE, what: 'a line of it' });
  const lines = read.lines.map(({ answer, ...line }) =>
    answer === undefined ? line : { ...line, answer },
  );
  return { ...read, lines };
}

/** @throws NotProven at the first operation that does not hold */
export function proveOperations(
  proofs: readonly TransactionProof[],
  channel: string,
  dataHashes: ReadonlyMap<number, Uint8Array>,
): ProvenOperations {
  const found = new Map<string, Found>();
  let genesis: Genesis | undefined;
  for (const proof of proofs) {
    const checked = onlyLies(() => checkTransaction(proof, dataHashes));
    const { transactionId, chaincode, argCount, fn } = checked;
    if (checked.channel !== channel || chaincode !== RECORDS || argCount !== 1)
      throw new NotProven(FILE, `transaction ${transactionId} is none of this record's ledger`);
    if (fn === 'ledger:init') {
      if (genesis) throw new NotProven(FILE, 'shows two foundings of the ledger');
      genesis = readGenesis(checked);
      continue;
    }
    for (const operation of operationsIn(proof, checked))
      found.set(`${operation.transactionId} ${operation.place[1]}`, operation);
  }
  if (!genesis) throw new NotProven(FILE, 'does not show how the ledger was founded');
  const walk = new KeyWalk(genesis);
  for (const operation of [...found.values()].sort(inOrder)) walk.step(operation);
  return walk;
}

/** The founding's answer is the document that it wrote. */
function readGenesis({ transactionId, channel, lines }: CheckedTransaction): Genesis {
  const what = `transaction ${transactionId}, which founded the ledger,`;
  const [line] = lines;
  const genesis = readAs(foundedSchema, parsed(line?.answer), { file: FILE, what });
  if (genesis.channel === channel) return genesis;
  throw new NotProven(FILE, `${what} founded another one`);
}

function operationsIn(proof: TransactionProof, checked: CheckedTransaction): Found[] {
  const { transactionId, block } = checked;
  if (checked.fn !== 'operations:apply')
    throw new NotProven(FILE, `transaction ${transactionId} is not one of signed operations`);
  return checked.lines.map(({ line, answer }, at) => {
    const operation = readOperationLine(line);
    if (!operation || answer === undefined) {
      throw new NotProven(FILE, `a line of transaction ${transactionId} is no operation`);
    }
    const { envelope, bytes, signature } = operation;
    const receipt = readReceipt(answer, envelope.id);
    const place = [proof.place.index, proof.lines[at]?.place.index ?? 0] as const;
    const hash = hashText(bytes);
    return { envelope, bytes, signature, hash, receipt, block, transactionId, place };
  });
}

function readReceipt(line: string, id: string): Receipt {
  const what = `the receipt of operation ${id}`;
  const receipt = readAs(receiptSchema, parsed(line), { file: FILE, what });
  if (receipt.id === id) return receipt;
  throw new NotProven(FILE, `${what} is another one's`);
}

function parsed(line: string | undefined): unknown {
  try {
    return JSON.parse(line ?? '');
  } catch {
    return undefined;
  }
}

function inOrder(a: Found, b: Found): number {
  return a.block - b.block || a.place[0] - b.place[0] || a.place[1] - b.place[1];
}

function onlyLies<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof LedgerError) throw new NotProven(FILE, error.message);
    throw error;
  }
}

/** Goes through the operations as the chain did, and knows at each who holds which key. */
class KeyWalk implements ProvenOperations {
  readonly applied = new Map<string, ProvenOperation>();
  readonly keys = new Map<string, string>();
  readonly rekeyed = new Set<string>();
  readonly #proposals = new Map<string, ArgumentsOf<'key:propose'>>();
  refused = 0;

  constructor(readonly genesis: Genesis) {}

  step(operation: Found): void {
    const { envelope, receipt, hash, block, transactionId } = operation;
    // Whatever it was, it changed nothing; its signature may be the very reason.
    if (receipt.status === 'refused') {
      this.refused++;
      return;
    }
    this.#mustBeSigned(operation);
    // The same bytes sent again were given their first receipt again.
    const before = this.applied.get(envelope.id);
    if (before === undefined) {
      this.applied.set(envelope.id, { envelope, receipt, hash, block, transactionId });
      this.#learn(envelope);
    } else if (before.hash !== operation.hash) {
      throw new NotProven(FILE, `two different operations have the id ${envelope.id}`);
    }
  }

  #mustBeSigned({ envelope, bytes, signature, receipt }: Found): void {
    const { actor, kid, id } = envelope;
    const publicKey = this.keys.get(actor) ?? this.#registering(envelope);
    if (publicKey === undefined) {
      throw new NotProven(FILE, `who signed operation ${id} is not shown: ${actor} is unknown`);
    }
    const again = this.applied.has(receipt.id);
    if (kidOf(publicKey) !== kid && again) return;
    if (
      kidOf(publicKey) !== kid ||
      !isSignedBy({ publicKey, text: signedText(bytes), signature })
    ) {
      throw new NotProven(FILE, `operation ${id} is not signed by ${actor}`);
    }
  }

  /** Who registers signs with the very key that makes their id. */
  #registering(envelope: Envelope): string | undefined {
    const registration =
      argumentsOf('user:register', envelope) ?? argumentsOf('hospital:register', envelope);
    const key = registration?.keys.sign;
    return key !== undefined && userIdOf(key) === envelope.actor ? key : undefined;
  }

  #learn(envelope: Envelope): void {
    const { actor, id } = envelope;
    const first = this.keys.has(actor) ? undefined : this.#registering(envelope);
    if (first !== undefined) this.keys.set(actor, first);
    const service = argumentsOf('service:authorise', envelope)?.keys.sign;
    // Whose key it is, says its hash; a hospital can't give it another one.
    if (service !== undefined) this.keys.set(userIdOf(service), service);
    const rotation = argumentsOf('key:rotate', envelope);
    if (rotation) this.keys.set(actor, rotation.keys.sign);
    const proposal = argumentsOf('key:propose', envelope);
    if (proposal) this.#proposals.set(id, proposal);
    const completion = argumentsOf('key:complete', envelope);
    if (!completion) return;
    const proposed = this.#proposals.get(completion.proposal);
    if (proposed?.user !== completion.user) {
      throw new NotProven(FILE, `operation ${id} completes a re-keying that is not shown`);
    }
    this.keys.set(completion.user, proposed.keys.sign);
    this.rekeyed.add(completion.user);
  }
}

/** The arguments of an operation of this type; undefined for another type. */
export function argumentsOf<T extends OperationType>(
  type: T,
  envelope: Envelope,
): ArgumentsOf<T> | undefined {
  if (envelope.type !== type) return undefined;
  const read = ARGUMENTS[type].safeParse(envelope.args);
  if (!read.success) {
    throw new NotProven(FILE, `operation ${envelope.id} has arguments that its type has not`);
  }
  // The schema of this very type has read them; the compiler can't follow a lookup by a type parameter.
  return read.data as ArgumentsOf<T>;
}

/** Are two values the same, to the canonical byte? */
export function same(a: unknown, b: unknown): boolean {
  return canonicalise(a) === canonicalise(b);
}
