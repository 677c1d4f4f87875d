// Westfeld and Pfitzmann's chi-square attack (Information Hiding 1999): LSB replacement evens out the
// counts of each pair of values (2k, 2k + 1); natural images hardly ever do.
import { chiSquareUpperTail } from './gamma.js';

/** The attack's answer for one colour channel. */
export interface ChiSquareResult {
  /** Probability of embedding over the whole channel, 0 to 1. */
  readonly probability: number;
  /** Share of the channel, from its beginning, over which the attack says "embedded". */
  readonly embeddedFraction: number;
}

const MIN_EXPECTED = 5;
const STEPS = 20;
const FLAG_PROBABILITY = 0.99;

/** Probability of embedding, given how often each value occurs. */
export function pairsOfValuesProbability(histogram: Uint32Array): number {
  let statistic = 0;
  let categories = 0;
  for (let k = 0; k < 256; k += 2) {
    const even = histogram[k] ?? 0;
    const expected = (even + (histogram[k + 1] ?? 0)) / 2;
    if (expected < MIN_EXPECTED) continue;
    statistic += (even - expected) ** 2 / expected;
    categories += 1;
  }
  return categories < 2 ? 0 : chiSquareUpperTail(statistic, categories - 1);
}

/**
 * Runs the attack over growing prefixes of every third sample.
 * @param samples - interleaved RGB
 * @param channel - 0 red, 1 green, 2 blue
 */
export function chiSquare(samples: Uint8Array, channel: number): ChiSquareResult {
  const count = Math.floor(samples.length / 3);
  const histogram = new Uint32Array(256);
  let probability = 0;
  let flaggedSteps = 0;
  let unbroken = true;
  for (let step = 0; step < STEPS; step++) {
    const end = Math.floor((count * (step + 1)) / STEPS);
    for (let i = Math.floor((count * step) / STEPS); i < end; i++) {
      const value = samples[i * 3 + channel] ?? 0;
      histogram[value] = (histogram[value] ?? 0) + 1;
    }
    probability = pairsOfValuesProbability(histogram);
    unbroken &&= probability > FLAG_PROBABILITY;
    if (unbroken) flaggedSteps = step + 1;
  }
  return { probability, embeddedFraction: flaggedSteps / STEPS };
}
