// Checks evidence, with nothing at hand but the evidence: no ledger, no key but the one that the genesis block names.
import type { ChainAnchor, PlaceProof, TransactionProof } from '../evidence.js';
import { LedgerError } from '../ledger.js';
import {
  decodeProposalHead,
  headerBytes,
  headerHash,
  NO_HASH,
  type ProposalHead,
  readConfig,
  transactionHash,
  transactionId,
  transactionLeaf,
} from './block.js';
import { MalformedBytes } from './bytes.js';
import { rootFrom, sha256 } from './hash-tree.js';
import { publicKeyOf, verifyBytes } from './identity.js';

/** A chain that holds together. */
export interface CheckedChain {
  readonly channel: string;
  /** The node whose key signed the head. */
  readonly node: { readonly mspId: string; readonly certificate: string };
  /** Hex. */
  readonly genesisHash: string;
  /** Data hashes of the blocks that were asked for. */
  readonly dataHashes: ReadonlyMap<number, Uint8Array>;
}

export interface CheckedLine {
  readonly line: string;
  readonly answer: string | undefined;
}

/** A transaction that is in its block, with the lines of it that are shown. */
export interface CheckedTransaction {
  readonly transactionId: string;
  readonly block: number;
  readonly channel: string;
  readonly chaincode: string;
  readonly fn: string;
  readonly argCount: number;
  readonly timestampMs: number;
  readonly lines: readonly CheckedLine[];
}

export interface ChainWishes {
  /** Blocks whose data hashes are wanted. */
  readonly keep: ReadonlySet<number>;
  /** Hashes of blocks that were noted elsewhere, hex. */
  readonly expect?: readonly { readonly block: number; readonly hash: string }[];
}

const HASH_BYTES = 32;

/**
 * Builds the chain of headers anew, from the genesis block to the head, and checks the node's signature over the head.
 * @param pieces the blocks' data hashes, 32 bytes each, cut anyhow
 * @throws LedgerError CORRUPT with what does not hold
 */
export async function checkChain(
  anchor: ChainAnchor,
  pieces: AsyncIterable<Uint8Array>,
  { keep, expect = [] }: ChainWishes,
): Promise<CheckedChain> {
  const genesis = Buffer.from(anchor.genesis, 'base64url');
  const config = readOrLie(() => readConfig(genesis), 'the genesis block can not be read');
  const late = expect.find(({ block }) => block >= anchor.height);
  if (late !== undefined) throw lie(`block ${late.block} was noted and is not on this chain`);
  const walk = new HeaderWalk(expect, keep);
  for await (const dataHash of cut(pieces)) walk.step(dataHash);
  if (walk.height !== anchor.height) {
    throw lie(`the chain has ${walk.height} blocks and should have ${anchor.height}`);
  }
  if (walk.genesisDataHash !== hexOf(sha256(genesis))) {
    throw lie('the chain begins with another genesis block');
  }
  if (hexOf(walk.hash) !== anchor.headHash) throw lie('the chain ends in another head');
  const signature = Buffer.from(anchor.headSignature, 'base64url');
  const signed = readOrLie(
    () => verifyBytes(publicKeyOf(config.node.certificate), walk.headerBytes, signature),
    'the node’s certificate can not be read',
  );
  if (!signed) throw lie('the head is not signed with the node’s key');
  const { channel, node } = config;
  return { channel, node, genesisHash: walk.genesisHash, dataHashes: walk.kept };
}

class HeaderWalk {
  height = 0;
  hash: Uint8Array = NO_HASH;
  headerBytes: Uint8Array = NO_HASH;
  genesisHash = '';
  genesisDataHash = '';
  readonly kept = new Map<number, Uint8Array>();

  constructor(
    private readonly expect: NonNullable<ChainWishes['expect']>,
    private readonly keep: ReadonlySet<number>,
  ) {}

  step(dataHash: Uint8Array): void {
    const number = this.height++;
    const header = { number, previousHash: this.hash, dataHash };
    this.headerBytes = headerBytes(header);
    this.hash = headerHash(header);
    if (number === 0) {
      this.genesisHash = hexOf(this.hash);
      this.genesisDataHash = hexOf(dataHash);
    }
    if (this.keep.has(number)) this.kept.set(number, dataHash);
    for (const { block, hash } of this.expect) {
      if (block === number && hash !== hexOf(this.hash)) {
        throw lie(`block ${number} has another hash than the one that was noted`);
      }
    }
  }
}

/**
 * Checks that a transaction is in its block, and that the lines shown, and their answers, are in the transaction.
 * @throws LedgerError CORRUPT with what does not hold
 */
export function checkTransaction(
  proof: TransactionProof,
  dataHashes: ReadonlyMap<number, Uint8Array>,
): CheckedTransaction {
  const { block } = proof;
  const headBytes = Buffer.from(proof.head, 'base64url');
  const head: ProposalHead = readOrLie(
    () => decodeProposalHead(headBytes),
    'a transaction’s proposal can not be read',
  );
  const id = transactionId(head);
  if (id !== proof.transactionId) throw lie(`a proof names transaction ${id} by another id`, block);
  if (head.argCount !== proof.args.length) {
    throw lie(`transaction ${id} is shown with another number of arguments`, block);
  }
  const hash = transactionHash({
    head: sha256(headBytes),
    args: proof.args.map(bytesOf),
    response: bytesOf(proof.response),
    rest: bytesOf(proof.rest),
  });
  const root = rootFrom(transactionLeaf(hash, 'VALID'), placeFrom(proof.place));
  const dataHash = dataHashes.get(block);
  if (root === undefined || dataHash === undefined || !root.equals(dataHash)) {
    throw lie(`transaction ${id} is not in block ${block}`, block);
  }
  const lines = proof.lines.map((line, n) => {
    const inArgument = rootFrom(Buffer.from(line.line), placeFrom(line.place));
    if (inArgument === undefined || !inArgument.equals(bytesOf(proof.args[0] ?? ''))) {
      throw lie(`line ${n} is not in transaction ${id}`, block);
    }
    return { line: line.line, answer: checkAnswer(proof, line) };
  });
  const { channel, chaincode, fn, argCount, timestampMs } = head;
  return { transactionId: id, block, channel, chaincode, fn, argCount, timestampMs, lines };
}

function checkAnswer(
  { response, transactionId: id, block }: TransactionProof,
  { answer, place }: TransactionProof['lines'][number],
): string | undefined {
  if (answer === undefined) return undefined;
  const root = rootFrom(Buffer.from(answer.line), placeFrom({ ...place, path: answer.path }));
  if (root === undefined || !root.equals(bytesOf(response))) {
    throw lie(`an answer is not the one that transaction ${id} gave to its line`, block);
  }
  return answer.line;
}

async function* cut(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0);
  for await (const piece of pieces) {
    rest = Buffer.concat([rest, piece]);
    let at = 0;
    for (; rest.length - at >= HASH_BYTES; at += HASH_BYTES) {
      yield Buffer.from(rest.subarray(at, at + HASH_BYTES));
    }
    rest = rest.subarray(at);
  }
  if (rest.length > 0) throw lie('the chain of headers ends within a hash');
}

function readOrLie<T>(read: () => T, message: string): T {
  try {
    return read();
  } catch (error) {
    const certificate = error instanceof Error && 'code' in error;
    if (error instanceof MalformedBytes || certificate) throw lie(message);
    throw error;
  }
}

const placeFrom = ({ index, count, path }: PlaceProof) => ({
  index,
  count,
  path: path.map(bytesOf),
});
const bytesOf = (text: string): Buffer => Buffer.from(text, 'base64url');
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function lie(message: string, block?: number): LedgerError {
  return new LedgerError('CORRUPT', message, block === undefined ? {} : { block });
}
