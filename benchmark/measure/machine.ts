// Where a benchmark ran: what somebody needs to know before they compare its figures with theirs.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Manifest } from '../results/result.js';

const run = promisify(execFile);
const HERE = fileURLToPath(new URL('.', import.meta.url));

export async function describeMachine(): Promise<Manifest['machine']> {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
    filesystem: await filesystemOf(tmpdir()),
    loadBefore: loadavg()[0] ?? 0,
  };
}

export async function describeVersions(): Promise<Manifest['versions']> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { readonly version: string };
  const { node, v8, openssl } = process.versions;
  return { prms: version, node, v8, openssl };
}

/** The source tree's commit; `+` behind it: with changes. Null without a repository. */
export async function describeCommit(): Promise<string | null> {
  try {
    const { stdout: commit } = await run('git', ['rev-parse', 'HEAD'], { cwd: HERE });
    const { stdout: changes } = await run('git', ['status', '--porcelain'], { cwd: HERE });
    return commit.trim() + (changes === '' ? '' : '+');
  } catch {
    return null;
  }
}

/** The kind of file system that holds `path`: the longest mount point above it. */
async function filesystemOf(path: string): Promise<string> {
  try {
    const mounts = (await readFile('/proc/mounts', 'utf8')).trim().split('\n');
    const above = mounts
      .map((line) => line.split(' '))
      .filter(([, point = '']) => path === point || path.startsWith(point.replace(/\/?$/, '/')))
      .sort((a, b) => (b[1]?.length ?? 0) - (a[1]?.length ?? 0));
    return above[0]?.[2] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
