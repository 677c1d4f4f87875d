// The record's documents against the operations: who made them, who changed them last, and what was said in them.
import { z } from 'zod';
import { FILES } from '../export-format/index.js';
import { NotProven } from './findings.js';
import { argumentsOf, same, type ProvenOperation, type ProvenOperations } from './operations.js';

const marksSchema = z.looseObject({
  id: z.string(),
  version: z.int(),
  created: z.string(),
  last: z.looseObject({ id: z.string(), hash: z.string() }),
});
export type MarkedDocument = z.infer<typeof marksSchema>;

const consentSchema = marksSchema.extend({ terms: z.unknown(), by: z.string() });
const kinSchema = marksSchema.extend({ relative: z.string(), rights: z.array(z.string()) });
const careSchema = marksSchema.extend({ doctor: z.string(), hospital: z.string() });
const accessSchema = marksSchema.extend({
  kind: z.enum(['read', 'emergency']),
  actor: z.string(),
  report: z.string().optional(),
  action: z.string().optional(),
  purpose: z.string().optional(),
  outcome: z.unknown(),
});
const reportSchema = marksSchema.extend({
  author: z.string(),
  status: z.string(),
  terms: z.unknown(),
});
const bookingSchema = marksSchema.extend({ doctor: z.string(), slot: z.string() });

/** Everything that is checked a document at a time, by its file. */
const CHECKS: Readonly<
  Record<string, (document: unknown, operations: ProvenOperations) => string | undefined>
> = {
  [FILES.consents]: (document, operations) => {
    const consent = consentSchema.parse(document);
    const grant = tied(consent, operations);
    const last = latest(operations, consent, ['consent:grant', 'consent:amend']);
    const terms =
      last &&
      (argumentsOf('consent:grant', last.envelope) ?? argumentsOf('consent:amend', last.envelope))
        ?.terms;
    if (!same(terms ?? null, consent.terms)) return 'has other terms than were signed';
    return grant.envelope.actor === consent.by ? undefined : 'names another signer';
  },
  [FILES.kin]: (document, operations) => {
    const link = kinSchema.parse(document);
    tied(link, operations);
    const last = latest(operations, link, ['kin:link', 'kin:amend']);
    const args =
      last && (argumentsOf('kin:link', last.envelope) ?? argumentsOf('kin:amend', last.envelope));
    return same(args?.rights ?? null, link.rights)
      ? undefined
      : 'has other rights than were signed';
  },
  [FILES.care]: (document, operations) => {
    const care = careSchema.parse(document);
    const asked = argumentsOf('care:request', tied(care, operations).envelope);
    const agrees = asked?.doctor === care.doctor && asked.hospital === care.hospital;
    return agrees ? undefined : 'names others than were asked';
  },
  [FILES.accesses]: (document, operations) => {
    const access = accessSchema.parse(document);
    const made = tied(access, operations);
    if (made.envelope.actor !== access.actor) return 'names another reader';
    if (!same(made.receipt.outcome ?? null, access.outcome)) return 'has another outcome';
    if (access.kind === 'emergency') return undefined;
    const asked = argumentsOf('access:request', made.envelope);
    const { report, action, purpose } = access;
    const agrees =
      asked?.report === report && asked?.action === action && asked?.purpose === purpose;
    return agrees ? undefined : 'says that something else was asked for';
  },
  [FILES.reports]: (document, operations) => {
    const report = reportSchema.parse(document);
    const made = tied(report, operations).envelope;
    const args = argumentsOf('report:anchor', made) ?? argumentsOf('report:supersede', made);
    if (made.actor !== report.author) return 'names another author';
    return same(args?.report ?? null, report.terms)
      ? undefined
      : 'has other terms than were signed';
  },
  [FILES.appointments]: (document, operations) => {
    const booking = bookingSchema.parse(document);
    const last = latest(operations, booking, ['appointment:book', 'appointment:move']);
    tied(booking, operations);
    const args =
      last &&
      (argumentsOf('appointment:book', last.envelope) ??
        argumentsOf('appointment:move', last.envelope));
    return args?.slot === booking.slot ? undefined : 'names another slot';
  },
  [FILES.consultations]: (document, operations) => {
    const made = tied(marksSchema.parse(document), operations);
    return argumentsOf('consultation:open', made.envelope)
      ? undefined
      : 'was not opened by the operation that it names';
  },
};

export const CHECKED_FILES = Object.keys(CHECKS);

/** What the checks above hold against the operations, in every document of the file. */
const MARKS = ['id', 'created', 'last.id', 'last.hash'];
const COMPARED: Readonly<Record<string, readonly string[]>> = {
  [FILES.consents]: ['terms', 'by'],
  [FILES.kin]: ['rights'],
  [FILES.care]: ['doctor', 'hospital'],
  [FILES.accesses]: ['actor', 'outcome'],
  [FILES.reports]: ['author', 'terms'],
  [FILES.appointments]: ['slot'],
  [FILES.consultations]: [],
};
/** Fields that a document may lack; that one of them was taken away is not seen, either. */
const OPTIONAL: Readonly<Record<string, readonly string[]>> = {
  [FILES.kin]: ['notAfter'],
  [FILES.accesses]: ['actingFor', 'emergency', 'reason', 'endsAt', 'review', 'objection'],
  [FILES.reports]: ['actingFor', 'supersedes', 'supersededBy'],
  [FILES.consultations]: ['head'],
};
/** What a request to read says and its operation is asked for; an emergency has none of it. */
const READ_FIELDS = ['report', 'action', 'purpose'];

/** The document's fields that no operation was held against: nothing of what they say is proven. */
export function notComparedIn(file: string, document: unknown): string[] {
  const fields = z.record(z.string(), z.unknown()).safeParse(document).data ?? {};
  const last = z.record(z.string(), z.unknown()).safeParse(fields['last']).data ?? {};
  const compared = new Set([...MARKS, ...(COMPARED[file] ?? [])]);
  if (file === FILES.accesses && fields['kind'] === 'read')
    for (const name of READ_FIELDS) compared.add(name);
  const present = Object.keys(fields).filter((name) => name !== 'last');
  const all = [...present, ...Object.keys(last).map((name) => `last.${name}`)];
  return [...all, ...(OPTIONAL[file] ?? [])].filter((name) => !compared.has(name));
}

/** @throws NotProven naming file and document */
export function checkDocument(file: string, document: unknown, operations: ProvenOperations): void {
  const id = z.looseObject({ id: z.string() }).safeParse(document).data?.id ?? '?';
  try {
    const complaint = CHECKS[file]?.(document, operations);
    if (complaint !== undefined) throw new NotProven(file, `${id} ${complaint}`);
  } catch (error) {
    if (error instanceof z.ZodError) throw new NotProven(file, `${id} is not such a document`);
    if (error instanceof Untied) throw new NotProven(file, `${id} ${error.message}`);
    throw error;
  }
}

class Untied extends Error {
  override readonly name = 'Untied';
}

/** The operation that made a document. Both it and the last one have to be those that the document names by hash. */
function tied(document: MarkedDocument, { applied }: ProvenOperations): ProvenOperation {
  const [made, last] = [applied.get(document.id), applied.get(document.last.id)];
  if (made?.hash !== document.created) throw new Untied('was not made by an operation shown here');
  if (last?.hash !== document.last.hash) {
    throw new Untied('was not changed last by an operation shown here');
  }
  return made;
}

/** The youngest operation of these types about a document. */
function latest(
  { applied }: ProvenOperations,
  { id }: MarkedDocument,
  types: readonly string[],
): ProvenOperation | undefined {
  let found = applied.get(id);
  for (const operation of applied.values()) {
    const { type, args } = operation.envelope;
    if (args['id'] === id && types.includes(type)) found = operation;
  }
  return found;
}
