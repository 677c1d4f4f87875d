// Signed operations as they are: handed in by the line, answered by the line, and what became of them afterwards.

import { operationIdSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import { settings } from '../../config/index.js';
import { GatewayError } from '../../errors.js';
import { MAX_LINE_BYTES } from '../../services/intake.js';
import { json, lines, readLines } from '../base/index.js';
import { defineRoute } from './define.js';
import { receiptSchema } from './schemas.js';

const refusedReceipt = z.object({ id: z.string(), status: z.literal('refused'), code: z.string() });

const fateSchema = z.object({
  id: operationIdSchema,
  state: z.enum(['pending', 'applied', 'refused', 'failed']),
  receipt: z.union([receiptSchema, refusedReceipt]).optional(),
  late: z.literal(true).optional(),
});

/** Which line of the request this is about; the first is 1. */
const line = z.int();
const lineReceiptSchema = z.union([
  receiptSchema.extend({ line }),
  refusedReceipt.extend({ line, detail: z.string().optional() }),
  z.object({ line, id: operationIdSchema, status: z.enum(['pending', 'failed']) }),
  z.object({
    line,
    id: operationIdSchema.optional(),
    status: z.enum(['invalid', 'busy']),
    code: z.string(),
    detail: z.string(),
  }),
]);

const signedOperationSchema = z.object({
  operation: z.object({}).loose(),
  signature: z.string(),
});

export const operationRoutes = [
  defineRoute({
    method: 'post',
    path: '/operations',
    summary: 'Hand in signed operations, one a line',
    description:
      'Each line is `{"operation":{…},"signature":"…"}` with the operation in canonical form, 16,512 bytes at most. ' +
      'Each gets one line of answer, in the order in which they settle, while further lines are still read: ' +
      'applied or refused (the ledger’s receipt), pending (on disk here: ask for its fate), failed, ' +
      'invalid (nothing was kept of it), or busy (nothing was kept of it: send it again later). ' +
      'After too many lines that are no operations the next is answered TOO_MANY, and no more are read. ' +
      'Read while sending: when too many receipts are unread, no more lines are taken. ' +
      'Everybody hands in their own operations; an admitted hospital relays what others have signed, but for an ' +
      '`access:emergency`: that is taken from its actor’s own session alone, and only while the log-in is fresh. ' +
      'The same operation again gets the same fate.',
    tags: ['operations'],
    auth: 'session',
    lines: { schema: signedOperationSchema, description: 'One signed operation a line.' },
    takesLong: 'transfer',
    refusals: ['TOO_MANY'],
    responses: { 200: lines(lineReceiptSchema, 'One receipt a line.') },
    handler: async ({ deps, session, request, signal }) => ({
      status: 200,
      lines: await deps.bulk.run(readLines(request, MAX_LINE_BYTES), session, signal),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/operations/fates',
    summary: 'What became of many operations',
    description:
      'For whoever signed them or handed them in; of any other id it says unknown. In the order of the ids.',
    tags: ['operations'],
    auth: 'session',
    body: z.strictObject({
      ids: z.array(operationIdSchema).min(1).max(settings.fatesPerQuestion.max),
    }),
    bodyLimitBytes: 512 * 1024,
    responses: {
      200: json(
        z.object({
          items: z.array(
            z.union([fateSchema, z.object({ id: operationIdSchema, state: z.literal('unknown') })]),
          ),
        }),
        'Their fates, as far as they are known.',
      ),
    },
    handler: async ({ deps, session, body: { ids } }) => {
      const limit = deps.config.fatesPerQuestion;
      if (ids.length > limit) {
        throw new GatewayError('TOO_LARGE', `Ask for ${limit} operations at a time.`);
      }
      const fates = await deps.outbox.fates(ids);
      const items = ids.map((id, at) => {
        const fate = fates[at];
        return fate && deps.intake.mayAsk(session, fate) ? fate : { id, state: 'unknown' as const };
      });
      return { status: 200, body: { items } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/operations/{id}',
    summary: 'What became of an operation',
    description: 'For whoever signed it or handed it in.',
    tags: ['operations'],
    auth: 'session',
    params: z.object({ id: operationIdSchema }),
    responses: { 200: json(fateSchema, 'Its fate, as far as it is known.') },
    handler: async ({ deps, session, params }) => {
      const fate = await deps.outbox.fate(params.id);
      if (!fate || !deps.intake.mayAsk(session, fate)) {
        throw new GatewayError(
          'NOT_FOUND',
          'This gateway has accepted no such operation of yours.',
          { ids: { operation: params.id } },
        );
      }
      return { status: 200, body: fate };
    },
  }),
];
