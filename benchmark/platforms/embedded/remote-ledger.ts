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
import { frame, readFrames, type Request, type Response, UNANSWERED } from './wire.js';

/** What came back: a frame's head and tail. */
interface Told {
  readonly value: unknown;
  readonly tail: string;
}

interface Waiting {
  readonly resolve: (told: Told) => void;
  readonly reject: (error: LedgerError) => void;
}

export class RemoteLedger implements CallableLedger {
  readonly #waiting = new Map<number, Waiting>();
  #announced: string[] = [];
  #next = 1;
  #closed = false;

  private constructor(private readonly socket: Socket) {
    readFrames(socket, (id, head, tail) => {
      this.#settle(id, head as Response, tail);
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
    const request = callOf('submit', chaincode, fn, args);
    const { value, tail } = await this.#ask(
      deadlineMs === undefined ? request : { ...request, deadlineMs },
      args.at(-1),
    );
    return { ...(value as Omit<Committed, 'result'>), result: Buffer.from(tail) };
  }

  async evaluate(chaincode: string, fn: string, args: readonly string[]): Promise<Uint8Array> {
    const request = callOf('evaluate', chaincode, fn, args);
    return Buffer.from((await this.#ask(request, args.at(-1))).tail);
  }

  /** Says that a line will come in a batch before long; lines of one turn of the loop travel together. */
  announce(line: string): void {
    if (this.#announced.push(line) > 1) return;
    setImmediate(() => {
      const lines = this.#announced.join('\n');
      this.#announced = [];
      if (this.socket.writable) this.socket.write(frame(UNANSWERED, { ask: 'announce' }, lines));
    });
  }

  async *blocks({ fromBlock = 0 }: { fromBlock?: number } = {}): AsyncGenerator<BlockSummary> {
    for (let from = fromBlock; ;) {
      const { value } = await this.#ask({ ask: 'blocks', fromBlock: from });
      const found = value as BlockSummary[];
      yield* found;
      if (found.length === 0) return;
      from += found.length;
    }
  }

  async height(): Promise<number> {
    return Number((await this.#ask({ ask: 'height' })).value);
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

  #ask(request: Request, tail = ''): Promise<Told> {
    if (this.#closed || this.socket.destroyed) return Promise.reject(gone());
    const id = this.#next;
    this.#next = (this.#next % 0xffffffff) + 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.socket.write(frame(id, request, tail));
    });
  }

  #settle(id: number, response: Response, tail: string): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    if (response.ok) waiting.resolve({ value: response.value, tail });
    // The host passes the codes of the same package on.
    else waiting.reject(new LedgerError(response.code as LedgerErrorCode, response.message));
  }

  #abandon(): void {
    for (const { reject } of this.#waiting.values()) reject(gone());
    this.#waiting.clear();
  }
}

function callOf(
  ask: 'submit' | 'evaluate',
  chaincode: string,
  fn: string,
  args: readonly string[],
): Request & { ask: 'submit' | 'evaluate' } {
  return { ask, chaincode, fn, args: args.slice(0, -1), count: args.length };
}

/** What was under way may or may not have been committed. */
function gone(): LedgerError {
  return new LedgerError('TIMEOUT', 'the process that holds the ledger is gone');
}
