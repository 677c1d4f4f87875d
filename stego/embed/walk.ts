// The keyed walk: which samples of an image carry which bit. Samples are visited block by block, so
// that the working set stays in the first-level cache, yet every block carries its equal share.
import { WordStream } from '../cipher/index.js';

/** Largest number of samples in one block. */
export const BLOCK_SAMPLES = 4096;

/** Bits of the header, which can be read before the body's length is known. */
export const HEADER_BITS = 128;

const DOMAIN_ORDER = 0;
const DOMAIN_HEADER = 1;
const DOMAIN_BODY = 2;

const TWO_TO_MINUS_32 = 2 ** -32;
const IDENTITY = Uint16Array.from({ length: BLOCK_SAMPLES }, (_, i) => i);

/** Receives the next positions of the walk; `positions` is reused, and holds `count` valid entries. */
export type PositionVisitor = (positions: Uint32Array, count: number) => void;

/** Number of blocks that `sampleCount` samples are cut into. */
export function blockCount(sampleCount: number): number {
  return Math.ceil(sampleCount / BLOCK_SAMPLES);
}

/** Most body bits that a walk over `sampleCount` samples can carry beside the header. */
export function bodyCapacityBits(sampleCount: number): number {
  const blocks = blockCount(sampleCount);
  if (blocks === 0) return 0;
  const perBlock = Math.floor(sampleCount / blocks) - Math.ceil(HEADER_BITS / blocks);
  return Math.max(0, blocks * perBlock);
}

/** How many header bits the block of rank `rank` carries. */
function headerShare(rank: number, blocks: number): number {
  return Math.max(0, Math.ceil((HEADER_BITS - rank) / blocks));
}

/** A walk over the samples of one image under one position key (32 bytes). */
export class Walk {
  readonly #sampleCount: number;
  readonly #blocks: number;
  readonly #key: Uint8Array;
  readonly #order: Uint32Array;
  readonly #headerWords = new Uint32Array(HEADER_BITS);
  readonly #permutation = new Uint16Array(BLOCK_SAMPLES);
  readonly #positions = new Uint32Array(BLOCK_SAMPLES);

  constructor(positionKey: Uint8Array, sampleCount: number) {
    this.#key = positionKey;
    this.#sampleCount = sampleCount;
    this.#blocks = blockCount(sampleCount);
    this.#order = shuffledBlocks(new WordStream(positionKey, DOMAIN_ORDER), this.#blocks);
    new WordStream(positionKey, DOMAIN_HEADER).fill(this.#headerWords, HEADER_BITS);
  }

  /** Visits the {@link HEADER_BITS} positions of the header. */
  header(visit: PositionVisitor): void {
    const ranks = Math.min(this.#blocks, HEADER_BITS);
    let used = 0;
    for (let rank = 0; rank < ranks; rank++) {
      const share = headerShare(rank, this.#blocks);
      this.#permutation.set(IDENTITY);
      this.#draw(rank, 0, share, this.#headerWords.subarray(used, used + share));
      used += share;
      visit(this.#positions, share);
    }
  }

  /** Visits `bitCount` positions of the body, none of which belongs to the header. */
  body(bitCount: number, visit: PositionVisitor): void {
    const stream = new WordStream(this.#key, DOMAIN_BODY);
    const words = new Uint32Array(BLOCK_SAMPLES);
    const share = Math.floor(bitCount / this.#blocks);
    const extra = bitCount % this.#blocks;
    let headerUsed = 0;
    for (let rank = 0; rank < this.#blocks; rank++) {
      const taken = headerShare(rank, this.#blocks);
      const count = share + (rank < extra ? 1 : 0);
      if (count === 0) return;
      this.#permutation.set(IDENTITY);
      // The header's draws are replayed, so that the body continues behind them.
      this.#draw(rank, 0, taken, this.#headerWords.subarray(headerUsed, headerUsed + taken));
      headerUsed += taken;
      stream.fill(words, count);
      this.#draw(rank, taken, count, words);
      visit(this.#positions, count);
    }
  }

  /**
   * `count` steps of a Fisher-Yates shuffle of one block, from step `from`. One word a step: the bias
   * of scaling 32 random bits to at most 4096 values is below 2^-20.
   */
  #draw(rank: number, from: number, count: number, words: Uint32Array): void {
    const block = this.#order[rank] ?? 0;
    const start = Math.floor((block * this.#sampleCount) / this.#blocks);
    const size = Math.floor(((block + 1) * this.#sampleCount) / this.#blocks) - start;
    const permutation = this.#permutation;
    const positions = this.#positions;
    for (let k = 0; k < count; k++) {
      const i = from + k;
      const j = i + Math.floor((words[k] ?? 0) * (size - i) * TWO_TO_MINUS_32);
      const chosen = permutation[j] ?? 0;
      permutation[j] = permutation[i] ?? 0;
      positions[k] = start + chosen;
    }
  }
}

function shuffledBlocks(stream: WordStream, blocks: number): Uint32Array {
  const order = Uint32Array.from({ length: blocks }, (_, i) => i);
  const words = new Uint32Array(blocks);
  stream.fill(words, blocks);
  for (let i = 0; i < blocks; i++) {
    const j = i + Math.floor((words[i] ?? 0) * (blocks - i) * TWO_TO_MINUS_32);
    const chosen = order[j] ?? 0;
    order[j] = order[i] ?? 0;
    order[i] = chosen;
  }
  return order;
}
