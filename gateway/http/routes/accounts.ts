// Registration, log-in, sessions, and one's own account.

import { userIdSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import { sessionKinds, type AccountRole, type Session } from '../../accounts/index.js';
import { GatewayError } from '../../errors.js';
import type { AwaitingFactor, LoggedIn } from '../../services/logins.js';
import { noticeSchema } from '../../services/notices.js';
import { detailsSchema } from '../../services/patient-files.js';
import type { RegistrationRequest } from '../../services/registration.js';
import { empty, json, siteOf, sourceOf } from '../base/index.js';
import { defineRoute } from './define.js';
import { profileSchema } from './schemas.js';
import { REGISTERING, TRYING } from './refusals.js';

export const credentials = { login: z.string().max(512), password: z.string().max(1024) };
export const registeredSchema = z.object({
  userId: userIdSchema,
  /** Shown once. */
  recoveryCode: z.string(),
  admitted: z.boolean().optional(),
});

const hospitalBody = z.strictObject({
  ...credentials,
  profile: profileSchema,
  setupCode: z.string().max(128).optional(),
});
const professionalBody = z.strictObject({ ...credentials, profile: profileSchema });
const patientBody = z.strictObject({
  ...credentials,
  details: detailsSchema,
  escrow: userIdSchema.nullable(),
});
const relativeBody = z.strictObject({ ...credentials, details: detailsSchema });

const register = <Body extends z.ZodType>(
  role: AccountRole,
  summary: string,
  body: Body,
  toRequest: (body: z.output<Body>) => RegistrationRequest,
) =>
  defineRoute({
    method: 'post',
    path: `/register/${role}`,
    summary,
    description:
      'Makes the user’s keys, seals them under the password, and puts the user on the ledger. The recovery code is shown once.',
    tags: ['accounts'],
    auth: 'none',
    body,
    refusals: REGISTERING,
    responses: { 201: json(registeredSchema, 'Registered.') },
    handler: async (context) => ({
      status: 201 as const,
      body: await context.deps.registration.register(
        toRequest(context.body),
        sourceOf(context.request),
      ),
    }),
  });

const sessionSchema = z.object({
  id: z.string(),
  kind: z.enum(sessionKinds),
  createdAt: z.int(),
  lastUsedAt: z.int(),
  current: z.boolean(),
  /** A second factor was given when it began. */
  secondFactor: z.boolean(),
  /** What the client said it is. */
  client: z.string().optional(),
});

export const loggedInSchema = z.object({
  userId: userIdSchema,
  role: z.string(),
  /** Of a bearer session: to be sent as `Authorization: Bearer`. */
  token: z.string().optional(),
  /** Of a cookie session: to be sent as `x-csrf-token` with every change. */
  csrfToken: z.string().optional(),
  /** When the session ends for good; it ends earlier when it idles. */
  expiresAt: z.int(),
  /** Until they are over, every answer to this session names their kinds in the header `PRMS-Notice`. */
  notices: z.array(noticeSchema),
  /** For programs: to be sent with the next log-in, so that it is not taken for a stranger’s. A browser has a cookie. */
  device: z.string().optional(),
  /** A hospital requires a second factor: until one is enrolled the session is good for nothing else. */
  mustEnrol: z.literal(true).optional(),
  /** The account’s next recovery code, shown once, when this log-in spent the one before. */
  recoveryCode: z.string().optional(),
});
export const deviceSchema = z.string().max(128).optional();

/** The first step is done; `POST /sessions/second-factor` is the second. */
export const awaitingFactorSchema = z.object({
  pending: z.string(),
  methods: z.array(z.enum(['totp', 'passkey', 'recovery-code'])),
  /** `PublicKeyCredentialRequestOptionsJSON`, for `navigator.credentials.get`. */
  passkey: z.looseObject({ challenge: z.string() }).optional(),
  expiresAt: z.int(),
});

export function loggedIn(how: LoggedIn) {
  const { token, session, csrfToken, expiresAt, device, mustEnrol, recoveryCode, notices } = how;
  const { userId, role, kind } = session;
  const body = {
    userId,
    role,
    expiresAt,
    notices: [...notices],
    ...(mustEnrol && { mustEnrol }),
    ...(recoveryCode !== undefined && { recoveryCode }),
  };
  if (kind === 'bearer') {
    return { body: { ...body, token, ...(device !== undefined && { device }) } };
  }
  return {
    body: { ...body, csrfToken },
    sessionCookie: token,
    ...(device !== undefined && { deviceCookie: device }),
  };
}

export const isAwaiting = (answer: LoggedIn | AwaitingFactor): answer is AwaitingFactor =>
  'pending' in answer;

export const awaiting = ({ methods, ...rest }: AwaitingFactor) => ({
  body: { ...rest, methods: [...methods], passkey: rest.passkey && { ...rest.passkey } },
});

const shown = (
  { clientText, ...session }: Session & { readonly clientText?: string },
  current: Session,
) => ({
  ...session,
  secondFactor: session.secondFactor === true,
  current: session.id === current.id,
  client: clientText,
});

export const accountRoutes = [
  register('hospital', 'Register a hospital', hospitalBody, (body) => ({
    ...body,
    role: 'hospital',
  })),
  register('doctor', 'Register a doctor', professionalBody, (body) => ({
    ...body,
    role: 'doctor',
  })),
  register('auditor', 'Register an auditor', professionalBody, (body) => ({
    ...body,
    role: 'auditor',
  })),
  register('patient', 'Register a patient', patientBody, (body) => ({ ...body, role: 'patient' })),
  register('relative', 'Register a relative', relativeBody, (body) => ({
    ...body,
    role: 'relative',
  })),
  defineRoute({
    method: 'post',
    path: '/sessions',
    summary: 'Log in',
    description:
      'Whoever has a second factor is asked for it: 202, and no session yet. A wrong password is answered alike with and without one.',
    tags: ['accounts'],
    auth: 'none',
    body: z.strictObject({
      ...credentials,
      kind: z.enum(sessionKinds).default('cookie'),
      device: deviceSchema,
      /** Shown in the list of one’s sessions. */
      client: z.string().min(1).max(120).optional(),
    }),
    refusals: [...TRYING, 'FORBIDDEN', 'ELSEWHERE'],
    responses: {
      201: json(loggedInSchema, 'Logged in.'),
      202: json(awaitingFactorSchema, 'The password is right; the second factor is awaited.'),
    },
    handler: async ({ deps, body, request }) => {
      const { login, password, kind, device, client } = body;
      const source = sourceOf(request, device);
      const site = siteOf(request, deps.config.publicOrigin);
      const answer = await deps.logins.logIn(login, password, { kind, client, source, site });
      return isAwaiting(answer)
        ? { status: 202, ...awaiting(answer) }
        : { status: 201, ...loggedIn(answer) };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/sessions',
    summary: 'One’s own sessions',
    tags: ['accounts'],
    auth: 'session',
    withoutSecondFactor: true,
    responses: {
      200: json(z.object({ items: z.array(sessionSchema) }), 'The sessions that are still good.'),
    },
    handler: async ({ deps, session }) => {
      const sessions = await deps.logins.sessionsOf(session.userId);
      return { status: 200, body: { items: sessions.map((each) => shown(each, session)) } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/sessions/current/fresh',
    summary: 'Give the password again',
    description:
      'The session gets a new token and counts as fresh for a few minutes. Whoever has a second factor is asked for it, too.',
    tags: ['accounts'],
    auth: 'session',
    withoutSecondFactor: true,
    body: z.strictObject({ password: z.string().max(1024) }),
    refusals: TRYING,
    responses: {
      200: json(loggedInSchema, 'Fresh.'),
      202: json(awaitingFactorSchema, 'The password is right; the second factor is awaited.'),
    },
    handler: async ({ deps, session, body, request }) => {
      const place = {
        source: sourceOf(request),
        site: siteOf(request, deps.config.publicOrigin),
      };
      const answer = await deps.logins.refresh(session, body.password, place);
      return isAwaiting(answer)
        ? { status: 202, ...awaiting(answer) }
        : { status: 200, ...loggedIn(answer) };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/sessions/current',
    summary: 'Log out',
    tags: ['accounts'],
    auth: 'session',
    withoutSecondFactor: true,
    responses: { 204: empty('Logged out.') },
    handler: async ({ deps, session }) => {
      await deps.sessions.end(session.id);
      return { status: 204, sessionCookie: null };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/sessions',
    summary: 'End all of one’s own sessions but this one',
    tags: ['accounts'],
    auth: 'session',
    withoutSecondFactor: true,
    responses: { 204: empty('Ended.') },
    handler: async ({ deps, session }) => {
      await deps.sessions.endAll(session.userId, session.id);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/sessions/{id}',
    summary: 'End one of one’s own sessions',
    tags: ['accounts'],
    auth: 'session',
    withoutSecondFactor: true,
    params: z.object({ id: z.string().max(64) }),
    responses: { 204: empty('Ended.') },
    handler: async ({ deps, session, params }) => {
      const own = await deps.sessions.list(session.userId);
      if (!own.some(({ id }) => id === params.id))
        throw new GatewayError('NOT_FOUND', 'You have no such session.');
      await deps.sessions.end(params.id);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/me',
    summary: 'One’s own account',
    tags: ['accounts'],
    auth: 'session',
    withoutSecondFactor: true,
    refusals: ['NOT_FOUND'],
    responses: {
      200: json(
        z.object({
          userId: userIdSchema,
          role: z.string(),
          login: z.string(),
          profile: profileSchema.optional(),
          details: detailsSchema.optional(),
          csrfToken: z.string().optional(),
          /** What one has to hear of: keys about to be replaced. */
          notices: z.array(noticeSchema),
        }),
        'The account.',
      ),
    },
    handler: async ({ deps, session }) => {
      const { userId, role, loginName, profile } = await deps.logins.account(session);
      const parts = z
        .looseObject({ profile: profileSchema.optional(), details: detailsSchema.optional() })
        .parse(profile);
      return {
        status: 200,
        body: {
          userId,
          role,
          login: loginName,
          notices: [...(await deps.notices.of(userId))],
          ...(parts.profile && { profile: parts.profile }),
          ...(parts.details && { details: parts.details }),
          ...(session.kind === 'cookie' && { csrfToken: deps.sessions.csrfToken(session) }),
        },
      };
    },
  }),
  defineRoute({
    method: 'put',
    path: '/me/password',
    summary: 'Change the password',
    description: 'Every other session ends.',
    tags: ['accounts'],
    auth: 'session',
    body: z.strictObject({ oldPassword: z.string().max(1024), newPassword: z.string().max(1024) }),
    refusals: TRYING,
    responses: { 204: empty('Changed.') },
    handler: async ({ deps, session, body, request }) => {
      const { oldPassword, newPassword } = body;
      await deps.logins.changePassword(session, oldPassword, newPassword, sourceOf(request));
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/recover',
    summary: 'Set a new password with the recovery code',
    description: 'The code is spent: the next one is shown once. Every session ends.',
    tags: ['accounts'],
    auth: 'none',
    body: z.strictObject({
      login: z.string().max(512),
      recoveryCode: z.string().max(256),
      newPassword: z.string().max(1024),
      device: deviceSchema,
    }),
    refusals: [...TRYING, 'FORBIDDEN', 'CONFLICT'],
    responses: { 200: json(z.object({ recoveryCode: z.string() }), 'The password is changed.') },
    handler: async ({ deps, body, request }) => {
      const { login, recoveryCode, newPassword, device } = body;
      const source = sourceOf(request, device);
      const next = await deps.logins.recover(login, recoveryCode, newPassword, source);
      return { status: 200, body: { recoveryCode: next } };
    },
  }),
];
