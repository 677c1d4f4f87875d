// The five commands: keygen, hide, reveal, inspect, analyse. Each returns what it has to say.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  DEFAULT_MAX_RATE,
  capacityBytes,
  hidePixels,
  paperCapacityBytes,
  paperHidePixels,
  paperReveal,
  reveal,
} from '../container/index.js';
import { readCover } from '../cover/index.js';
import { decodePng, encodePng, looksLikePng } from '../png/index.js';
import type { RgbImage } from '../png/index.js';
import { analyse, changeRate, psnr, ssim } from '../steganalysis/index.js';
import {
  UsageError,
  readArguments,
  readDecoder,
  readKey,
  readMaxRate,
  readPngOptions,
  readProfile,
  readSuite,
  requireOne,
  requireOption,
} from './arguments.js';
import { makeFolder, readInput, requireFree, writeOutput } from './files.js';

/** What a command answers: figures for `--json`, and lines for people. */
export interface Output {
  readonly json: unknown;
  readonly text: readonly string[];
}

/** A command's name on the command line, its options and its work. */
export interface Command {
  readonly usage: string;
  run(args: readonly string[]): Promise<Output>;
}

async function keygen(args: readonly string[]): Promise<Output> {
  const { values } = readArguments(args, ['out', 'force', 'profile']);
  const key = randomBytes(readProfile(values.profile) ? 16 : 32).toString('hex');
  if (values.out === undefined) return { json: { key }, text: [key] };
  await writeOutput(values.out, `${key}\n`, { force: values.force ?? false, mode: 0o600 });
  return { json: { keyFile: values.out }, text: [`key written to ${values.out}`] };
}

function qualityOf(cover: RgbImage, stego: RgbImage, rate: number) {
  const decibels = psnr(cover, stego);
  return {
    // JSON has no Infinity; identical images have no noise to speak of.
    psnrDb: Number.isFinite(decibels) ? Number(decibels.toFixed(2)) : null,
    ssim: Number(ssim(cover, stego).toFixed(6)),
    bitsPerSample: Number(rate.toFixed(4)),
    changedSamples: Number(changeRate(cover, stego).toFixed(4)),
  };
}

async function hide(args: readonly string[]): Promise<Output> {
  const { values } = readArguments(args, [
    ...['cover', 'in', 'out', 'key-file', 'suite', 'profile', 'max-rate'],
    ...['filter', 'deflate', 'force'],
  ]);
  const out = requireOption(values.out, 'out');
  const force = values.force ?? false;
  const png = readPngOptions(values);
  const paths = values.cover ?? [];
  if (paths.length === 0) throw new UsageError('--cover is missing');
  const paper = readProfile(values.profile);
  const maxRate = readMaxRate(values['max-rate']) ?? DEFAULT_MAX_RATE;
  const suite = readSuite(values.suite) ?? 'A256GCM';
  const inputPath = requireOne(values.in, 'in');
  const key = await readKey(values['key-file'], paper ? 16 : 32);
  if (paper && paths.length > 1) throw new UsageError('the paper profile takes one cover');
  if (paths.length === 1) await requireFree(out, force);
  const payload = await readInput(inputPath);
  const covers = await Promise.all(paths.map(async (path) => readCover(await readInput(path))));
  const hidden = paper
    ? paperPixels(payload, key, covers)
    : hidePixels({ payload, dataKey: key, suite, covers, maxRate });
  const toFolder = paths.length > 1;
  if (toFolder) await makeFolder(out);
  const fileOf = (index: number): string =>
    toFolder ? join(out, `part-${String(index + 1).padStart(2, '0')}.png`) : out;
  // Checked for all before the first is written.
  for (const index of hidden.images.keys()) await requireFree(fileOf(index), force);
  const written = [];
  for (const [index, image] of hidden.images.entries()) {
    const file = fileOf(index);
    const part = hidden.figures.parts[index];
    const cover = covers[part?.coverIndex ?? 0];
    if (part === undefined || cover === undefined) continue;
    const bytes = encodePng(image, png);
    await writeOutput(file, bytes, { force });
    const quality = qualityOf(cover, image, part.rate);
    written.push({ file, cover: paths[part.coverIndex], fileBytes: bytes.length, ...quality });
  }
  return {
    json: { payloadBytes: payload.length, images: written },
    text: written.map(
      ({ file, psnrDb, ssim: similarity, bitsPerSample }) =>
        `${file}: PSNR ${psnrDb ?? 'infinite'} dB, SSIM ${similarity}, ${bitsPerSample} bits per sample`,
    ),
  };
}

function paperPixels(payload: Uint8Array, key: Uint8Array, covers: readonly RgbImage[]) {
  const [cover] = covers;
  if (cover === undefined) throw new UsageError('--cover is missing');
  const image = paperHidePixels({ payload, key, cover });
  // IV and padded ciphertext behind a 32-bit length.
  const bits = 32 + 8 * (16 + (Math.floor(payload.length / 16) + 1) * 16);
  const rate = bits / cover.pixels.length;
  return { images: [image], figures: { parts: [{ coverIndex: 0, rate }] } };
}

async function revealCommand(args: readonly string[]): Promise<Output> {
  const { values } = readArguments(args, [
    ...['in', 'out', 'key-file', 'suite', 'profile', 'decoder', 'force'],
  ]);
  const out = requireOption(values.out, 'out');
  const force = values.force ?? false;
  const decoder = readDecoder(values.decoder);
  const paths = values.in ?? [];
  if (paths.length === 0) throw new UsageError('--in is missing');
  const paper = readProfile(values.profile);
  const suite = readSuite(values.suite) ?? 'A256GCM';
  const key = await readKey(values['key-file'], paper ? 16 : 32);
  await requireFree(out, force);
  const images = await Promise.all(paths.map(readInput));
  const report = paper
    ? await paperReveal({ image: await readInput(requireOne(paths, 'in')), key, decoder })
    : await reveal({ images, dataKey: key, suite, decoder });
  await writeOutput(out, report, { force, mode: 0o600 });
  const json = { file: out, payloadBytes: report.length };
  return { json, text: [`${out}: ${report.length} bytes`] };
}

function requirePaths(args: readonly string[], allowed: readonly string[]) {
  const { values, positionals } = readArguments(args, [...allowed, 'in', 'cover']);
  const paths = [...positionals, ...(values.in ?? []), ...(values.cover ?? [])];
  if (paths.length === 0) throw new UsageError('name at least one image');
  return { values, paths };
}

async function inspect(args: readonly string[]): Promise<Output> {
  const { values, paths } = requirePaths(args, ['max-rate']);
  const maxRate = readMaxRate(values['max-rate']) ?? DEFAULT_MAX_RATE;
  const rows = [];
  for (const file of paths) {
    const cover = await readCover(await readInput(file));
    const { width, height, source } = cover;
    rows.push({
      file,
      format: source.format,
      lossy: source.lossy,
      downsampledBy: source.downsampledBy,
      width,
      height,
      maxRate,
      capacityBytes: capacityBytes(cover, { maxRate }),
      paperCapacityBytes: paperCapacityBytes(cover),
    });
  }
  return {
    json: { images: rows },
    text: rows.map(
      (row) =>
        `${row.file}: ${row.format}, as a cover ${row.width} x ${row.height}` +
        `${row.lossy ? ' (cropped and halved: lossy source)' : ''}, ` +
        `carries ${row.capacityBytes} bytes at ${maxRate} bits per sample`,
    ),
  };
}

async function analyseCommand(args: readonly string[]): Promise<Output> {
  const { paths } = requirePaths(args, []);
  const rows = [];
  for (const file of paths) {
    const bytes = await readInput(file);
    // A suspected stego image must be looked at as it is: only PNGs are, other photos become covers.
    const image = looksLikePng(bytes) ? await decodePng(bytes) : await readCover(bytes);
    rows.push({ file, ...analyse(image) });
  }
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  return {
    json: { images: rows },
    text: rows.flatMap(({ file, chiSquareFlags, rs, samplePairs, channels }) => [
      `${file}: chi-square ${chiSquareFlags ? 'says embedded' : 'sees nothing'}, ` +
        `RS ${percent(rs)}, sample pairs ${percent(samplePairs)}`,
      ...channels.map(
        (c) =>
          `  ${c.channel}: chi-square p ${c.chiSquare.probability.toFixed(3)}, ` +
          `RS ${percent(c.rs)}, sample pairs ${percent(c.samplePairs)}`,
      ),
    ]),
  };
}

/** All commands, by name. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  keygen: { usage: 'keygen [--out key.txt] [--profile paper] [--force]', run: keygen },
  hide: {
    usage:
      'hide --cover photo.png [--cover ...] --in report.pdf --out stego.png --key-file key.txt\n' +
      '    [--suite A256GCM|A128GCM] [--max-rate 0.2] [--profile paper] [--force]\n' +
      '    [--filter average|none|sub|up|paeth] [--deflate huffman|rle|0-9]\n' +
      '    (--out is a folder when several covers are given)',
    run: hide,
  },
  reveal: {
    usage:
      'reveal --in stego.png [--in ...] --out report.pdf --key-file key.txt\n' +
      '    [--suite A256GCM|A128GCM] [--profile paper] [--decoder auto|sharp|pngjs] [--force]',
    run: revealCommand,
  },
  inspect: { usage: 'inspect photo.png [...] [--max-rate 0.2]', run: inspect },
  analyse: { usage: 'analyse image.png [...]', run: analyseCommand },
};
