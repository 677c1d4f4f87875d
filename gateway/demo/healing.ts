// Two clouds (in the demo two folders; elsewhere two makers'): a copy that one of them has spoilt is read from the other,
// healed, and the patient sees it.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cast } from './cast.js';
import { read, sha256, type Reports } from './middle.js';
import { check, short, type Stage } from './stage.js';

interface Healed {
  readonly healed?: readonly { readonly cloud: string; readonly fault: string }[];
}
interface CloudHealth {
  readonly clouds: readonly { readonly name: string }[];
  readonly open: number;
}

/** @param cloudDirs the folders of both clouds, the home first */
export async function healing(
  stage: Stage,
  { north, maria }: Cast,
  { lab }: Reports,
  cloudDirs: readonly string[],
): Promise<void> {
  stage.act('One of two clouds spoils its copy');
  const [image] = lab.images;
  const paths: string[] = [];
  for (const folder of cloudDirs) {
    const path = image && (await findFile(folder, image.object));
    if (path !== undefined) paths.push(path);
  }
  const [home = '', other = ''] = paths;
  check(paths.length === 2, 'both clouds hold the image');
  const good = await readFile(home);
  check(good.equals(await readFile(other)), 'both hold the same');
  await writeFile(home, flipped(good));
  const { bytes } = await read(maria, maria, lab.id, { purpose: 'treatment' });
  check(sha256(bytes) === lab.sha256, 'the report opens from the other cloud');
  stage.tell(
    'One bit of Maria’s laboratory report is changed in the first cloud; it opens from the second.',
    `${bytes.length} bytes, SHA-256 ${short(sha256(bytes))}`,
  );
  const path = `/patients/${maria.userId}/reports/${lab.id}`;
  let shown = await maria.get<Healed>(path);
  for (let tries = 0; shown.healed === undefined && tries < 100; tries++) {
    await sleep(20);
    shown = await maria.get<Healed>(path);
  }
  check(good.equals(await readFile(home)), 'the first cloud’s copy is good again');
  const { clouds, open } = await north.get<CloudHealth>('/clouds');
  const [healed] = shown.healed ?? [];
  stage.tell(
    'The first cloud’s copy is healed from the second’s, and Maria and her hospital can see that it was.',
    `${healed?.cloud ?? '?'}: ${healed?.fault ?? '?'}, healed; ${clouds.length} clouds, ${open} copies owed`,
  );
}

/** One bit in the middle is another. */
export function flipped(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  const middle = Math.floor(changed.length / 2);
  changed.writeUInt8(changed.readUInt8(middle) ^ 1, middle);
  return changed;
}

export async function findFile(folder: string, name: string): Promise<string | undefined> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found = entries.find(
    (entry) => entry.isFile() && (entry.name === name || entry.name.startsWith(name)),
  );
  return found && join(found.parentPath, found.name);
}
