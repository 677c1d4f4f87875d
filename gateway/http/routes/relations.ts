// Care relations and relatives.

import { instantSchema, rightsSchema, userIdSchema, versionSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import { detailsSchema } from '../../services/patient-files.js';
import { json } from '../base/index.js';
import { actorOf, admittedActorOf, defineRoute } from './define.js';
import {
  careSchema,
  changedSchema,
  createdSchema,
  kinLinkSchema,
  page,
  pageQuery,
  patientItemParams,
  patientParams,
  replacesBody,
} from './schemas.js';
import { CLOUD } from './refusals.js';

const decideCare = (decision: 'approve' | 'refuse' | 'end', summary: string) =>
  defineRoute({
    method: 'post',
    path: `/care/{patient}/{id}/${decision}`,
    summary,
    tags: ['care'],
    auth: 'session',
    params: patientItemParams,
    body: replacesBody,
    refusals: CLOUD,
    responses: { 200: json(changedSchema, 'Done.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      return {
        status: 200 as const,
        body: await context.deps.care.decide(
          actorOf(context),
          patient,
          id,
          decision,
          context.body.replaces,
        ),
      };
    },
  });

const details = detailsSchema.optional();
const kinTerms = { rights: rightsSchema, notAfter: instantSchema.optional() };

const namedLinkSchema = kinLinkSchema.extend({
  details: detailsSchema.pick({ name: true }).optional(),
});

export const relationRoutes = [
  defineRoute({
    method: 'get',
    path: '/patients/{patient}',
    summary: 'A patient’s file',
    description:
      'For the patient, relatives whose link is in force, doctors with approved care, and the hospital of that care; auditors get it without `details`. Those are at the gateway where the patient has registered, and nowhere else.',
    tags: ['care'],
    auth: 'session',
    params: patientParams,
    responses: {
      200: json(
        z.object({
          id: userIdSchema,
          escrow: userIdSchema.nullable(),
          epoch: z.int(),
          details,
        }),
        'The file.',
      ),
    },
    handler: async (context) => ({
      status: 200,
      body: await context.deps.files.get(await admittedActorOf(context), context.params.patient),
    }),
  }),
  defineRoute({
    method: 'put',
    path: '/me/escrow',
    summary: 'Name the hospital for emergencies, or opt out',
    description:
      'The hospital named can open the record in an emergency. Without one nobody can, not even to save a life. The one that could until now loses the key.',
    tags: ['kin'],
    auth: 'session',
    roles: ['patient'],
    body: z.strictObject({ escrow: userIdSchema.nullable() }),
    refusals: CLOUD,
    responses: { 200: json(changedSchema, 'Named.') },
    handler: async (context) => ({
      status: 200,
      body: await context.deps.escrow.choose(actorOf(context), context.body.escrow),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/care',
    summary: 'Ask a doctor for care',
    tags: ['care'],
    auth: 'session',
    roles: ['patient'],
    body: z.strictObject({ doctor: userIdSchema, hospital: userIdSchema }),
    refusals: CLOUD,
    responses: { 201: json(createdSchema, 'Asked.') },
    handler: async (context) => ({
      status: 201,
      body: await context.deps.care.request(actorOf(context), context.body),
    }),
  }),
  decideCare('approve', 'Take a patient into care'),
  decideCare('refuse', 'Refuse a patient’s request'),
  decideCare('end', 'End a care relation'),
  defineRoute({
    method: 'get',
    path: '/care',
    summary: 'A doctor’s patients and requests, or a patient’s own relations',
    description:
      'A doctor gets each patient’s `details` once the care is approved, for as long as the hospital authorises the doctor, and when the patient has registered at this gateway.',
    tags: ['care'],
    auth: 'session',
    roles: ['doctor', 'patient'],
    query: pageQuery,
    responses: {
      200: json(
        page(z.object({ patient: userIdSchema, care: careSchema, details })),
        'Care relations.',
      ),
    },
    handler: async (context) => {
      const { items, bookmark } = await context.deps.care.mine(actorOf(context), context.query);
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/kin',
    summary: 'Name a relative, with rights',
    tags: ['kin'],
    auth: 'session',
    roles: ['patient', 'relative'],
    params: patientParams,
    body: z.strictObject({ relative: userIdSchema, ...kinTerms }),
    refusals: CLOUD,
    responses: { 201: json(createdSchema, 'Linked.') },
    handler: async (context) => ({
      status: 201,
      body: await context.deps.kin.link(actorOf(context), context.params.patient, context.body),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/kin/{id}/amend',
    summary: 'Change a relative’s rights',
    tags: ['kin'],
    auth: 'session',
    roles: ['patient', 'relative'],
    params: patientItemParams,
    body: z.strictObject({ ...kinTerms, replaces: versionSchema }),
    refusals: CLOUD,
    responses: { 200: json(changedSchema, 'Changed.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      return {
        status: 200,
        body: await context.deps.kin.amend(actorOf(context), patient, id, context.body),
      };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/kin/{id}/end',
    summary: 'End a relative’s link',
    tags: ['kin'],
    auth: 'session',
    roles: ['patient', 'relative'],
    params: patientItemParams,
    body: replacesBody,
    refusals: CLOUD,
    responses: { 200: json(changedSchema, 'Ended.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      return {
        status: 200,
        body: await context.deps.kin.end(actorOf(context), patient, id, context.body),
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/patients/{patient}/kin',
    summary: 'A patient’s relatives',
    description:
      'The patient sees the name of each relative who has registered at this gateway; a relative sees their own link, an auditor all of them, without names.',
    tags: ['kin'],
    auth: 'session',
    params: patientParams,
    responses: { 200: json(z.object({ items: z.array(namedLinkSchema) }), 'Links.') },
    handler: async (context) => ({
      status: 200,
      body: {
        items: [
          ...(await context.deps.kin.listOf(
            await admittedActorOf(context),
            context.params.patient,
          )),
        ],
      },
    }),
  }),
  defineRoute({
    method: 'get',
    path: '/kin',
    summary: 'Patients whose relative the caller is',
    description:
      'With each patient’s `details` while the link is in force, when the patient has registered at this gateway.',
    tags: ['kin'],
    auth: 'session',
    roles: ['relative'],
    query: pageQuery,
    responses: {
      200: json(page(z.object({ patient: userIdSchema, link: kinLinkSchema, details })), 'Links.'),
    },
    handler: async (context) => {
      const { items, bookmark } = await context.deps.kin.mine(actorOf(context), context.query);
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
];
