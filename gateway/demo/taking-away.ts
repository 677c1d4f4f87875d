// Maria takes her record away, checks it without any server, and has a report erased for good.

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyExport } from '../verify/index.js';
import type { Cast } from './cast.js';
import { findFile, flipped } from './healing.js';
import { read, type Reports } from './middle.js';
import { check, short, type Stage } from './stage.js';

interface Erasure {
  readonly state: string;
  readonly clouds: readonly { readonly cloud: string; readonly left?: number }[];
}

/** @param cloudDirs the folders of both clouds, the home first */
export async function takingAway(
  stage: Stage,
  { maria }: Cast,
  { photo }: Reports,
  cloudDirs: readonly string[],
): Promise<void> {
  stage.act('Maria takes her record away, and erases a report');
  await maria.logIn();
  const record = await maria.receive(`/patients/${maria.userId}/export`);
  await checked(stage, Buffer.from(record));
  await erased(stage, maria, photo, cloudDirs);
}

async function checked(stage: Stage, record: Buffer): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'prms-taken-'));
  try {
    const file = join(folder, 'record.zip');
    await writeFile(file, record);
    const { ok, facts } = await verifyExport(file, { expect: [] });
    check(ok, 'the exported record holds');
    stage.tell(
      'She exports everything as one file, and `prms verify` finds that it holds, without a server.',
      `${record.length} bytes: ${facts['included'] ?? 0} reports, ${facts['operations'] ?? 0} signed operations, ${facts['height'] ?? 0} blocks`,
    );
    await writeFile(file, flipped(record));
    const { ok: still, problems } = await verifyExport(file, { expect: [] });
    const [found] = problems;
    check(!still && found !== undefined, 'one changed bit is found');
    stage.tell('One bit of the file is changed, and found.', `${found?.file ?? ''} does not hold`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function erased(
  stage: Stage,
  maria: Cast['maria'],
  { id, images }: Reports['photo'],
  cloudDirs: readonly string[],
): Promise<void> {
  const path = `/patients/${maria.userId}/reports/${id}`;
  const before = await Promise.all(cloudDirs.map(countFiles));
  const { version } = await maria.get<{ version: number }>(path);
  await maria.post(`${path}/erase`, { replaces: version });
  const { state, clouds } = await maria.get<Erasure>(`${path}/erasure`);
  check(state === 'done', 'both clouds have agreed');
  for (const folder of cloudDirs)
    for (const { object } of images)
      check((await findFile(folder, object)) === undefined, 'no cloud holds its image');
  const after = await Promise.all(cloudDirs.map(countFiles));
  stage.tell(
    'She erases the photo: image, title and every wrap of its key are gone from both clouds.',
    clouds
      .map(
        ({ cloud, left }, n) =>
          `${cloud}: ${(before[n] ?? 0) - (after[n] ?? 0)} deleted, ${left ?? '?'} left`,
      )
      .join('; '),
  );
  const gone = await maria.refused((m) => read(m, maria, id, { purpose: 'treatment' }));
  check(gone.reason === 'REPORT_ERASED', 'a later read names what happened');
  const { items } = await maria.get<{ items: { id: string; status: string }[] }>(
    `/patients/${maria.userId}/reports`,
  );
  const listed = items.find((report) => report.id === id);
  check(listed?.status === 'erased', 'the list says so, too');
  stage.tell(
    'A later read, even her own, is told what happened; the list still shows that it was there.',
    `${gone.status} ${gone.code} (${gone.reason ?? ''}); report ${short(id)}: ${listed?.status ?? '?'}`,
  );
}

async function countFiles(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}
