// The codes in the type, the README's table and the code itself agree.
import { expect } from 'chai';
import { readFileSync, readdirSync } from 'node:fs';
import { STEGO_ERROR_CODES } from './index.js';

const root = new URL('../', import.meta.url);

function sources(folder: URL): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'dist' || entry.name === 'node_modules') return [];
    if (entry.isDirectory()) return sources(new URL(`${entry.name}/`, folder));
    const isSource = entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts');
    return isSource ? [readFileSync(new URL(entry.name, folder), 'utf8')] : [];
  });
}

describe('error codes', () => {
  it('are documented, all of them and no others', () => {
    const readme = readFileSync(new URL('README.md', root), 'utf8');
    const documented = [...readme.matchAll(/^\| ([A-Z_]+) +\|/gm)].map(([, code]) => code);
    expect(documented).to.deep.equal([...STEGO_ERROR_CODES]);
  });

  it('are all thrown somewhere', () => {
    const text = sources(root).join('\n');
    const thrown = [...text.matchAll(/new StegoError\(\s*'([A-Z_]+)'/g)].map(([, code]) => code);
    expect([...new Set(thrown)].sort()).to.deep.equal([...STEGO_ERROR_CODES].sort());
  });
});
