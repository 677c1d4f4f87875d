// Hospitals, doctors, affiliations, the consortium's votes, and keys.

import { ARGUMENTS, operationIdSchema, userIdSchema, versionSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import { json } from '../base/index.js';
import { actorOf, defineRoute } from './define.js';
import { changedSchema, page, pageQuery, publicUserSchema, replacesBody } from './schemas.js';

const affiliationSchema = z.object({
  version: versionSchema,
  hospital: userIdSchema,
  doctor: userIdSchema,
  status: z.enum(['requested', 'authorised', 'refused', 'suspended', 'left']),
});
const userParams = z.object({ id: userIdSchema });

const decide = (decision: 'authorise' | 'refuse' | 'suspend', summary: string) =>
  defineRoute({
    method: 'post',
    path: `/affiliations/{doctor}/${decision}`,
    summary,
    tags: ['affiliations'],
    auth: 'session',
    roles: ['hospital'],
    params: z.object({ doctor: userIdSchema }),
    body: replacesBody,
    responses: { 200: json(changedSchema, 'Decided.') },
    handler: async (context) => ({
      status: 200 as const,
      body: await context.deps.affiliations.decide(
        actorOf(context),
        context.params.doctor,
        decision,
        context.body.replaces,
      ),
    }),
  });

export const hospitalRoutes = [
  defineRoute({
    method: 'get',
    path: '/hospitals',
    summary: 'All hospitals',
    tags: ['hospitals'],
    auth: 'none',
    query: pageQuery,
    responses: { 200: json(page(publicUserSchema), 'Hospitals, admitted or not.') },
    handler: async ({ deps, query }) => {
      const { items, bookmark } = await deps.hospitals.list('hospital', query);
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/doctors',
    summary: 'Doctors, of one hospital or all',
    tags: ['hospitals'],
    auth: 'session',
    query: pageQuery.extend({ hospital: userIdSchema.optional() }),
    responses: {
      200: json(page(publicUserSchema), 'Doctors; of a hospital, those that it has authorised.'),
    },
    handler: async ({ deps, query }) => {
      const { hospital } = query;
      const { items, bookmark } = await (hospital === undefined
        ? deps.hospitals.list('doctor', query)
        : deps.hospitals.doctorsOf(hospital, query));
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/users/{id}',
    summary: 'What everybody may know of a user',
    tags: ['hospitals'],
    auth: 'session',
    params: userParams,
    responses: { 200: json(publicUserSchema, 'The user.') },
    handler: async ({ deps, params }) => ({
      status: 200,
      body: await deps.hospitals.find(params.id),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/hospitals/{id}/vote',
    summary: 'Vote to admit a hospital or an auditor',
    tags: ['hospitals'],
    auth: 'session',
    roles: ['hospital'],
    params: userParams,
    responses: { 200: json(changedSchema, 'The vote counts.') },
    handler: async (context) => ({
      status: 200,
      body: await context.deps.hospitals.vote(actorOf(context), context.params.id),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/affiliations',
    summary: 'Ask a hospital to be admitted as its doctor',
    tags: ['affiliations'],
    auth: 'session',
    roles: ['doctor'],
    body: z.strictObject({ hospital: userIdSchema }),
    responses: { 201: json(changedSchema, 'Asked.') },
    handler: async (context) => ({
      status: 201,
      body: await context.deps.affiliations.request(actorOf(context), context.body.hospital),
    }),
  }),
  decide('authorise', 'Authorise a doctor'),
  decide('refuse', 'Refuse a doctor'),
  decide('suspend', 'Suspend a doctor'),
  defineRoute({
    method: 'post',
    path: '/affiliations/leave',
    summary: 'Leave a hospital',
    tags: ['affiliations'],
    auth: 'session',
    roles: ['doctor'],
    body: z.strictObject({ hospital: userIdSchema, replaces: versionSchema }),
    responses: { 200: json(changedSchema, 'Left.') },
    handler: async (context) => {
      const { hospital, replaces } = context.body;
      return {
        status: 200,
        body: await context.deps.affiliations.leave(actorOf(context), hospital, replaces),
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/affiliations',
    summary: 'A hospital’s doctors, or a doctor’s hospitals',
    tags: ['affiliations'],
    auth: 'session',
    roles: ['hospital', 'doctor'],
    query: pageQuery,
    responses: { 200: json(page(affiliationSchema), 'Affiliations, whatever their status.') },
    handler: async (context) => {
      const { items, bookmark } = await context.deps.affiliations.mine(
        actorOf(context),
        context.query,
      );
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
];

const proposalParams = z.object({ id: userIdSchema, proposal: operationIdSchema });
const recoverySchema = z.object({
  id: operationIdSchema,
  status: z.enum(['proposed', 'seconded', 'objected', 'completed']),
  proposer: userIdSchema,
  seconder: userIdSchema.optional(),
  secondedAt: z.int().optional(),
});

const step = (name: 'second' | 'complete', summary: string) =>
  defineRoute({
    method: 'post',
    path: `/users/{id}/recovery/{proposal}/${name}`,
    summary,
    tags: ['keys'],
    auth: 'session',
    roles: ['hospital'],
    params: proposalParams,
    responses: { 200: json(changedSchema, 'Done.') },
    handler: async (context) => {
      const { id, proposal } = context.params;
      return {
        status: 200 as const,
        body: await context.deps.keys[name](actorOf(context), id, proposal),
      };
    },
  });

export const keyRoutes = [
  defineRoute({
    method: 'post',
    path: '/me/keys/rotate',
    summary: 'New keys under the same id',
    description: 'What was wrapped for the earlier keys still opens. Needs a fresh log-in.',
    tags: ['keys'],
    auth: 'session',
    freshLogin: true,
    responses: { 200: json(changedSchema, 'Rotated.') },
    handler: async (context) => ({
      status: 200,
      body: await context.deps.keys.rotate(actorOf(context)),
    }),
  }),
  defineRoute({
    method: 'get',
    path: '/me/recovery',
    summary: 'A re-keying of one’s own account by hospitals',
    tags: ['keys'],
    auth: 'session',
    responses: {
      200: json(z.object({ recovery: recoverySchema.nullable() }), 'The last one, or null.'),
    },
    handler: async ({ deps, session }) => ({
      status: 200,
      body: { recovery: (await deps.keys.recovery(session.userId)) ?? null },
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/me/recovery/{proposal}/object',
    summary: 'Object to a re-keying',
    tags: ['keys'],
    auth: 'session',
    params: z.object({ proposal: operationIdSchema }),
    responses: { 200: json(changedSchema, 'It will not happen.') },
    handler: async (context) => ({
      status: 200,
      body: await context.deps.keys.object(actorOf(context), context.params.proposal),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/users/{id}/recovery',
    summary: 'Propose new keys for a user who has lost theirs',
    description:
      'With the user’s new public keys and the new signing key’s proof of possession. Another hospital must second it; then a notice period runs.',
    tags: ['keys'],
    auth: 'session',
    roles: ['hospital'],
    params: userParams,
    body: ARGUMENTS['key:propose'].omit({ user: true }),
    responses: { 201: json(changedSchema, 'Proposed.') },
    handler: async (context) => ({
      status: 201,
      body: await context.deps.keys.propose(actorOf(context), {
        ...context.body,
        user: context.params.id,
      }),
    }),
  }),
  step('second', 'Second a proposal'),
  step('complete', 'Complete a re-keying after the notice period'),
];
