// Adds up the counts of all test runs and prints `N passed, N failed` alone on the last line.
// Usage: node scripts/ci-summary.mjs <folder of counts> [name of a step that failed …]
// A failed step that no failed test explains (lint, the demo, a run that died) counts as one failure. A skipped test is a failure.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** @returns the sum of `{passed, failed, pending}` records and of what went wrong besides */
export function sumUp(runs, failedSteps) {
  const passed = runs.reduce((sum, run) => sum + run.passed, 0);
  const failedTests = runs.reduce((sum, run) => sum + run.failed + run.pending, 0);
  const runsThatFailed = runs.filter((run) => run.failed > 0).length;
  return { passed, failed: failedTests + Math.max(0, failedSteps.length - runsThatFailed) };
}

function main([folder, ...failedSteps]) {
  if (folder === undefined) {
    console.error('usage: node scripts/ci-summary.mjs <folder> [failed step …]');
    return 2;
  }
  const runs = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
  for (const step of failedSteps) console.log(`failed: ${step}`);
  const { passed, failed } = sumUp(runs, failedSteps);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = main(process.argv.slice(2));
