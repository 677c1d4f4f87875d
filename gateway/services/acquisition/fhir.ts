// FHIR R4 (4.0.1), as much of it as a hospital's systems need to hand in a document: DocumentReference (§10.3) with its
// attachment inline or in a Binary. What is not used here is tolerated, as FHIR asks; what would change the meaning of what
// is used (modifierExtension, implicitRules: §2.1.0.2) is refused, as it asks, too.

import { operationIdSchema, userIdSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import { GatewayError, validationError, type FieldFault } from '../../errors.js';
import type { Wanted } from './queue.js';

/** The system of a patient's id here, in `subject.identifier`. */
export const PATIENT_SYSTEM = 'urn:prms:patient';

const identifierSchema = z.looseObject({
  system: z.string().max(250).optional(),
  value: z.string().min(1).max(250),
});

const conceptSchema = z.looseObject({
  text: z.string().optional(),
  coding: z
    .array(z.looseObject({ display: z.string().optional(), code: z.string().optional() }))
    .max(20)
    .optional(),
});

const instantSchema = z.string().regex(/^[1-9][0-9]{3}-(0[1-9]|1[0-2])(-|$)/);

const attachmentSchema = z
  .looseObject({
    contentType: z.string().max(200).optional(),
    data: z.base64().optional(),
    url: z
      .string()
      .regex(/^Binary\/[0-9A-HJKMNP-TV-Z]{26}$/)
      .optional(),
    size: z.int().min(0).optional(),
    /** SHA-1 of the data, base64. */
    hash: z.base64().optional(),
    title: z.string().optional(),
  })
  .refine(({ data, url }) => (data === undefined) !== (url === undefined), {
    message: 'comes either inline (data) or as a Binary that was sent before (url)',
  });

export const documentReferenceSchema = z.looseObject({
  resourceType: z.literal('DocumentReference'),
  status: z.literal('current'),
  docStatus: z.enum(['preliminary', 'final', 'amended']).optional(),
  masterIdentifier: identifierSchema.optional(),
  identifier: z.array(identifierSchema).max(10).optional(),
  type: conceptSchema.optional(),
  category: z.array(conceptSchema).max(10).optional(),
  subject: z.looseObject({
    identifier: z.looseObject({ system: z.literal(PATIENT_SYSTEM), value: userIdSchema }),
  }),
  date: instantSchema.optional(),
  description: z.string().optional(),
  relatesTo: z
    .array(
      z.looseObject({
        code: z.literal('replaces'),
        target: z.looseObject({ identifier: identifierSchema }),
      }),
    )
    .max(1)
    .optional(),
  content: z.array(z.looseObject({ attachment: attachmentSchema })).length(1),
  context: z
    .looseObject({ period: z.looseObject({ start: instantSchema.optional() }).optional() })
    .optional(),
});
type DocumentReference = z.infer<typeof documentReferenceSchema>;

export const binarySchema = z.looseObject({
  resourceType: z.literal('Binary'),
  contentType: z.string().min(1).max(200),
  data: z.base64(),
});

/** What a DocumentReference says of its body. */
export interface Attachment {
  readonly contentType?: string | undefined;
  readonly size?: number | undefined;
  readonly sha1?: Buffer | undefined;
  /** Inline, or the Binary that holds it. */
  readonly body: { readonly data: Buffer } | { readonly binary: string };
}

/** @throws GatewayError VALIDATION */
export function readDocumentReference(
  resource: unknown,
  maxDepth: number,
): {
  readonly wanted: Wanted;
  readonly attachment: Attachment;
} {
  mustBeUnbundled(resource);
  mustBeUnmodified(resource, maxDepth);
  const read = documentReferenceSchema.safeParse(resource);
  if (!read.success) throw validationError('body', read.error);
  const document = read.data;
  const attachment = document.content[0]?.attachment;
  const category = [...(document.category ?? []), document.type].flatMap((concept) =>
    textOf(concept),
  )[0];
  if (!attachment || category === undefined)
    throw unfit('category', 'says by text, display or code what kind of document it is');
  const { data, url, hash, size, contentType, title } = attachment;
  const identifier = document.masterIdentifier ?? document.identifier?.[0];
  const replaced = document.relatesTo?.[0]?.target.identifier;
  return {
    wanted: {
      patient: document.subject.identifier.value,
      title: cut(document.description ?? title ?? textOf(document.type)[0] ?? category, 200),
      category: cut(category, 60),
      month: (document.context?.period?.start ?? document.date)?.slice(0, 7),
      fileName: cut(title ?? 'document', 200),
      ...(identifier && { identifier: nameOf(identifier) }),
      ...(replaced && { replaces: nameOf(replaced) }),
    },
    attachment: {
      contentType,
      size,
      sha1: hash === undefined ? undefined : Buffer.from(hash, 'base64'),
      body:
        url === undefined
          ? { data: Buffer.from(data ?? '', 'base64') }
          : { binary: operationIdSchema.parse(url.slice('Binary/'.length)) },
    },
  };
}

/** @throws GatewayError VALIDATION */
export function readBinary(
  resource: unknown,
  maxDepth: number,
): { contentType: string; data: Buffer } {
  mustBeUnbundled(resource);
  mustBeUnmodified(resource, maxDepth);
  const read = binarySchema.safeParse(resource);
  if (!read.success) throw validationError('body', read.error);
  return { contentType: read.data.contentType, data: Buffer.from(read.data.data, 'base64') };
}

/** Types that a file's beginning shows: a declared one that it contradicts is wrong. */
const SHOWN: ReadonlySet<string> = new Set([
  'application/dicom',
  'application/pdf',
  'image/png',
  'image/jpeg',
  'image/webp',
  'image/tiff',
]);

/**
 * Is the body what the attachment says?
 * @param found what lies on disk
 * @throws GatewayError VALIDATION
 */
export function checkAttachment(
  { contentType, size, sha1 }: Attachment,
  found: { readonly bytes: number; readonly mediaType: string; hasSha1(sha1: Buffer): boolean },
): void {
  const place = 'content.0.attachment';
  if (size !== undefined && size !== found.bytes)
    throw unfit(`${place}.size`, `is not the body’s: it has ${found.bytes} bytes`);
  if (sha1 !== undefined && !found.hasSha1(sha1))
    throw unfit(`${place}.hash`, 'is not the SHA-1 of the body');
  const declared = contentType?.split(';')[0]?.trim().toLowerCase();
  if (declared === undefined || declared === found.mediaType) return;
  if (SHOWN.has(declared) || SHOWN.has(found.mediaType))
    throw unfit(`${place}.contentType`, `is not the body’s, which is ${found.mediaType}`);
}

export function unfit(path: string, message: string): GatewayError {
  const fields: FieldFault[] = [{ path: `body.${path}`, message }];
  return new GatewayError('VALIDATION', `The resource does not fit: ${path} ${message}.`, {
    fields,
  });
}

/** What is wrong with a Bundle is that it is one, not all that it lacks of what was expected. @throws GatewayError VALIDATION */
function mustBeUnbundled(resource: unknown): void {
  if (z.looseObject({ resourceType: z.literal('Bundle') }).safeParse(resource).success)
    throw unfit('resourceType', 'is Bundle: none is taken, send each resource of it on its own');
}

/** §2.1.0.2: a modifier that is not understood changes what everything around it means. @throws GatewayError VALIDATION */
function mustBeUnmodified(value: unknown, maxDepth: number, path: readonly string[] = []): void {
  if (typeof value !== 'object' || value === null) return;
  if (path.length > maxDepth) throw unfit(path.join('.'), 'is nested too deeply');
  for (const [name, member] of Object.entries(value)) {
    if (name === 'modifierExtension' || name === 'implicitRules')
      throw unfit([...path, name].join('.'), 'is not understood here');
    mustBeUnmodified(member, maxDepth, [...path, name]);
  }
}

function textOf(concept: DocumentReference['type']): string[] {
  const coding = concept?.coding?.[0];
  const text = (concept?.text ?? coding?.display ?? coding?.code ?? '').trim();
  return text === '' ? [] : [text];
}

const nameOf = ({ system = '', value }: z.infer<typeof identifierSchema>): string =>
  `${system}|${value}`;

const cut = (text: string, length: number): string =>
  text.trim().slice(0, length).toWellFormed() || 'document';
