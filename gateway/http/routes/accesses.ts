// Reading reports, and who read them; emergencies.

import {
  operationIdSchema,
  purposeSchema,
  userIdSchema,
  versionSchema,
} from '@prms/chaincode/model';
import { z } from 'zod';
import { bytes, json } from '../base/index.js';
import { actorOf, admittedActorOf, defineRoute } from './define.js';
import { disposition, readRange } from './download.js';
import {
  toldAccessSchema,
  changedSchema,
  labelSchema,
  page,
  pageQuery,
  patientItemParams,
  patientParams,
  receiptSchema,
} from './schemas.js';
import { READING } from './refusals.js';

const openedSchema = z.object({
  /** Missing when the ledger has not answered in an emergency: the access is anchored late. */
  receipt: receiptSchema.optional(),
  access: operationIdSchema,
  ticket: z.string(),
  expiresAt: z.int(),
  label: labelSchema,
  sha256: z.string(),
  anchoredLate: z.literal(true).optional(),
});

/** A client picks the type that it can show; what could run in a page is only ever downloaded. */
const CONTENT_TYPES = [
  'application/pdf',
  'application/dicom',
  'image/png',
  'image/jpeg',
  'image/webp',
  'image/tiff',
  'application/json',
  'application/fhir+json',
  'text/plain',
  'application/octet-stream',
] as const;

export const accessRoutes = [
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/reports/{id}/access',
    summary: 'Ask for a report',
    description:
      'The request and its outcome go on the ledger, permitted or refused. A permit gives a ticket with which the bytes can be fetched for a few minutes. The action is what the reader means to do: `view` it, `download` a copy to keep, or `share`, which says that they may pass on what they read. Passing it on happens outside this system, which can neither see nor stop it: what is recorded is that they asked to, and the patient sees that.',
    tags: ['accesses'],
    auth: 'session',
    params: patientItemParams,
    body: z.strictObject({
      action: z.enum(['view', 'download', 'share']),
      purpose: purposeSchema,
      actingFor: userIdSchema.optional(),
      emergency: operationIdSchema.optional(),
    }),
    refusals: READING,
    responses: { 201: json(openedSchema, 'Open.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      const opened = await context.deps.accesses.open(actorOf(context), patient, id, context.body);
      return { status: 201, body: { ...opened, sha256: opened.label.sha256 } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/tickets/{ticket}/content',
    summary: 'The bytes of an opened report',
    description: 'One `Range` is honoured. The SHA-256 of the whole report is the entity tag.',
    tags: ['accesses'],
    auth: 'session',
    params: z.object({ ticket: z.string().regex(/^[A-Za-z0-9_-]{43}$/) }),
    takesLong: 'transfer',
    refusals: [...READING, 'RANGE', 'REFUSED'],
    responses: {
      200: bytes(CONTENT_TYPES, 'The whole report.'),
      206: bytes(CONTENT_TYPES, 'A part of it.'),
    },
    handler: async (context) => {
      const actor = actorOf(context);
      const { accesses } = context.deps;
      const { ticket } = context.params;
      const { bytes: total, sha256 } = accesses.labelOf(actor, ticket);
      const etag = `"${sha256}"`;
      const range = readRange(context.request.headers, total, etag);
      const content = accesses.content(actor, ticket, range);
      const headers: Record<string, string> = {
        'Accept-Ranges': 'bytes',
        'Content-Length': String(content.end - content.start),
        ETag: etag,
        'Content-Disposition': disposition(content.label.fileName),
      };
      if (range) headers['Content-Range'] = `bytes ${content.start}-${content.end - 1}/${total}`;
      return {
        status: range ? 206 : 200,
        bytes: await content.read(),
        contentType: content.label.mediaType,
        headers,
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/patients/{patient}/accesses',
    summary: 'Who looked at a record',
    description:
      'Reads, refusals and emergencies, newest first. For the patient, guardians and auditors.',
    tags: ['accesses'],
    auth: 'session',
    params: patientParams,
    query: pageQuery,
    responses: { 200: json(page(toldAccessSchema), 'Accesses, with what was written of them.') },
    handler: async (context) => {
      const { items, bookmark } = await context.deps.accessLog.list(
        await admittedActorOf(context),
        context.params.patient,
        context.query,
      );
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/emergency',
    summary: 'Break the glass',
    description:
      'Opens a record for a short time with a stated reason. The patient and the hospital see it, and it is reviewed. Needs a fresh log-in.',
    tags: ['accesses'],
    auth: 'session',
    roles: ['doctor'],
    freshLogin: true,
    params: patientParams,
    body: z.strictObject({ actingFor: userIdSchema, reason: z.string().min(10).max(2000) }),
    refusals: ['ELSEWHERE'],
    responses: {
      201: json(
        z.object({
          receipt: receiptSchema.optional(),
          emergency: operationIdSchema,
          endsAt: z.int(),
          anchoredLate: z.literal(true).optional(),
        }),
        'The window is open.',
      ),
    },
    handler: async (context) => ({
      status: 201,
      body: await context.deps.emergencies.open(
        actorOf(context),
        context.params.patient,
        context.body,
      ),
    }),
  }),
  defineRoute({
    method: 'get',
    path: '/emergencies',
    summary: 'Emergencies in the hospital’s name',
    tags: ['accesses'],
    auth: 'session',
    roles: ['hospital'],
    query: pageQuery,
    responses: {
      200: json(page(toldAccessSchema), 'Emergencies, with the stated reasons.'),
    },
    handler: async (context) => {
      const { items, bookmark } = await context.deps.emergencies.at(
        actorOf(context),
        context.query,
      );
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/accesses/{id}/review',
    summary: 'Review an emergency',
    tags: ['accesses'],
    auth: 'session',
    roles: ['hospital', 'auditor'],
    params: patientItemParams,
    body: z.strictObject({
      verdict: z.enum(['justified', 'unjustified']),
      note: z.string().min(1).max(2000).optional(),
      replaces: versionSchema,
    }),
    responses: { 200: json(changedSchema, 'Reviewed.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      return {
        status: 200,
        body: await context.deps.emergencies.review(actorOf(context), patient, id, context.body),
      };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/accesses/{id}/object',
    summary: 'Object to an access',
    tags: ['accesses'],
    auth: 'session',
    roles: ['patient', 'relative'],
    params: patientItemParams,
    body: z.strictObject({ note: z.string().min(1).max(2000).optional(), replaces: versionSchema }),
    responses: { 200: json(changedSchema, 'On the record.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      return {
        status: 200,
        body: await context.deps.emergencies.object(actorOf(context), patient, id, context.body),
      };
    },
  }),
];
