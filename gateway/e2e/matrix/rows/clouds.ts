// The clouds' health: for admitted hospitals and auditors.
import type { Rows } from '../row.js';

export const cloudRows: Rows = {
  'get /clouds': {
    answers: { ok: ['hospital', 'otherHospital', 'auditor'], rest: 'FORBIDDEN' },
  },
  'get /clouds/copies': {
    answers: { ok: ['hospital', 'otherHospital', 'auditor'], rest: 'FORBIDDEN' },
  },
};
