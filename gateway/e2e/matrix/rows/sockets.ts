// WebSockets: who is let in. One that is refused is answered like a request, before there is a socket.
import { SELF, type Rows } from '../row.js';

export const socketRows: Rows = {
  '/patients/{patient}/consultations/{id}/socket': {
    ask: async (home) => ({ path: { id: await home.consultation() } }),
    answers: { ok: [...SELF, 'doctor'], rest: 'FORBIDDEN' },
  },
};
