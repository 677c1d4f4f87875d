// `prms serve | demo | config | verify | help`: the gateway's words on the command line.

import { parseArgs } from 'node:util';
import { configAsJson, describeConfig, loadConfig, type LoadedConfig } from '../config/index.js';
import { GatewayError } from '../errors.js';
import { playDemo } from '../demo/index.js';
import { openGateway, VERSION } from '../runtime/index.js';
import { verifyCommand } from '../verify/index.js';

const USAGE = `PRMS ${VERSION}: patients' e-health records on a permissioned ledger

  prms serve                 start the gateway on ./data (or PRMS_DATA)
  prms demo [--exit]         play the whole story on a fresh folder; --exit does not stay up
  prms config [--json]       print the settings in force and where each comes from
  prms verify <file>         check an exported record offline
  prms ledger verify | show  check or look at a data folder's ledger
  prms stego hide | reveal | inspect | analyse | keygen
  prms bench run | compare | report
                             measure ledgers under load
  prms help | --version

Every command has --help. Settings: docs/configuration.md.
`;

const COMMANDS: Readonly<Record<string, (words: string[]) => Promise<number>>> = {
  serve,
  demo,
  verify: verifyCommand,
  config: (words) => Promise.resolve(showConfig(words)),
};

/** Runs one command. @returns the exit status: 0 done, 1 failed, 2 bad usage */
export async function run(argv: readonly string[]): Promise<number> {
  const [word = 'help', ...words] = argv;
  if (word === 'help' || word === '--help' || word === '-h') return say(USAGE, 0);
  if (word === '--version') return say(`${VERSION}\n`, 0);
  const command = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
  if (!command) return complain(`There is no command “${word}”.\n\n${USAGE}`, 2);
  // `verify` has words of its own.
  if (word !== 'verify' && (words.includes('--help') || words.includes('-h'))) return say(USAGE, 0);
  try {
    return await command(words);
  } catch (error) {
    if (isUsage(error)) return complain(`${error.message}\n\n${USAGE}`, 2);
    // A typed error says what to do; anything else is a fault of ours and shows where.
    const typed = error instanceof GatewayError || (error instanceof Error && 'code' in error);
    return complain(
      `${typed ? describe(error) : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      1,
    );
  }
}

function showConfig(words: string[]): number {
  const { json } = parse(words, { json: { type: 'boolean', default: false } });
  const loaded = loadConfig(process.env);
  if (json !== true) return say(`${describeConfig(loaded)}\n`, 0);
  warnOfUnknown(loaded);
  return say(`${JSON.stringify(configAsJson(loaded), null, 2)}\n`, 0);
}

function warnOfUnknown({ unknownVariables }: Pick<LoadedConfig, 'unknownVariables'>): void {
  for (const name of unknownVariables) process.stderr.write(`warning: ${name} is not a setting\n`);
}

async function serve(words: string[]): Promise<number> {
  parse(words, {});
  const loaded = loadConfig(process.env);
  const { config } = loaded;
  warnOfUnknown(loaded);
  const gateway = await openGateway({ config });
  process.stdout.write(`PRMS gateway at ${gateway.url}   API reference: ${gateway.url}/api/docs\n`);
  const code = await gateway.setupCode();
  if (code !== undefined) {
    const shown = config.setupCode === '' ? `  ${code}` : '  (the one in PRMS_SETUP_CODE)';
    process.stdout.write(
      `The ledger is not founded yet. The first hospital registers with the set-up code:\n${shown}\n`,
    );
  }
  await signalled();
  await gateway.close();
  return 0;
}

async function demo(words: string[]): Promise<number> {
  const { exit } = parse(words, { exit: { type: 'boolean', default: false } });
  const stop = new AbortController();
  const told = signalled().then(() =>
    stop.abort(new Interrupted('The demo was interrupted; its folder is removed.')),
  );
  const out = (line: string) => process.stdout.write(`${line}\n`);
  const played = await playDemo({
    exit: exit === true,
    out,
    env: process.env,
    signal: stop.signal,
  });
  if (exit !== true) await told;
  await played.close();
  return 0;
}

/** Somebody pressed Ctrl-C: said in a line, not as a fault. */
class Interrupted extends Error {
  readonly code = 'INTERRUPTED';
}

/** Ctrl-C or a service manager's word. A second one ends the process at once. */
function signalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

type OptionSpecs = Readonly<
  Record<string, { readonly type: 'boolean' | 'string'; readonly default?: boolean | string }>
>;

function parse(words: string[], options: OptionSpecs): Record<string, unknown> {
  return parseArgs({ args: words, options, strict: true, allowPositionals: false }).values;
}

function isUsage(error: unknown): error is Error {
  return (
    error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
  );
}

function describe(error: Error): string {
  const { cause } = error;
  return `${error.message}${cause instanceof Error ? ` (${cause.message})` : ''}`;
}

function say(text: string, status: number): number {
  process.stdout.write(text);
  return status;
}

function complain(text: string, status: number): number {
  process.stderr.write(text);
  return status;
}
