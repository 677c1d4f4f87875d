// Whether what lies in the clouds is what the ledger says of a patient's circle: whoever is in it has the vault's key,
// whoever has left it has none.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Gateway } from '../../runtime/index.js';
import { everyKeyOf } from '../../services/past-keys.js';
import { circleOf, reportWraps, vaultWraps } from '../../services/scrubber/wraps.js';
import { epochSubject, wrapName } from '../../services/vaults.js';

/** @param left no longer in the circle, whatever became of the request that let them go */
export async function expectWraps(
  { services: { records, config } }: Gateway,
  patientId: string,
  left: string,
): Promise<void> {
  const folder = join(config.dataDir, 'clouds');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const stored = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
  const circle = await circleOf(records, await records.patient(patientId));
  const reports = records.all((page) => records.reports(patientId, page));
  const due = [...vaultWraps(circle).due];
  const leavers = await everyKeyOf(records, left);
  const taken: string[] = [];
  for await (const report of reports) {
    due.push(...reportWraps(circle, report).due);
    const what = { purpose: 'report', subject: report.id } as const;
    taken.push(...leavers.map((leaver) => wrapName(circle.channel, what, leaver)));
  }
  for (const [number, key] of circle.epochs) {
    const subject = epochSubject({ id: patientId, epoch: { number, key } });
    const what = { purpose: 'epoch', subject } as const;
    taken.push(...leavers.map((leaver) => wrapName(circle.channel, what, leaver)));
  }
  expect(
    due.filter((name) => !stored.has(name)),
    'wraps that are missing',
  ).to.deep.equal([]);
  expect(
    taken.filter((name) => stored.has(name)),
    'wraps of those who left',
  ).to.deep.equal([]);
}
