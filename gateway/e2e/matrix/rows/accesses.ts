// Reading, who read, emergencies.
import { HOSPITALS, SELF, UNADMITTED, type Rows } from '../row.js';
import { actingFor } from './reports.js';

export const accessRows: Rows = {
  'post /patients/{patient}/reports/{id}/access': {
    perCaller: true,
    ask: (home, who) => ({
      path: { id: home.report },
      body: { action: 'view', purpose: 'treatment', ...actingFor(home, who) },
    }),
    answers: {
      ok: [...SELF, 'doctor'],
      'REFUSED:NO_KIN_RIGHT': ['strangeRelative'],
      'REFUSED:NOT_AFFILIATED': ['strangeDoctor'],
      'REFUSED:ACTOR_NOT_ACTIVE': ['suspendedDoctor', 'unadmittedAuditor'],
      'REFUSED:HOSPITAL_NOT_ADMITTED': ['unadmittedHospital'],
      rest: 'REFUSED:NO_CONSENT',
    },
  },
  // A ticket is for the session that got it.
  'get /tickets/{ticket}/content': {
    ask: async (home) => ({ path: { ticket: (await home.access()).ticket } }),
    answers: { ok: ['doctor'], rest: 'NOT_FOUND' },
  },
  'get /patients/{patient}/accesses': { answers: { ok: [...SELF, 'auditor'], rest: 'FORBIDDEN' } },
  'post /patients/{patient}/emergency': {
    ask: ({ people }) => ({
      body: { actingFor: people.hospital.userId, reason: 'secret reason' },
    }),
    answers: {
      ok: ['doctor', 'doctorWithoutCare'],
      'REFUSED:NOT_AFFILIATED': ['strangeDoctor'],
      'REFUSED:ACTOR_NOT_ACTIVE': ['suspendedDoctor'],
      rest: 'FORBIDDEN',
    },
  },
  'get /emergencies': { answers: { ok: HOSPITALS, rest: 'FORBIDDEN' } },
  'post /patients/{patient}/accesses/{id}/review': {
    ask: async (home) => ({
      path: { id: await home.emergency() },
      body: { verdict: 'justified', replaces: 1 },
    }),
    answers: {
      ok: ['hospital', 'auditor'],
      'REFUSED:NOT_OWNER': ['otherHospital', ...UNADMITTED],
      rest: 'FORBIDDEN',
    },
  },
  'post /patients/{patient}/accesses/{id}/object': {
    ask: async (home) => ({
      path: { id: (await home.access()).access },
      body: { note: 'secret reason', replaces: 1 },
    }),
    answers: {
      ok: SELF,
      'REFUSED:NOT_OWNER': ['otherPatient'],
      'REFUSED:NO_KIN_RIGHT': ['consenter', 'keeper', 'strangeRelative'],
      rest: 'FORBIDDEN',
    },
  },
};
