// What people and systems do at a gateway all at once, and a book of what they were told: to be held against what is
// found after the gateway was killed.
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { BulkStream } from '../testing/bulk-stream.js';
import { KeyHolder } from '../testing/key-holder.js';
import { PATIENT, untilDead, visitorAt } from './load/index.js';
import { problemOf, smallCover, terms, uploadForm, type Visitor } from './world.js';

const receiptSchema = z.looseObject({ id: z.string(), status: z.string() });
const openedSchema = z.looseObject({ access: z.string(), ticket: z.string() });
const uploadedSchema = z.looseObject({ report: z.looseObject({ id: z.string() }) });
const messageSchema = z.looseObject({ number: z.int() });

/** Everything that was sent, and everything that was answered. */
export class Book {
  /** Operations handed in by the line, answered or not. */
  readonly sent = new Set<string>();
  /** What the answer said of them. */
  readonly receipts = new Map<string, string>();
  /** Operations that were answered as applied by other routes. */
  readonly applied: { readonly subject: string; readonly id: string }[] = [];
  readonly registered: { readonly login: string; readonly userId: string }[] = [];
  /** Each report's bytes by its title: every upload has its own. */
  readonly titles = new Map<string, Uint8Array>();
  readonly uploaded: string[] = [];
  readonly said: string[] = [];
}

/** Who is there, whichever life of the gateway it is. */
export interface Cast {
  readonly doctor: Visitor;
  readonly patient: Visitor;
  readonly holders: readonly KeyHolder[];
  readonly report: { readonly id: string; readonly bytes: Uint8Array };
  readonly consultation: string;
}

/** Logs everybody in, and lets all of them go on until the gateway is no more. */
export async function mixedLoad(
  url: string,
  cast: Cast,
  book: Book,
  life: number,
): Promise<{ readonly over: Promise<unknown> }> {
  const subject = await visitorAt(url, `subject-${life}`).register('patient', PATIENT);
  const [hospital, patient, doctor] = await Promise.all(
    ['north', 'maria', 'bruun'].map((login) => visitorAt(url, login).logIn()),
  );
  if (!hospital || !patient || !doctor) throw new Error('somebody is missing');
  patient.userId = cast.patient.userId;
  const over = Promise.all([
    bulk(url, hospital, cast, book),
    untilDead(async (i) => {
      const login = `patient-${life}-${i}`;
      const { userId } = await visitorAt(url, login).register('patient', PATIENT);
      book.registered.push({ login, userId });
    }),
    untilDead(() => consent(subject, cast, book)),
    untilDead(() => refusedAccess(subject, book)),
    untilDead((i) => upload(patient, `report ${life}/${i}`, book)),
    untilDead(() => read(patient, cast, book)),
    untilDead((i) => say(doctor, patient, cast, `message ${life}/${i}`, book)),
  ]);
  return { over };
}

/** A hospital's system relays what its patients have signed: lines go out while receipts come in. */
async function bulk(url: string, { token }: Visitor, cast: Cast, book: Book): Promise<void> {
  const stream = new BulkStream({ url, token });
  const reading = (async () => {
    for (;;) {
      const { id, status } = receiptSchema.parse(await stream.next());
      book.receipts.set(id, status);
    }
  })().catch((error: unknown) => {
    if (error instanceof z.ZodError) throw error;
  });
  for (;;) {
    const signed = cast.holders.flatMap((holder) => [holder.access(), holder.access()]);
    for (const { id } of signed) book.sent.add(id);
    if (!(await stream.send(signed.map(({ line }) => `${line}\n`).join('')))) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await reading;
}

async function consent(subject: Visitor, { doctor }: Cast, book: Book): Promise<void> {
  const path = `/patients/${subject.userId}/consents`;
  const denial = { terms: terms(doctor, undefined, { effect: 'deny' }) };
  const { id } = await subject.change(path, denial);
  book.applied.push({ subject: subject.userId, id });
  const revoked = await subject.change(`${path}/${id}/revoke`, { replaces: 1 });
  book.applied.push({ subject: subject.userId, id: revoked.id });
}

async function refusedAccess(subject: Visitor, book: Book): Promise<void> {
  const unknown = `/patients/${subject.userId}/reports/01J0000000000000000000000A/access`;
  const refused = await subject.ask('POST', unknown, { action: 'view', purpose: 'treatment' });
  const id = problemOf(refused).ids?.['access'];
  if (typeof id === 'string') book.applied.push({ subject: subject.userId, id });
}

async function upload(patient: Visitor, title: string, book: Book): Promise<void> {
  const bytes = new Uint8Array(randomBytes(300));
  book.titles.set(title, bytes);
  const form = uploadForm({ bytes, title, covers: [smallCover()] });
  const { report } = await patient.post(
    `/patients/${patient.userId}/reports`,
    form,
    uploadedSchema,
  );
  book.uploaded.push(report.id);
}

async function read(patient: Visitor, { report }: Cast, book: Book): Promise<void> {
  const bytes = await opened(patient, report.id, (access) => {
    book.applied.push({ subject: patient.userId, id: access });
  });
  if (Buffer.compare(bytes, report.bytes) !== 0) throw new Error('a report came back changed');
}

/** Opens one of one's own reports, and fetches it. */
export async function opened(
  patient: Visitor,
  report: string,
  onAccess?: (access: string) => void,
): Promise<Uint8Array> {
  const path = `/patients/${patient.userId}/reports/${report}/access`;
  const wish = { action: 'view', purpose: 'treatment' };
  const { access, ticket } = await patient.post(path, wish, openedSchema);
  onAccess?.(access);
  const { status, bytes } = await patient.ask('GET', `/tickets/${ticket}/content`);
  if (status !== 200) throw new Error(`${report} was answered ${status}`);
  return bytes;
}

async function say(
  doctor: Visitor,
  patient: Visitor,
  { consultation }: Cast,
  text: string,
  book: Book,
): Promise<void> {
  const path = `/patients/${patient.userId}/consultations/${consultation}/messages`;
  await doctor.post(path, { text }, messageSchema);
  book.said.push(text);
}
