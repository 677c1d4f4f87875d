// The command line's words for measuring: `prms bench run`, `compare` and `report`.
import { BenchError } from '../errors.js';
import { PLATFORM_NAMES } from '../platforms/index.js';
import { WORKLOADS } from '../workloads/index.js';
import { compareCommand } from './compare-command.js';
import { type Output, toProcess } from './output.js';
import { runCommand } from './run-command.js';
import { RATES } from './words.js';

const workloads = WORKLOADS.map(({ name, summary, variants }) => {
  const known = Object.entries(variants).map(
    ([variant, what]) => `               ${variant}: ${what}`,
  );
  return [`    ${name.padEnd(10)} ${summary}`, ...known].join('\n');
}).join('\n');

const HELP = `Usage: prms bench run [options]          make runs, into a folder
       prms bench compare A B            two such folders: what changed beyond noise
       prms bench report DIR             a page with charts, from such a folder

Options of run:
  --platform <name>      ${PLATFORM_NAMES.join(', ')} (default embedded)
  --workload <name>      (default records)
${workloads}
  --variant <name>       of the workload; default its first
  --rate <n,…>           open loop: operations due a second (default ${RATES.join(',')})
  --closed <n,…>         closed loop: so many calls always under way
  --set <n,…>            so many operations, all due at once: the system execution time
  --search               the sustainable rate, then runs at 50, 80 and 95 % of it
  --duration <time>      of each run, such as 500ms, 60s, 10m (default 60s; with --quick 5s)
  --arrivals <kind>      constant or poisson (default constant)
  --batch <n,…>          operations a transaction at most (default: the platform's)
  --lanes <n>            batches under way at once, of each generator (default: the platform's)
  --repeats <n>          runs of each point, in random order (default 1)
  --window <n>           calls under way at most (default: the platform's)
  --generators <n>       threads that make the load (default 1)
  --drain <time>         how long what is under way may take in the end (default 30s)
  --seed <n>             (default 1)
  --presigned            sign before the run, not during it
  --quick                small state and short runs
  --raw                  keep a record of every call
  --out <folder>         (default bench-results/<time>-<platform>-<workload>)
  --json                 one JSON object on standard output

Ctrl-C ends the run that goes on, keeps what was measured and ends what was started; twice, it ends at once.
Exit status: 0 done, 1 a run is invalid, was interrupted or failed, or nothing could be compared, 2 wrong use.
`;

/**
 * Runs one command.
 * @param argv the words after `prms`, the first being `bench`
 * @returns the exit status: 0, 1 (a run is invalid, interrupted or failed; nothing to compare), 2 (wrong use)
 */
export async function run(argv: readonly string[], output: Output = toProcess): Promise<number> {
  const [, verb, ...rest] = argv;
  if (argv.includes('--help') || argv.includes('-h')) {
    output.out(HELP);
    return 0;
  }
  const stop = new AbortController();
  const release = onInterrupt(stop, output);
  try {
    return await command(verb, rest, output, stop.signal);
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    const { code, message } = error;
    if (code === 'USAGE') {
      output.err(`${message}\nSee "prms bench --help".\n`);
      return 2;
    }
    if (argv.includes('--json')) output.out(`${JSON.stringify({ code, message })}\n`);
    else output.err(`${code}: ${message}\n`);
    return 1;
  } finally {
    release();
  }
}

async function command(
  verb: string | undefined,
  rest: readonly string[],
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  if (verb === 'run') return runCommand(rest, output, signal);
  if (verb === 'compare') return compareCommand(rest, output);
  if (verb === 'report') {
    // Vega is a big library: only who draws waits for it.
    const { reportCommand } = await import('./report-command.js');
    return reportCommand(rest, output);
  }
  const said = verb === undefined ? 'say run, compare or report' : `"${verb}" is no bench command`;
  throw new BenchError('USAGE', said);
}

/** The first Ctrl-C stops in good order, the second at once. @returns how to listen no more */
function onInterrupt(stop: AbortController, output: Output): () => void {
  const interrupt = (): void => {
    if (stop.signal.aborted) process.exit(130);
    output.err('\nstopping: what was measured is kept; once more to end at once\n');
    stop.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, interrupt);
  return () => {
    for (const signal of signals) process.off(signal, interrupt);
  };
}
