// Makes evidence: the way from a line of a transaction to the head of the chain.
import type {
  ChainAnchor,
  LedgerEvidence,
  LineProof,
  PlaceProof,
  TransactionProof,
} from '../evidence.js';
import { LedgerError } from '../ledger.js';
import {
  type Block,
  decodeHeader,
  encodeConfig,
  encodeProposalHead,
  type Transaction,
  transactionHash,
  transactionLeaf,
} from './block.js';
import { linesOf, type Place, placeOf } from './hash-tree.js';
import { blockKey, transactionKey } from './keys.js';
import { readBlock } from './open.js';
import type { StoreReader } from './store.js';

/** Blocks may have megabytes, and all that is wanted of each is its header. */
const BLOCKS_PER_READ = 8;

/** @throws LedgerError CORRUPT | NOT_FOUND */
export async function evidenceAt(reader: StoreReader, height: number): Promise<LedgerEvidence> {
  return new EmbeddedEvidence(reader, await anchorAt(reader, height));
}

async function anchorAt(reader: StoreReader, height: number): Promise<ChainAnchor> {
  const [genesis, head] = [await readBlock(reader, 0), await readBlock(reader, height - 1)];
  if (genesis.config === null) {
    throw new LedgerError('CORRUPT', 'block 0 is not a genesis block', { block: 0 });
  }
  return {
    kind: 'embedded',
    genesis: encodeConfig(genesis.config).toString('base64url'),
    height,
    headHash: Buffer.from(head.hash).toString('hex'),
    headSignature: base64url(head.signature),
  };
}

class EmbeddedEvidence implements LedgerEvidence {
  constructor(
    private readonly reader: StoreReader,
    readonly anchor: ChainAnchor,
  ) {}

  async *chain(): AsyncGenerator<Uint8Array, void, undefined> {
    const { height } = this.anchor;
    for (let from = 0; from < height; from += BLOCKS_PER_READ) {
      const count = Math.min(BLOCKS_PER_READ, height - from);
      const numbers = Array.from({ length: count }, (_, at) => from + at);
      const blocks = await this.reader.getMany(numbers.map(blockKey));
      yield Buffer.concat(
        numbers.map((number, at) => {
          const bytes = blocks[at];
          if (bytes !== undefined) return decodeHeader(bytes).dataHash;
          throw new LedgerError('CORRUPT', `there is no block ${number}`, { block: number });
        }),
      );
    }
  }

  async transaction(
    transactionId: string,
    wanted: (line: string) => boolean,
  ): Promise<TransactionProof> {
    const block = await this.#blockOf(transactionId);
    const index = block.transactions.findIndex(({ id }) => id === transactionId);
    const transaction = block.transactions[index];
    if (transaction?.validation !== 'VALID') throw unknown(transactionId);
    const { digests, proposal } = transaction;
    const leaves = block.transactions.map((each) =>
      transactionLeaf(transactionHash(each.digests), each.validation),
    );
    return {
      kind: 'embedded',
      transactionId,
      block: block.number,
      place: asJson(placeOf(leaves, index)),
      head: base64url(encodeProposalHead(proposal)),
      args: digests.args.map(base64url),
      response: base64url(digests.response),
      rest: base64url(digests.rest),
      lines: linesWanted(transaction, wanted),
    };
  }

  async #blockOf(transactionId: string): Promise<Block> {
    const [place] = await this.reader.getMany([transactionKey(transactionId)]);
    const number = place === undefined ? this.anchor.height : Number(place.toString());
    if (number >= this.anchor.height) throw unknown(transactionId);
    return readBlock(this.reader, number);
  }
}

function linesWanted(
  { proposal, outcome }: Transaction,
  wanted: (line: string) => boolean,
): LineProof[] {
  const lines = linesOf(Buffer.from(proposal.args[0] ?? ''));
  const answers = linesOf(outcome.response);
  return lines.flatMap((bytes, index): LineProof[] => {
    const line = Buffer.from(bytes).toString('utf8');
    if (!wanted(line)) return [];
    const proof = { line, place: asJson(placeOf(lines, index)) };
    const answer = answers.length === lines.length ? answers[index] : undefined;
    if (answer === undefined) return [proof];
    const { path } = asJson(placeOf(answers, index));
    return [{ ...proof, answer: { line: Buffer.from(answer).toString('utf8'), path } }];
  });
}

function asJson({ index, count, path }: Place): PlaceProof {
  return { index, count, path: path.map(base64url) };
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

function unknown(transactionId: string): LedgerError {
  const message = `no valid transaction ${transactionId} stands on this ledger`;
  return new LedgerError('NOT_FOUND', message, { transactionId });
}
