// Argon2id (RFC 9106) with bounded memory: so many derivations at once, so many waiting, BUSY beyond.
import { hashRaw } from '@node-rs/argon2';
import { GatewayError } from '../errors.js';

/** Argon2id's cost. The default elsewhere is RFC 9106's second recommended option: 3, 64 MiB, 4. */
export interface Argon2Cost {
  readonly passes: number;
  readonly memoryKiB: number;
  readonly lanes: number;
}

/** Derives password keys, at most `atOnce` at a time. */
export class PasswordDeriver {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    /** For new passwords; an old one keeps the cost it was stored with. */
    readonly cost: Argon2Cost,
    private readonly limits: { readonly atOnce: number; readonly queue: number },
  ) {}

  /** Derivations that wait for their turn. */
  get queued(): number {
    return this.waiting.length;
  }

  /**
   * A 32-byte key from a password (NFKC, then UTF-8) and salt.
   * @throws GatewayError BUSY when the queue is full
   */
  async derive(
    password: string,
    salt: Uint8Array,
    cost: Argon2Cost = this.cost,
  ): Promise<Uint8Array> {
    await this.enter();
    try {
      // The library's default algorithm is Argon2id, version 0x13; a known answer is among the tests.
      return await hashRaw(password.normalize('NFKC'), {
        timeCost: cost.passes,
        memoryCost: cost.memoryKiB,
        parallelism: cost.lanes,
        outputLen: 32,
        salt,
      });
    } finally {
      this.leave();
    }
  }

  private async enter(): Promise<void> {
    if (this.running < this.limits.atOnce) {
      this.running += 1;
      return;
    }
    if (this.waiting.length >= this.limits.queue) {
      throw new GatewayError('BUSY', 'Too many log-ins at once: try again in a moment.', {
        retryAfterMs: 1000,
      });
    }
    // The one that leaves hands its place over, so `running` does not change.
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  private leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.running -= 1;
    else next();
  }
}
