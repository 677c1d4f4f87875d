// Transactions and blocks as they lie on disk: what is signed, what is hashed, and their encoding.
//
// block  = number varint | previousHash 32 | dataHash 32 | node's signature 64 | payload
// payload = 0 | config                                       (the genesis block)
//         | 1 | count | count × (length | transaction | validation code)
// transaction = length | proposal | length | response | rest
// proposal = length | head | as many arguments as the head says; its creator signs it whole
// header = "PRMS-block-v1\0" | number | previousHash | dataHash; its SHA-256 is the block's hash.
//
// What is hashed is a tree, so that one line of one transaction can be shown to be in a block without the lines beside it,
// which are other people's (`evidence.ts`):
// dataHash = tree root of the transactions' hashes, each with its validation code behind it (genesis: SHA-256 of config)
// a transaction's hash = SHA-256("PRMS-transaction-v1" NUL | SHA-256(head) | each argument's | the response's tree root
// over its lines | SHA-256(rest))
import type { BlockSummary } from '../ledger.js';
import { ByteReader, ByteWriter, MalformedBytes } from './bytes.js';
import type { Creator } from './identity.js';
import { linesOf, sha256, treeRoot } from './hash-tree.js';
import { readReadWriteSet, type ReadWriteSet, writeReadWriteSet } from './read-write-set.js';

export type ValidationCode = BlockSummary['transactions'][number]['validation'];

export const VALIDATION_CODES = ['VALID', 'MVCC_READ_CONFLICT', 'PHANTOM_READ_CONFLICT'] as const;

/** What a creator asks for and signs: enough to run it again. */
export interface Proposal {
  readonly channel: string;
  readonly chaincode: string;
  readonly fn: string;
  readonly args: readonly string[];
  readonly timestampMs: number;
  readonly nonce: Uint8Array;
  readonly creator: Creator;
  /** Transient data came with it: it is not in the block, so this transaction can't be run again. */
  readonly hasTransient: boolean;
}

export interface ChaincodeEvent {
  readonly name: string;
  readonly payload: Uint8Array;
}

export interface Outcome extends ReadWriteSet {
  readonly response: Uint8Array;
  readonly event: ChaincodeEvent | null;
}

export interface Transaction {
  readonly id: string;
  readonly proposal: Proposal;
  /** The proposal as it was signed. */
  readonly proposalBytes: Uint8Array;
  /** What its hash is made of. */
  readonly digests: TransactionDigests;
  readonly signature: Uint8Array;
  /** Number of blocks that the simulation saw. */
  readonly simulatedHeight: number;
  readonly outcome: Outcome;
  readonly validation: ValidationCode;
}

/** A transaction's parts as they are hashed. */
export interface TransactionDigests {
  /** The proposal without its arguments. */
  readonly head: Uint8Array;
  /** The tree roots of the arguments' lines. */
  readonly args: readonly Uint8Array[];
  /** The tree root of the response's lines. */
  readonly response: Uint8Array;
  /** SHA-256 of everything else: signature, what was read and written, the event. */
  readonly rest: Uint8Array;
}

export interface Config {
  readonly channel: string;
  readonly node: Creator;
  readonly createdMs: number;
}

export interface Header {
  readonly number: number;
  readonly previousHash: Uint8Array;
  readonly dataHash: Uint8Array;
}

export interface Block extends Header {
  readonly signature: Uint8Array;
  readonly hash: Uint8Array;
  readonly config: Config | null;
  readonly transactions: readonly Transaction[];
  /** SHA-256 of the payload as it was found, to be compared with the header's. */
  readonly actualDataHash: Uint8Array;
}

/** A transaction on its way into a block: its bytes, and their hash, are made once, when it has been simulated. */
export interface Sealed {
  readonly bytes: Buffer;
  readonly hash: Uint8Array;
}

const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;
const NONCE_BYTES = 24;
const TRANSACTION_PREFIX = Buffer.from('PRMS-transaction-v1\0');
export const NO_HASH = Buffer.alloc(HASH_BYTES);

export function encodeProposal(proposal: Proposal): Buffer {
  const writer = new ByteWriter(4096).bytes(encodeProposalHead(proposal));
  for (const arg of proposal.args) writer.string(arg);
  return writer.finish();
}

/** The proposal without its arguments. */
export function encodeProposalHead(proposal: Proposal): Buffer {
  return new ByteWriter()
    .string('PRMS-proposal-v1')
    .string(proposal.channel)
    .string(proposal.chaincode)
    .string(proposal.fn)
    .varint(proposal.timestampMs)
    .raw(proposal.nonce)
    .string(proposal.creator.mspId)
    .string(proposal.creator.certificate)
    .byte(proposal.hasTransient ? 1 : 0)
    .varint(proposal.args.length)
    .finish();
}

/** A proposal without its arguments, and how many it has. */
export type ProposalHead = Omit<Proposal, 'args'> & { readonly argCount: number };

/** @throws MalformedBytes */
export function decodeProposalHead(bytes: Buffer): ProposalHead {
  const reader = new ByteReader(bytes);
  if (reader.string() !== 'PRMS-proposal-v1') throw new MalformedBytes('not a proposal');
  const head = {
    channel: reader.string(),
    chaincode: reader.string(),
    fn: reader.string(),
    timestampMs: reader.varint(),
    nonce: reader.raw(NONCE_BYTES),
    creator: { mspId: reader.string(), certificate: reader.string() },
    hasTransient: reader.byte() === 1,
    argCount: reader.varint(),
  };
  reader.end();
  return head;
}

/** Cuts a proposal at its seams, without reading its arguments. @throws MalformedBytes */
function cutProposal(bytes: Buffer): {
  readonly head: ProposalHead;
  readonly args: readonly Buffer[];
  readonly digests: Pick<TransactionDigests, 'head' | 'args'>;
} {
  const reader = new ByteReader(bytes);
  const headBytes = reader.bytes();
  const head = decodeProposalHead(headBytes);
  const args: Buffer[] = [];
  for (let left = head.argCount; left > 0; left--) args.push(reader.bytes());
  reader.end();
  const digests = { head: sha256(headBytes), args: args.map((arg) => treeRoot(linesOf(arg))) };
  return { head, args, digests };
}

/** As in Fabric: SHA-256 over nonce and creator, hex. */
export function transactionId(proposal: Pick<Proposal, 'nonce' | 'creator'>): string {
  const { mspId, certificate } = proposal.creator;
  const creator = new ByteWriter().string(mspId).string(certificate).finish();
  return sha256(proposal.nonce, creator).toString('hex');
}

export function sealTransaction(
  transaction: Pick<Transaction, 'proposalBytes' | 'signature' | 'simulatedHeight' | 'outcome'>,
): Sealed {
  const { outcome } = transaction;
  const proposalBytes = viewOf(transaction.proposalBytes);
  const rest = new ByteWriter(4096).raw(transaction.signature).varint(transaction.simulatedHeight);
  writeReadWriteSet(rest, outcome);
  rest.byte(outcome.event === null ? 0 : 1);
  if (outcome.event !== null) rest.string(outcome.event.name).bytes(outcome.event.payload);
  const restBytes = rest.finish();
  const size = proposalBytes.length + outcome.response.length + restBytes.length + 16;
  const bytes = new ByteWriter(size)
    .bytes(proposalBytes)
    .bytes(outcome.response)
    .raw(restBytes)
    .finish();
  const { digests } = cutProposal(proposalBytes);
  return { bytes, hash: transactionHash(withOutcome(digests, outcome.response, restBytes)) };
}

function decodeTransaction(bytes: Buffer, validation: ValidationCode): Transaction {
  const reader = new ByteReader(bytes);
  const proposalBytes = reader.bytes();
  const { head, args, digests } = cutProposal(proposalBytes);
  const response = reader.bytes();
  const restBytes = reader.rest();
  const rest = new ByteReader(restBytes);
  const signature = rest.raw(SIGNATURE_BYTES);
  const simulatedHeight = rest.varint();
  const set = readReadWriteSet(rest);
  const event = readEvent(rest);
  rest.end();
  const { argCount: _, ...proposal } = head;
  return {
    id: transactionId(head),
    proposal: { ...proposal, args: args.map((arg) => arg.toString('utf8')) },
    proposalBytes,
    digests: withOutcome(digests, response, restBytes),
    signature,
    simulatedHeight,
    outcome: { ...set, response, event },
    validation,
  };
}

function readEvent(reader: ByteReader): ChaincodeEvent | null {
  const flag = reader.byte();
  // Every bit counts: another one for the same meaning would be another block of the same contents.
  if (flag > 1) throw new MalformedBytes('an event that is neither there nor not');
  return flag === 0 ? null : { name: reader.string(), payload: reader.bytes() };
}

function withOutcome(
  digests: Pick<TransactionDigests, 'head' | 'args'>,
  response: Uint8Array,
  rest: Uint8Array,
): TransactionDigests {
  return { ...digests, response: treeRoot(linesOf(response)), rest: sha256(rest) };
}

/** The hash that stands for a transaction in its block. */
export function transactionHash({ head, args, response, rest }: TransactionDigests): Buffer {
  return sha256(TRANSACTION_PREFIX, head, ...args, response, rest);
}

/** A transaction as a leaf of its block's tree. */
export function transactionLeaf(hash: Uint8Array, validation: ValidationCode): Buffer {
  return Buffer.concat([hash, Buffer.of(VALIDATION_CODES.indexOf(validation))]);
}

const viewOf = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The bytes that the node signs and whose SHA-256 is the block's hash. */
export function headerBytes(header: Header): Buffer {
  return new ByteWriter(128)
    .string('PRMS-block-v1')
    .varint(header.number)
    .raw(header.previousHash)
    .raw(header.dataHash)
    .finish();
}

export interface EncodedBlock {
  readonly hash: Buffer;
  readonly bytes: Buffer;
}

type Sign = (bytes: Uint8Array) => Uint8Array;
type Link = Pick<Header, 'number' | 'previousHash'>;

export function encodeGenesis(config: Config, sign: Sign): EncodedBlock {
  const payload = encodeConfig(config);
  const link = { number: 0, previousHash: NO_HASH };
  return assemble(link, sha256(payload), sign, new ByteWriter().byte(0).raw(payload).finish());
}

export function encodeConfig({ channel, node, createdMs }: Config): Buffer {
  return new ByteWriter()
    .string(channel)
    .string(node.mspId)
    .string(node.certificate)
    .varint(createdMs)
    .finish();
}

export function encodeBlock(
  link: Link,
  transactions: readonly { readonly sealed: Sealed; readonly validation: ValidationCode }[],
  sign: Sign,
): EncodedBlock {
  const size = transactions.reduce((sum, { sealed }) => sum + sealed.bytes.length + 16, 64);
  const payload = new ByteWriter(size).byte(1).varint(transactions.length);
  for (const { sealed, validation } of transactions) {
    payload.bytes(sealed.bytes).byte(VALIDATION_CODES.indexOf(validation));
  }
  const leaves = transactions.map(({ sealed, validation }) =>
    transactionLeaf(sealed.hash, validation),
  );
  return assemble(link, treeRoot(leaves), sign, payload.finish());
}

function assemble(link: Link, dataHash: Uint8Array, sign: Sign, payload: Buffer): EncodedBlock {
  const header = headerBytes({ ...link, dataHash });
  const bytes = new ByteWriter(payload.length + 160)
    .varint(link.number)
    .raw(link.previousHash)
    .raw(dataHash)
    .raw(sign(header))
    .raw(payload)
    .finish();
  return { hash: sha256(header), bytes };
}

/** @throws MalformedBytes when the bytes are not a block. Hashes and signatures are the caller's to check. */
export function decodeBlock(bytes: Buffer): Block {
  const reader = new ByteReader(bytes);
  const header = {
    number: reader.varint(),
    previousHash: reader.raw(HASH_BYTES),
    dataHash: reader.raw(HASH_BYTES),
  };
  const signature = reader.raw(SIGNATURE_BYTES);
  const hash = sha256(headerBytes(header));
  const kind = reader.byte();
  const payload =
    kind === 0 ? decodeConfig(reader) : kind === 1 ? decodeTransactions(reader) : undefined;
  if (payload === undefined) throw new MalformedBytes('a block of unknown kind');
  reader.end();
  return { ...header, signature, hash, ...payload };
}

type Payload = Pick<Block, 'config' | 'transactions' | 'actualDataHash'>;

function decodeConfig(reader: ByteReader): Payload {
  const payload = reader.rest();
  return { config: readConfig(payload), transactions: [], actualDataHash: sha256(payload) };
}

/** @throws MalformedBytes */
export function readConfig(bytes: Buffer): Config {
  const fields = new ByteReader(bytes);
  const channel = fields.string();
  const node = { mspId: fields.string(), certificate: fields.string() };
  const config = { channel, node, createdMs: fields.varint() };
  fields.end();
  return config;
}

function decodeTransactions(reader: ByteReader): Payload {
  const transactions: Transaction[] = [];
  for (let left = reader.count(2); left > 0; left--) {
    const bytes = reader.bytes();
    const validation = VALIDATION_CODES[reader.byte()];
    if (validation === undefined) throw new MalformedBytes('an unknown validation code');
    transactions.push(decodeTransaction(bytes, validation));
  }
  const leaves = transactions.map(({ digests, validation }) =>
    transactionLeaf(transactionHash(digests), validation),
  );
  return { config: null, transactions, actualDataHash: treeRoot(leaves) };
}

/** A block's header alone, without looking at what the block holds. @throws MalformedBytes */
export function decodeHeader(bytes: Buffer): Header & { readonly signature: Uint8Array } {
  const reader = new ByteReader(bytes);
  return {
    number: reader.varint(),
    previousHash: reader.raw(HASH_BYTES),
    dataHash: reader.raw(HASH_BYTES),
    signature: reader.raw(SIGNATURE_BYTES),
  };
}

/** The hash that the next block names. */
export function headerHash(header: Header): Buffer {
  return sha256(headerBytes(header));
}

export function summarise(block: Block): BlockSummary {
  return {
    number: block.number,
    hash: Buffer.from(block.hash).toString('hex'),
    previousHash: Buffer.from(block.previousHash).toString('hex'),
    transactions: block.transactions.map(({ id, proposal, validation }) => ({
      transactionId: id,
      chaincode: proposal.chaincode,
      timestampMs: proposal.timestampMs,
      validation,
    })),
  };
}
