// When somebody who was turned away is told to come again: the time itself where it is known, else what the settings say.
import type { GatewayError, GatewayErrorCode } from '../../errors.js';

export interface RetryTimes {
  /** Where a place becomes free within moments. */
  readonly retrySoonMs: number;
  /** Where it takes a while. */
  readonly retryLaterMs: number;
}

const PASS_LATER: ReadonlySet<GatewayErrorCode> = new Set([
  'LEDGER_UNAVAILABLE',
  'SHUTTING_DOWN',
  'CLOUD_UNAVAILABLE',
]);

/** Milliseconds to wait; every answer 429 and 503 has them, and a cloud that is away or full. */
export function retryAfterMs(error: GatewayError, times: RetryTimes): number | undefined {
  const { options, status, code } = error;
  if (options.retryAfterMs !== undefined) return options.retryAfterMs;
  const later = options.retry === 'later' || PASS_LATER.has(code);
  if (status !== 429 && status !== 503 && !later) return undefined;
  return later ? times.retryLaterMs : times.retrySoonMs;
}

/** As the header has it (RFC 9110 §10.2.3). */
export const inSeconds = (ms: number): string => String(Math.ceil(ms / 1000));
