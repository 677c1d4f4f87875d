// The command line's words for ledgers: `prms ledger verify` and `prms ledger show`.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RECORDS, recordsChaincode } from '@prms/chaincode';
import { type ChaincodeFactory } from '../embedded/index.js';
import { LedgerError } from '../ledger.js';
import type { Command, Output } from './command.js';
import { showLedger } from './show.js';
import { verifyCommand } from './verify.js';

const HELP = `Usage: prms ledger <command> [options]

  verify   walk the chain: hashes, signatures, every transaction run again, state held against state rebuilt
  show     what the ledger holds: its blocks, or one block's transactions

Options:
  --data <folder>          the system's data folder (default ./data); the ledger is in its folder "ledger"
  --block <number>         show: one block's transactions
  --expect <number>:<hash> verify: a block's hash that was noted earlier; may be repeated
  --json                   one JSON document on standard output
  --help                   these words

The ledger must not be in use: stop the server first, or ask the server itself to verify.
Exit status: 0 done and honest, 1 the ledger lies or can't be read, 2 wrong use.
`;

class WrongUse extends Error {
  override readonly name = 'WrongUse';
}

const toProcess: Output = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  errIsTerminal: process.stderr.isTTY,
};

const NO_NETWORK = `prms network is not part of this version: the ledger runs inside the server, on one folder, as one node.
See "prms ledger --help" for what can be done with it.
`;

/**
 * Runs one command.
 * @param argv the words after `prms`, the first being `ledger`; `network` is answered with the fact that there is none
 * @returns the exit status: 0, 1 (the ledger lies or can't be read), 2 (wrong use)
 */
export async function run(
  argv: readonly string[],
  output: Output = toProcess,
  chaincodes: Readonly<Record<string, ChaincodeFactory>> = { [RECORDS]: recordsChaincode },
): Promise<number> {
  if (argv[0] === 'network') {
    output.err(NO_NETWORK);
    return 2;
  }
  const json = argv.includes('--json');
  try {
    const parsed = parse(argv);
    if (parsed === 'help') {
      output.out(HELP);
      return 0;
    }
    const command = { ...parsed.command, chaincodes };
    return await (parsed.verb === 'verify' ? verifyCommand : showLedger)(command, output);
  } catch (error) {
    if (error instanceof WrongUse) {
      output.err(`${error.message}\n\n${HELP}`);
      return 2;
    }
    if (!(error instanceof LedgerError)) throw error;
    const { code, message, ids } = error;
    if (json) output.out(`${JSON.stringify({ ok: false, code, message, ids })}\n`);
    else output.err(`${code}: ${message}\n`);
    return 1;
  }
}

function parse(
  argv: readonly string[],
): 'help' | { verb: 'verify' | 'show'; command: Omit<Command, 'chaincodes'> } {
  const { values, positionals } = parseWords(argv);
  if (values.help === true) return 'help';
  const [noun, verb, ...rest] = positionals;
  if (noun !== 'ledger') throw new WrongUse(`"${noun ?? ''}" is not part of this version`);
  if (verb !== 'verify' && verb !== 'show') {
    throw new WrongUse(
      verb === undefined ? 'say verify or show' : `"${verb}" is no ledger command`,
    );
  }
  if (rest.length > 0) throw new WrongUse(`"${rest.join(' ')}" is one word too many`);
  if (verb === 'verify' && values.block !== undefined) throw new WrongUse('--block goes with show');
  if (verb === 'show' && values.expect !== undefined)
    throw new WrongUse('--expect goes with verify');
  const command = {
    dir: join(values.data ?? './data', 'ledger'),
    json: values.json === true,
    block: values.block === undefined ? undefined : blockNumber(values.block),
    expect: (values.expect ?? []).map(expectation),
  };
  return { verb, command };
}

function parseWords(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        data: { type: 'string' },
        block: { type: 'string' },
        expect: { type: 'string', multiple: true },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new WrongUse(error instanceof Error ? error.message : String(error));
  }
}

function blockNumber(words: string): number {
  const number = Number(words);
  if (words.trim() === '' || !Number.isSafeInteger(number) || number < 0) {
    throw new WrongUse(`"${words}" is not a block's number`);
  }
  return number;
}

function expectation(words: string): { block: number; hash: string } {
  const [, number, hash] = /^([0-9]+):([0-9a-fA-F]{64})$/.exec(words) ?? [];
  if (number === undefined || hash === undefined) {
    throw new WrongUse(`"${words}" is not <number>:<hash of 64 hex digits>`);
  }
  return { block: blockNumber(number), hash: hash.toLowerCase() };
}
