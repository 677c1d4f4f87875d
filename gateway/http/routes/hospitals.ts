// Hospitals, doctors, affiliations, and the consortium's votes.

import { userIdSchema, versionSchema } from '@prms/chaincode/model';
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
    path: '/auditors',
    summary: 'All auditors',
    description: 'Hospitals vote for those whom they admit.',
    tags: ['hospitals'],
    auth: 'session',
    query: pageQuery,
    responses: { 200: json(page(publicUserSchema), 'Auditors, admitted or not.') },
    handler: async ({ deps, query }) => {
      const { items, bookmark } = await deps.hospitals.list('auditor', query);
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
