// Runs the classical detectors of LSB replacement over an image and sums up what they say.
import type { RgbImage } from '../png/index.js';
import { chiSquare } from './chi-square.js';
import type { ChiSquareResult } from './chi-square.js';
import { rsEstimate } from './rs.js';
import { samplePairsEstimate } from './sample-pairs.js';

/** What the detectors say about one colour channel. */
export interface ChannelAnalysis {
  readonly channel: 'red' | 'green' | 'blue';
  readonly chiSquare: ChiSquareResult;
  /** Estimated share of carrying samples, 0 to 1. Natural images give a few hundredths. */
  readonly rs: number;
  /** Estimated share of carrying samples, 0 to 1. */
  readonly samplePairs: number;
}

/** What the detectors say about an image. They look for LSB replacement, and nothing else. */
export interface Analysis {
  readonly channels: readonly ChannelAnalysis[];
  /** True when the chi-square attack calls a channel, or its beginning, embedded. */
  readonly chiSquareFlags: boolean;
  /** Mean over the channels. */
  readonly rs: number;
  /** Mean over the channels. */
  readonly samplePairs: number;
}

const CHANNELS = ['red', 'green', 'blue'] as const;
const FLAG_PROBABILITY = 0.99;
const FLAG_FRACTION = 0.25;

/** Chi-square, RS and sample pair estimates for every channel of an image. */
export function analyse(image: RgbImage): Analysis {
  const { width, height, pixels } = image;
  const channels = CHANNELS.map((channel, offset) => {
    const plane = Uint8Array.from(
      { length: width * height },
      (_, i) => pixels[i * 3 + offset] ?? 0,
    );
    return {
      channel,
      chiSquare: chiSquare(pixels, offset),
      rs: rsEstimate(plane, width, height),
      samplePairs: samplePairsEstimate(plane, width, height),
    };
  });
  const mean = (pick: (c: ChannelAnalysis) => number): number =>
    channels.reduce((sum, channel) => sum + pick(channel), 0) / channels.length;
  return {
    channels,
    chiSquareFlags: channels.some(
      ({ chiSquare: { probability, embeddedFraction } }) =>
        probability > FLAG_PROBABILITY || embeddedFraction >= FLAG_FRACTION,
    ),
    rs: mean(({ rs }) => rs),
    samplePairs: mean(({ samplePairs }) => samplePairs),
  };
}
