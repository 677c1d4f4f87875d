// What a database holds, read as whoever has its files would: they are compressed, so a search of the files finds little.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';

/** Each key, a zero byte and its value, of a copy: the database itself may be open. */
export async function* entriesOf(dataDir: string, place: string): AsyncGenerator<Buffer> {
  const copy = await mkdtemp(join(tmpdir(), 'prms-entries-'));
  try {
    await cp(join(dataDir, place), copy, { recursive: true });
    const db = new Level<Buffer, Buffer>(copy, {
      createIfMissing: false,
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
    });
    try {
      for await (const [key, value] of db.iterator())
        yield Buffer.concat([key, Buffer.of(0), value]);
    } finally {
      await db.close();
    }
  } finally {
    await rm(copy, { recursive: true });
  }
}

/** An entry's beginning, for whoever has to look for it. */
export const readable = (entry: Buffer): string => entry.toString('latin1').slice(0, 60);
