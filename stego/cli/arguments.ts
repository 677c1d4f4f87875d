// Reads and checks the command line's options; anything wrong here is "bad usage", exit status 2.
import { parseArgs } from 'node:util';
import { isSuite } from '../cipher/index.js';
import type { Suite } from '../cipher/index.js';
import { PNG_FILTERS } from '../png/index.js';
import type { PngOptions } from '../png/index.js';
import { readInput } from './files.js';

/** The words on the command line do not make a command. */
export class UsageError extends Error {}

const OPTIONS = {
  cover: { type: 'string', multiple: true },
  in: { type: 'string', multiple: true },
  out: { type: 'string' },
  'key-file': { type: 'string' },
  suite: { type: 'string' },
  profile: { type: 'string' },
  'max-rate': { type: 'string' },
  filter: { type: 'string' },
  deflate: { type: 'string' },
  decoder: { type: 'string' },
  force: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** The options of all commands, as given. */
export type Values = ReturnType<typeof parseValues>['values'];

function parseValues(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Options and positional words; `allowed` names the options that this command knows. */
export function readArguments(args: readonly string[], allowed: readonly string[]) {
  const parsed = parseValues(args);
  for (const name of Object.keys(parsed.values)) {
    if (!allowed.includes(name) && name !== 'help' && name !== 'json') {
      throw new UsageError(`this command has no option --${name}`);
    }
  }
  return parsed;
}

/** @throws UsageError when an option is missing */
export function requireOption(value: string | undefined, name: string): string {
  if (value === undefined) throw new UsageError(`--${name} is missing`);
  return value;
}

/** @throws UsageError when none or more than one was given */
export function requireOne(values: readonly string[] | undefined, name: string): string {
  const [value, ...more] = values ?? [];
  if (more.length > 0) throw new UsageError(`--${name} is given once here`);
  return requireOption(value, name);
}

/** A suite's name, checked. */
export function readSuite(value: string | undefined): Suite | undefined {
  if (value === undefined || isSuite(value)) return value;
  throw new UsageError('--suite is A256GCM or A128GCM');
}

/** True for the paper's profile, false for the default. */
export function readProfile(value: string | undefined): boolean {
  if (value === undefined || value === 'default') return false;
  if (value === 'paper') return true;
  throw new UsageError('--profile is default or paper');
}

/** A rate above 0 and at most 1. */
export function readMaxRate(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const rate = Number(value);
  if (rate > 0 && rate <= 1) return rate;
  throw new UsageError('--max-rate is above 0 and at most 1');
}

/** Filter and deflate strategy. */
export function readPngOptions(values: Values): PngOptions {
  const filter = PNG_FILTERS.find((name) => name === values.filter);
  if (values.filter !== undefined && filter === undefined) {
    throw new UsageError(`--filter is one of ${PNG_FILTERS.join(', ')}`);
  }
  const deflate = readDeflate(values.deflate);
  return {
    ...(filter === undefined ? {} : { filter }),
    ...(deflate === undefined ? {} : { deflate }),
  };
}

function readDeflate(value: string | undefined): PngOptions['deflate'] {
  if (value === undefined || value === 'huffman' || value === 'rle') return value;
  if (/^[0-9]$/.test(value)) return Number(value);
  throw new UsageError('--deflate is huffman, rle or 0 to 9');
}

/** Which PNG decoder to use. */
export function readDecoder(value: string | undefined): 'auto' | 'sharp' | 'pngjs' {
  if (value === undefined || value === 'auto') return 'auto';
  if (value === 'sharp' || value === 'pngjs') return value;
  throw new UsageError('--decoder is auto, sharp or pngjs');
}

/** A key file holds the key in hexadecimal digits and nothing else. */
export async function readKey(path: string | undefined, lengthBytes: number): Promise<Uint8Array> {
  const text = (await readInput(requireOption(path, 'key-file'))).toString('latin1').trim();
  if (text.length !== lengthBytes * 2 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw new UsageError(`the key file must hold ${lengthBytes * 2} hexadecimal digits`);
  }
  return Buffer.from(text, 'hex');
}
