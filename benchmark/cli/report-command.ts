// `prms bench report DIR`: a page with charts, from a results folder.
import { BenchError } from '../errors.js';
import { writeReport } from '../report/index.js';
import type { Output } from './output.js';

/** @returns the exit status */
export async function reportCommand(argv: readonly string[], output: Output): Promise<number> {
  const json = argv.includes('--json');
  const words = argv.filter((word) => word !== '--json');
  const [dir, more] = words;
  const unknown = words.find((word) => word.startsWith('-'));
  if (unknown !== undefined) throw new BenchError('USAGE', `report knows no ${unknown}`);
  if (dir === undefined || more !== undefined) {
    throw new BenchError('USAGE', 'report takes one folder: prms bench report DIR');
  }
  const report = await writeReport(dir);
  output.out(json ? `${JSON.stringify(report)}\n` : `${report.html}\n`);
  return 0;
}
