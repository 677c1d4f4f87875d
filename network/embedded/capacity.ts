// A bound on what is under way at once, in number and in bytes.
import { LedgerError } from '../ledger.js';

export class Capacity {
  #count = 0;
  #bytes = 0;

  constructor(
    private readonly what: string,
    private readonly maxCount: number,
    private readonly maxBytes: number,
  ) {}

  get count(): number {
    return this.#count;
  }

  /**
   * Takes a place; the answer gives it back. Something larger than the bound is let in when nothing else is.
   * @throws LedgerError UNAVAILABLE when there is none
   */
  take(bytes: number): () => void {
    const full = this.#count >= this.maxCount || this.#bytes + bytes > this.maxBytes;
    if (this.#count > 0 && full) {
      const message = `${this.#count} ${this.what} of ${this.#bytes} bytes are under way: try again later`;
      throw new LedgerError('UNAVAILABLE', message, { count: this.#count, bytes: this.#bytes });
    }
    this.#count++;
    this.#bytes += bytes;
    return () => {
      this.#count--;
      this.#bytes -= bytes;
    };
  }
}
