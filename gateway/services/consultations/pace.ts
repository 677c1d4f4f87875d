// How often somebody may do something: so many times in each minute.

import { GatewayError } from '../../errors.js';

const MINUTE_MS = 60_000;
/** When so many are remembered, those whose minute is over are forgotten. */
const TIDY_ABOVE = 1000;

export class Pace {
  readonly #minutes = new Map<string, { readonly begun: number; times: number }>();

  constructor(
    private readonly perMinute: number,
    private readonly now: () => number,
  ) {}

  /** @throws GatewayError TOO_MANY */
  step(who: string): void {
    const now = this.now();
    const known = this.#minutes.get(who);
    const minute = known && now - known.begun < MINUTE_MS ? known : { begun: now, times: 0 };
    if (minute.times >= this.perMinute)
      throw new GatewayError('TOO_MANY', `That was more than ${this.perMinute} in a minute.`, {
        retryAfterMs: minute.begun + MINUTE_MS - now,
      });
    minute.times += 1;
    this.#minutes.set(who, minute);
    if (this.#minutes.size <= TIDY_ABOVE) return;
    for (const [other, { begun }] of this.#minutes)
      if (now - begun >= MINUTE_MS) this.#minutes.delete(other);
  }
}
