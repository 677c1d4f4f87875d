// Where receipts lie until somebody takes them: so many may lie there, so many may still be on their way.

import { GatewayError } from '../errors.js';

export interface TrayOptions {
  /** How many may be on their way. */
  readonly window: number;
  /** How many may lie here or be on their way before no more are begun. */
  readonly unread: number;
  /** How long a full tray may go untouched. */
  readonly stallMs: number;
  readonly signal: AbortSignal;
}

export class Tray<T> {
  #lying: T[] = [];
  #onTheWay = 0;
  #ended = false;
  #closed = false;
  #failure: Error | undefined;
  /** Wakes whoever waits to take, and whoever waits to begin: at most one of each. */
  #taker: (() => void) | undefined;
  #beginner: (() => void) | undefined;
  readonly #onAbort = (): void => this.close();

  constructor(private readonly options: TrayOptions) {
    options.signal.addEventListener('abort', this.#onAbort, { once: true });
    if (options.signal.aborted) this.close();
  }

  /** Announces one more, as soon as there is room for it. @returns false when nobody will take it any more */
  async begin(): Promise<boolean> {
    while (!this.#closed && !this.#hasRoom()) {
      if (!(await this.#untilTouched())) {
        throw new GatewayError('REQUEST_TIMEOUT', 'Receipts are waiting and nobody reads them.');
      }
    }
    if (this.#closed) return false;
    this.#onTheWay++;
    return true;
  }

  /** Lays down what {@link begin} announced. */
  put(item: T): void {
    this.#onTheWay--;
    if (!this.#closed) this.#lying.push(item);
    this.#wake();
  }

  /** No more will be announced. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  fail(error: unknown): void {
    this.#failure = error instanceof Error ? error : new Error('it failed', { cause: error });
    this.#ended = true;
    this.#closed = true;
    this.#wake();
  }

  /** Nobody will take anything any more. */
  close(): void {
    this.options.signal.removeEventListener('abort', this.#onAbort);
    this.#closed = true;
    this.#wake();
  }

  /** Everything that lies here, waiting for the first; empty at the end. @throws what {@link fail} was given */
  async take(): Promise<readonly T[]> {
    while (this.#lying.length === 0) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#closed || (this.#ended && this.#onTheWay === 0)) return [];
      await new Promise<void>((wake) => (this.#taker = wake));
    }
    const taken = this.#lying;
    this.#lying = [];
    this.#beginner?.();
    return taken;
  }

  #hasRoom(): boolean {
    const { window, unread } = this.options;
    return this.#onTheWay < window && this.#onTheWay + this.#lying.length < unread;
  }

  /** @returns false when the tray was full of what nobody took for too long */
  async #untilTouched(): Promise<boolean> {
    const { stallMs } = this.options;
    const before = this.#lying;
    let timer: NodeJS.Timeout | undefined;
    const stalled = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), stallMs);
    });
    const touched = new Promise<boolean>((resolve) => (this.#beginner = () => resolve(true)));
    const woken = await Promise.race([touched, stalled]);
    clearTimeout(timer);
    return woken || this.#lying !== before || this.#lying.length === 0;
  }

  #wake(): void {
    this.#taker?.();
    this.#beginner?.();
  }
}
