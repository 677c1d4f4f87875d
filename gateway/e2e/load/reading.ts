// Adding reports, and reading them, as everybody in the load does.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { z } from 'zod';
import { problemOf, smallCover, uploadForm, type Visitor, type Wish } from '../world.js';
import type { Told } from './kind.js';

const openedSchema = z.looseObject({ access: z.string(), ticket: z.string() });
const uploadedSchema = z.looseObject({ report: z.looseObject({ id: z.string() }) });
const accessesSchema = z.object({
  items: z.array(z.looseObject({ id: z.string() })),
  bookmark: z.string(),
});

export interface KnownReport {
  readonly patient: string;
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** The first and the last ones: what is read again after each kill stays little, however many there are. */
export function someOf<T>(all: readonly T[]): T[] {
  return all.filter((_, at) => at === 0 || at >= all.length - 2);
}

/** Some random bytes, as a report of one's own. */
export async function uploaded(patient: Visitor, title = 'A report'): Promise<KnownReport> {
  const bytes = new Uint8Array(randomBytes(300));
  const form = uploadForm({ bytes, title, covers: [smallCover()] });
  const path = `/patients/${patient.userId}/reports`;
  const { report } = await patient.post(path, form, uploadedSchema);
  return { patient: patient.userId, id: report.id, bytes };
}

/** The report must come back as it was added. */
export async function expectRead(
  who: Visitor,
  { patient, id, bytes }: KnownReport,
  wish: Wish = {},
  told?: Told,
): Promise<void> {
  const body = { action: 'view', purpose: 'treatment', ...wish };
  const path = `/patients/${patient}/reports/${id}/access`;
  const { access, ticket } = await who.post(path, body, openedSchema);
  told?.applied(who, access);
  const answer = await who.ask('GET', `/tickets/${ticket}/content`);
  expect(answer.status, `${who.login} reads ${id}`).to.equal(200);
  expect(Buffer.compare(answer.bytes, bytes), `${who.login} reads ${id}`).to.equal(0);
}

/** It must be refused, and the refusal be on the ledger. */
export async function expectRefused(
  who: Visitor,
  { patient, id }: KnownReport,
  wish: Wish = {},
  told?: Told,
): Promise<void> {
  const body = { action: 'view', purpose: 'treatment', ...wish };
  const answer = await who.ask('POST', `/patients/${patient}/reports/${id}/access`, body);
  expect(answer.status, `${who.login} must not read ${id}`).to.equal(403);
  const access = problemOf(answer).ids?.['access'];
  if (told && typeof access === 'string') told.applied(who, access);
}

/** Whatever was asked of a patient's record. */
export async function accessesOf(patient: Visitor): Promise<string[]> {
  const found: string[] = [];
  for (let bookmark = ''; ;) {
    const path = `/patients/${patient.userId}/accesses?limit=200&bookmark=${bookmark}`;
    const page: z.infer<typeof accessesSchema> = await patient.get(path, accessesSchema);
    found.push(...page.items.map(({ id }) => id));
    if (page.bookmark === '') return found;
    bookmark = page.bookmark;
  }
}
