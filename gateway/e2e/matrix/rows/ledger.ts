// The ledger itself.
import { LOGGED_IN, SELF, type Rows } from '../row.js';

export const ledgerRows: Rows = {
  'get /ledger': { answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' } },
  'post /ledger/verify': {
    answers: { ok: ['hospital', 'otherHospital', 'auditor'], rest: 'FORBIDDEN' },
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
