// What the gateway's tests share: temporary folders, a clock that is set by hand, seeded bytes, expected failures.
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, RandomBytes } from '../ambient.js';

export interface TemporaryFolder {
  readonly path: string;
  remove(): Promise<void>;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), 'prms-gateway-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  constructor(private timeMs = Date.UTC(2030, 0, 1)) {}
  now(): number {
    return this.timeMs;
  }
  advance(ms: number): void {
    this.timeMs += ms;
  }
}

/** Bytes that look random and are the same for the same seed. */
export function seededRandom(seed: string): RandomBytes {
  let count = 0;
  return (length) => {
    const out = Buffer.alloc(length);
    for (let offset = 0; offset < length; offset += 32) {
      createHash('sha256').update(`${seed}:${count}`).digest().copy(out, offset);
      count += 1;
    }
    return out;
  };
}

/** The error that `work` fails with; fails itself when `work` succeeds or throws something else. */
export async function failure<E extends Error>(
  kind: abstract new (...parameters: never[]) => E,
  work: () => unknown,
): Promise<E> {
  try {
    await work();
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
  throw new Error(`nothing was thrown where ${kind.name} was expected`);
}
