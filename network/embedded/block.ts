// Transactions and blocks as they lie on disk: what is signed, what is hashed, and their encoding.
//
// block  = number varint | previousHash 32 | dataHash 32 | node's signature 64 | payload
// payload = 0 | config                                       (the genesis block)
//         | 1 | count | count × (length | transaction | validation code)
// header = "PRMS-block-v1\0" | number | previousHash | dataHash; its SHA-256 is the block's hash.
import { createHash } from 'node:crypto';
import type { BlockSummary } from '../ledger.js';
import { ByteReader, ByteWriter, MalformedBytes } from './bytes.js';
import type { Creator } from './identity.js';
import { readReadWriteSet, type ReadWriteSet, writeReadWriteSet } from './read-write-set.js';

export type ValidationCode = BlockSummary['transactions'][number]['validation'];

const VALIDATION_CODES = ['VALID', 'MVCC_READ_CONFLICT', 'PHANTOM_READ_CONFLICT'] as const;

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
  readonly signature: Uint8Array;
  /** Number of blocks that the simulation saw. */
  readonly simulatedHeight: number;
  readonly outcome: Outcome;
  readonly validation: ValidationCode;
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
export const NO_HASH = Buffer.alloc(HASH_BYTES);

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

export function encodeProposal(proposal: Proposal): Buffer {
  const writer = new ByteWriter(4096)
    .string('PRMS-proposal-v1')
    .string(proposal.channel)
    .string(proposal.chaincode)
    .string(proposal.fn)
    .varint(proposal.args.length);
  for (const arg of proposal.args) writer.string(arg);
  return writer
    .varint(proposal.timestampMs)
    .raw(proposal.nonce)
    .string(proposal.creator.mspId)
    .string(proposal.creator.certificate)
    .byte(proposal.hasTransient ? 1 : 0)
    .finish();
}

function decodeProposal(bytes: Buffer): Proposal {
  const reader = new ByteReader(bytes);
  if (reader.string() !== 'PRMS-proposal-v1') throw new MalformedBytes('not a proposal');
  const channel = reader.string();
  const chaincode = reader.string();
  const fn = reader.string();
  const args: string[] = [];
  for (let left = reader.count(); left > 0; left--) args.push(reader.string());
  const proposal = {
    channel,
    chaincode,
    fn,
    args,
    timestampMs: reader.varint(),
    nonce: reader.raw(NONCE_BYTES),
    creator: { mspId: reader.string(), certificate: reader.string() },
    hasTransient: reader.byte() === 1,
  };
  reader.end();
  return proposal;
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
  const { proposalBytes, outcome } = transaction;
  const writer = new ByteWriter(proposalBytes.length + outcome.response.length + 4096)
    .bytes(proposalBytes)
    .raw(transaction.signature)
    .varint(transaction.simulatedHeight);
  writeReadWriteSet(writer, outcome);
  writer.bytes(outcome.response).byte(outcome.event === null ? 0 : 1);
  if (outcome.event !== null) writer.string(outcome.event.name).bytes(outcome.event.payload);
  const bytes = writer.finish();
  return { bytes, hash: sha256(bytes) };
}

function decodeTransaction(bytes: Buffer, validation: ValidationCode): Transaction {
  const reader = new ByteReader(bytes);
  const proposalBytes = reader.bytes();
  const proposal = decodeProposal(proposalBytes);
  const signature = reader.raw(SIGNATURE_BYTES);
  const simulatedHeight = reader.varint();
  const set = readReadWriteSet(reader);
  const response = reader.bytes();
  const event = reader.byte() === 0 ? null : { name: reader.string(), payload: reader.bytes() };
  reader.end();
  const outcome = { ...set, response, event };
  const id = transactionId(proposal);
  return { id, proposal, proposalBytes, signature, simulatedHeight, outcome, validation };
}

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
  const payload = new ByteWriter()
    .string(config.channel)
    .string(config.node.mspId)
    .string(config.node.certificate)
    .varint(config.createdMs)
    .finish();
  const link = { number: 0, previousHash: NO_HASH };
  return assemble(link, sha256(payload), sign, new ByteWriter().byte(0).raw(payload).finish());
}

export function encodeBlock(
  link: Link,
  transactions: readonly { readonly sealed: Sealed; readonly validation: ValidationCode }[],
  sign: Sign,
): EncodedBlock {
  const size = transactions.reduce((sum, { sealed }) => sum + sealed.bytes.length + 16, 64);
  const payload = new ByteWriter(size).byte(1).varint(transactions.length);
  const hash = createHash('sha256');
  for (const { sealed, validation } of transactions) {
    const code = VALIDATION_CODES.indexOf(validation);
    payload.bytes(sealed.bytes).byte(code);
    hash.update(sealed.hash).update(Uint8Array.of(code));
  }
  return assemble(link, hash.digest(), sign, payload.finish());
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
  const fields = new ByteReader(payload);
  const channel = fields.string();
  const node = { mspId: fields.string(), certificate: fields.string() };
  const config = { channel, node, createdMs: fields.varint() };
  fields.end();
  return { config, transactions: [], actualDataHash: sha256(payload) };
}

function decodeTransactions(reader: ByteReader): Payload {
  const transactions: Transaction[] = [];
  const hash = createHash('sha256');
  for (let left = reader.count(2); left > 0; left--) {
    const bytes = reader.bytes();
    const code = reader.byte();
    const validation = VALIDATION_CODES[code];
    if (validation === undefined) throw new MalformedBytes('an unknown validation code');
    transactions.push(decodeTransaction(bytes, validation));
    hash.update(sha256(bytes)).update(Uint8Array.of(code));
  }
  return { config: null, transactions, actualDataHash: hash.digest() };
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
