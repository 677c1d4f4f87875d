// A record of every call of a run, kept in columns while it goes on and written, compressed, when it is over: writing
// during the run would be load of its own.
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

const HEAD = 'kind,intended_us,latency_us,ending,attempts\n';
const LINES_AT_ONCE = 10_000;

export class RawRecords {
  readonly #kinds: string[] = [];
  readonly #intendedMs: number[] = [];
  readonly #endMs: number[] = [];
  readonly #endings: string[] = [];
  readonly #attempts: number[] = [];

  ended(kind: string, intendedMs: number, endMs: number, ending: string, attempts: number): void {
    this.#kinds.push(kind);
    this.#intendedMs.push(intendedMs);
    this.#endMs.push(endMs);
    this.#endings.push(ending);
    this.#attempts.push(attempts);
  }

  /** CSV, gzip; times in microseconds since the first moment of the run. */
  async write(file: string): Promise<void> {
    await pipeline(Readable.from(this.#text()), createGzip(), createWriteStream(file));
  }

  *#text(): Generator<string> {
    let text = HEAD;
    for (let at = 0; at < this.#kinds.length; at++) {
      const intended = this.#intendedMs[at] ?? 0;
      const latency = (this.#endMs[at] ?? 0) - intended;
      const micros = `${Math.round(intended * 1000)},${Math.round(latency * 1000)}`;
      text += `${this.#kinds[at] ?? ''},${micros},${this.#endings[at] ?? ''},${this.#attempts[at] ?? 0}\n`;
      if (at % LINES_AT_ONCE !== LINES_AT_ONCE - 1) continue;
      yield text;
      text = '';
    }
    yield text;
  }
}
