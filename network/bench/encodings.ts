// One block's read-write set as compact binary and as JSON: the measurement behind the choice of encoding.
import { ByteReader, ByteWriter } from '../embedded/bytes.js';
import {
  readReadWriteSet,
  type ReadWriteSet,
  writeReadWriteSet,
} from '../embedded/read-write-set.js';

const ROUNDS = 100;

export function compareEncodings(
  operations: number,
  filler: string,
  say: (line: string) => void,
): void {
  const keys = Array.from({ length: operations }, (_, at) => `key-${at}`);
  const set: ReadWriteSet = {
    reads: keys.map((key, tx) => ({ key, version: { block: 100_000, tx } })),
    ranges: [],
    writes: keys.map((key) => ({ key, value: Buffer.from(filler) })),
  };
  const binary = new ByteWriter();
  writeReadWriteSet(binary, set);
  const binaryBytes = binary.finish();
  const json = toJson(set);
  const times = {
    'binary, write': time(() => writeReadWriteSet(new ByteWriter(binaryBytes.length), set)),
    'binary, read': time(() => readReadWriteSet(new ByteReader(binaryBytes))),
    'JSON, write': time(() => Buffer.from(toJson(set))),
    'JSON, read': time(() => fromJson(json)),
  };
  const bytes = `${binaryBytes.length} bytes binary, ${json.length} bytes JSON`;
  const parts = Object.entries(times).map(([name, ms]) => `${name} ${ms.toFixed(2)} ms`);
  say(`  a read-write set of ${operations} puts: ${parts.join(', ')}; ${bytes}`);
}

const toJson = (set: ReadWriteSet): string =>
  JSON.stringify({
    ...set,
    writes: set.writes.map(({ key, value }) => ({
      key,
      value: value && Buffer.from(value).toString('base64'),
    })),
  });

/** The base64 is what a JSON reader can't avoid. */
function fromJson(json: string): unknown {
  return JSON.parse(json, (name, value: unknown) =>
    name === 'value' && typeof value === 'string' ? Buffer.from(value, 'base64') : value,
  );
}

function time(work: () => unknown): number {
  for (let warm = 0; warm < 10; warm++) work();
  const began = performance.now();
  for (let round = 0; round < ROUNDS; round++) work();
  return (performance.now() - began) / ROUNDS;
}
