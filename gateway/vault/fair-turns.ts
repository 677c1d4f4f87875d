// Turns at costly work: so many at once, so many waiting, BUSY beyond. Whoever waits belongs to a party (an address, a
// known device), and parties take turns: one that asks a thousand times waits for itself, not the others for it.
import { GatewayError } from '../errors.js';

/** On whose account somebody waits. A known one is let in when strangers have filled the queue. */
export interface Party {
  readonly name: string;
  readonly known: boolean;
}

/** Everybody who did not say who they are shares one turn. */
export const ANYBODY: Party = { name: '', known: false };

export interface TurnLimits {
  readonly atOnce: number;
  readonly queue: number;
  /** Places that one party may take in the queue. Default: all. */
  readonly perParty?: number;
}

export class FairTurns {
  private running = 0;
  /** In the order of their next turns. */
  private readonly waiting = new Map<string, (() => void)[]>();
  private count = 0;

  constructor(private readonly limits: TurnLimits) {}

  /** How many wait. */
  get queued(): number {
    return this.count;
  }

  /** @throws GatewayError BUSY when the queue, or the party's share of it, is full */
  async run<T>(party: Party, work: () => Promise<T>): Promise<T> {
    await this.enter(party);
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  private async enter({ name, known }: Party): Promise<void> {
    const { atOnce, queue, perParty = queue } = this.limits;
    if (this.running < atOnce) {
      this.running += 1;
      return;
    }
    const own = this.waiting.get(name) ?? [];
    // A quarter of the places is kept for those who have been here before.
    const places = known ? queue : Math.ceil((queue * 3) / 4);
    if (this.count >= places || own.length >= perParty) {
      throw new GatewayError('BUSY', 'Too many log-ins at once: try again in a moment.');
    }
    this.waiting.set(name, own);
    this.count += 1;
    // The one that leaves hands its place over, so `running` does not change.
    await new Promise<void>((resolve) => own.push(resolve));
  }

  private leave(): void {
    const [first] = this.waiting;
    const next = first?.[1].shift();
    if (first === undefined || next === undefined) {
      this.running -= 1;
      return;
    }
    const [name, rest] = first;
    this.waiting.delete(name);
    if (rest.length > 0) this.waiting.set(name, rest);
    this.count -= 1;
    next();
  }
}
