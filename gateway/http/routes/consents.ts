// Consents, and why somebody may or may not.

import {
  actionSchema,
  consentTermsSchema,
  monthSchema,
  operationIdSchema,
  purposeSchema,
  userIdSchema,
  versionSchema,
} from '@prms/chaincode/model';
import { z } from 'zod';
import { json } from '../base/index.js';
import { actorOf, admittedActorOf, defineRoute } from './define.js';
import {
  changedSchema,
  consentSchema,
  createdSchema,
  outcomeSchema,
  page,
  pageQuery,
  patientItemParams,
  patientParams,
  replacesBody,
} from './schemas.js';
import { CLOUD } from './refusals.js';

/** As the ledger's terms, but categories are plain words: the gateway makes them opaque. */
const plainTermsSchema = z.strictObject({
  ...consentTermsSchema.shape,
  scope: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('full') }),
    z
      .strictObject({
        kind: z.literal('partial'),
        categories: z.array(z.string().min(1).max(60)).min(1).max(32).optional(),
        fromMonth: monthSchema.optional(),
        toMonth: monthSchema.optional(),
        authors: z.array(userIdSchema).min(1).max(32).optional(),
      })
      .refine(
        (s) => s.categories ?? s.fromMonth ?? s.toMonth ?? s.authors,
        'a partial scope needs a filter',
      ),
    z.strictObject({
      kind: z.literal('selective'),
      reports: z.array(operationIdSchema).min(1).max(64),
    }),
  ]),
});

const explanationSchema = z.object({
  outcome: outcomeSchema,
  considered: z.array(
    z.object({
      id: operationIdSchema,
      effect: z.enum(['permit', 'deny']),
      status: z.enum(['active', 'revoked']),
      applies: z.boolean(),
    }),
  ),
});

export const consentRoutes = [
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/consents',
    summary: 'Give or deny access',
    tags: ['consents'],
    auth: 'session',
    roles: ['patient', 'relative'],
    params: patientParams,
    body: z.strictObject({ terms: plainTermsSchema }),
    refusals: CLOUD,
    responses: { 201: json(createdSchema, 'On the ledger, and the keys are wrapped.') },
    handler: async (context) => ({
      status: 201,
      body: await context.deps.consents.grant(
        actorOf(context),
        context.params.patient,
        context.body.terms,
      ),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/consents/{id}/amend',
    summary: 'Change a consent’s terms',
    tags: ['consents'],
    auth: 'session',
    roles: ['patient', 'relative'],
    params: patientItemParams,
    body: z.strictObject({ terms: plainTermsSchema, replaces: versionSchema }),
    refusals: CLOUD,
    responses: { 200: json(changedSchema, 'Changed.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      return {
        status: 200,
        body: await context.deps.consents.amend(actorOf(context), patient, id, context.body),
      };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/consents/{id}/revoke',
    summary: 'Take a consent back',
    description:
      'What was opened before can’t be recalled. Taking back full access begins a new vault epoch.',
    tags: ['consents'],
    auth: 'session',
    roles: ['patient', 'relative'],
    params: patientItemParams,
    body: replacesBody,
    refusals: CLOUD,
    responses: { 200: json(changedSchema, 'Revoked.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      return {
        status: 200,
        body: await context.deps.consents.revoke(actorOf(context), patient, id, context.body),
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/patients/{patient}/consents',
    summary: 'A patient’s consents',
    tags: ['consents'],
    auth: 'session',
    params: patientParams,
    responses: {
      200: json(z.object({ items: z.array(consentSchema) }), 'Active and revoked ones.'),
    },
    handler: async (context) => ({
      status: 200,
      body: {
        items: [
          ...(await context.deps.consents.list(
            await admittedActorOf(context),
            context.params.patient,
          )),
        ],
      },
    }),
  }),
  defineRoute({
    method: 'get',
    path: '/consents',
    summary: 'What patients have granted or denied to the caller',
    tags: ['consents'],
    auth: 'session',
    query: pageQuery,
    responses: {
      200: json(
        page(z.object({ patient: userIdSchema, consent: consentSchema })),
        'Consents received.',
      ),
    },
    handler: async (context) => {
      const { items, bookmark } = await context.deps.consents.received(
        actorOf(context),
        context.query,
      );
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/patients/{patient}/explain',
    summary: 'May somebody do this with a report, and why?',
    tags: ['consents'],
    auth: 'session',
    params: patientParams,
    query: z.object({
      actor: userIdSchema,
      report: operationIdSchema,
      action: actionSchema,
      purpose: purposeSchema,
      actingFor: userIdSchema.optional(),
    }),
    refusals: ['REFUSED'],
    responses: {
      200: json(explanationSchema, 'The decision, and every consent that was considered.'),
    },
    handler: async (context) => ({
      status: 200,
      body: explanationSchema.parse(
        await context.deps.consents.explain(
          await admittedActorOf(context),
          context.params.patient,
          context.query,
        ),
      ),
    }),
  }),
];
