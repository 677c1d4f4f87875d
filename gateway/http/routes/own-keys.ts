// For people who keep their own keys: what there is to know, registration, and logging in with a signature.

import type { Request } from 'express';
import { signatureSchema, userIdSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import { sessionKinds } from '../../accounts/index.js';
import { published, publishedSchema } from '../../services/own-keys/index.js';
import { detailsSchema } from '../../services/patient-files.js';
import { json, siteOf, sourceOf } from '../base/index.js';
import {
  awaiting,
  awaitingFactorSchema,
  credentials,
  isAwaiting,
  loggedIn,
  loggedInSchema,
  registeredSchema,
} from './accounts.js';
import { defineRoute } from './define.js';
import { receiptSchema } from './schemas.js';
import { REGISTERING, TRYING } from './refusals.js';

const challengeSchema = z.object({
  challenge: z.string(),
  /** As this gateway sees itself: it must be the origin that the caller has reached. */
  origin: z.string(),
  ledger: z.string(),
  expiresAt: z.int(),
});

export const ownKeyRoutes = [
  defineRoute({
    method: 'get',
    path: '/operations/schema',
    summary: 'How to build and sign operations',
    description:
      'The ledger’s name, the server’s time, the rules of the canonical form, limits, and a JSON Schema of the envelope and of each type’s arguments. docs/own-keys.md is the whole protocol.',
    tags: ['own keys'],
    auth: 'none',
    responses: { 200: json(publishedSchema, 'Everything a client needs.') },
    handler: ({ deps: { config, records } }) => ({
      status: 200,
      body: published(records.channel, records.now(), config),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/register/own-keys',
    summary: 'Register with keys of one’s own',
    description:
      'The line is a signed `user:register` or `hospital:register`. The gateway keeps login name, password and details, and no private key. The recovery code, shown once, resets the password and nothing else.',
    tags: ['own keys'],
    auth: 'none',
    body: z.strictObject({
      ...credentials,
      line: z.string().max(32_768),
      details: detailsSchema.optional(),
      setupCode: z.string().max(128).optional(),
    }),
    refusals: REGISTERING,
    responses: {
      201: json(registeredSchema.extend({ receipt: receiptSchema }), 'Registered.'),
    },
    handler: async ({ deps, body, request }) => ({
      status: 201,
      body: await deps.ownKeys.register(body, sourceOf(request)),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/key-logins/challenges',
    summary: 'A challenge to log in with a signature',
    description:
      'To be signed: `PRMS-login-v1`, origin, ledger, user id and challenge, joined by NUL. Whether there is such a user is not told.',
    tags: ['own keys'],
    auth: 'none',
    body: z.strictObject({ userId: userIdSchema }),
    refusals: ['TOO_MANY', 'NOT_FOUND'],
    responses: { 201: json(challengeSchema, 'To be answered soon, once.') },
    handler: ({ deps, body, request }) => ({
      status: 201,
      body: deps.keyLogins.challenge(body.userId, originOf(request, deps.config.publicOrigin)),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/key-logins',
    summary: 'Log in with a signature',
    description:
      'With the signing key that the ledger has for the user. The session holds no keys; it counts as fresh, like one that began with a password.',
    tags: ['own keys'],
    auth: 'none',
    body: z.strictObject({
      userId: userIdSchema,
      challenge: z.string().max(128),
      signature: signatureSchema,
      kind: z.enum(sessionKinds).default('cookie'),
    }),
    refusals: [...TRYING, 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT'],
    responses: {
      201: json(loggedInSchema, 'Logged in.'),
      202: json(awaitingFactorSchema, 'The signature is right; the second factor is awaited.'),
    },
    handler: async ({ deps, body: { kind, ...answer }, request }) => {
      const origin = originOf(request, deps.config.publicOrigin);
      const { id } = await deps.keyLogins.prove({ ...answer, origin });
      const place = {
        source: sourceOf(request),
        site: siteOf(request, deps.config.publicOrigin),
      };
      const next = await deps.logins.withKey(id, { kind, ...place });
      return isAwaiting(next)
        ? { status: 202, ...awaiting(next) }
        : { status: 201, ...loggedIn(next) };
    },
  }),
];

/**
 * Where this gateway is, for signatures that are bound to it. Never what the request claims: without a configured origin,
 * the address and port at which the connection came in.
 */
function originOf({ socket }: Request, publicOrigin: string): string {
  if (publicOrigin !== '') return publicOrigin;
  const address = (socket.localAddress ?? '').replace(/^::ffff:/, '');
  const host = address.includes(':') ? `[${address}]` : address;
  return `http://${host}:${socket.localPort ?? 0}`;
}
