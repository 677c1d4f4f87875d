// A cover out of nothing: a smooth scene seen through a model of a camera's sensor. Shot noise grows
// with the light, read noise is constant, and demosaicking correlates neighbours, as in real photos.
import { createHash, randomBytes } from 'node:crypto';
import { WordStream } from '../cipher/index.js';
import { StegoError } from '../errors.js';
import { pixelsSha256 } from './cover.js';
import type { Cover } from './cover.js';

/** What to synthesise. */
export interface SyntheticCoverRequest {
  readonly width: number;
  readonly height: number;
  /** Any bytes; the same seed gives the same cover. Random unless given. */
  readonly seed?: Uint8Array;
}

/** Linear light, 0 to 1, in which noise is added. Variance = GAIN x signal + READ. */
const GAIN = 0.00035;
const READ_VARIANCE = 0.000012;

const MIN_SIDE = 16;
const MAX_PIXELS = 40_000_000;

/** Random numbers, a row at a time. */
class Noise {
  readonly #stream: WordStream;
  #words = new Uint32Array(0);

  constructor(seed: Uint8Array) {
    this.#stream = new WordStream(seed, 0);
  }

  /** Uniform in [0, 1). */
  uniforms(count: number): Float32Array {
    const words = this.#take(count);
    return Float32Array.from({ length: count }, (_, i) => (words[i] ?? 0) / 2 ** 32);
  }

  /** Mean 0, variance 1: the sum of eight bytes is close to normal. */
  fillNormals(target: Float32Array): void {
    const words = this.#take(target.length * 2);
    // A byte has variance (256^2 - 1) / 12.
    const scale = 1 / Math.sqrt((8 * 65535) / 12);
    for (let i = 0; i < target.length; i++) {
      target[i] = (byteSum(words[2 * i] ?? 0) + byteSum(words[2 * i + 1] ?? 0) - 1020) * scale;
    }
  }

  #take(count: number): Uint32Array {
    if (this.#words.length < count) this.#words = new Uint32Array(count);
    this.#stream.fill(this.#words, count);
    return this.#words;
  }
}

function byteSum(word: number): number {
  return (word & 0xff) + ((word >>> 8) & 0xff) + ((word >>> 16) & 0xff) + (word >>> 24);
}

/** A lattice of random heights, interpolated smoothly between its nodes. */
interface Octave {
  readonly cell: number;
  readonly columns: number;
  readonly heights: Float32Array;
  readonly amplitude: number;
}

function octaves(noise: Noise, width: number, height: number, cells: readonly number[]): Octave[] {
  return cells.map((cell) => {
    const columns = Math.ceil(width / cell) + 2;
    const rows = Math.ceil(height / cell) + 2;
    const heights = noise.uniforms(columns * rows);
    // Amplitude in proportion to the scale: the 1/f spectrum of natural scenes.
    return { cell, columns, heights, amplitude: cell / 320 };
  });
}

function smooth(t: number): number {
  return t * t * (3 - 2 * t);
}

/** Adds one octave's row `y` to `row`. */
function addOctave(row: Float32Array, octave: Octave, y: number): void {
  const { cell, columns, heights, amplitude } = octave;
  const top = Math.floor(y / cell) * columns;
  const fy = smooth((y % cell) / cell);
  for (let x = 0; x < row.length; x++) {
    const left = top + Math.floor(x / cell);
    const fx = smooth((x % cell) / cell);
    const a = heights[left] ?? 0;
    const b = heights[left + 1] ?? 0;
    const c = heights[left + columns] ?? 0;
    const d = heights[left + columns + 1] ?? 0;
    const upper = a + (b - a) * fx;
    const lower = c + (d - c) * fx;
    row[x] = (row[x] ?? 0) + amplitude * (upper + (lower - upper) * fy - 0.5);
  }
}

/** sRGB's transfer curve (IEC 61966-2-1), tabulated over 14 bits of linear light. */
const CURVE_STEPS = 1 << 14;
const CURVE = Float32Array.from({ length: CURVE_STEPS + 1 }, (_, i) => {
  const light = i / CURVE_STEPS;
  return 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055);
});

function develop(light: number): number {
  const clipped = Math.min(1, Math.max(0, light));
  return Math.round(CURVE[Math.round(clipped * CURVE_STEPS)] ?? 0);
}

/** Which colour the sensor sees at (x, y): the Bayer pattern RGGB. */
function bayerChannel(x: number, y: number): number {
  return (x & 1) + (y & 1);
}

/** What the sensor records: one noisy colour a pixel. */
function expose(noise: Noise, width: number, height: number): Float32Array {
  const luma = octaves(noise, width, height, [256, 128, 64, 32, 16, 8, 4]);
  const tints = [0, 1, 2].map(() => octaves(noise, width, height, [192, 64]));
  const sensor = new Float32Array(width * height);
  const normals = new Float32Array(width);
  for (let y = 0; y < height; y++) {
    const light = new Float32Array(width);
    for (const octave of luma) addOctave(light, octave, y);
    const colours = tints.map((tint) => {
      const row = new Float32Array(width);
      for (const octave of tint) addOctave(row, octave, y);
      return row;
    });
    noise.fillNormals(normals);
    for (let x = 0; x < width; x++) {
      const tint = colours[bayerChannel(x, y)]?.[x] ?? 0;
      // Light varies by factors, not by sums: an exponential keeps shadows from going flat black.
      const signal = Math.min(0.97, 0.22 * Math.exp(1.4 * (light[x] ?? 0)) * (1 + 0.4 * tint));
      const deviation = Math.sqrt(GAIN * signal + READ_VARIANCE);
      sensor[y * width + x] = signal + deviation * (normals[x] ?? 0);
    }
  }
  return sensor;
}

/** Bilinear demosaicking: a missing colour is the mean of its nearest neighbours. */
function demosaic(sensor: Float32Array, width: number, height: number): Uint8Array {
  const pixels = new Uint8Array(width * height * 3);
  const sums = new Float64Array(3);
  const counts = new Float64Array(3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      sums.fill(0);
      counts.fill(0);
      for (let dy = y > 0 ? -1 : 0; dy <= (y < height - 1 ? 1 : 0); dy++) {
        for (let dx = x > 0 ? -1 : 0; dx <= (x < width - 1 ? 1 : 0); dx++) {
          const channel = bayerChannel(x + dx, y + dy);
          const at = (y + dy) * width + x + dx;
          sums[channel] = (sums[channel] ?? 0) + (sensor[at] ?? 0);
          counts[channel] = (counts[channel] ?? 0) + 1;
        }
      }
      const own = bayerChannel(x, y);
      const offset = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const mean = (sums[channel] ?? 0) / (counts[channel] ?? 1);
        const light = channel === own ? (sensor[y * width + x] ?? 0) : mean;
        pixels[offset + channel] = develop(light);
      }
    }
  }
  return pixels;
}

/**
 * A cover with a camera's noise. It is made for owners who have no unused photo left; say so to
 * them, since a photo that only they have is the better cover.
 * @throws StegoError BAD_ARGUMENT for impossible dimensions
 */
export function synthesiseCover(request: SyntheticCoverRequest): Cover {
  const { width, height, seed = randomBytes(32) } = request;
  const whole = Number.isInteger(width) && Number.isInteger(height);
  if (!whole || width < MIN_SIDE || height < MIN_SIDE || width * height > MAX_PIXELS) {
    throw new StegoError('BAD_ARGUMENT', 'a synthetic cover has 16 x 16 to 40 million pixels', {
      width,
      height,
    });
  }
  const seedSha256 = createHash('sha256').update(seed).digest();
  const sensor = expose(new Noise(seedSha256), width, height);
  const image = { width, height, pixels: demosaic(sensor, width, height) };
  return {
    ...image,
    source: {
      format: 'synthetic',
      lossy: false,
      downsampledBy: 1,
      fileSha256: seedSha256,
      decodedSha256: pixelsSha256(image),
    },
  };
}
