// The whole record, to take away.

import { bytes } from '../base/index.js';
import { actorOf, defineRoute } from './define.js';
import { disposition } from './download.js';
import { patientParams } from './schemas.js';
import { CLOUD } from './refusals.js';

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
    responses: { 200: bytes(['application/zip'], 'The record.') },
    handler: async (context) => {
      const record = await context.deps.exports.begin(actorOf(context), context.params.patient);
      return {
        status: 200,
        bytes: record.bytes,
        contentType: 'application/zip',
        headers: { 'Content-Disposition': disposition(record.fileName) },
      };
    },
  }),
];
