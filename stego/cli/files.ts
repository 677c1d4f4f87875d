// Files on the command line's side: read with a typed error, written whole or not at all.
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StegoError } from '../errors.js';

/** @throws StegoError FILE_UNREADABLE */
export async function readInput(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new StegoError('FILE_UNREADABLE', `cannot read ${path}`, { path }, { cause });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** @throws StegoError FILE_EXISTS unless `force`, when something is at `path` already */
export async function requireFree(path: string, force: boolean): Promise<void> {
  if (!force && (await exists(path))) {
    throw new StegoError('FILE_EXISTS', `${path} exists already: --force replaces it`, { path });
  }
}

/** How {@link writeOutput} writes. */
export interface WriteOptions {
  readonly force: boolean;
  readonly mode?: number;
}

/**
 * Writes beside the target first, then puts it in place in one step.
 * @throws StegoError FILE_EXISTS, FILE_UNWRITABLE
 */
export async function writeOutput(
  path: string,
  bytes: Uint8Array | string,
  { force, mode = 0o644 }: WriteOptions,
): Promise<void> {
  await requireFree(path, force);
  const suffix = randomBytes(6).toString('hex');
  const temporary = join(dirname(path), `.${basename(path)}.${suffix}.tmp`);
  try {
    await writeFile(temporary, bytes, { mode, flag: 'wx' });
    // A link, unlike a rename, fails when another process has made the target meanwhile.
    if (force) await rename(temporary, path);
    else await link(temporary, path);
  } catch (cause) {
    throw new StegoError('FILE_UNWRITABLE', `cannot write ${path}`, { path }, { cause });
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Makes a folder and those above it. @throws StegoError FILE_UNWRITABLE */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw new StegoError('FILE_UNWRITABLE', `cannot make the folder ${path}`, { path }, { cause });
  }
}
