// FHIR R4's door for hospitals' systems: Binary and DocumentReference, created and nothing else.

import { operationIdSchema } from '@prms/chaincode/model';
import type { Request } from 'express';
import { z } from 'zod';
import type { Config } from '../../config/index.js';
import { GatewayError, type GatewayErrorCode } from '../../errors.js';
import {
  checkAttachment,
  readBinary,
  readDocumentReference,
  unfit,
  type Kept,
} from '../../services/acquisition/index.js';
import { sniffMediaType } from '../../services/media-type.js';
import { API_ROOT, json, readJsonText, type Dialect } from '../base/index.js';
import { fateAddress } from './acquisition.js';
import { defineRoute } from './define.js';

const FHIR_JSON = 'application/fhir+json';

const outcomeSchema = z.object({
  resourceType: z.literal('OperationOutcome'),
  issue: z.array(
    z.object({
      severity: z.enum(['error', 'information']),
      /** http://hl7.org/fhir/issue-type */
      code: z.string(),
      details: z.object({ text: z.string() }),
      diagnostics: z.string(),
      expression: z.array(z.string()).optional(),
    }),
  ),
});

/** This gateway's codes as FHIR's issue types; what is missing is an exception. */
const ISSUE_TYPES: Partial<Record<GatewayErrorCode, string>> = {
  BAD_REQUEST: 'structure',
  VALIDATION: 'invalid',
  UNAUTHENTICATED: 'login',
  FORBIDDEN: 'forbidden',
  NOT_FOUND: 'not-found',
  METHOD_NOT_ALLOWED: 'not-supported',
  CONFLICT: 'conflict',
  TOO_LARGE: 'too-long',
  UNSUPPORTED_MEDIA: 'not-supported',
  TOO_MANY: 'throttled',
  BUSY: 'transient',
  SHUTTING_DOWN: 'transient',
  REQUEST_TIMEOUT: 'timeout',
  TIMEOUT: 'timeout',
};

const fhir: Dialect = {
  contentType: FHIR_JSON,
  problemSchema: outcomeSchema,
  problem: ({ code, message, status, options: { fields } }) => ({
    resourceType: 'OperationOutcome',
    issue: (fields ?? [undefined]).map((field) => ({
      severity: 'error',
      code: ISSUE_TYPES[code] ?? 'exception',
      details: { text: code },
      diagnostics: status === 500 ? 'Something failed inside.' : (field?.message ?? message),
      ...(field && { expression: [field.path.replace(/^body\./, '')] }),
    })),
  }),
};

const NO_BUNDLES =
  'Bundles are not taken here, as batches or as transactions: nothing of it was kept. Send each Binary, then the DocumentReference that names it, at its own address.';

const common = { tags: ['fhir'], dialect: fhir } as const;

const statement = {
  resourceType: 'CapabilityStatement',
  status: 'active',
  date: '2026-11-24',
  kind: 'instance',
  implementation: { description: 'PRMS gateway: intake of documents' },
  fhirVersion: '4.0.1',
  format: [FHIR_JSON],
  rest: [
    {
      mode: 'server',
      security: { description: 'Authorization: Bearer and the token of a service account' },
      resource: ['Binary', 'DocumentReference'].map((type) => ({
        type,
        interaction: [{ code: 'create' }],
      })),
    },
  ],
} as const;

const statementSchema = z.looseObject({ resourceType: z.literal('CapabilityStatement') });

export const fhirRoutes = [
  defineRoute({
    ...common,
    method: 'get',
    path: '/fhir/metadata',
    summary: 'What of FHIR R4 is spoken here',
    auth: 'none',
    responses: { 200: json(statementSchema, 'A CapabilityStatement.') },
    handler: () => ({ status: 200, body: { ...statement } }),
  }),
  defineRoute({
    ...common,
    method: 'post',
    path: '/fhir',
    summary: 'Batches and transactions: not taken',
    description:
      'Answers 405 with an OperationOutcome of type `not-supported`, whatever the Bundle holds: hand in each Binary and DocumentReference at its own address.',
    auth: 'service',
    raw: { contentTypes: [FHIR_JSON, 'application/json'], description: 'A Bundle.' },
    refusals: ['METHOD_NOT_ALLOWED'],
    responses: {},
    handler: () => {
      throw new GatewayError('METHOD_NOT_ALLOWED', NO_BUNDLES, { allow: [] });
    },
  }),
  defineRoute({
    ...common,
    method: 'post',
    path: '/fhir/Binary',
    summary: 'Hand in a document’s bytes',
    description:
      'As they are, under their own media type, or as a Binary resource. They wait for the DocumentReference that names them (`attachment.url`: `Binary/{id}`).',
    auth: 'service',
    takesLong: 'transfer',
    raw: {
      contentTypes: ['application/octet-stream', 'application/pdf', 'application/dicom', FHIR_JSON],
      description: 'Bytes of any media type, or a Binary in JSON.',
    },
    refusals: ['CONFLICT', 'TOO_MANY', 'FORBIDDEN', 'NOT_FOUND'],
    responses: {
      201: json(
        z.object({
          resourceType: z.literal('Binary'),
          id: operationIdSchema,
          contentType: z.string(),
        }),
        'On disk, encrypted.',
      ),
    },
    handler: async (context) => {
      const { service, request, deps } = context;
      const { acquisition } = deps;
      const { contentType, stream } = await bodyOf(request, deps.config);
      const kept = await acquisition.queue.receive(service, stream, context.signal);
      const { id } = await acquisition.queue.keepBinary(service, kept, contentType);
      return {
        status: 201,
        body: { resourceType: 'Binary' as const, id, contentType },
        headers: { location: `${API_ROOT}/fhir/Binary/${id}` },
      };
    },
  }),
  defineRoute({
    ...common,
    method: 'post',
    path: '/fhir/DocumentReference',
    summary: 'Hand in a document',
    description:
      'With `subject.identifier` (system `urn:prms:patient`, the patient’s id as value) and one attachment, inline or a Binary. `masterIdentifier` (or the first `identifier`) makes sending it twice harmless; `relatesTo` with `replaces` names the identifier of the document that this one replaces. It is anchored later: ask at the address in `Content-Location`. See docs/acquisition.md.',
    auth: 'service',
    raw: { contentTypes: [FHIR_JSON, 'application/json'], description: 'A DocumentReference.' },
    takesLong: 'transfer',
    refusals: ['CONFLICT', 'TOO_MANY', 'FORBIDDEN', 'NOT_FOUND'],
    responses: {
      200: json(outcomeSchema, 'This very document is a report already.'),
      202: json(outcomeSchema, 'On disk.'),
    },
    handler: async (context) => {
      const { service, request, deps } = context;
      const { queue } = deps.acquisition;
      const resource = await readJson(request, deps.config.fhirMaxBytes);
      const { wanted, attachment } = readDocumentReference(resource, deps.config.fhirMaxDepth);
      let kept: Kept | undefined;
      try {
        if ('binary' in attachment.body) {
          const binary = await queue.binary(service, attachment.body.binary);
          if (!binary)
            throw unfit('content.0.attachment.url', 'names no Binary that waits from this system');
          const hasSha1 = (sha1: Buffer) => queue.isOf(binary, sha1);
          checkAttachment(attachment, { ...binary, hasSha1 });
          return accepted(await queue.accept(service, wanted, binary));
        }
        kept = await queue.receive(service, chunksOf(attachment.body.data));
        const { bytes, head, sha1: found } = kept;
        const mediaType = sniffMediaType(head, head.length === bytes);
        const hasSha1 = (sha1: Buffer) => found.equals(sha1);
        checkAttachment(attachment, { bytes, mediaType, hasSha1 });
        return accepted(await queue.accept(service, wanted, kept));
      } catch (error) {
        if (kept) await queue.drop(kept);
        throw error;
      }
    },
  }),
];

function accepted({ id, state }: { readonly id: string; readonly state: string }) {
  const done = state === 'anchored';
  const issue = {
    severity: 'information' as const,
    code: 'informational',
    details: { text: state },
    diagnostics: done ? 'This document is a report already.' : 'The document is on disk.',
  };
  return {
    status: done ? (200 as const) : (202 as const),
    body: { resourceType: 'OperationOutcome' as const, issue: [issue] },
    headers: { 'content-location': fateAddress(id) },
  };
}

/** A Binary's bytes: the request's own, or those in the resource. */
async function bodyOf(
  request: Request,
  { fhirMaxBytes, fhirMaxDepth }: Pick<Config, 'fhirMaxBytes' | 'fhirMaxDepth'>,
): Promise<{ contentType: string; stream: AsyncIterable<Uint8Array> }> {
  const type = request.headers['content-type'] ?? '';
  if (type === '') throw new GatewayError('UNSUPPORTED_MEDIA', 'Say what it is: Content-Type.');
  if (request.is(FHIR_JSON) === false) return { contentType: type.slice(0, 200), stream: request };
  const { contentType, data } = readBinary(await readJson(request, fhirMaxBytes), fhirMaxDepth);
  return { contentType, stream: chunksOf(data) };
}

/** @throws GatewayError UNSUPPORTED_MEDIA | TOO_LARGE | BAD_REQUEST */
async function readJson(request: Request, limitBytes: number): Promise<unknown> {
  if (request.is([FHIR_JSON, 'application/json']) === false)
    throw new GatewayError('UNSUPPORTED_MEDIA', `The body must be ${FHIR_JSON}.`);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limitBytes)
        throw new GatewayError('TOO_LARGE', `The resource is larger than ${limitBytes} bytes.`, {
          limitBytes,
        });
      chunks.push(chunk);
    }
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
    return readJsonText(text, 'The body');
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    throw new GatewayError('BAD_REQUEST', 'The body is not well-formed JSON.', { cause });
  }
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(bytes);
}
