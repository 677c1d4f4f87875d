// Argon2id (RFC 9106) with bounded memory: so many derivations at once, so many waiting in fair turns, BUSY beyond.
import { hashRaw } from '@node-rs/argon2';
import { ANYBODY, FairTurns, type Party, type TurnLimits } from './fair-turns.js';

/** Argon2id's cost. The default elsewhere is RFC 9106's second recommended option: 3, 64 MiB, 4. */
export interface Argon2Cost {
  readonly passes: number;
  readonly memoryKiB: number;
  readonly lanes: number;
}

/** Derives password keys, at most `atOnce` at a time. */
export class PasswordDeriver {
  private readonly turns: FairTurns;

  constructor(
    /** For new passwords; an old one keeps the cost it was stored with. */
    readonly cost: Argon2Cost,
    limits: TurnLimits,
  ) {
    this.turns = new FairTurns(limits);
  }

  /** Derivations that wait for their turn. */
  get queued(): number {
    return this.turns.queued;
  }

  /**
   * A 32-byte key from a password (NFKC, then UTF-8) and salt.
   * @throws GatewayError BUSY when the queue, or the party's share of it, is full
   */
  derive(
    password: string,
    salt: Uint8Array,
    cost: Argon2Cost = this.cost,
    party: Party = ANYBODY,
  ): Promise<Uint8Array> {
    // The library's default algorithm is Argon2id, version 0x13; a known answer is among the tests.
    return this.turns.run(party, () =>
      hashRaw(password.normalize('NFKC'), {
        timeCost: cost.passes,
        memoryCost: cost.memoryKiB,
        parallelism: cost.lanes,
        outputLen: 32,
        salt,
      }),
    );
  }
}
