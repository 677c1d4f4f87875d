// The whole record, to take away.

import { operationIdSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import { settings } from '../../config/index.js';
import type { ExportedRecord } from '../../services/export/index.js';
import { bytes } from '../base/index.js';
import { actorOf, defineRoute } from './define.js';
import { disposition } from './download.js';
import { patientParams } from './schemas.js';
import { CLOUD } from './refusals.js';

const ARCHIVE = { 200: bytes(['application/zip'], 'The record.') } as const;

const archive = ({ bytes: content, fileName }: ExportedRecord) => ({
  status: 200 as const,
  bytes: content,
  contentType: 'application/zip',
  headers: { 'Content-Disposition': disposition(fileName) },
});

export const exportRoutes = [
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/export',
    summary: 'Export a whole record',
    description:
      'A zip of everything: reports in clear, what the ledger says of them and of who may and did read them, and the evidence against which `npx prms verify` checks it offline. For the patient and guardians, with a fresh log-in. Each report that goes into it is an access on the ledger, action `download`; one that can’t be read is listed with the reason.',
    tags: ['reports'],
    auth: 'session',
    roles: ['patient', 'relative'],
    freshLogin: true,
    params: patientParams,
    takesLong: 'export',
    refusals: [...CLOUD, 'TOO_MANY'],
    responses: ARCHIVE,
    handler: async (context) => {
      const { exports } = context.deps;
      return archive(await exports.begin(actorOf(context), context.params.patient));
    },
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/sealed-export',
    summary: 'Export a whole record, its reports sealed',
    description:
      'The same for people who keep their own keys: each report as it lies in the clouds, with the wraps of its key, which only they can open; everything else as in the other export. `accesses` are the ids of `access:request`s, action `download`, that the ledger has decided, one to each report that is not erased: they are good for as long as for reading one report, counted to the beginning of the export. The manifest is theirs to sign: docs/export-format.md.',
    tags: ['own keys'],
    auth: 'session',
    roles: ['patient', 'relative'],
    freshLogin: true,
    params: patientParams,
    body: z.strictObject({
      accesses: z.array(operationIdSchema).max(settings.exportReportFiles.max),
    }),
    takesLong: 'export',
    refusals: [...CLOUD, 'TOO_MANY'],
    responses: ARCHIVE,
    handler: async (context) => {
      const { exports } = context.deps;
      const { accesses } = context.body;
      return archive(await exports.beginSealed(actorOf(context), context.params.patient, accesses));
    },
  }),
];
