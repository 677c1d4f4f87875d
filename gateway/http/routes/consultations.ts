// Consultations over plain requests: for clients without WebSockets. The socket is in consultation-socket.ts.

import {
  kidSchema,
  operationIdSchema,
  purposeSchema,
  userIdSchema,
  versionSchema,
} from '@prms/chaincode/model';
import { z } from 'zod';
import { GatewayError } from '../../errors.js';
import {
  messageIdSchema,
  sealedSchema,
  shownSchema,
  transcriptSchema,
} from '../../services/consultations/index.js';
import { empty, json } from '../base/index.js';
import { actorOf, defineRoute } from './define.js';
import {
  changedSchema,
  createdSchema,
  labelSchema,
  page,
  pageQuery,
  patientItemParams,
  patientParams,
} from './schemas.js';
import { READING } from './refusals.js';

const consultationSchema = z.object({
  id: operationIdSchema,
  version: versionSchema,
  patient: userIdSchema,
  doctor: userIdSchema,
  hospital: userIdSchema,
  status: z.enum(['open', 'closed']),
  openedAt: z.int(),
  /** How far the messages are anchored; there may be more. */
  count: z.int(),
  head: z.string().optional(),
});
const wrapSchema = z.strictObject({
  recipient: userIdSchema,
  kid: kidSchema,
  wrapped: z.string().regex(/^[A-Za-z0-9_-]{120,400}$/),
});
const keySchema = z.strictObject({
  commitment: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  wraps: z.array(wrapSchema).min(1).max(40),
});
const operation = z.string().max(8192);
const tags = ['consultations'] as const;
const one = '/patients/{patient}/consultations/{id}';

const lists = [
  defineRoute({
    method: 'get',
    path: '/patients/{patient}/consultations',
    summary: 'A patient’s consultations',
    description: 'For the patient and a guardian.',
    tags,
    auth: 'session',
    params: patientParams,
    query: pageQuery,
    responses: { 200: json(page(consultationSchema), 'Consultations.') },
    handler: async (context) => {
      const { items, bookmark } = await context.deps.consultations.of(
        actorOf(context),
        context.params.patient,
        context.query,
      );
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/consultations',
    summary: 'One’s own consultations',
    tags,
    auth: 'session',
    roles: ['doctor', 'patient'],
    query: pageQuery,
    responses: { 200: json(page(consultationSchema), 'Consultations.') },
    handler: async (context) => {
      const { items, bookmark } = await context.deps.consultations.mine(
        actorOf(context),
        context.query,
      );
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
];

const life = [
  defineRoute({
    method: 'post',
    path: '/consultations',
    summary: 'Open a consultation',
    description: 'At the gateway of the hospital that the doctor acts for: it lives there.',
    tags,
    auth: 'session',
    roles: ['doctor'],
    body: z.strictObject({ patient: userIdSchema, hospital: userIdSchema }),
    refusals: ['ELSEWHERE'],
    responses: { 201: json(createdSchema, 'Open.') },
    handler: async (context) => ({
      status: 201,
      body: await context.deps.consultations.open(actorOf(context), context.body),
    }),
  }),
  defineRoute({
    method: 'get',
    path: one,
    summary: 'One consultation',
    tags,
    auth: 'session',
    params: patientItemParams,
    responses: { 200: json(consultationSchema, 'The consultation.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      const { consultations } = context.deps;
      return { status: 200, body: await consultations.get(actorOf(context), patient, id) };
    },
  }),
  defineRoute({
    method: 'get',
    path: `${one}/socket`,
    summary: 'The consultation’s WebSocket',
    description:
      'Asked for with `Upgrade: websocket`, by bearer token, by a cookie from the gateway’s own pages, or by the sub-protocols `prms.v1, bearer.<token>`; a plain request is refused. The frames are in docs/consultations.md.',
    tags,
    auth: 'session',
    params: patientItemParams,
    refusals: ['ELSEWHERE'],
    responses: { 101: empty('It is a WebSocket now.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      await context.deps.consultations.get(actorOf(context), patient, id);
      throw new GatewayError('BAD_REQUEST', 'This address speaks WebSocket: ask for an upgrade.');
    },
  }),
  defineRoute({
    method: 'post',
    path: `${one}/admit`,
    summary: 'Let somebody in',
    description: 'For the doctor: the patient or a guardian hears and says nothing before.',
    tags,
    auth: 'session',
    roles: ['doctor'],
    params: patientItemParams,
    body: z.strictObject({ user: userIdSchema }),
    refusals: ['ELSEWHERE'],
    responses: { 200: json(z.object({ admitted: z.array(userIdSchema) }), 'Who is let in.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      const { user } = context.body;
      const { consultations } = context.deps;
      const admitted = await consultations.admit(actorOf(context), patient, id, user);
      return { status: 200, body: { admitted } };
    },
  }),
  defineRoute({
    method: 'post',
    path: `${one}/close`,
    summary: 'Close a consultation',
    description:
      'What was said until now is anchored with it. Whoever keeps their own keys sends the signed operation.',
    tags,
    auth: 'session',
    params: patientItemParams,
    body: z.strictObject({ operation: operation.optional() }).optional(),
    refusals: ['ELSEWHERE'],
    responses: { 200: json(changedSchema, 'Closed.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      const { consultations } = context.deps;
      const line = context.body?.operation;
      return { status: 200, body: await consultations.close(actorOf(context), patient, id, line) };
    },
  }),
];

const talk = [
  defineRoute({
    method: 'post',
    path: `${one}/messages`,
    summary: 'Say something',
    description:
      'On disk when it is answered, and in the one order that everybody sees; anchored with others soon after. The same `id` again says it only once. `sealed`: the ciphertext, by whoever keeps their own keys.',
    tags,
    auth: 'session',
    params: patientItemParams,
    body: z.union([
      z.strictObject({ id: messageIdSchema.optional(), text: z.string().min(1).max(15_000) }),
      z.strictObject({ id: messageIdSchema, sealed: sealedSchema.max(100_000) }),
    ]),
    refusals: ['ELSEWHERE', 'TOO_MANY'],
    responses: {
      201: json(
        z.object({
          number: z.int(),
          id: z.string(),
          sender: userIdSchema,
          at: z.int(),
          head: z.string(),
        }),
        'Said.',
      ),
    },
    handler: async (context) => {
      const { patient, id } = context.params;
      const { body, deps, requestId } = context;
      const wish = { ...body, id: body.id ?? requestId };
      return {
        status: 201,
        body: await deps.consultations.say(actorOf(context), patient, id, wish),
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: `${one}/messages`,
    summary: 'What was said',
    tags,
    auth: 'session',
    params: patientItemParams,
    query: z.object({
      after: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(1).max(1000).optional(),
    }),
    refusals: ['ELSEWHERE'],
    responses: { 200: json(z.object({ items: z.array(shownSchema) }), 'Messages in order.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      const { consultations, config } = context.deps;
      const { after, limit = config.messagesPerPage } = context.query;
      const items = await consultations.messages(actorOf(context), patient, id, { after, limit });
      return { status: 200, body: { items: [...items] } };
    },
  }),
  defineRoute({
    method: 'post',
    path: `${one}/look`,
    summary: 'Look at a report together',
    description:
      'An access like any other, decided and recorded by the ledger; the others are told of it in the conversation.',
    tags,
    auth: 'session',
    params: patientItemParams,
    body: z.strictObject({
      report: operationIdSchema,
      purpose: purposeSchema,
      actingFor: userIdSchema.optional(),
    }),
    refusals: [...READING, 'TOO_MANY'],
    responses: {
      201: json(
        z.object({
          number: z.int(),
          access: operationIdSchema,
          ticket: z.string(),
          expiresAt: z.int(),
          label: labelSchema,
        }),
        'Open.',
      ),
    },
    handler: async (context) => {
      const { patient, id } = context.params;
      const { consultations } = context.deps;
      return {
        status: 201,
        body: await consultations.look(actorOf(context), patient, id, context.body),
      };
    },
  }),
];

const proof = [
  defineRoute({
    method: 'get',
    path: `${one}/key`,
    summary: 'The consultation’s key, wrapped for the reader',
    tags,
    auth: 'session',
    params: patientItemParams,
    refusals: ['ELSEWHERE'],
    responses: {
      200: json(z.object({ commitment: z.string(), wraps: z.array(wrapSchema) }), 'The wraps.'),
    },
    handler: async (context) => {
      const { patient, id } = context.params;
      const { consultations } = context.deps;
      return { status: 200, body: await consultations.key(actorOf(context), patient, id) };
    },
  }),
  defineRoute({
    method: 'put',
    path: `${one}/key`,
    summary: 'Give the consultation a key',
    description:
      'By whoever keeps their own keys: they make it, and wrap it for each participant (docs/key-wraps.md). Further wraps of the same key may follow.',
    tags,
    auth: 'session',
    params: patientItemParams,
    body: keySchema,
    refusals: ['ELSEWHERE'],
    responses: { 204: empty('Kept.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      await context.deps.consultations.giveKey(actorOf(context), patient, id, context.body);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'get',
    path: `${one}/transcript`,
    summary: 'The whole consultation, with its proofs',
    description:
      'Verified offline by `npx prms verify`. It holds the texts and the consultation’s key where the reader’s keys are here: keep it as you would keep the record.',
    tags,
    auth: 'session',
    params: patientItemParams,
    refusals: ['ELSEWHERE'],
    responses: { 200: json(transcriptSchema, 'The transcript.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      const { consultations } = context.deps;
      return { status: 200, body: await consultations.transcript(actorOf(context), patient, id) };
    },
  }),
];

export const consultationRoutes = [...lists, ...life, ...talk, ...proof];
