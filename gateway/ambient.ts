// What every part of the gateway is handed instead of reaching for it: the time and randomness.
// Tests pass their own, so that a time-out or a collision can be played at will.
import { randomBytes } from 'node:crypto';

/** Tells the time in milliseconds since the Unix epoch. */
export interface Clock {
  now(): number;
}

/** Gives `length` bytes that nobody can guess. */
export type RandomBytes = (length: number) => Uint8Array;

/** The machine's clock. */
export const systemClock: Clock = { now: () => Date.now() };

/** The operating system's generator. */
export const systemRandom: RandomBytes = (length) => randomBytes(length);
