// Hospitals, doctors, the consortium's votes.
import { HOSPITALS, LOGGED_IN, type Rows } from '../row.js';

const VOTERS_ONLY = {
  ok: ['hospital', 'otherHospital'],
  'REFUSED:HOSPITAL_NOT_ADMITTED': ['unadmittedHospital'],
  rest: 'FORBIDDEN',
} as const;

/** A doctor's request is for the hospital that was asked: others find none. */
const ASKED_ONLY = {
  ok: ['hospital'],
  'REFUSED:NOT_FOUND': ['otherHospital'],
  'REFUSED:HOSPITAL_NOT_ADMITTED': ['unadmittedHospital'],
  rest: 'FORBIDDEN',
} as const;

export const hospitalRows: Rows = {
  'get /hospitals': { answers: { rest: 'ok' } },
  'get /doctors': { answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' } },
  'get /auditors': { answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' } },
  // What is public of a patient is their id and role.
  'get /users/{id}': {
    ask: (home) => ({ path: { id: home.owner.userId } }),
    answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' },
  },
  'post /hospitals/{id}/vote': {
    ask: async (home) => ({
      path: { id: (await home.world.auditor(home.name('Candidate'))).userId },
    }),
    answers: VOTERS_ONLY,
  },
  'post /affiliations': {
    ask: ({ hospitals }) => ({ body: { hospital: hospitals.strange } }),
    answers: {
      ok: ['doctor', 'doctorWithoutCare', 'strangeDoctor', 'suspendedDoctor'],
      rest: 'FORBIDDEN',
    },
  },
  'post /affiliations/{doctor}/authorise': {
    ask: async (home) => {
      const { doctor, version } = await home.applicant();
      return { path: { doctor: doctor.userId }, body: { replaces: version } };
    },
    answers: ASKED_ONLY,
  },
  'post /affiliations/{doctor}/refuse': {
    ask: async (home) => {
      const { doctor, version } = await home.applicant();
      return { path: { doctor: doctor.userId }, body: { replaces: version } };
    },
    answers: ASKED_ONLY,
  },
  'post /affiliations/{doctor}/suspend': {
    ask: async (home) => ({
      path: { doctor: (await home.newDoctor()).userId },
      body: { replaces: 2 },
    }),
    answers: ASKED_ONLY,
  },
  'post /affiliations/leave': {
    ask: async (home) => ({
      body: {
        hospital: home.hospitals.doctorsOwn,
        replaces: await home.doctorsOwnAffiliation(),
      },
    }),
    answers: {
      ok: ['doctor'],
      'REFUSED:NOT_FOUND': ['doctorWithoutCare', 'strangeDoctor', 'suspendedDoctor'],
      rest: 'FORBIDDEN',
    },
  },
  'get /affiliations': {
    answers: {
      ok: [...HOSPITALS, 'doctor', 'doctorWithoutCare', 'strangeDoctor', 'suspendedDoctor'],
      rest: 'FORBIDDEN',
    },
  },
};
