// The clouds' health: for hospitals and auditors.

import { operationIdSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import { shownProgressSchema } from '../../services/scrubber/index.js';
import { json } from '../base/index.js';
import { admittedActorOf, defineRoute } from './define.js';
import { page, pageQuery } from './schemas.js';

const healthSchema = z.object({
  clouds: z.array(z.object({ name: z.string(), answering: z.boolean() })),
  open: z.int(),
  scrub: shownProgressSchema.optional(),
});

const copySchema = z.object({
  cloud: z.string(),
  objectName: z.string(),
  wish: z.enum(['store', 'delete']),
  fault: z.enum(['missing', 'bad', 'unanswered']),
  report: operationIdSchema.optional(),
  foundAt: z.int(),
  healedAt: z.int().optional(),
  times: z.int().optional(),
});

export const cloudRoutes = [
  defineRoute({
    method: 'get',
    path: '/clouds',
    summary: 'The clouds, and how far the scrubber is',
    description:
      'Names of the clouds, the home first, and whether each answers; how many copies are owed; what the scrubber has counted in this round and in the last one, with the number and a sample of objects that nobody references. Those are never deleted: they may belong to an upload under way or to somebody else who uses the bucket.',
    tags: ['clouds'],
    auth: 'session',
    roles: ['hospital', 'auditor'],
    responses: { 200: json(healthSchema, 'As this gateway knows it.') },
    handler: async (context) => {
      const actor = await admittedActorOf(context);
      const { clouds, open, scrub } = await context.deps.cloudHealth.health(actor);
      const body = { clouds: [...clouds], open };
      return { status: 200, body: healthSchema.parse({ ...body, scrub }) };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/clouds/copies',
    summary: 'Copies that are not as they should be, or have been healed',
    description:
      '`open`: missing, bad, or owed because a cloud did not answer. `healed`: made good from another copy.',
    tags: ['clouds'],
    auth: 'session',
    roles: ['hospital', 'auditor'],
    query: pageQuery.extend({ state: z.enum(['open', 'healed']).default('open') }),
    responses: { 200: json(page(copySchema), 'Copies, by object name or by report.') },
    handler: async (context) => {
      const actor = await admittedActorOf(context);
      const { state, ...query } = context.query;
      const { items, bookmark } = await context.deps.cloudHealth.list(actor, state, query);
      return { status: 200, body: { items: items.map((one) => copySchema.parse(one)), bookmark } };
    },
  }),
];
