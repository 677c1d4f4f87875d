// The frames of a consultation's WebSocket, as schemas: docs/consultation-frames.md, made of them, shows each as JSON Schema.

import { operationIdSchema, purposeSchema, userIdSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import { noticeSchema } from '../notices.js';
import { messageIdSchema, sealedSchema, shownSchema } from './chain.js';

/** What a client sends. */
export const clientFrameSchema = z.discriminatedUnion('type', [
  /** Come in, or knock and wait; `after`: the last message that the client has. */
  z.strictObject({ type: z.literal('join'), after: z.int().min(0).default(0) }),
  z.strictObject({ type: z.literal('leave') }),
  z.strictObject({ type: z.literal('admit'), user: userIdSchema }),
  z.strictObject({ type: z.literal('say'), id: messageIdSchema, text: z.string().min(1) }),
  z.strictObject({ type: z.literal('say-sealed'), id: messageIdSchema, sealed: sealedSchema }),
  z.strictObject({ type: z.literal('show'), id: messageIdSchema, report: operationIdSchema }),
  z.strictObject({
    type: z.literal('look'),
    id: messageIdSchema,
    report: operationIdSchema,
    purpose: purposeSchema,
    actingFor: userIdSchema.optional(),
  }),
  /** An anchor that was asked for, signed by the client. */
  z.strictObject({ type: z.literal('anchor'), operation: z.string().max(8192) }),
  /** `operation`: the client's own signed `consultation:close`, when its keys are not here. */
  z.strictObject({ type: z.literal('close'), operation: z.string().max(8192).optional() }),
]);
export type ClientFrame = z.infer<typeof clientFrameSchema>;

const person = z.object({ user: userIdSchema, as: z.enum(['doctor', 'patient', 'guardian']) });
const head = z.string();
const keyWrap = z.object({ recipient: userIdSchema, kid: z.string(), wrapped: z.string() });

/** What the gateway sends. */
export const serverFrameSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('welcome'),
    ...person.shape,
    admitted: z.boolean(),
    status: z.enum(['open', 'closed']),
    last: z.int(),
    anchored: z.object({ count: z.int(), head: head.optional() }),
    /** Missing as long as the consultation has no key. */
    key: z.object({ commitment: z.string(), wraps: z.array(keyWrap) }).optional(),
  }),
  z.object({ type: z.literal('waiting') }),
  z.object({ type: z.literal('joined'), after: z.int(), last: z.int() }),
  z.object({ type: z.literal('left') }),
  z.object({ type: z.literal('presence'), here: z.array(person), waiting: z.array(person) }),
  z.object({ type: z.literal('message'), message: shownSchema }),
  z.object({ type: z.literal('ack'), id: z.string(), number: z.int(), at: z.int(), head }),
  z.object({
    type: z.literal('looked'),
    id: z.string(),
    access: operationIdSchema,
    ticket: z.string(),
    expiresAt: z.int(),
  }),
  z.object({
    type: z.literal('anchored'),
    count: z.int(),
    head,
    operation: operationIdSchema,
  }),
  z.object({
    type: z.literal('anchor-wanted'),
    patient: userIdSchema,
    id: operationIdSchema,
    replaces: z.int(),
    count: z.int(),
    head,
  }),
  z.object({ type: z.literal('closed') }),
  /** What this user must hear of wherever they are; an empty list takes back what was told before. */
  z.object({ type: z.literal('notice'), notices: z.array(noticeSchema) }),
  z.looseObject({
    type: z.literal('problem'),
    code: z.string(),
    detail: z.string(),
    id: z.string().optional(),
  }),
]);
export type ServerFrame = z.infer<typeof serverFrameSchema>;
