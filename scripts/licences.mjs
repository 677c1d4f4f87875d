// Lists what the built product carries with it (production dependencies, nested and optional ones included) with their
// licences, and fails when one is outside the list of those that an Apache-2.0 project may ship with.
// Usage: node scripts/licences.mjs (npm run licences)

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** Permissive: they ask for notice and nothing else. */
const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Zlib',
  'Python-2.0',
  'Unlicense',
]);

/**
 * Licences with a condition that holds for these packages only, and why it is met.
 * libvips comes with sharp as a prebuilt library in packages of its own, unchanged and loaded at run time (on Windows and
 * WebAssembly inside sharp's own binary package): whoever gets the product can put another build of that package in its
 * place, which is what the LGPL asks of a work that uses a library.
 */
const CONDITIONAL = [
  { licence: 'LGPL-3.0-or-later', packages: /^@img\/sharp-(libvips-|win32-|wasm32$)/ },
];

/** Packages that name their licence in the old form of package.json, or only in a file. */
const inOldForm = (manifest) =>
  Array.isArray(manifest.licenses)
    ? manifest.licenses.map(({ type }) => type).join(' OR ')
    : undefined;

/** Does an SPDX expression of names, AND, OR and parentheses permit shipping? */
export function isAllowed(name, expression) {
  const tokens = expression.match(/\(|\)|[^\s()]+/g) ?? [];
  let at = 0;
  const one = () => {
    const token = tokens[at++];
    if (token === '(') {
      const inner = any();
      return tokens[at++] === ')' && inner;
    }
    if (token === undefined || token === ')' || token === 'AND' || token === 'OR') return false;
    return (
      PERMISSIVE.has(token) ||
      CONDITIONAL.some(({ licence, packages }) => licence === token && packages.test(name))
    );
  };
  const all = () => {
    let allowed = one();
    while (tokens[at] === 'AND') {
      at++;
      allowed = one() && allowed;
    }
    return allowed;
  };
  const any = () => {
    let allowed = all();
    while (tokens[at] === 'OR') {
      at++;
      allowed = all() || allowed;
    }
    return allowed;
  };
  const allowed = any();
  return allowed && at === tokens.length;
}

/**
 * The production packages of a lockfile (version 3).
 * @param manifestOf reads an installed package's package.json, or gives undefined when it is not installed here
 */
export function shipped(lockfile, manifestOf) {
  const packages = [];
  for (const [path, entry] of Object.entries(lockfile.packages)) {
    const marker = path.lastIndexOf('node_modules/');
    if (marker < 0 || entry.link || entry.dev || entry.devOptional) continue;
    const name = path.slice(marker + 'node_modules/'.length);
    const manifest = manifestOf(path) ?? {};
    const licence = entry.license ?? manifest.license ?? inOldForm(manifest) ?? 'unknown';
    packages.push({ name, version: entry.version, licence, allowed: isAllowed(name, licence) });
  }
  return packages.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function main() {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const read = (file) => JSON.parse(readFileSync(file, 'utf8'));
  const packages = shipped(read(join(root, 'package-lock.json')), (path) => {
    const file = join(root, path, 'package.json');
    return existsSync(file) ? read(file) : undefined;
  });
  for (const { name, version, licence, allowed } of packages)
    console.log(`${allowed ? ' ' : '!'} ${name}@${version}  ${licence}`);
  const refused = packages.filter(({ allowed }) => !allowed);
  console.log(
    `${packages.length} packages, ${refused.length} with a licence that is not on the list`,
  );
  return refused.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main();
