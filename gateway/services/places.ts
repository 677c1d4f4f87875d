// A bounded number of places: taken at once or not at all, or waited for in turn.

interface Waiting {
  readonly spare: number;
  readonly answer: (room: boolean) => void;
}

export class Places {
  #taken = 0;
  readonly #waiting = new Set<Waiting>();

  constructor(private readonly size: number) {}

  get taken(): number {
    return this.#taken;
  }

  /** Can one be taken so that `spare` are free besides? */
  hasRoom(spare: number): boolean {
    return this.#taken + spare < this.size;
  }

  /** @returns false when all are taken */
  take(): boolean {
    if (this.#taken >= this.size) return false;
    this.#taken++;
    return true;
  }

  /** Takes a place even when there is none: for what was let in before, by an earlier life of the process. */
  leftOver(): void {
    this.#taken++;
  }

  leave(): void {
    this.#taken--;
    // In turn: whoever finds no room lets nobody past.
    let called = 0;
    for (const waiting of this.#waiting) {
      if (!this.hasRoom(waiting.spare + called)) return;
      called++;
      waiting.answer(true);
    }
  }

  /**
   * Waits until a place can be taken and `spare` are free besides.
   * @returns false when that has not come within `waitMs`, or `signal` aborted
   */
  async room(spare: number, waitMs: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#waiting.size === 0 && this.hasRoom(spare)) return true;
    return new Promise((resolve) => {
      const answer = (room: boolean): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', refuse);
        this.#waiting.delete(waiting);
        resolve(room);
      };
      const refuse = (): void => answer(false);
      const waiting: Waiting = { spare, answer };
      const timer = setTimeout(refuse, waitMs);
      signal.addEventListener('abort', refuse, { once: true });
      this.#waiting.add(waiting);
    });
  }
}
