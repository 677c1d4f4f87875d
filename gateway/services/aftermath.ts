// What has to be done here once the ledger has applied an operation: the ledger says that somebody has left the circle, and
// the gateway destroys their wraps. (Erasures are looked after by themselves.) A note stands on disk from the moment of the
// receipt until the work is done, so a crash or a cloud that is away only delays it. What was signed elsewhere is followed
// here; whoever signs here does it in the same request, and the note is for when that is cut off.

import { readOperationLine, type ArgumentsOf, type OperationType } from '@prms/chaincode';
import { z } from 'zod';
import { Documents, type Store, type StoreWrite } from '../store/index.js';

/** The types that have one. Each must bear being done again, and late. */
export const AFTERMATHS = [
  'consent:revoke',
  'consent:amend',
  'kin:end',
  'kin:amend',
  'key:rotate',
  'key:complete',
] as const satisfies readonly OperationType[];
type Followed = (typeof AFTERMATHS)[number];

export type AftermathTable = {
  readonly [T in Followed]: (args: ArgumentsOf<T>, actor: string) => Promise<void>;
};

export function hasAftermath(type: string): type is Followed {
  return AFTERMATHS.some((each) => each === type);
}

export class Aftermath {
  /** The applied operations by their ids, in the order of time. */
  readonly #todo: Documents<string>;
  #table: AftermathTable | undefined;
  #last: Promise<number> = Promise.resolve(0);

  constructor(store: Store) {
    this.#todo = new Documents(store, 'aftermath', z.string());
  }

  /** Says what is to be done; until then notes only gather. */
  attach(table: AftermathTable): void {
    this.#table = table;
  }

  /** To be written together with the receipt. */
  note(id: string, line: string): StoreWrite {
    return this.#todo.write(id, line);
  }

  /** Whoever signed the operation has done what follows. */
  async done(id: string): Promise<void> {
    await this.#todo.delete(id);
  }

  /** Does what is noted, one after the other. @returns how many could not be done yet */
  run(): Promise<number> {
    this.#last = this.#last.then(() => this.#all());
    return this.#last;
  }

  async #all(): Promise<number> {
    let left = 0;
    for await (const { key, value } of this.#todo.list()) {
      try {
        await this.#one(value);
        await this.#todo.delete(key, { sync: true });
      } catch {
        left++;
      }
    }
    return left;
  }

  async #one(line: string): Promise<void> {
    const envelope = readOperationLine(line)?.envelope;
    if (!envelope || !hasAftermath(envelope.type)) return;
    if (!this.#table) throw new Error('nobody has said what follows');
    // The ledger has applied it, so its arguments fit its type.
    const work = this.#table[envelope.type] as (args: unknown, actor: string) => Promise<void>;
    await work(envelope.args, envelope.actor);
  }
}
