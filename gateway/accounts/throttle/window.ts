// Counting attempts in windows of time. rate-limiter-flexible counts; its memory store goes by the machine's clock and
// grows without bound, so the window's number by the gateway's clock is part of the key, and the keys are bounded here.
// In memory on purpose: a restart forgets the counts, which helps a guesser only as often as the gateway restarts.
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Clock } from '../../ambient.js';
import { GatewayError } from '../../errors.js';

export interface WindowLimit {
  readonly points: number;
  readonly seconds: number;
}

/** So many attempts in so many seconds under one key, then TOO_MANY until the window ends. */
export class AttemptWindow {
  private readonly limiter: RateLimiterMemory;
  private readonly lengthMs: number;
  /** In the order of use. */
  private readonly keys = new Set<string>();

  constructor(
    private readonly clock: Clock,
    { points, seconds }: WindowLimit,
    private readonly maxKeys: number,
  ) {
    this.limiter = new RateLimiterMemory({ points, duration: seconds, keyPrefix: '' });
    this.lengthMs = seconds * 1000;
  }

  /** @throws GatewayError TOO_MANY with the time after which to try again */
  async take(key: string): Promise<void> {
    const numbered = this.numbered(key);
    await this.makeRoom(numbered);
    try {
      await this.limiter.consume(numbered);
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      throw new GatewayError('TOO_MANY', 'Too many attempts: wait before the next one.', {
        retryAfterMs: this.lengthMs - (this.clock.now() % this.lengthMs),
      });
    }
  }

  /** One attempt does not count after all. */
  async giveBack(key: string): Promise<void> {
    const numbered = this.numbered(key);
    if (this.keys.has(numbered)) await this.limiter.reward(numbered);
  }

  async forget(key: string): Promise<void> {
    const numbered = this.numbered(key);
    this.keys.delete(numbered);
    await this.limiter.delete(numbered);
  }

  private numbered(key: string): string {
    return `${Math.floor(this.clock.now() / this.lengthMs)} ${key}`;
  }

  /** When full, the key that was tried longest ago is forgotten. */
  private async makeRoom(numbered: string): Promise<void> {
    this.keys.delete(numbered);
    this.keys.add(numbered);
    const [oldest] = this.keys;
    if (this.keys.size <= this.maxKeys || oldest === undefined) return;
    this.keys.delete(oldest);
    await this.limiter.delete(oldest);
  }
}
