// The ledger itself.
import { z } from 'zod';
import { LOGGED_IN, SELF, type Rows } from '../row.js';

const lineSchema = z.tuple([z.looseObject({ code: z.string().optional() })]);
const fatesSchema = z.object({ items: z.tuple([z.looseObject({ state: z.string() })]) });

export const ledgerRows: Rows = {
  'get /ledger': { answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' } },
  'post /ledger/verify': {
    answers: { ok: ['hospital', 'otherHospital', 'auditor'], rest: 'FORBIDDEN' },
  },
  // Answered by the line: everybody hands in their own, an admitted hospital relays what others have signed.
  'post /operations': {
    ask: async (home) => ({ body: `${(await home.signedOperation()).line}\n` }),
    reads: (body) => lineSchema.parse(body)[0].code ?? 'ok',
    answers: {
      ok: ['owner', 'hospital', 'otherHospital'],
      UNAUTHENTICATED: ['anonymous'],
      rest: 'FORBIDDEN',
    },
  },
  'post /operations/fates': {
    ask: async (home) => ({ body: { ids: [await home.consent()] } }),
    reads: (body) => (fatesSchema.parse(body).items[0].state === 'unknown' ? 'NOT_TOLD' : 'ok'),
    answers: { ok: ['owner'], UNAUTHENTICATED: ['anonymous'], rest: 'NOT_TOLD' },
  },
  // Another's operation is as unknown as one that never was.
  'get /operations/{id}': {
    ask: async (home) => ({ path: { id: await home.consent() } }),
    answers: { ok: ['owner'], rest: 'NOT_FOUND' },
  },
  'get /patients/{patient}/history': {
    ask: ({ report }) => ({ query: `?kind=report&id=${report}` }),
    answers: { ok: [...SELF, 'auditor'], rest: 'FORBIDDEN' },
  },
};
