// `prms bench compare A B`: what changed between two results folders beyond noise.
import { parseArgs } from 'node:util';
import { compareResults, formatComparison } from '../compare/index.js';
import { BenchError } from '../errors.js';
import { readResults } from '../results/read.js';
import type { Output } from './output.js';

/**
 * @returns the exit status: 0, whatever changed; 1 when there was nothing that could be compared
 * @throws BenchError USAGE | RESULTS that names the folder
 */
export async function compareCommand(argv: readonly string[], output: Output): Promise<number> {
  const { a, b, json } = parsed(argv);
  const comparison = compareResults(await readSide(a), await readSide(b));
  if (json) output.out(`${JSON.stringify(comparison)}\n`);
  else output.out(formatComparison(comparison, { a, b }));
  return comparison.points.length > 0 ? 0 : 1;
}

async function readSide(dir: string): ReturnType<typeof readResults> {
  try {
    return await readResults(dir);
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    throw new BenchError(error.code, `${dir}: ${error.message}`, { cause: error });
  }
}

function parsed(argv: readonly string[]): { a: string; b: string; json: boolean } {
  const { positionals, values } = words(argv);
  const [a, b, ...more] = positionals;
  if (a === undefined || b === undefined || more.length > 0) {
    throw new BenchError('USAGE', 'compare takes two results folders');
  }
  return { a, b, json: values.json };
}

function words(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: { json: { type: 'boolean', default: false } },
      allowPositionals: true,
    });
  } catch (error) {
    throw new BenchError('USAGE', error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}
