// What processes use, a sample a second, as the kernel tells it (proc(5): stat, statm, io).
import { readFile } from 'node:fs/promises';
import type { ProcessRow, ProcessUse } from '../results/result.js';

/** Kernel clock ticks a second that `stat` counts in; 100 on every Linux that Node runs on (sysconf _SC_CLK_TCK). */
const TICKS = 100;
const PAGE_BYTES = 4096;
const SAMPLE_MS = 1000;

export interface Watched {
  readonly name: string;
  readonly pid: number;
}

interface Reading {
  readonly atMs: number;
  readonly processorSeconds: number;
  readonly residentBytes: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

interface Record {
  readonly watched: Watched;
  readonly first: Reading;
  last: Reading;
  maxResidentBytes: number;
}

export class ProcessWatch {
  readonly rows: ProcessRow[] = [];
  readonly #records: Record[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sampling: Promise<void> = Promise.resolve();

  private constructor(private readonly beganMs: number) {}

  /** Begins to watch now. Processes that can't be read (another system, another user's) are left out. */
  static async begin(watched: readonly Watched[]): Promise<ProcessWatch> {
    const watch = new ProcessWatch(performance.now());
    for (const one of watched) {
      const first = await read(one.pid);
      if (first === undefined) continue;
      watch.#records.push({
        watched: one,
        first,
        last: first,
        maxResidentBytes: first.residentBytes,
      });
    }
    watch.#timer = setInterval(() => {
      watch.#sampling = watch.#sampling.then(() => watch.#sample());
    }, SAMPLE_MS);
    return watch;
  }

  /** Takes the last sample. */
  async end(): Promise<ProcessUse[]> {
    this.stop();
    await this.#sampling;
    await this.#sample();
    return this.#records.map(({ watched, first, last, maxResidentBytes }) => ({
      ...watched,
      cores: coresBetween(first, last),
      maxResidentBytes,
      readBytes: last.readBytes - first.readBytes,
      writtenBytes: last.writtenBytes - first.writtenBytes,
    }));
  }

  /** No more samples. Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #sample(): Promise<void> {
    for (const record of this.#records) {
      const now = await read(record.watched.pid);
      if (now === undefined) continue;
      const before = record.last;
      record.last = now;
      record.maxResidentBytes = Math.max(record.maxResidentBytes, now.residentBytes);
      this.rows.push({
        second: Math.round((now.atMs - this.beganMs) / 1000),
        ...record.watched,
        cores: coresBetween(before, now),
        residentBytes: now.residentBytes,
        readBytes: now.readBytes - before.readBytes,
        writtenBytes: now.writtenBytes - before.writtenBytes,
      });
    }
  }
}

function coresBetween(before: Reading, after: Reading): number {
  const seconds = (after.atMs - before.atMs) / 1000;
  return seconds <= 0 ? 0 : (after.processorSeconds - before.processorSeconds) / seconds;
}

async function read(pid: number): Promise<Reading | undefined> {
  try {
    const [stat, statm, io] = await Promise.all(
      ['stat', 'statm', 'io'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')),
    );
    // The command's name, in parentheses, may hold anything: fields are counted from behind it.
    const fields = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ');
    return {
      atMs: performance.now(),
      processorSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
      residentBytes: Number((statm ?? '').split(' ')[1]) * PAGE_BYTES,
      readBytes: counter(io ?? '', 'read_bytes'),
      writtenBytes: counter(io ?? '', 'write_bytes'),
    };
  } catch {
    return undefined;
  }
}

function counter(io: string, name: string): number {
  return Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(io)?.[1] ?? 0);
}
