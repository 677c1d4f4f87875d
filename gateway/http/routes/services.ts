// A hospital's systems and what they have handed in: for its office.

import { operationIdSchema, userIdSchema, versionSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import { json } from '../base/index.js';
import { actorOf, defineRoute } from './define.js';
import { changedSchema, page, pageQuery, receiptSchema, replacesBody } from './schemas.js';

const serviceSchema = z.object({
  id: userIdSchema,
  name: z.string(),
  status: z.enum(['authorised', 'suspended']),
  version: versionSchema,
  createdAt: z.int(),
  tokenMadeAt: z.int().optional(),
});

const tokenSchema = z.string().regex(/^prms_svc_[A-Za-z0-9_-]{43}$/);

/** A document's fate, as its sender and the office see it. */
export const documentSchema = z.object({
  id: operationIdSchema,
  service: userIdSchema,
  patient: userIdSchema,
  state: z.enum(['waiting', 'anchored', 'failed']),
  acceptedAt: z.int(),
  bytes: z.int(),
  attempts: z.int(),
  report: operationIdSchema.optional(),
  code: z.string().optional(),
  reason: z.string().optional(),
});

const params = z.object({ id: userIdSchema });
const common = { tags: ['systems'], auth: 'session', roles: ['hospital'] } as const;

export const serviceRoutes = [
  defineRoute({
    ...common,
    method: 'post',
    path: '/services',
    summary: 'Let a system of the hospital’s in',
    description:
      'A user of its own on the ledger, by the hospital’s signature: it may add reports, and do nothing else. The token is shown this once.',
    freshLogin: true,
    body: z.strictObject({
      profile: z.strictObject({
        name: z.string().min(1).max(120),
        place: z.string().min(1).max(120).optional(),
      }),
    }),
    responses: {
      201: json(
        z.object({ id: userIdSchema, token: tokenSchema, receipt: receiptSchema }),
        'Let in.',
      ),
    },
    handler: async (context) => {
      const { profile } = context.body;
      const { accounts } = context.deps.acquisition;
      return { status: 201, body: await accounts.create(actorOf(context), profile) };
    },
  }),
  defineRoute({
    ...common,
    method: 'get',
    path: '/services',
    summary: 'The hospital’s systems',
    query: pageQuery,
    responses: { 200: json(page(serviceSchema), 'Systems, those that have ended too.') },
    handler: async (context) => {
      const { accounts } = context.deps.acquisition;
      const { items, bookmark } = await accounts.list(actorOf(context), context.query);
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
  defineRoute({
    ...common,
    method: 'post',
    path: '/services/{id}/token',
    summary: 'Give a system a new token',
    description: 'The old one ends with it. The token is shown this once.',
    freshLogin: true,
    params,
    responses: { 201: json(z.object({ token: tokenSchema }), 'Its token from now on.') },
    handler: async (context) => {
      const { accounts } = context.deps.acquisition;
      const token = await accounts.rotate(actorOf(context), context.params.id);
      return { status: 201, body: { token } };
    },
  }),
  defineRoute({
    ...common,
    method: 'post',
    path: '/services/{id}/end',
    summary: 'End a system for good',
    description: 'What it has anchored stays; what still waits from it will be refused.',
    freshLogin: true,
    params,
    body: replacesBody,
    responses: { 200: json(changedSchema, 'Ended.') },
    handler: async (context) => {
      const { accounts } = context.deps.acquisition;
      const { id } = context.params;
      const body = await accounts.end(actorOf(context), id, context.body.replaces);
      return { status: 200, body };
    },
  }),
  defineRoute({
    ...common,
    method: 'get',
    path: '/acquisitions',
    summary: 'What the hospital’s systems have handed in',
    description: 'Oldest first. With `state`, a page may hold fewer than were asked for.',
    query: pageQuery.extend({ state: documentSchema.shape.state.optional() }),
    responses: { 200: json(page(documentSchema), 'Documents and their fates.') },
    handler: async (context) => {
      const { state, ...request } = context.query;
      const { queue } = context.deps.acquisition;
      const { items, bookmark } = await queue.list(actorOf(context), request, state);
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
  defineRoute({
    ...common,
    method: 'post',
    path: '/acquisitions/{id}/retry',
    summary: 'Try a failed document again',
    params: z.object({ id: operationIdSchema }),
    responses: { 202: json(documentSchema, 'It waits again.') },
    handler: async (context) => {
      const { queue } = context.deps.acquisition;
      return { status: 202, body: await queue.retry(actorOf(context), context.params.id) };
    },
  }),
];
