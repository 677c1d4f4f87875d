// The archive while it is being written: each file is hashed as it passes, so that the manifest, which comes last, can
// name them all and nothing has to be kept.
import { createHash } from 'node:crypto';
import { canonicalise } from '@prms/chaincode';
import { makeZip } from 'client-zip';
import { ZIP_DATE, type ManifestFile } from '../../export-format/index.js';

export type Bytes = AsyncIterable<Uint8Array>;

/** A file of the archive, as it is handed on. */
export interface ArchiveFile {
  readonly name: string;
  readonly content: Bytes;
}

export class Archive {
  /** Files that have passed, in order. */
  readonly files: ManifestFile[] = [];

  /** @param files taken one after the other: the next is asked for when the one before has passed */
  stream(files: AsyncIterable<ArchiveFile>): Bytes {
    return makeZip(this.#inputs(files));
  }

  async *#inputs(files: AsyncIterable<ArchiveFile>) {
    for await (const { name, content } of files) {
      yield { name, lastModified: ZIP_DATE, input: this.#noted(name, content) };
    }
  }

  async *#noted(name: string, content: Bytes): AsyncGenerator<Uint8Array, void, undefined> {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of content) {
      hash.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
    this.files.push({ name, bytes, sha256: hash.digest('hex') });
  }
}

export async function* bytesFile(bytes: Uint8Array): Bytes {
  yield await Promise.resolve(bytes);
}

export function textFile(text: string): Bytes {
  return bytesFile(Buffer.from(text, 'utf8'));
}

/** One canonical JSON document. What people wrote may be no Unicode: it must not keep the rest from them. */
export function jsonFile(value: unknown): Bytes {
  return textFile(`${canonicalise(asUnicode(value))}\n`);
}

/** A document with U+FFFD for each half of a surrogate pair, which has no UTF-8. */
function asUnicode(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(asUnicode);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, asUnicode(of)]));
}

/** Canonical JSON, one document a line. */
export async function* linesFile(values: AsyncIterable<unknown>): Bytes {
  for await (const value of values) yield Buffer.from(`${canonicalise(value)}\n`, 'utf8');
}
