#!/usr/bin/env node
// The command line's door: picks the package whose command was asked for and hands the words over.
// Committed as JavaScript because npm links a bin at install time, before anything is built.
import { existsSync } from 'node:fs';

const owners = { stego: 'stego', ledger: 'network', network: 'network', bench: 'benchmark' };
const [word = 'help'] = process.argv.slice(2);
const owner = owners[word] ?? 'gateway';
const door = new URL(`../${owner}/dist/cli/index.js`, import.meta.url);

if (existsSync(door)) {
  const { run } = await import(door.href);
  process.exitCode = await run(process.argv.slice(2));
} else {
  process.stderr.write('prms is not built yet: run `npm ci && npm run build` first\n');
  process.exitCode = 1;
}
