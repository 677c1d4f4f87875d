// Covers, and reports: added, listed, withdrawn.

import {
  monthSchema,
  operationIdSchema,
  purposeSchema,
  userIdSchema,
  versionSchema,
} from '@prms/chaincode/model';
import { z } from 'zod';
import { GatewayError } from '../../errors.js';
import type { ReceivedReport } from '../../services/reports/index.js';
import { bytes, empty, json } from '../base/index.js';
import { actorOf, admittedActorOf, defineRoute } from './define.js';
import { formOf, readForm, readMeta } from './multipart.js';
import {
  changedSchema,
  listedReportSchema,
  page,
  pageQuery,
  patientItemParams,
  patientParams,
  receiptSchema,
  replacesBody,
  storedImageSchema,
} from './schemas.js';
import { CLOUD } from './refusals.js';

const coverSchema = z.object({
  id: z.string(),
  width: z.int(),
  height: z.int(),
  capacityBytes: z.int(),
  addedAt: z.int(),
});

const metaSchema = z.strictObject({
  title: z.string().min(1).max(200),
  category: z.string().min(1).max(60),
  month: monthSchema.optional(),
  actingFor: userIdSchema.optional(),
  suite: z.enum(['A256GCM', 'A128GCM']).optional(),
  supersedes: z.strictObject({ id: operationIdSchema, replaces: versionSchema }).optional(),
});

const uploadedSchema = z.object({
  receipt: receiptSchema,
  report: z.object({
    id: operationIdSchema,
    storage: z.enum(['stego', 'encrypted']),
    images: z.array(storedImageSchema),
    sha256: z.string(),
    mediaType: z.string(),
    bytes: z.int(),
    notice: z.string().optional(),
  }),
});

/** Reading a report's list entry for a purpose, perhaps for a hospital. */
const wishQuery = z.object({
  purpose: purposeSchema.optional(),
  actingFor: userIdSchema.optional(),
});

export const reportRoutes = [
  defineRoute({
    method: 'post',
    path: '/covers',
    summary: 'Put a photo aside as a cover',
    tags: ['covers'],
    auth: 'session',
    upload: formOf({ files: { cover: 'PNG, JPEG, WebP or TIFF' } }),
    refusals: ['TOO_MANY'],
    responses: { 201: json(coverSchema, 'Kept, encrypted.') },
    handler: async (context) => {
      const { config, covers } = context.deps;
      const actor = actorOf(context);
      const { files } = await readForm(context.request, {
        fileBytes: { cover: config.maxCoverBytes },
        files: 1,
        fields: config.maxFormFields,
        fieldBytes: config.maxFieldBytes,
        signal: context.signal,
      });
      const [file] = files;
      if (!file) throw new GatewayError('BAD_REQUEST', 'The form has no file “cover”.');
      return { status: 201, body: await covers.add(actor, file.bytes) };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/covers',
    summary: 'One’s own unused covers',
    tags: ['covers'],
    auth: 'session',
    responses: { 200: json(z.object({ items: z.array(coverSchema) }), 'Covers.') },
    handler: async (context) => ({
      status: 200,
      body: { items: [...(await context.deps.covers.list(actorOf(context)))] },
    }),
  }),
  defineRoute({
    method: 'delete',
    path: '/covers/{id}',
    summary: 'Forget an unused cover',
    tags: ['covers'],
    auth: 'session',
    params: z.object({ id: z.string().regex(/^[A-Za-z0-9_-]{22}$/) }),
    responses: { 204: empty('Gone.') },
    handler: async (context) => {
      await context.deps.covers.remove(actorOf(context), context.params.id);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/reports',
    summary: 'Add a report',
    description:
      'Multipart: the field `meta` (JSON: title, category, month?, actingFor?, suite?, supersedes?), the file `report`, and any number of files `cover`. What covers lack in room is taken from the owner’s waiting covers, then from synthetic ones.',
    tags: ['reports'],
    auth: 'session',
    params: patientParams,
    takesLong: 'transfer',
    upload: formOf({ meta: true, files: { report: 'The report' }, covers: true }),
    refusals: [...CLOUD, 'ELSEWHERE'],
    responses: { 201: json(uploadedSchema, 'Hidden, stored and anchored.') },
    handler: async (context) => {
      const { config, uploads } = context.deps;
      const actor = actorOf(context);
      const draft = uploads.begin();
      try {
        let report: ReceivedReport | undefined;
        const form = await readForm(context.request, {
          fileBytes: { cover: config.maxCoverBytes },
          receivers: {
            report: async (stream, fileName) => {
              report = await draft.take(stream, fileName);
            },
          },
          files: config.maxUploadFiles,
          fields: config.maxFormFields,
          fieldBytes: config.maxFieldBytes,
          signal: context.signal,
        });
        if (!report) throw new GatewayError('BAD_REQUEST', 'The form has no file “report”.');
        const covers = form.files.map((cover) => cover.bytes);
        const uploaded = await uploads.finish(
          actor,
          context.params.patient,
          readMeta(form, metaSchema),
          draft,
          report,
          covers,
        );
        return {
          status: 201,
          body: {
            ...uploaded,
            report: { ...uploaded.report, images: [...uploaded.report.images] },
          },
        };
      } finally {
        await draft.dispose();
      }
    },
  }),
  defineRoute({
    method: 'get',
    path: '/patients/{patient}/reports',
    summary: 'A patient’s history',
    description:
      'Newest first. Titles are for the patient and guardians; others learn them when they open a report, on the record.',
    tags: ['reports'],
    auth: 'session',
    params: patientParams,
    query: pageQuery.extend(wishQuery.shape),
    refusals: CLOUD,
    responses: { 200: json(page(listedReportSchema), 'Reports.') },
    handler: async (context) => {
      const { items, bookmark } = await context.deps.reports.list(
        await admittedActorOf(context),
        context.params.patient,
        context.query,
      );
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/patients/{patient}/reports/{id}',
    summary: 'One report, as the list shows it',
    tags: ['reports'],
    auth: 'session',
    params: patientItemParams,
    query: wishQuery,
    refusals: CLOUD,
    responses: { 200: json(listedReportSchema, 'The report.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      return {
        status: 200,
        body: await context.deps.reports.get(
          await admittedActorOf(context),
          patient,
          id,
          context.query,
        ),
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/patients/{patient}/reports/{id}/stego/{part}',
    summary: 'The picture that the cloud has',
    description: 'The encrypted view: for the patient and their relatives.',
    tags: ['reports'],
    auth: 'session',
    params: z.object({ ...patientItemParams.shape, part: z.coerce.number().int().min(0).max(63) }),
    refusals: [...CLOUD, 'GONE'],
    responses: { 200: bytes(['image/png'], 'The stored picture.') },
    handler: async (context) => {
      const { patient, id, part } = context.params;
      const image = await context.deps.reports.stegoImage(actorOf(context), patient, id, part);
      return { status: 200, bytes: image, contentType: 'image/png' };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/reports/{id}/withdraw',
    summary: 'Withdraw a report',
    description: 'By its author or its patient: nobody but the patient may open it any more.',
    tags: ['reports'],
    auth: 'session',
    params: patientItemParams,
    body: replacesBody,
    responses: { 200: json(changedSchema, 'Done.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      const { replaces } = context.body;
      const { reports } = context.deps;
      return { status: 200, body: await reports.withdraw(actorOf(context), patient, id, replaces) };
    },
  }),
];
