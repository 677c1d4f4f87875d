// `prms stego ...`: picks the command, prints its answer, and turns errors into exit statuses.
import { StegoError } from '../errors.js';
import { UsageError } from './arguments.js';
import { COMMANDS } from './commands.js';

/** Where the command line prints. */
export interface Console {
  out(text: string): void;
  err(text: string): void;
}

const PROCESS_CONSOLE: Console = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
};

function helpText(name?: string): string {
  const known = name === undefined ? undefined : COMMANDS[name];
  const commands = known === undefined ? Object.values(COMMANDS) : [known];
  const lines = commands.map(({ usage }) => `  prms stego ${usage}`);
  return `Hides encrypted reports in images.\n\n${lines.join('\n')}\n\n  --json prints figures as JSON, --help this text\n`;
}

/**
 * Runs one command.
 * @param argv - begins with the word `stego`
 * @returns exit status: 0 done, 1 failed, 2 bad usage
 */
export async function run(
  argv: readonly string[],
  console: Console = PROCESS_CONSOLE,
): Promise<number> {
  const [, name, ...args] = argv;
  const asJson = args.includes('--json');
  if (args.includes('--help') || args.includes('-h') || name === '--help' || name === '-h') {
    console.out(helpText(name));
    return 0;
  }
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    console.err(helpText());
    return 2;
  }
  try {
    const { json, text } = await command.run(args);
    console.out(asJson ? `${JSON.stringify(json)}\n` : `${text.join('\n')}\n`);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      console.err(`${error.message}\n  prms stego ${command.usage}\n`);
      return 2;
    }
    if (!(error instanceof StegoError)) throw error;
    const { code, message, ids } = error;
    console.err(asJson ? `${JSON.stringify({ code, message, ids })}\n` : `${code}: ${message}\n`);
    return 1;
  }
}
