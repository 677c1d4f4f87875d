// Covers and reports: added, listed, withdrawn, erased.
import { smallCover, text, uploadForm } from '../../world.js';
import type { Home, Who } from '../home.js';
import { DOCTORS, LOGGED_IN, PATIENTS, RELATIVES, SELF, type Rows } from '../row.js';

const isDoctor = (who: Who): boolean => DOCTORS.some((doctor) => doctor === who);

/** For a doctor, the hospital in whose name they say they act. */
export const actingFor = (home: Home, who: Who): { actingFor?: string } =>
  isDoctor(who) ? { actingFor: home.people.hospital.userId } : {};

/** With an approved care relation a suspended doctor still sees that reports exist: no titles, and no reading. */
const NEAR = [
  ...SELF,
  'consenter',
  'keeper',
  'doctor',
  'suspendedDoctor',
  'hospital',
  'auditor',
] as const;

/** Who may add to Maria's record. */
export const MAY_ADD = {
  ok: [...SELF, 'keeper', 'doctor'],
  'REFUSED:NO_KIN_RIGHT': ['consenter', 'strangeRelative'],
  'REFUSED:NO_CARE': ['doctorWithoutCare'],
  'REFUSED:NOT_AFFILIATED': ['strangeDoctor'],
  'REFUSED:ACTOR_NOT_ACTIVE': ['suspendedDoctor'],
  rest: 'REFUSED:WRONG_ROLE',
} as const;

export const reportRows: Rows = {
  'post /covers': {
    perCaller: true,
    ask: () => ({
      form: () => {
        const form = new FormData();
        form.append('cover', new Blob([new Uint8Array(smallCover())]), 'cover.png');
        return form;
      },
    }),
    answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' },
  },
  'get /covers': { answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' } },
  'delete /covers/{id}': {
    ask: async (home) => ({ path: { id: await home.cover() } }),
    answers: { ok: ['owner'], rest: 'NOT_FOUND' },
  },
  'post /patients/{patient}/reports': {
    perCaller: true,
    ask: (home, who) => ({
      form: () =>
        uploadForm({
          bytes: text('secret content'),
          covers: [smallCover()],
          ...actingFor(home, who),
        }),
    }),
    answers: MAY_ADD,
  },
  'get /patients/{patient}/reports': { answers: { ok: NEAR, rest: 'FORBIDDEN' } },
  'get /patients/{patient}/reports/{id}': {
    ask: ({ report }) => ({ path: { id: report } }),
    answers: { ok: NEAR, rest: 'FORBIDDEN' },
  },
  'get /patients/{patient}/reports/{id}/stego/{part}': {
    ask: ({ report }) => ({ path: { id: report, part: '0' } }),
    answers: { ok: [...SELF, 'consenter', 'keeper'], rest: 'FORBIDDEN' },
  },
  'post /patients/{patient}/reports/{id}/withdraw': {
    ask: async (home) => ({ path: { id: await home.newReport('doctor') }, body: { replaces: 1 } }),
    answers: {
      ok: [...SELF, 'doctor'],
      'REFUSED:NO_KIN_RIGHT': ['consenter', 'keeper', 'strangeRelative'],
      rest: 'REFUSED:NOT_OWNER',
    },
  },
  'post /patients/{patient}/reports/{id}/erase': {
    ask: async (home) => ({ path: { id: await home.newReport() }, body: { replaces: 1 } }),
    answers: {
      ok: SELF,
      'REFUSED:NO_KIN_RIGHT': ['consenter', 'keeper', 'strangeRelative'],
      rest: 'REFUSED:NOT_OWNER',
    },
  },
  'get /patients/{patient}/reports/{id}/erasure': {
    ask: ({ report }) => ({ path: { id: report } }),
    answers: { ok: NEAR, rest: 'FORBIDDEN' },
  },
  'post /patients/{patient}/erase': {
    newcomer: true,
    // Of one's own record, which is empty: Maria's is still needed.
    ask: (_home, _who, { userId }) => ({ path: { patient: userId }, body: { confirm: userId } }),
    answers: { ok: PATIENTS, NOT_FOUND: RELATIVES, rest: 'FORBIDDEN' },
  },
};
