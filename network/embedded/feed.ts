// Blocks in order, from a number on and then live. Each follower reads from the disk at its own pace,
// so a slow one costs no memory; no block is missed or told twice.
import type { Block } from './block.js';

export class BlockFeed {
  #height: number;
  #closed = false;
  readonly #waiting = new Set<() => void>();

  constructor(
    height: number,
    private readonly readBlock: (number: number) => Promise<Block>,
  ) {
    this.#height = height;
  }

  get height(): number {
    return this.#height;
  }

  advance(height: number): void {
    this.#height = height;
    this.#wake();
  }

  /** Ends every follower. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** `fromBlock` counts from the call, not from the first read: nothing committed in between is lost. */
  follow(fromBlock = this.#height, signal?: AbortSignal): AsyncIterable<Block> {
    const walk = (): AsyncGenerator<Block, void, undefined> => this.#walk(fromBlock, signal);
    return { [Symbol.asyncIterator]: walk };
  }

  async *#walk(fromBlock: number, signal?: AbortSignal): AsyncGenerator<Block, void, undefined> {
    for (let next = fromBlock; ; next++) {
      while (next >= this.#height) {
        if (this.#ended(signal)) return;
        await this.#advanced(signal);
      }
      if (this.#ended(signal)) return;
      yield await this.readBlock(next);
    }
  }

  #ended(signal: AbortSignal | undefined): boolean {
    return this.#closed || signal?.aborted === true;
  }

  #advanced(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal?.addEventListener('abort', wake);
    });
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
