// What hospitals' systems hand in, as a plain form. The answer comes when it is on disk; its fate can be asked for.

import { monthSchema, operationIdSchema, userIdSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import { GatewayError } from '../../errors.js';
import type { Kept } from '../../services/acquisition/index.js';
import { API_ROOT, json } from '../base/index.js';
import { defineRoute } from './define.js';
import { formOf, readForm, readMeta } from './multipart.js';
import { documentSchema } from './services.js';

/** A sender's own name for a document. */
export const identifierSchema = z.string().min(1).max(512);

const metaSchema = z.strictObject({
  patient: userIdSchema,
  title: z.string().min(1).max(200),
  category: z.string().min(1).max(60),
  month: monthSchema.optional(),
  identifier: identifierSchema.optional(),
  replaces: identifierSchema.optional(),
});

/** Where a document's fate can be asked for. */
export const fateAddress = (id: string): string => `${API_ROOT}/intake/reports/${id}`;

export const acquisitionRoutes = [
  defineRoute({
    method: 'post',
    path: '/intake/reports',
    summary: 'Hand in a report',
    description:
      'Multipart: the field `meta` (JSON: patient, title, category, month?, identifier?, replaces?) and the file `report`. It is encrypted to disk before the answer, and anchored when cloud and ledger allow it: ask at the address in `Location`. The same patient and content under the same `identifier` is the same document, and a failed one is tried again; another content is CONFLICT, unless `replaces` names the identifier of the one that it replaces.',
    tags: ['intake'],
    auth: 'service',
    takesLong: 'transfer',
    upload: formOf({ meta: true, files: { report: 'The report' } }),
    refusals: ['CONFLICT', 'TOO_MANY', 'FORBIDDEN', 'NOT_FOUND'],
    responses: {
      200: json(documentSchema, 'This very document is a report already.'),
      202: json(documentSchema, 'On disk.'),
    },
    handler: async (context) => {
      const { service, request, signal, deps } = context;
      const { queue } = deps.acquisition;
      const gone = new AbortController();
      let reception: Promise<Kept> | undefined;
      let fileName = 'report';
      try {
        const form = await readForm(request, {
          fileBytes: {},
          receivers: {
            report: async (stream, name) => {
              fileName = name;
              reception = queue.receive(service, stream, gone.signal);
              await reception;
            },
          },
          files: 1,
          fields: deps.config.maxFormFields,
          fieldBytes: deps.config.maxFieldBytes,
          signal,
        });
        const kept = await reception;
        if (!kept) throw new GatewayError('BAD_REQUEST', 'The form has no file “report”.');
        const document = await queue.accept(
          service,
          { ...readMeta(form, metaSchema), fileName },
          kept,
        );
        const headers = { location: fateAddress(document.id) };
        return { status: document.state === 'anchored' ? 200 : 202, body: document, headers };
      } catch (error) {
        // A form that broke off leaves its file half read: it ends here, so that nothing of it stays.
        gone.abort();
        const kept = await reception?.catch(() => undefined);
        if (kept) await queue.drop(kept);
        throw error;
      }
    },
  }),
  defineRoute({
    method: 'get',
    path: '/intake/reports/{id}',
    summary: 'What became of a document',
    description: 'For the system that has handed it in.',
    tags: ['intake'],
    auth: 'service',
    params: z.object({ id: operationIdSchema }),
    responses: { 200: json(documentSchema, 'Its fate.') },
    handler: async ({ deps, service, params }) => ({
      status: 200,
      body: await deps.acquisition.queue.fate(service, params.id),
    }),
  }),
];
