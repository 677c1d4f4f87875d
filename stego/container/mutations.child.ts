// Ten thousand damaged stego images in a process of their own, so that its memory is theirs alone: each must give the
// identical report or a typed error. Half of the mutations repair the CRCs, so that they reach the inner layers.
// Prints one JSON object; ends with an error, and fast-check's seed, when a report comes back wrong.
import fc from 'fast-check';
import { synthesiseCover } from '../cover/index.js';
import { StegoError } from '../errors.js';
import { crc32, encodePng } from '../png/index.js';
import type { RgbImage } from '../png/index.js';
import { hidePixels, reveal } from './index.js';

const dataKey = Buffer.alloc(32, 0x17);
const payload = Buffer.from('a report that must never change '.repeat(3));

function stegoPixels(width: number, height: number): RgbImage {
  const cover = synthesiseCover({ width, height, seed: Uint8Array.of(width & 0xff) });
  const { images } = hidePixels({ payload, dataKey, covers: [cover] });
  const [image] = images;
  if (image === undefined) throw new Error('one image expected');
  return image;
}

function stegoImage(width: number, height: number): Uint8Array {
  return encodePng(stegoPixels(width, height));
}

interface Mutation {
  kind: 'flip' | 'set' | 'cut' | 'insert' | 'repeat' | 'head';
  at: number;
  value: number;
  repair: boolean;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('flip', 'set', 'cut', 'insert', 'repeat', 'head'),
  // Evenly spread: a double would mostly be tiny, and hit the signature over and over.
  at: fc.noBias(fc.nat(0xffffff)).map((n) => n / 0x1000000),
  value: fc.integer({ min: 0, max: 255 }),
  repair: fc.boolean(),
});

function apply(file: Uint8Array, { kind, at, value }: Mutation): Uint8Array {
  const copy = Buffer.from(file);
  const index = Math.floor(at * copy.length);
  switch (kind) {
    case 'flip':
      copy[index] = (copy[index] ?? 0) ^ (1 << (value & 7));
      return copy;
    case 'set':
      copy[index] = value;
      return copy;
    case 'cut':
      return copy.subarray(0, index);
    case 'insert':
      return Buffer.concat([copy.subarray(0, index), Buffer.from([value]), copy.subarray(index)]);
    case 'repeat':
      return Buffer.concat([copy.subarray(0, index), copy.subarray(Math.max(0, index - value))]);
    case 'head':
      // Within the header chunk: dimensions, depth, colour type.
      copy[16 + Math.floor(at * 13)] = value;
      return copy;
  }
}

/** Makes every chunk's CRC right again, as far as the chunks still hang together. */
function repairChecks(file: Uint8Array): Uint8Array {
  const copy = Buffer.from(file);
  let offset = 8;
  while (offset + 12 <= copy.length) {
    const end = offset + 8 + copy.readUInt32BE(offset);
    if (end + 4 > copy.length) break;
    copy.writeUInt32BE(crc32(copy.subarray(offset + 4, end)), end);
    offset = end + 4;
  }
  return copy;
}

interface Tally {
  identical: number;
  codes: Map<string, number>;
  peakBytes: number;
}

const { gc: collect } = globalThis;
if (collect === undefined) throw new Error('run with --expose-gc');

/** Bytes of mutated images since garbage was last collected. */
let garbageBytes = 0;

/**
 * Collects the copies that this harness makes of its images, so that the peak is what revealing uses and keeps, not what
 * waits for a collector. Small images are let gather up to 16 MiB.
 */
function tidy(image: Uint8Array): void {
  garbageBytes += image.length;
  if (garbageBytes < 16 * 1024 * 1024 && image.length < 256 * 1024) return;
  collect?.();
  garbageBytes = 0;
}

async function attempt(image: Uint8Array, tally: Tally): Promise<void> {
  tidy(image);
  try {
    const report = await reveal({ images: [image], dataKey });
    if (Buffer.compare(report, payload) !== 0) throw new Error('wrong bytes were revealed');
    tally.identical += 1;
  } catch (error) {
    if (!(error instanceof StegoError)) throw error;
    tally.codes.set(error.code, (tally.codes.get(error.code) ?? 0) + 1);
  }
  tally.peakBytes = Math.max(tally.peakBytes, process.memoryUsage.rss());
}

async function mutate(file: Uint8Array, runs: number, tally: Tally): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), async (mutations) => {
      const broken = mutations.reduce(apply, file);
      const repaired = mutations.some(({ repair }) => repair) ? repairChecks(broken) : broken;
      await attempt(repaired, tally);
    }),
    { numRuns: runs },
  );
}

/** Intact files whose samples were tampered with: up to 40 of them, anywhere. */
async function mutateSamples(runs: number, tally: Tally): Promise<void> {
  const image = stegoPixels(64, 48);
  const last = image.pixels.length - 1;
  const change = fc.tuple(fc.integer({ min: 0, max: last }), fc.integer({ min: 0, max: 255 }));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 40 }), async (changes) => {
      const pixels = Uint8Array.from(image.pixels);
      for (const [at, value] of changes) pixels[at] = value;
      await attempt(encodePng({ ...image, pixels }), tally);
    }),
    { numRuns: runs },
  );
}

const idleBytes = process.memoryUsage.rss();
const tally: Tally = { identical: 0, codes: new Map(), peakBytes: 0 };
await mutate(stegoImage(64, 48), 7500, tally);
await mutateSamples(2000, tally);
await mutate(stegoImage(512, 512), 400, tally);
await mutate(stegoImage(1024, 1024), 100, tally);
const { identical, codes, peakBytes } = tally;
const growthBytes = peakBytes - idleBytes;
process.stdout.write(JSON.stringify({ identical, codes: Object.fromEntries(codes), growthBytes }));
