// `npm run bench -w stego`: what hiding and revealing cost, per strategy, in milliseconds (medians),
// beside Python tools when they are installed. PYTHON names another interpreter than python3.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PNG } from 'pngjs';
import {
  PNG_FILTERS,
  StegoError,
  analyse,
  decodePng,
  encodePng,
  hide,
  hidePixels,
  paperHide,
  paperReveal,
  readCover,
  reveal,
  synthesiseCover,
} from '../index.js';

const SIDE = 2048;
const PAYLOAD_BYTES = 256 * 1024;
const RUNS = 7;

/** Median time of `work`, after runs that are not counted: the compiler warms up in them. */
async function medianMs(work: () => unknown, runs = RUNS): Promise<number> {
  for (let i = 0; i < (runs > 3 ? 3 : 1); i++) await work();
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length / 2)] ?? 0;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function row(name: string, ms: number, bytes?: number): void {
  const payload = (PAYLOAD_BYTES / 1e6 / (ms / 1000)).toFixed(1);
  const pixels = ((SIDE * SIDE) / 1e6 / (ms / 1000)).toFixed(1);
  const size = bytes === undefined ? '' : (bytes / 1e6).toFixed(2);
  print(`| ${name} | ${ms.toFixed(0)} | ${payload} | ${pixels} | ${size} |`);
}

const HEADINGS = '| what | ms | payload MB/s | image MP/s | stored MB |\n|---|---:|---:|---:|---:|';

async function benchWhole(photo: Uint8Array, payload: Uint8Array): Promise<Uint8Array> {
  const dataKey = randomBytes(32);
  const hideOnce = async () => hide({ payload, dataKey, covers: [await readCover(photo)] });
  const [image = new Uint8Array()] = (await hideOnce()).images;
  const cover = await readCover(photo);
  print(`\nWhole calls, PNG bytes to PNG bytes\n\n${HEADINGS}`);
  row('hide', await medianMs(hideOnce), image.length);
  row('reveal', await medianMs(() => reveal({ images: [image], dataKey })));
  const portable = { images: [image], dataKey, decoder: 'pngjs' as const };
  row('reveal, pngjs decoder', await medianMs(() => reveal(portable), 3));
  const key = dataKey.subarray(0, 16);
  const paper = async () => paperHide({ payload, key, cover: await readCover(photo) });
  row('hide, profile paper', await medianMs(paper, 3), (await paper()).length);
  const paperImage = await paper();
  row('reveal, profile paper', await medianMs(() => paperReveal({ image: paperImage, key }), 3));
  print(`\nSteps\n\n${HEADINGS}`);
  row('read the cover', await medianMs(() => readCover(photo)));
  row('encrypt and embed', await medianMs(() => hidePixels({ payload, dataKey, covers: [cover] })));
  row('analyse', await medianMs(() => analyse(cover), 3));
  row(
    'synthesise a cover',
    await medianMs(() => synthesiseCover({ width: SIDE, height: SIDE }), 3),
  );
  return image;
}

async function benchPng(image: Uint8Array): Promise<void> {
  const pixels = await decodePng(image);
  print(`\nDecoders\n\n${HEADINGS}`);
  for (const decoder of ['auto', 'sharp', 'pngjs'] as const) {
    row(decoder, await medianMs(() => decodePng(image, { decoder }), 5));
  }
  print(`\nEncoders: filter and deflate strategy\n\n${HEADINGS}`);
  for (const filter of PNG_FILTERS) {
    for (const deflate of ['huffman', 'rle', 1, 6] as const) {
      const encode = () => encodePng(pixels, { filter, deflate });
      row(`${filter}, ${deflate}`, await medianMs(encode, 3), encode().length);
    }
  }
  const png = new PNG({ width: SIDE, height: SIDE });
  const encode = () => PNG.sync.write(png, { colorType: 2 });
  for (let i = 0; i < SIDE * SIDE; i++) {
    png.data.set(pixels.pixels.subarray(i * 3, i * 3 + 3), i * 4);
    png.data[i * 4 + 3] = 255;
  }
  row('pngjs', await medianMs(encode, 1), encode().length);
}

// Each times its own calls, so that starting Python does not count.
const PYTHON_TOOLS: readonly [string, string][] = [
  [
    'stegano',
    `from stegano import lsb
t = time.perf_counter(); lsb.hide(photo, text).save(out); h = time.perf_counter() - t
t = time.perf_counter(); ok = lsb.reveal(out) == text; r = time.perf_counter() - t`,
  ],
  [
    'stegpy',
    `from stegpy.lsb import HostElement
import contextlib, io
os.chdir(folder)
t = time.perf_counter()
with contextlib.redirect_stdout(io.StringIO()): e = HostElement('photo.png'); e.insert_message(data, 1); e.save()
h = time.perf_counter() - t
said = io.StringIO()
t = time.perf_counter()
with contextlib.redirect_stdout(said): HostElement('_photo.png').read_message()
r = time.perf_counter() - t; ok = text in said.getvalue()`,
  ],
];

async function benchPython(photo: Uint8Array): Promise<void> {
  const python = process.env['PYTHON'] ?? 'python3';
  const folder = await mkdtemp(join(tmpdir(), 'prms-bench-'));
  const path = join(folder, 'photo.png');
  await writeFile(path, photo);
  print(
    `\nPython tools: plain sequential LSB, no encryption\n\n| tool | hide ms | reveal ms | intact |\n|---|---:|---:|---|`,
  );
  for (const [name, script] of PYTHON_TOOLS) {
    const program = `
import os, sys, time, base64
folder, photo = sys.argv[1], sys.argv[2]
out = folder + '/out.png'
text = base64.b64encode(os.urandom(${(PAYLOAD_BYTES * 3) / 4})).decode()
data = text.encode()
${script}
print(f'{h * 1000:.0f} | {r * 1000:.0f} | {ok}')`;
    try {
      const { stdout } = await promisify(execFile)(python, ['-c', program, folder, path]);
      print(`| ${name} | ${stdout.trim()} |`);
    } catch (error) {
      const reason = error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? '') : '';
      print(`| ${name} | not measured: ${reason} | | |`);
    }
  }
  await rm(folder, { recursive: true });
}

async function main(): Promise<void> {
  const scene = synthesiseCover({ width: SIDE, height: SIDE, seed: Buffer.from('bench') });
  const photo = encodePng(scene, { filter: 'paeth', deflate: 6 });
  const payload = randomBytes(PAYLOAD_BYTES);
  print(`Node ${process.version}, ${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}`);
  print(`${PAYLOAD_BYTES / 1024} KiB into ${SIDE} x ${SIDE} pixels; medians`);
  await benchPng(await benchWhole(photo, payload));
  await benchPython(photo);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof StegoError ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
