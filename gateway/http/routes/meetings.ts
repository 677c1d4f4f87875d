// Appointments: slots that doctors offer, and what is booked.

import { operationIdSchema, userIdSchema, versionSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import { json } from '../base/index.js';
import { actorOf, admittedActorOf, defineRoute } from './define.js';
import {
  changedSchema,
  createdSchema,
  page,
  pageQuery,
  patientItemParams,
  patientParams,
  receiptSchema,
  replacesBody,
} from './schemas.js';

const time = { startsAt: z.int(), minutes: z.int() };
const slotBody = z.strictObject({ startsAt: z.int().min(0), minutes: z.int().min(5).max(480) });
const appointmentSchema = z.object({
  id: operationIdSchema,
  version: versionSchema,
  patient: userIdSchema,
  doctor: userIdSchema,
  hospital: userIdSchema,
  offer: operationIdSchema,
  slot: operationIdSchema,
  status: z.enum(['booked', 'cancelled']),
  startsAt: time.startsAt.optional(),
  minutes: time.minutes.optional(),
});
export const appointmentRoutes = [
  defineRoute({
    method: 'post',
    path: '/slots',
    summary: 'Offer appointment slots',
    tags: ['appointments'],
    auth: 'session',
    roles: ['doctor'],
    body: z.strictObject({ hospital: userIdSchema, slots: z.array(slotBody).min(1).max(64) }),
    responses: {
      201: json(
        z.object({ receipt: receiptSchema, slots: z.array(operationIdSchema) }),
        'Offered.',
      ),
    },
    handler: async (context) => {
      const { hospital, slots } = context.body;
      const offered = await context.deps.appointments.offer(actorOf(context), hospital, slots);
      return { status: 201, body: { ...offered, slots: [...offered.slots] } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/doctors/{id}/slots',
    summary: 'A doctor’s slots that lie ahead',
    tags: ['appointments'],
    auth: 'session',
    params: z.object({ id: userIdSchema }),
    responses: {
      200: json(
        z.object({
          items: z.array(
            z.object({
              offer: operationIdSchema,
              slot: operationIdSchema,
              ...time,
              free: z.boolean(),
            }),
          ),
        }),
        'Slots.',
      ),
    },
    handler: async ({ deps, params }) => ({
      status: 200,
      body: { items: [...(await deps.appointments.slots(params.id))] },
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/appointments',
    summary: 'Book a slot',
    tags: ['appointments'],
    auth: 'session',
    roles: ['patient', 'relative'],
    params: patientParams,
    body: z.strictObject({
      doctor: userIdSchema,
      offer: operationIdSchema,
      slot: operationIdSchema,
    }),
    refusals: ['ELSEWHERE'],
    responses: { 201: json(createdSchema, 'Booked.') },
    handler: async (context) => ({
      status: 201,
      body: await context.deps.appointments.book(
        actorOf(context),
        context.params.patient,
        context.body,
      ),
    }),
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/appointments/{id}/move',
    summary: 'Move an appointment to another slot',
    tags: ['appointments'],
    auth: 'session',
    params: patientItemParams,
    body: z.strictObject({
      offer: operationIdSchema,
      slot: operationIdSchema,
      replaces: versionSchema,
    }),
    refusals: ['ELSEWHERE'],
    responses: { 200: json(changedSchema, 'Moved.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      return {
        status: 200,
        body: await context.deps.appointments.move(actorOf(context), patient, id, context.body),
      };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/patients/{patient}/appointments/{id}/cancel',
    summary: 'Cancel an appointment',
    tags: ['appointments'],
    auth: 'session',
    params: patientItemParams,
    body: replacesBody,
    refusals: ['ELSEWHERE'],
    responses: { 200: json(changedSchema, 'Cancelled.') },
    handler: async (context) => {
      const { patient, id } = context.params;
      return {
        status: 200,
        body: await context.deps.appointments.cancel(
          actorOf(context),
          patient,
          id,
          context.body.replaces,
        ),
      };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/appointments',
    summary: 'One’s own appointments',
    tags: ['appointments'],
    auth: 'session',
    roles: ['doctor', 'patient'],
    query: pageQuery,
    responses: { 200: json(page(appointmentSchema), 'Appointments.') },
    handler: async (context) => {
      const { items, bookmark } = await context.deps.appointments.mine(
        actorOf(context),
        context.query,
      );
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/patients/{patient}/appointments',
    summary: 'A patient’s appointments',
    description:
      'All of them for the patient and a guardian. A doctor or hospital with approved care sees those with them, so a page may hold fewer than `limit`: go on while `bookmark` is not empty.',
    tags: ['appointments'],
    auth: 'session',
    params: patientParams,
    query: pageQuery,
    refusals: ['ELSEWHERE'],
    responses: { 200: json(page(appointmentSchema), 'Appointments.') },
    handler: async (context) => {
      const { items, bookmark } = await context.deps.appointments.of(
        await admittedActorOf(context),
        context.params.patient,
        context.query,
      );
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
];
