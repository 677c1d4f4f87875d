// Appointments, and opening consultations.
import { DOCTORS, LOGGED_IN, SELF, type Rows } from '../row.js';

const FOR_HER = {
  ok: SELF,
  'REFUSED:NOT_OWNER': ['otherPatient'],
  'REFUSED:NO_KIN_RIGHT': ['consenter', 'keeper', 'strangeRelative'],
  rest: 'FORBIDDEN',
} as const;

/** The doctor, the patient, and whoever acts for her. */
const BOTH_SIDES = {
  ok: [...SELF, 'doctor'],
  'REFUSED:NO_KIN_RIGHT': ['consenter', 'keeper', 'strangeRelative'],
  rest: 'REFUSED:NOT_OWNER',
} as const;

export const meetingRows: Rows = {
  'post /slots': {
    perCaller: true,
    ask: (home) => ({
      body: {
        hospital: home.people.hospital.userId,
        slots: [{ startsAt: home.nextSlotAt(), minutes: 30 }],
      },
    }),
    answers: {
      ok: ['doctor', 'doctorWithoutCare'],
      'REFUSED:NOT_AFFILIATED': ['strangeDoctor'],
      'REFUSED:ACTOR_NOT_ACTIVE': ['suspendedDoctor'],
      rest: 'FORBIDDEN',
    },
  },
  'get /doctors/{id}/slots': {
    ask: ({ people }) => ({ path: { id: people.doctor.userId } }),
    answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' },
  },
  'post /patients/{patient}/appointments': {
    ask: async (home) => {
      const [place] = await home.slots();
      return { body: { doctor: home.people.doctor.userId, ...place } };
    },
    answers: FOR_HER,
  },
  'post /patients/{patient}/appointments/{id}/move': {
    ask: async (home) => {
      const id = await home.appointment();
      const [place] = await home.slots();
      return { path: { id }, body: { ...place, replaces: 1 } };
    },
    answers: BOTH_SIDES,
  },
  'post /patients/{patient}/appointments/{id}/cancel': {
    ask: async (home) => ({ path: { id: await home.appointment() }, body: { replaces: 1 } }),
    answers: BOTH_SIDES,
  },
  'get /appointments': {
    answers: { ok: [...DOCTORS, 'owner', 'otherPatient'], rest: 'FORBIDDEN' },
  },
  'get /patients/{patient}/appointments': {
    answers: { ok: [...SELF, 'doctor', 'hospital'], rest: 'FORBIDDEN' },
  },
  'get /patients/{patient}/consultations': { answers: { ok: SELF, rest: 'FORBIDDEN' } },
  'post /consultations': {
    ask: ({ people }) => ({
      body: { patient: people.owner.userId, hospital: people.hospital.userId },
    }),
    answers: {
      ok: ['doctor'],
      'REFUSED:NO_CARE': ['doctorWithoutCare'],
      'REFUSED:NOT_AFFILIATED': ['strangeDoctor'],
      'REFUSED:ACTOR_NOT_ACTIVE': ['suspendedDoctor'],
      rest: 'FORBIDDEN',
    },
  },
  'get /consultations': {
    answers: { ok: [...DOCTORS, 'owner', 'otherPatient'], rest: 'FORBIDDEN' },
  },
};
