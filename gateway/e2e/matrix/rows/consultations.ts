// Consultations as they go on: everybody who takes part has been let in.
import { actingFor } from './reports.js';
import type { Home } from '../home.js';
import { SELF, type Row, type Rows } from '../row.js';

const PARTICIPANTS = { ok: [...SELF, 'doctor'], rest: 'FORBIDDEN' } as const;
const one = '/patients/{patient}/consultations/{id}';

const of = (more: (home: Home) => object = () => ({})): Row => ({
  ask: async (home) => ({ path: { id: await home.consultation() }, ...more(home) }),
  answers: PARTICIPANTS,
});

export const consultationRows: Rows = {
  [`get ${one}`]: of(),
  // Whoever may come is told to come as a WebSocket.
  [`get ${one}/socket`]: {
    ...of(),
    answers: { BAD_REQUEST: PARTICIPANTS.ok, rest: 'FORBIDDEN' },
  },
  [`post ${one}/admit`]: {
    ...of(({ owner }) => ({ body: { user: owner.userId } })),
    answers: { ok: ['doctor'], rest: 'FORBIDDEN' },
  },
  [`post ${one}/messages`]: of(() => ({ body: { text: 'secret content' } })),
  [`get ${one}/messages`]: of(),
  [`post ${one}/look`]: {
    perCaller: true,
    ask: async (home, who) => ({
      path: { id: await home.consultation() },
      body: { report: home.report, purpose: 'treatment', ...actingFor(home, who) },
    }),
    answers: PARTICIPANTS,
  },
  [`get ${one}/key`]: of(),
  [`put ${one}/key`]: {
    ask: async (home) => {
      const id = await home.consultation();
      return { path: { id }, body: await home.consultationKey(id) };
    },
    answers: PARTICIPANTS,
  },
  [`get ${one}/transcript`]: of(),
  [`post ${one}/close`]: of(),
};
