// The second step of a log-in, one's own second factors, and what a hospital requires of its staff.

import { userIdSchema } from '@prms/chaincode/model';
import type { Request } from 'express';
import { z } from 'zod';
import { assertionSchema, createdPasskeySchema, type Session } from '../../accounts/index.js';
import { GatewayError } from '../../errors.js';
import type { Services } from '../../services/index.js';
import type { LoggedIn } from '../../services/logins.js';
import { empty, json, siteOf, sourceOf } from '../base/index.js';
import { deviceSchema, loggedIn, loggedInSchema } from './accounts.js';
import { admittedActorOf, defineRoute } from './define.js';
import { TRYING } from './refusals.js';

const codeSchema = z.string().min(1).max(64);
const proofSchema = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('totp'), code: codeSchema }),
  z.strictObject({ method: z.literal('recovery-code'), code: codeSchema }),
  z.strictObject({ method: z.literal('account-recovery-code'), code: z.string().max(256) }),
  z.strictObject({ method: z.literal('passkey'), assertion: assertionSchema }),
]);

const times = { createdAt: z.int(), lastUsedAt: z.int().optional() };
const factorsSchema = z.object({
  totp: z.object(times).nullable(),
  passkeys: z.array(z.object({ id: z.string(), name: z.string(), ...times })),
  recoveryCodesLeft: z.int(),
  /** When a hospital requires a second factor: from when on; milliseconds since the epoch. */
  requiredFrom: z.int().optional(),
});

/** The session goes on under a new token: the factor was proved in it. */
const enrolledSchema = loggedInSchema.extend({
  /** Of the first factor: shown once. */
  recoveryCodes: z.array(z.string()).optional(),
  /** Of a passkey. */
  id: z.string().optional(),
});
const passkeyParams = z.object({ id: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });

const policySchema = z.object({ secondFactor: z.enum(['optional', 'required']), from: z.int() });
const hospitalParams = z.object({ id: userIdSchema });

interface Caller {
  readonly deps: Services;
  readonly session: Session;
  readonly request: Request;
}

const placeOf = ({ deps, request }: Pick<Caller, 'deps' | 'request'>, device?: string) => ({
  source: sourceOf(request, device),
  site: siteOf(request, deps.config.publicOrigin),
});

/**
 * Whoever changes their factors: who has one has given it in this session.
 * @throws GatewayError SECOND_FACTOR_REQUIRED
 */
async function enrolling({ deps, session }: Caller) {
  const { userId, id: sessionId } = session;
  if (session.secondFactor !== true && (await deps.secondFactors.has(userId))) {
    throw new GatewayError('SECOND_FACTOR_REQUIRED', 'Log in with your second factor for this.');
  }
  const { loginName } = await deps.logins.account(session);
  return { userId, sessionId, loginName };
}

function enrolled(how: LoggedIn, recoveryCodes: string[] | undefined, id?: string) {
  const { body, ...cookies } = loggedIn(how);
  return {
    ...cookies,
    body: { ...body, ...(recoveryCodes && { recoveryCodes }), ...(id !== undefined && { id }) },
  };
}

async function remove(context: Caller, which: 'totp' | { passkey: string }) {
  const { deps, session } = context;
  const { userId, role } = session;
  await enrolling(context);
  const isRequired = await deps.signInPolicies.isRequired({ userId, role });
  await deps.secondFactors.remove(userId, which, !isRequired);
  return { status: 204 as const };
}

const FACTORS = '/me/second-factors';
/** One's own factors: after a fresh log-in, which asks for a factor when there is one; open to who must enrol. */
const own = {
  tags: ['sign-in'],
  auth: 'session',
  freshLogin: true,
  withoutSecondFactor: true,
} as const;

export const signInRoutes = [
  defineRoute({
    method: 'post',
    path: '/sessions/second-factor',
    summary: 'The second step of a log-in',
    description:
      'With a one-time code, a passkey’s answer or a recovery code of the second factor. Password and the *account’s* recovery code together set a lost second factor aside. Five tries; also completes a log-in that is given again, for the session that asked.',
    tags: ['sign-in'],
    auth: 'none',
    body: z.strictObject({
      pending: z.string().max(64),
      proof: proofSchema,
      device: deviceSchema,
    }),
    refusals: [...TRYING, 'FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'ELSEWHERE'],
    responses: { 201: json(loggedInSchema, 'Logged in, or fresh.') },
    handler: async ({ deps, body, request, visitor }) => {
      const place = placeOf({ deps, request }, body.device);
      const step = await deps.logins.secondStep(body.pending, body.proof, { ...place, visitor });
      return { status: 201, ...loggedIn(step) };
    },
  }),
  defineRoute({
    method: 'get',
    path: FACTORS,
    summary: 'One’s own second factors',
    tags: ['sign-in'],
    auth: 'session',
    withoutSecondFactor: true,
    responses: { 200: json(factorsSchema, 'What is enrolled, and from when on it is required.') },
    handler: async ({ deps, session }) => {
      const { userId, role } = session;
      const { passkeys, ...listed } = await deps.secondFactors.list(userId);
      const requiredFrom = await deps.signInPolicies.requiredFrom({ userId, role });
      return { status: 200, body: { ...listed, passkeys: [...passkeys], requiredFrom } };
    },
  }),
  defineRoute({
    ...own,
    method: 'post',
    path: `${FACTORS}/totp`,
    summary: 'Begin to enrol one-time codes',
    description:
      'A secret for an authenticator application, shown once. Nothing changes until it is confirmed.',
    refusals: TRYING,
    responses: {
      201: json(
        z.object({ secret: z.string(), uri: z.string(), expiresAt: z.int() }),
        'To be confirmed with a code.',
      ),
    },
    handler: async (context) => ({
      status: 201,
      body: context.deps.secondFactors.offerTotp(await enrolling(context)),
    }),
  }),
  defineRoute({
    ...own,
    method: 'post',
    path: `${FACTORS}/totp/confirm`,
    summary: 'Confirm one-time codes with the first of them',
    description: 'They are asked for from now on; sessions that began without one end.',
    body: z.strictObject({ code: codeSchema }),
    refusals: TRYING,
    responses: { 200: json(enrolledSchema, 'Active.') },
    handler: async (context) => {
      const { deps, session, body } = context;
      const codes = await deps.secondFactors.confirmTotp(await enrolling(context), body.code);
      return { status: 200, ...enrolled(await deps.logins.enrolled(session), codes) };
    },
  }),
  defineRoute({
    ...own,
    method: 'delete',
    path: `${FACTORS}/totp`,
    summary: 'Remove one-time codes',
    refusals: TRYING,
    responses: { 204: empty('Removed.') },
    handler: (context) => remove(context, 'totp'),
  }),
  defineRoute({
    ...own,
    method: 'post',
    path: `${FACTORS}/passkeys/options`,
    summary: 'Begin to enrol a passkey',
    description: '`PublicKeyCredentialCreationOptionsJSON`, for `navigator.credentials.create`.',
    refusals: TRYING,
    responses: {
      201: json(z.looseObject({ challenge: z.string() }), 'To be answered soon, once.'),
    },
    handler: async (context) => {
      const { site } = placeOf(context);
      const options = await context.deps.secondFactors.offerPasskey(await enrolling(context), site);
      return { status: 201, body: { ...options } };
    },
  }),
  defineRoute({
    ...own,
    method: 'post',
    path: `${FACTORS}/passkeys`,
    summary: 'Enrol a passkey',
    description: 'It is asked for from now on; sessions that began without a second factor end.',
    body: z.strictObject({
      name: z.string().min(1).max(60),
      credential: createdPasskeySchema,
    }),
    refusals: TRYING,
    responses: { 201: json(enrolledSchema, 'Active.') },
    handler: async (context) => {
      const { deps, session, body } = context;
      const { id, recoveryCodes } = await deps.secondFactors.confirmPasskey(
        await enrolling(context),
        placeOf(context).site,
        { name: body.name, created: body.credential },
      );
      return { status: 201, ...enrolled(await deps.logins.enrolled(session), recoveryCodes, id) };
    },
  }),
  defineRoute({
    ...own,
    method: 'delete',
    path: `${FACTORS}/passkeys/{id}`,
    summary: 'Remove a passkey',
    params: passkeyParams,
    refusals: TRYING,
    responses: { 204: empty('Removed.') },
    handler: (context) => remove(context, { passkey: context.params.id }),
  }),
  defineRoute({
    ...own,
    method: 'post',
    path: `${FACTORS}/recovery-codes`,
    summary: 'New recovery codes for the second factor',
    description: 'Ten, shown once, each good once. The earlier ones are worth nothing.',
    refusals: TRYING,
    responses: { 201: json(z.object({ recoveryCodes: z.array(z.string()) }), 'The codes.') },
    handler: async (context) => {
      const { userId } = await enrolling(context);
      return {
        status: 201,
        body: { recoveryCodes: await context.deps.secondFactors.renewCodes(userId) },
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/hospitals/{id}/sign-in-policy',
    summary: 'What a hospital requires of its staff when they log in here',
    tags: ['sign-in'],
    auth: 'session',
    withoutSecondFactor: true,
    params: hospitalParams,
    responses: { 200: json(policySchema, 'The policy.') },
    handler: async ({ deps, params }) => ({
      status: 200,
      body: await deps.signInPolicies.get(params.id),
    }),
  }),
  defineRoute({
    method: 'put',
    path: '/hospitals/{id}/sign-in-policy',
    summary: 'Require a second factor of one’s staff, or no longer',
    description:
      'Of the doctors whom the hospital has authorised and of its own account, from an instant on. A doctor of several hospitals falls under the strictest.',
    tags: ['sign-in'],
    auth: 'session',
    roles: ['hospital'],
    freshLogin: true,
    params: hospitalParams,
    body: z.strictObject({
      secondFactor: z.enum(['optional', 'required']),
      from: z.int().min(0).optional(),
    }),
    responses: { 200: json(policySchema, 'In force, or to be.') },
    handler: async (context) => {
      const { deps, params, body } = context;
      const actor = await admittedActorOf(context);
      if (actor.userId !== params.id) {
        throw new GatewayError('FORBIDDEN', 'A hospital sets the policy of its own staff.');
      }
      const { secondFactor, from = deps.records.now() } = body;
      await deps.signInPolicies.set(params.id, { secondFactor, from });
      return { status: 200, body: { secondFactor, from } };
    },
  }),
];
