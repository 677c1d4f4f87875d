// The ledger's port, as far as a generator needs it, over the socket of the process that holds the ledger.
import { connect, type Socket } from 'node:net';
import {
  type BlockSummary,
  type Committed,
  LedgerError,
  type LedgerErrorCode,
  type SubmitOptions,
} from '@prms/network';
import type { CallableLedger } from '../ledger-connection.js';
import { frame, readFrames, type Request, type Response } from './wire.js';

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: LedgerError) => void;
}

export class RemoteLedger implements CallableLedger {
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #closed = false;

  private constructor(private readonly socket: Socket) {
    readFrames(socket, (id, message) => {
      this.#settle(id, message as Response);
    });
    socket.on('close', () => {
      this.#abandon();
    });
    // `close` follows and tells everybody who waits.
    socket.on('error', () => undefined);
  }

  /** @throws LedgerError UNAVAILABLE */
  static connect(path: string): Promise<RemoteLedger> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const refuse = (error: Error): void => {
        reject(new LedgerError('UNAVAILABLE', `nobody answers at ${path}`, {}, { cause: error }));
      };
      socket.once('error', refuse);
      socket.once('connect', () => {
        socket.off('error', refuse);
        resolve(new RemoteLedger(socket));
      });
    });
  }

  async submit(
    chaincode: string,
    fn: string,
    args: readonly string[],
    { deadlineMs }: SubmitOptions = {},
  ): Promise<Committed> {
    const request = { ask: 'submit', chaincode, fn, args } as const;
    const value = await this.#ask(deadlineMs === undefined ? request : { ...request, deadlineMs });
    const committed = value as Omit<Committed, 'result'> & { readonly result: string };
    return { ...committed, result: Buffer.from(committed.result) };
  }

  async evaluate(chaincode: string, fn: string, args: readonly string[]): Promise<Uint8Array> {
    return Buffer.from(String(await this.#ask({ ask: 'evaluate', chaincode, fn, args })));
  }

  async *blocks({ fromBlock = 0 }: { fromBlock?: number } = {}): AsyncGenerator<BlockSummary> {
    for (let from = fromBlock; ;) {
      const found = (await this.#ask({ ask: 'blocks', fromBlock: from })) as BlockSummary[];
      yield* found;
      if (found.length === 0) return;
      from += found.length;
    }
  }

  async height(): Promise<number> {
    return Number(await this.#ask({ ask: 'height' }));
  }

  close(): Promise<void> {
    this.#closed = true;
    return new Promise((resolve) => {
      this.socket.once('close', () => resolve());
      if (this.socket.closed) resolve();
      this.socket.end();
      this.socket.destroySoon();
    });
  }

  #ask(request: Request): Promise<unknown> {
    if (this.#closed || this.socket.destroyed) return Promise.reject(gone());
    const id = this.#next;
    this.#next = (this.#next % 0xffffffff) + 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.socket.write(frame(id, request));
    });
  }

  #settle(id: number, response: Response): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    if (response.ok) waiting.resolve(response.value);
    // The host passes the codes of the same package on.
    else waiting.reject(new LedgerError(response.code as LedgerErrorCode, response.message));
  }

  #abandon(): void {
    for (const { reject } of this.#waiting.values()) reject(gone());
    this.#waiting.clear();
  }
}

/** What was under way may or may not have been committed. */
function gone(): LedgerError {
  return new LedgerError('TIMEOUT', 'the process that holds the ledger is gone');
}
