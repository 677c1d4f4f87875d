// Keys: rotated by their user, or replaced by two hospitals when they are lost.

import {
  ARGUMENTS,
  keysSchema,
  operationIdSchema,
  ROLES,
  userIdSchema,
} from '@prms/chaincode/model';
import { z } from 'zod';
import { keyFileSchema } from '../../vault/index.js';
import { empty, json, sourceOf } from '../base/index.js';
import { actorOf, admittedActorOf, defineRoute } from './define.js';
import { changedSchema } from './schemas.js';
import { CLOUD, TRYING } from './refusals.js';

const userParams = z.object({ id: userIdSchema });

const proposalParams = z.object({ id: userIdSchema, proposal: operationIdSchema });
const recoverySchema = z.object({
  id: operationIdSchema,
  status: z.enum(['proposed', 'seconded', 'objected', 'completed']),
  proposer: userIdSchema,
  seconder: userIdSchema.optional(),
  secondedAt: z.int().optional(),
});

const step = (name: 'second' | 'complete', summary: string, description: string) =>
  defineRoute({
    method: 'post',
    path: `/users/{id}/recovery/{proposal}/${name}`,
    summary,
    description,
    tags: ['keys'],
    auth: 'session',
    roles: ['hospital'],
    params: proposalParams,
    refusals: CLOUD,
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
    refusals: TRYING,
    responses: { 200: json(changedSchema, 'Rotated.') },
    handler: async (context) => ({
      status: 200,
      body: await context.deps.keys.rotate(actorOf(context)),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/me/keys/export',
    summary: 'Take one’s private keys away',
    description:
      'All keys that the gateway keeps for the caller, present and past, sealed under a passphrase that must be as strong as a password. docs/own-keys.md says how to open the file, which is not kept. That it happened is told to the user for some days.',
    tags: ['keys'],
    auth: 'session',
    freshLogin: true,
    body: z.strictObject({ passphrase: z.string().max(1024) }),
    refusals: TRYING,
    responses: { 200: json(keyFileSchema, 'The key file.') },
    handler: async (context) => ({
      status: 200,
      body: await context.deps.keyHandOver.export(actorOf(context), context.body.passphrase),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/me/keys/hand-over',
    summary: 'Have the gateway forget one’s private keys',
    description:
      'From then on the account keeps its own keys: the caller must have exported the present ones. Every session ends; password and second factors stay. Not for hospitals, whose keys serve their doctors.',
    tags: ['keys'],
    auth: 'session',
    freshLogin: true,
    roles: ['patient', 'doctor', 'relative', 'auditor'],
    body: z.strictObject({ exported: z.literal(true) }),
    refusals: TRYING,
    responses: { 204: empty('Forgotten.') },
    handler: async (context) => {
      await context.deps.keyHandOver.handOver(actorOf(context));
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/me/recovery',
    summary: 'A re-keying of one’s own account by hospitals',
    tags: ['keys'],
    auth: 'session',
    refusals: ['NOT_FOUND'],
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
    refusals: CLOUD,
    responses: { 201: json(changedSchema, 'Proposed.') },
    handler: async (context) => ({
      status: 201,
      body: await context.deps.keys.propose(actorOf(context), {
        ...context.body,
        user: context.params.id,
      }),
    }),
  }),
  step(
    'second',
    'Second a proposal',
    'By another hospital than the one that proposed. The notice period begins; the user can object.',
  ),
  step(
    'complete',
    'Complete a re-keying after the notice period',
    'By either of the two hospitals. The account’s new password counts from the next log-in.',
  ),
  defineRoute({
    method: 'post',
    path: '/users/{id}/recovery/vault',
    summary: 'Hand a re-keyed patient the key to their vault',
    description:
      'By the hospital that the patient has named for emergencies, after the re-keying. What nobody holds for the patient stays closed to them.',
    tags: ['keys'],
    auth: 'session',
    roles: ['hospital'],
    params: userParams,
    refusals: CLOUD,
    responses: {
      200: json(
        z.object({ restored: z.boolean() }),
        'Whether this hospital held the key and handed it over.',
      ),
    },
    handler: async (context) => ({
      status: 200,
      body: {
        restored: await context.deps.recoveries.restoreVault(
          await admittedActorOf(context),
          context.params.id,
        ),
      },
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/recovery/requests',
    summary: 'Ask for new keys when password and recovery code are lost',
    description:
      'Nothing changes yet: the code is shown to a hospital, which makes sure who is asking. Both codes are shown once.',
    tags: ['keys'],
    auth: 'none',
    body: z.strictObject({ login: z.string().max(512), newPassword: z.string().max(1024) }),
    refusals: [...TRYING, 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
    responses: {
      201: json(
        z.object({ requestCode: z.string(), recoveryCode: z.string(), expiresAt: z.int() }),
        'The new keys wait.',
      ),
    },
    handler: async ({ deps, body, request }) => ({
      status: 201,
      body: await deps.recoveries.request(body.login, body.newPassword, sourceOf(request)),
    }),
  }),
  defineRoute({
    method: 'get',
    path: '/recovery/requests/{code}',
    summary: 'A request for new keys, by the code that its user shows',
    tags: ['keys'],
    auth: 'session',
    roles: ['hospital'],
    params: z.object({ code: z.string().regex(/^[A-Za-z0-9_-]{22}$/) }),
    responses: {
      200: json(
        z.object({
          userId: userIdSchema,
          role: z.enum(ROLES),
          keys: keysSchema,
          proof: z.string(),
          proofId: operationIdSchema,
          requestedAt: z.int(),
        }),
        'What to propose, and for whom.',
      ),
    },
    handler: async (context) => {
      await admittedActorOf(context);
      return { status: 200, body: await context.deps.recoveries.look(context.params.code) };
    },
  }),
];
