// `prms verify FILE`: checks what somebody was handed, offline, whatever kind of file it is.
import { open } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { verifyExport } from './export.js';
import type { Verdict, VerifyOptions } from './findings.js';
import { isTranscript, verifyTranscript } from './transcript.js';

export type { Problem, Verdict, VerifyOptions } from './findings.js';
export { verifyExport } from './export.js';
export { checkTranscript } from './transcript.js';

const HELP = `Usage: prms verify <file> [options]

Checks a file that was exported from a PRMS gateway, without any gateway, ledger or network:
  a record's export (.zip)
  a consultation's transcript (.json)

Options:
  --expect <number>:<hash>  a block's hash that was noted earlier; may be repeated
  --json                    one JSON document on standard output
  --help                    these words

Exit status: 0 everything holds, 1 something does not, 2 wrong use.
`;

/** One kind of file that can be verified. */
interface Verifier {
  /** @param beginning the file's first bytes */
  readonly recognises: (beginning: Buffer) => boolean;
  readonly verify: (path: string, options: VerifyOptions) => Promise<Verdict>;
}

/** A new kind is a row here. */
const VERIFIERS: Readonly<Record<string, Verifier>> = {
  export: {
    recognises: (beginning) => beginning.subarray(0, 2).toString('latin1') === 'PK',
    verify: verifyExport,
  },
  transcript: { recognises: isTranscript, verify: verifyTranscript },
};

const BEGINNING_BYTES = 512;

/** Where the command's words go; a test listens in. */
export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** @param words after `prms verify`. @returns the exit status */
export async function verifyCommand(
  words: readonly string[],
  output: Output = {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  },
): Promise<number> {
  const asked = parse(words);
  if (asked === 'help') {
    output.out(HELP);
    return 0;
  }
  if (typeof asked === 'string') {
    output.err(`${asked}\n\n${HELP}`);
    return 2;
  }
  try {
    const verdict = await verifyFile(asked.path, asked.options);
    output.out(asked.json ? `${JSON.stringify(verdict)}\n` : describe(asked.path, verdict));
    return verdict.ok ? 0 : 1;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `${asked.path} can’t be read: ${why}`;
    if (asked.json) output.out(`${JSON.stringify({ ok: false, message })}\n`);
    else output.err(`${message}\n`);
    return 1;
  }
}

/** Finds out what kind of file it is, and verifies it as that. */
export async function verifyFile(path: string, options: VerifyOptions): Promise<Verdict> {
  const beginning = await beginningOf(path);
  for (const { recognises, verify } of Object.values(VERIFIERS)) {
    if (recognises(beginning)) return verify(path, options);
  }
  const problem = { file: path, message: 'is nothing that a gateway exports' };
  return { kind: 'unknown', ok: false, problems: [problem], proven: [], notProven: [], facts: {} };
}

async function beginningOf(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(BEGINNING_BYTES),
      0,
      BEGINNING_BYTES,
      0,
    );
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

interface Asked {
  readonly path: string;
  readonly json: boolean;
  readonly options: VerifyOptions;
}

/** @returns what was asked for, or what is wrong with the words */
function parse(words: readonly string[]): Asked | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        expect: { type: 'string', multiple: true },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) return 'help';
    const [path, ...rest] = positionals;
    if (path === undefined) return 'Name the file to verify.';
    if (rest.length > 0) return 'One file at a time.';
    const expect = (values.expect ?? []).map(expectation);
    return { path, json: values.json === true, options: { expect } };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function expectation(words: string): { block: number; hash: string } {
  const [, number, hash] = /^([0-9]{1,15}):([0-9a-fA-F]{64})$/.exec(words) ?? [];
  if (number === undefined || hash === undefined) {
    throw new Error(`"${words}" is not <number>:<hash of 64 hex digits>`);
  }
  return { block: Number(number), hash: hash.toLowerCase() };
}

function describe(path: string, { ok, problems, proven, notProven }: Verdict): string {
  const lines = ok
    ? [`${path} holds.`, ...proven.map((what) => `  proven      ${what}`)]
    : [`${path} does NOT hold.`, ...problems.map(({ file, message }) => `  ${file}: ${message}`)];
  lines.push(...notProven.map((what) => `  not proven  ${what}`));
  return `${lines.join('\n')}\n`;
}
