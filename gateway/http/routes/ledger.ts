// The ledger itself: height, verification, histories.

import { operationIdSchema, userIdSchema } from '@prms/chaincode/model';
import { z } from 'zod';
import { activeKin } from '@prms/chaincode/rules';
import { GatewayError } from '../../errors.js';
import type { Services } from '../../services/index.js';
import { json } from '../base/index.js';
import { admittedActorOf, defineRoute } from './define.js';
import { patientParams, page, pageQuery } from './schemas.js';

export const ledgerRoutes = [
  defineRoute({
    method: 'get',
    path: '/ledger',
    summary: 'Name, height and head of the ledger',
    description:
      'Whoever notes height and head hash somewhere else can tell later that nothing before has been rewritten.',
    tags: ['ledger'],
    auth: 'session',
    responses: {
      200: json(
        z.object({ channel: z.string(), height: z.int(), headHash: z.string() }),
        'The ledger.',
      ),
    },
    handler: async ({ deps }) => {
      const { channel } = deps.ledger;
      const height = await deps.ledger.height();
      return { status: 200, body: { channel, height, headHash: await headHash(deps, height) } };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/ledger/verify',
    summary: 'Check the whole ledger',
    description:
      'Hashes, signatures, every operation run again, the state rebuilt. May take a while.',
    tags: ['ledger'],
    auth: 'session',
    roles: ['hospital', 'auditor'],
    takesLong: 'transfer',
    responses: {
      200: json(
        z.object({
          ok: z.boolean(),
          channel: z.string(),
          height: z.int(),
          transactions: z.int(),
          conflicts: z.int(),
          notRunAgain: z.int(),
          stateKeys: z.int(),
          genesisHash: z.string(),
          headHash: z.string(),
          lie: z
            .object({ block: z.int(), transactionId: z.string().optional(), message: z.string() })
            .optional(),
        }),
        'What was found.',
      ),
    },
    handler: async (context) => {
      await admittedActorOf(context);
      return { status: 200, body: await context.deps.ledger.verify() };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/patients/{patient}/history',
    summary: 'Every state that a document has been in',
    tags: ['ledger'],
    auth: 'session',
    roles: ['patient', 'relative', 'auditor'],
    params: patientParams,
    query: pageQuery.extend({
      kind: z.enum(['user', 'report', 'access', 'appointment', 'consultation']),
      id: z.union([operationIdSchema, userIdSchema]),
    }),
    responses: {
      200: json(
        page(z.object({ transactionId: z.string(), committedAt: z.int(), document: z.unknown() })),
        'Newest first.',
      ),
    },
    handler: async (context) => {
      const { records } = context.deps;
      const { patient } = context.params;
      const actor = await admittedActorOf(context);
      const document = await records.patient(patient);
      const kin = activeKin(document, actor.userId, records.now());
      const oversees = actor.role === 'auditor' || kin?.rights.includes('guardian') === true;
      if (actor.userId !== patient && !oversees) {
        throw new GatewayError(
          'FORBIDDEN',
          'Only the patient, a guardian or an auditor reads histories.',
        );
      }
      const { kind, id } = context.query;
      const { items, bookmark } = await records.history(kind, patient, id, context.query);
      return { status: 200, body: { items: [...items], bookmark } };
    },
  }),
];

/** The hash of the last block below `height`. */
async function headHash({ ledger }: Pick<Services, 'ledger'>, height: number): Promise<string> {
  for await (const { hash } of ledger.blocks({ fromBlock: height - 1 })) return hash;
  throw new GatewayError('LEDGER_UNAVAILABLE', 'The ledger is being closed.');
}
