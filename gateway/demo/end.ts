// Act three: an emergency and its review, a consultation, a cloud that lies and is caught, and who looked.

import { readFile, writeFile } from 'node:fs/promises';
import type { Cast } from './cast.js';
import { consultation } from './consultation.js';
import { findFile, flipped } from './healing.js';
import { read, type Reports } from './middle.js';
import { check, short, type Stage } from './stage.js';

interface Changed {
  readonly receipt: { readonly id: string; readonly version: number };
}

interface AccessEntry {
  readonly id: string;
  readonly kind: 'read' | 'emergency';
  readonly version: number;
  readonly purpose?: string;
  readonly damaged?: boolean;
  readonly outcome: { readonly decision: string; readonly code?: string; readonly basis?: string };
}

export async function end(
  stage: Stage,
  cast: Cast,
  reports: Reports,
  cloudDirs: readonly string[],
): Promise<void> {
  await emergency(stage, cast, reports);
  await consultation(stage, cast, reports);
  await tampering(stage, cast, reports, cloudDirs);
  await whoLooked(stage, cast);
  await verification(stage, cast);
}

async function emergency(
  stage: Stage,
  { north, drAdeyemi, drBruun, maria, wen }: Cast,
  { lab }: Reports,
): Promise<void> {
  stage.act('An emergency: the glass is broken, and it shows');
  const reason = 'unconscious after a fall, blood thinners?';
  const opened = await drAdeyemi.post<{ emergency: string; endsAt: number }>(
    `/patients/${maria.userId}/emergency`,
    { actingFor: north.userId, reason },
  );
  const { bytes } = await read(drAdeyemi, maria, lab.id, {
    purpose: 'emergency',
    actingFor: north.userId,
    emergency: opened.emergency,
  });
  stage.tell(
    'Dr Adeyemi, without consent, states a reason and opens the laboratory report.',
    `${bytes.length} bytes by North Hospital’s escrow key, until ${new Date(opened.endsAt).toISOString()}`,
  );
  const optedOut = await drAdeyemi.refused((d) =>
    d.post(`/patients/${wen.userId}/emergency`, { actingFor: north.userId, reason }),
  );
  const borrowed = await drBruun.refused((d) =>
    read(d, maria, lab.id, {
      purpose: 'emergency',
      actingFor: north.userId,
      emergency: opened.emergency,
    }),
  );
  check(optedOut.reason === 'EMERGENCY_OPTED_OUT', 'an opt-out counts');
  stage.tell(
    'Wen has opted out; Dr Bruun can’t borrow Dr Adeyemi’s emergency.',
    `${optedOut.reason ?? ''}; ${borrowed.reason ?? ''}`,
  );
  const { items } = await north.get<{ items: (AccessEntry & { reasonText?: string })[] }>(
    '/emergencies',
  );
  const [found] = items.filter(({ id }) => id === opened.emergency);
  check(found?.reasonText === reason, 'the hospital sees the stated reason');
  await north.post<Changed>(`/patients/${maria.userId}/accesses/${opened.emergency}/review`, {
    verdict: 'justified',
    note: 'confirmed by the ward',
    replaces: 1,
  });
  stage.tell(
    'North Hospital reads the reason and reviews the emergency.',
    `“${found?.reasonText ?? ''}” — justified`,
  );
}

/** Here and where one cloud spoils its copy, the demo steps outside HTTP: it plays the clouds. */
async function tampering(
  stage: Stage,
  { south, drBruun, maria }: Cast,
  { ct }: Reports,
  cloudDirs: readonly string[],
): Promise<void> {
  stage.act('The clouds lie');
  const [image] = ct.images;
  const originals = new Map<string, Buffer>();
  for (const folder of cloudDirs) {
    const path = image && (await findFile(folder, image.object));
    if (path === undefined) throw new Error('the demo expected the image in the cloud’s folder');
    originals.set(path, await readFile(path));
  }
  for (const [path, original] of originals) await writeFile(path, flipped(original));
  const caught = await maria.refused((m) => read(m, maria, ct.id, { purpose: 'treatment' }));
  check(caught.code === 'REPORT_DAMAGED', 'a changed image is caught');
  stage.tell(
    'One bit of Maria’s CT image is changed in both clouds.',
    `${caught.status} ${caught.code}: nothing of it is shown, the access is marked`,
  );
  for (const [path, original] of originals) await writeFile(path, original);
  const { bytes } = await read(drBruun, maria, ct.id, {
    purpose: 'research',
    actingFor: south.userId,
  });
  check(bytes.length > 0, 'the right copy opens again');
  stage.tell('With the right copies back it opens again.', `${bytes.length} bytes`);
}

async function whoLooked(stage: Stage, { maria, drAdeyemi }: Cast): Promise<void> {
  stage.act('Who looked at Maria’s record');
  const { items } = await maria.get<{ items: AccessEntry[] }>(
    `/patients/${maria.userId}/accesses?limit=100`,
  );
  const permitted = items.filter(({ outcome }) => outcome.decision === 'permit').length;
  check(
    items.some(({ kind }) => kind === 'emergency') && items.some(({ damaged }) => damaged === true),
    'emergency and damage are marked',
  );
  stage.tell(
    'Maria sees every read, every refusal, the emergency, and the damaged copy.',
    `${items.length} entries: ${permitted} permitted, ${items.length - permitted} refused`,
  );
  const emergency = items.find(({ kind }) => kind === 'emergency');
  if (emergency)
    await maria.post(`/patients/${maria.userId}/accesses/${emergency.id}/object`, {
      note: 'please explain',
      replaces: emergency.version,
    });
  stage.tell(
    'She objects to the emergency access, for the record.',
    `operation on access ${short(emergency?.id ?? '')}`,
  );
  const nosy = await drAdeyemi.refused((d) => d.get(`/patients/${maria.userId}/accesses`));
  check(nosy.code === 'FORBIDDEN', 'only the patient sees the log');
}

async function verification(stage: Stage, { north }: Cast): Promise<void> {
  stage.act('The ledger is verified');
  const report = await north.post<{
    ok: boolean;
    height: number;
    transactions: number;
    headHash: string;
  }>('/ledger/verify');
  check(report.ok, 'the chain is honest');
  stage.tell(
    'Every hash, signature and operation is checked again, from the first block on.',
    `${report.height} blocks, ${report.transactions} transactions, head ${short(report.headHash)}: honest`,
  );
}
