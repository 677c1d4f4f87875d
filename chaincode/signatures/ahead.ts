// Checks signatures before their batch's turn comes: while one batch is applied, threads are at those of the next. A check
// depends on a key, a text and a signature alone, so it may be made at any time. What has not been checked ahead, for
// want of the key or of time, is checked in its batch, with the same answer.

import { cutOperationLine, kidOfLine } from '../model/index.js';
import { signedText, type SignatureCheck } from './verify.js';

/** Where checks are made that nobody waits for yet. */
export interface CheckThreads {
  /** Answers in the order of the checks; may reject when a thread ends. */
  verifyOnOne(checks: readonly SignatureCheck[]): Promise<readonly boolean[]>;
}

interface Ahead {
  readonly check: SignatureCheck;
  /** Undefined until the check has been sent. */
  piece: Promise<readonly boolean[]> | undefined;
  place: number;
}

/** Checks that travel to a thread together: a message costs more than a few of them. */
const PIECE_CHECKS = 32;
/** Lines of which something is remembered; beyond it the oldest is forgotten and checked in its batch. */
const MAX_LINES = 16_384;
const MAX_KEYS = 50_000;

export class SignaturesAhead {
  /** Public keys by their ids, which are hashes of them: what is here can't be out of date. */
  readonly #keys = new Map<string, string>();
  readonly #lines = new Map<string, Ahead>();
  #unsent: [line: string, ahead: Ahead][] = [];

  constructor(private readonly threads: CheckThreads) {}

  /** Remembers a key for lines to come. */
  learn(kid: string, publicKey: string): void {
    if (this.#keys.has(kid)) return;
    if (this.#keys.size >= MAX_KEYS) this.#keys.clear();
    this.#keys.set(kid, publicKey);
  }

  /** Says that a line will come in a batch before long. */
  announce(line: string): void {
    const publicKey = this.#keys.get(kidOfLine(line));
    const cut = publicKey === undefined ? null : cutOperationLine(line);
    if (publicKey === undefined || !cut || this.#lines.has(line)) return;
    if (this.#lines.size >= MAX_LINES) this.#forgetOldest();
    const check = { publicKey, text: signedText(cut.bytes), signature: cut.signature };
    const ahead = { check, piece: undefined, place: 0 };
    this.#lines.set(line, ahead);
    this.#unsent.push([line, ahead]);
    if (this.#unsent.length >= PIECE_CHECKS) this.#send();
  }

  /**
   * For each of a batch's lines the key that its signature was found to fit, or null: nothing is known of it. Each is
   * told once.
   */
  async take(lines: readonly string[]): Promise<readonly (string | null)[]> {
    const taken = lines.map((line) => this.#remove(line));
    const answers = new Map<unknown, readonly boolean[]>();
    for (const piece of new Set(taken.flatMap((ahead) => ahead?.piece ?? [])))
      answers.set(piece, await piece);
    return taken.map((ahead) => {
      const fits = ahead?.piece && answers.get(ahead.piece)?.[ahead.place] === true;
      return fits ? ahead.check.publicKey : null;
    });
  }

  #remove(line: string): Ahead | undefined {
    const ahead = this.#lines.get(line);
    this.#lines.delete(line);
    return ahead;
  }

  #forgetOldest(): void {
    for (const [line] of this.#lines) {
      this.#lines.delete(line);
      return;
    }
  }

  #send(): void {
    // Those whose batch has come meanwhile are checked there already.
    const waiting = this.#unsent.filter(([line, ahead]) => this.#lines.get(line) === ahead);
    this.#unsent = [];
    if (waiting.length === 0) return;
    const checks = waiting.map(([, { check }]) => check);
    // A thread that died answers nothing: its checks are made in their batches.
    const piece = this.threads.verifyOnOne(checks).catch(() => []);
    for (const [place, [, ahead]] of waiting.entries()) {
      ahead.piece = piece;
      ahead.place = place;
    }
  }
}
