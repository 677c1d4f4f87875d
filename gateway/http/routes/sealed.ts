// Reading and wrapping for people who keep their own keys: wraps, sealed labels and ciphertext, never a key or plaintext.

import {
  kidSchema,
  operationIdSchema,
  reportTermsSchema,
  userIdSchema,
} from '@prms/chaincode/model';
import { MAX_PARTS } from '@prms/stego';
import { z } from 'zod';
import { settings } from '../../config/index.js';
import { GatewayError } from '../../errors.js';
import { clientPurposes, type ClientWrap } from '../../services/own-keys/index.js';
import { bytes, json } from '../base/index.js';
import { actorOf, defineRoute } from './define.js';
import { readRange } from './download.js';
import { patientItemParams, patientParams } from './schemas.js';
import { CLOUD, READING } from './refusals.js';

/** So many bytes, base64url without padding and without stray bits. */
export const bytesSchema = (lengthBytes: number) =>
  z
    .string()
    .length(Math.ceil((lengthBytes * 4) / 3))
    .regex(/^[A-Za-z0-9_-]+$/)
    .refine((text) => fromText(text).toString('base64url') === text, 'is not base64url');

const fromText = (text: string): Buffer => Buffer.from(text, 'base64url');

/** Of a secret of 32 bytes, which all of these are. */
const WRAP_BYTES = 114;

export const wrapSchema = z.strictObject({
  purpose: z.enum(clientPurposes),
  subject: z.string().min(1).max(128),
  recipient: userIdSchema,
  kid: kidSchema,
  wrap: bytesSchema(WRAP_BYTES).refine((text) => fromText(text)[0] === 1, 'is of no known version'),
});

export const shownWrap = ({ wrapped, ...binding }: ClientWrap) => ({
  ...binding,
  wrap: Buffer.from(wrapped).toString('base64url'),
});

const wrapsSchema = z.object({ wraps: z.array(wrapSchema) });

export const keyPairsSchema = z
  .array(z.strictObject({ position: bytesSchema(32), whitening: bytesSchema(32) }))
  .min(1)
  .max(MAX_PARTS);

export const toPartKeys = (pairs: z.output<typeof keyPairsSchema>) =>
  pairs.map(({ position, whitening }) => ({
    position: fromText(position),
    whitening: fromText(whitening),
  }));

const OCTETS = ['application/octet-stream'] as const;

export const sealedRoutes = [
  defineRoute({
    method: 'put',
    path: '/patients/{patient}/wraps',
    summary: 'Store wraps that a client has made',
    description:
      'Around one patient’s record: by the patient and the relatives who hold the vault’s key, by a report’s author for that report. All are checked before the first is stored. A wrap is stored once, and gives way only to one by the patient or a guardian: `stored` is false where there was one. Bytes and names: docs/key-wraps.md.',
    tags: ['own keys'],
    auth: 'session',
    params: patientParams,
    body: z.strictObject({ wraps: z.array(wrapSchema).min(1).max(settings.wrapsPerRequest.max) }),
    refusals: [...CLOUD, 'GONE'],
    responses: {
      200: json(z.object({ items: z.array(z.object({ stored: z.boolean() })) }), 'In their order.'),
    },
    handler: async (context) => {
      const limit = context.deps.config.wrapsPerRequest;
      if (context.body.wraps.length > limit)
        throw new GatewayError('TOO_LARGE', `Store ${limit} wraps at a time.`);
      const wraps = context.body.wraps.map(({ wrap, ...binding }) => ({
        ...binding,
        wrapped: fromText(wrap),
      }));
      const stored = await context.deps.clientWraps.put(
        actorOf(context),
        context.params.patient,
        wraps,
      );
      return { status: 200, body: { items: stored.map((each) => ({ stored: each })) } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/patients/{patient}/wraps/{purpose}',
    summary: 'One’s own wrap of the present epoch’s key, or of the categories’ key',
    tags: ['own keys'],
    auth: 'session',
    params: patientParams.extend({ purpose: z.enum(['epoch', 'escrow', 'tags']) }),
    refusals: CLOUD,
    responses: { 200: json(wrapSchema, 'For whoever asks; nobody else can open it.') },
    handler: async (context) => {
      const { patient, purpose } = context.params;
      const wrap = await context.deps.clientWraps.own(actorOf(context), patient, purpose);
      return { status: 200, body: shownWrap(wrap) };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/patients/{patient}/reports/{id}/wraps',
    summary: 'The way to a report’s key, to give it to others',
    description:
      'For the patient and the relatives who hold the vault’s key. It gives no byte of the report.',
    tags: ['own keys'],
    auth: 'session',
    params: patientItemParams,
    refusals: READING,
    responses: { 200: json(wrapsSchema, 'In the order in which they are opened.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      const wraps = await context.deps.ownReads.wayToGive(actorOf(context), patient, id);
      return { status: 200, body: { wraps: wraps.map(shownWrap) } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/reports/{id}/sealed',
    summary: 'What opens a report, for a reader who decrypts it',
    description:
      'With the id of an `access:request` of one’s own that the ledger has permitted a short time ago: the wraps on the way to the data key, and the sealed label.',
    tags: ['own keys'],
    auth: 'session',
    params: patientItemParams,
    body: z.strictObject({ access: operationIdSchema }),
    refusals: READING,
    responses: {
      200: json(
        wrapsSchema.extend({
          terms: reportTermsSchema,
          author: userIdSchema,
          label: z.string(),
          expiresAt: z.int(),
        }),
        'Everything but the ciphertext.',
      ),
    },
    handler: async (context) => {
      const { patient, id: report } = context.params;
      const asked = { patient, report, access: context.body.access };
      const opening = await context.deps.ownReads.open(actorOf(context), asked);
      return {
        status: 200,
        body: {
          terms: opening.report.terms,
          author: opening.report.author,
          wraps: opening.wraps.map(shownWrap),
          label: Buffer.from(opening.label).toString('base64url'),
          expiresAt: opening.expiresAt,
        },
      };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/reports/{id}/ciphertext',
    summary: 'A hidden report’s ciphertext',
    description:
      'For the position and whitening keys of each picture, in the order of the parts: they find the ciphertext and decrypt nothing. With a permitted access, as above.',
    tags: ['own keys'],
    auth: 'session',
    params: patientItemParams,
    body: z.strictObject({ access: operationIdSchema, parts: keyPairsSchema }),
    refusals: READING,
    responses: { 200: bytes(OCTETS, 'Ciphertext and tag.') },
    handler: async (context) => {
      const { patient, id: report } = context.params;
      const { access, parts } = context.body;
      const asked = { patient, report, access };
      const keys = toPartKeys(parts);
      const found = await context.deps.ownReads.hidden(actorOf(context), asked, keys);
      return { status: 200, bytes: found, contentType: OCTETS[0] };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/patients/{patient}/reports/{id}/ciphertext',
    summary: 'The ciphertext of a report that was too large to hide',
    description:
      'One `Range` is honoured. The object’s SHA-256 on the ledger is the entity tag. With a permitted access, as above.',
    tags: ['own keys'],
    auth: 'session',
    params: patientItemParams,
    query: z.object({ access: operationIdSchema }),
    takesLong: 'transfer',
    refusals: [...READING, 'RANGE', 'REFUSED'],
    responses: {
      200: bytes(OCTETS, 'All chunks.'),
      206: bytes(OCTETS, 'A part of them.'),
    },
    handler: async (context) => {
      const { patient, id: report } = context.params;
      const asked = { patient, report, access: context.query.access };
      const found = await context.deps.ownReads.chunked(actorOf(context), asked);
      const range = readRange(context.request.headers, found.sizeBytes, `"${found.sha256}"`);
      const { start, end } = range ?? { start: 0, end: found.sizeBytes };
      const headers: Record<string, string> = {
        'Accept-Ranges': 'bytes',
        'Content-Length': String(end - start),
        ETag: `"${found.sha256}"`,
      };
      if (range) headers['Content-Range'] = `bytes ${start}-${end - 1}/${found.sizeBytes}`;
      return {
        status: range ? 206 : 200,
        bytes: found.read(start, end),
        contentType: OCTETS[0],
        headers,
      };
    },
  }),
];
