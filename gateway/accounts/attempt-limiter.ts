// Slows guessing down: so many attempts a minute under one key (an account's name hash, an address), then TOO_MANY.
import type { Clock } from '../ambient.js';
import { GatewayError } from '../errors.js';

/** A token bucket per key. Bounded: when full, the key that was tried longest ago is forgotten. */
export class AttemptLimiter {
  private readonly buckets = new Map<string, { tokens: number; at: number }>();

  constructor(
    private readonly clock: Clock,
    private readonly limits: { readonly perMinute: number; readonly keys: number },
  ) {}

  /** @throws GatewayError TOO_MANY with the time after which to try again */
  attempt(key: string): void {
    const { perMinute, keys } = this.limits;
    const now = this.clock.now();
    const bucket = this.buckets.get(key) ?? { tokens: perMinute, at: now };
    const tokens = Math.min(perMinute, bucket.tokens + ((now - bucket.at) * perMinute) / 60_000);
    this.buckets.delete(key);
    if (this.buckets.size >= keys) {
      const [oldest] = this.buckets.keys();
      if (oldest !== undefined) this.buckets.delete(oldest);
    }
    if (tokens < 1) {
      this.buckets.set(key, { tokens, at: now });
      const retryAfterMs = Math.ceil(((1 - tokens) * 60_000) / perMinute);
      throw new GatewayError('TOO_MANY', 'Too many attempts: wait before the next one.', {
        retryAfterMs,
      });
    }
    this.buckets.set(key, { tokens: tokens - 1, at: now });
  }

  /** An attempt that succeeded does not count against the next ones. */
  succeed(key: string): void {
    this.buckets.delete(key);
  }
}
