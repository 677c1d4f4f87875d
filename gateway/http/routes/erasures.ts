// Erasing: one report, or all of a record; and how far the clouds are with it.

import { operationIdSchema, userIdSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import { GatewayError } from '../../errors.js';
import { json } from '../base/index.js';
import { actorOf, admittedActorOf, defineRoute } from './define.js';
import { changedSchema, patientItemParams, patientParams, replacesBody } from './schemas.js';
import { CLOUD } from './refusals.js';

const stateSchema = z.object({
  report: operationIdSchema,
  /** `elsewhere`: the erasure was begun at another gateway, which sees to it. */
  state: z.enum(['none', 'deleting', 'done', 'elsewhere']),
  by: userIdSchema.optional(),
  erasedAt: z.int().optional(),
  triedAt: z.int().optional(),
  /** When every cloud had said that it holds nothing any more. */
  agreedAt: z.int().optional(),
  clouds: z.array(z.object({ cloud: z.string(), left: z.int().optional() })),
});

export const erasureRoutes = [
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/reports/{id}/erase',
    summary: 'Erase a report for good',
    description:
      'By the patient or a guardian: the ledger says so, then pictures, title and every wrapped key are deleted from every cloud, again and again until each has agreed. What was opened before can’t be recalled.',
    tags: ['reports'],
    auth: 'session',
    params: patientItemParams,
    body: replacesBody,
    refusals: [...CLOUD, 'GONE'],
    responses: { 200: json(changedSchema, 'The ledger says so; deleting goes on by itself.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      const { replaces } = context.body;
      const { erasures } = context.deps;
      return { status: 200, body: await erasures.erase(actorOf(context), patient, id, replaces) };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/patients/{patient}/reports/{id}/erasure',
    summary: 'How far an erasure is',
    description:
      'Which cloud still holds how many objects of the report. One without a number has not answered.',
    tags: ['reports'],
    auth: 'session',
    params: patientItemParams,
    refusals: CLOUD,
    responses: { 200: json(stateSchema, 'The state.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      const state = await context.deps.erasures.state(await admittedActorOf(context), patient, id);
      return { status: 200, body: { ...state, clouds: [...state.clouds] } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/erase',
    summary: 'Erase every report of a record',
    description:
      'One signed operation a report. Needs a fresh log-in, and the patient’s id once more in the body. What could not be erased is told and stays. Consents, accesses and the rest of the ledger remain: it can’t forget.',
    tags: ['reports'],
    auth: 'session',
    roles: ['patient', 'relative'],
    freshLogin: true,
    params: patientParams,
    body: z.strictObject({ confirm: userIdSchema }).meta({ description: 'The patient’s id' }),
    takesLong: 'transfer',
    refusals: [...CLOUD, 'GONE'],
    responses: {
      200: json(
        z.object({
          erased: z.int(),
          before: z.int(),
          failed: z.array(z.object({ report: operationIdSchema, code: z.string() })),
        }),
        'Erased now, erased before, and not erased.',
      ),
    },
    handler: async (context) => {
      const { patient } = context.params;
      if (context.body.confirm !== patient) {
        const fields = [{ path: 'body.confirm', message: 'is not the patient’s id' }];
        throw new GatewayError('VALIDATION', 'Confirm with the patient’s id.', { fields });
      }
      const { failed, ...counts } = await context.deps.erasures.eraseAll(actorOf(context), patient);
      return { status: 200, body: { ...counts, failed: [...failed] } };
    },
  }),
];
