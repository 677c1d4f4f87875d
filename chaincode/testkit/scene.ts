// A ledger with a clock and people on it: what most tests of operations play on.

import {
  genesisOf,
  type ArgumentsOf,
  type Genesis,
  type OperationType,
  type Receipt,
  type RefusalCode,
} from './types.js';
import { applyBatch } from '../operations/index.js';
import { inlineVerifier } from '../signatures/index.js';
import { keys, World, type Key } from '../state/index.js';
import { MemoryLedger, type MemoryStub } from './memory-ledger.js';
import type { Person, Twist } from './person.js';

export const START_MS = Date.UTC(2026, 5, 1);
export const HOUR_MS = 60 * 60 * 1000;

export class Scene {
  nowMs: number;

  constructor(
    readonly genesis: Genesis,
    readonly ledger = new MemoryLedger(genesis.channel),
    startMs = START_MS,
  ) {
    this.nowMs = startMs;
  }

  /** A ledger with nothing but its genesis document. */
  static found(hospitals: readonly string[]): Scene {
    const scene = new Scene(genesisOf(hospitals));
    const put = (key: Key<unknown>, document: unknown) =>
      scene.ledger.state.set(key.name, Buffer.from(JSON.stringify(document)));
    put(keys.genesis, scene.genesis);
    put(keys.consortium, { hospitals });
    return scene;
  }

  /** The same world, going its own way from here. */
  fork(): Scene {
    return new Scene(this.genesis, this.ledger.fork(), this.nowMs);
  }

  pass(ms: number): void {
    this.nowMs += ms;
  }

  line<T extends OperationType>(who: Person, type: T, args: ArgumentsOf<T>, twist?: Twist): string {
    return who.seal(who.envelope(type, args, this.nowMs, twist));
  }

  /** One transaction with these operations; committed. */
  async apply(...lines: string[]): Promise<Receipt[]> {
    const { receipts, stub } = await this.simulate(lines);
    this.ledger.commit(stub);
    return receipts;
  }

  /** What a transaction would come to; nothing is committed. */
  async simulate(lines: readonly string[]): Promise<{ receipts: Receipt[]; stub: MemoryStub }> {
    const stub = this.ledger.begin(this.nowMs);
    const world = new World(stub);
    const { genesis, nowMs } = this;
    const receipts = await applyBatch(lines, { world, genesis, nowMs, verifier: inlineVerifier });
    await world.flush();
    return { receipts, stub };
  }

  async one(line: string): Promise<Receipt> {
    const [receipt] = await this.apply(line);
    if (!receipt) throw new Error('an operation got no receipt');
    return receipt;
  }

  /** Signs, applies, and answers with the operation's id; throws when it was refused. */
  async does<T extends OperationType>(
    who: Person,
    type: T,
    args: ArgumentsOf<T>,
    twist?: Twist,
  ): Promise<string> {
    const receipt = await this.one(this.line(who, type, args, twist));
    if (receipt.status === 'refused') throw new Error(`${type} was refused: ${receipt.code}`);
    return receipt.id;
  }

  /** Signs and tries, without committing: 'applied', or why not. */
  async fate<T extends OperationType>(
    who: Person,
    type: T,
    args: ArgumentsOf<T>,
    twist?: Twist,
  ): Promise<'applied' | RefusalCode> {
    return this.fateOf(this.line(who, type, args, twist));
  }

  async fateOf(line: string): Promise<'applied' | RefusalCode> {
    const { receipts } = await this.simulate([line]);
    return fateIn(receipts[0]);
  }

  /** The committed document. */
  read<T>(key: Key<T>): T {
    const bytes = this.ledger.state.get(key.name);
    if (!bytes) throw new Error(`nothing lies under ${key.name}`);
    return JSON.parse(bytes.toString('utf8')) as T;
  }
}

/** How a receipt ended: the outcome's refusal counts as one. */
export function fateIn(receipt: Receipt | undefined): 'applied' | RefusalCode {
  if (!receipt) throw new Error('an operation got no receipt');
  if (receipt.status === 'refused') return receipt.code;
  return receipt.outcome?.decision === 'refuse' ? receipt.outcome.code : 'applied';
}
