// Consents, and why somebody may or may not.
import { LOGGED_IN, SELF, type Rows } from '../row.js';

/** The patient, and relatives who may consent for her. */
const FOR_HER = {
  ok: [...SELF, 'consenter'],
  'REFUSED:NOT_OWNER': ['otherPatient'],
  'REFUSED:NO_KIN_RIGHT': ['keeper', 'strangeRelative'],
  rest: 'FORBIDDEN',
} as const;

export const consentRows: Rows = {
  'post /patients/{patient}/consents': {
    ask: (home) => ({ body: { terms: home.terms() } }),
    answers: FOR_HER,
  },
  'post /patients/{patient}/consents/{id}/amend': {
    ask: async (home) => ({
      path: { id: await home.consent() },
      body: { terms: home.terms(), replaces: 1 },
    }),
    answers: FOR_HER,
  },
  'post /patients/{patient}/consents/{id}/revoke': {
    ask: async (home) => ({ path: { id: await home.consent() }, body: { replaces: 1 } }),
    answers: FOR_HER,
  },
  'get /patients/{patient}/consents': {
    answers: { ok: [...SELF, 'consenter', 'keeper', 'auditor'], rest: 'FORBIDDEN' },
  },
  'get /consents': { answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' } },
  'get /patients/{patient}/explain': {
    ask: ({ people, report }) => ({
      query:
        `?actor=${people.strangeDoctor.userId}&actingFor=${people.otherHospital.userId}` +
        `&report=${report}&action=view&purpose=treatment`,
    }),
    answers: {
      // Somebody may ask about themselves.
      ok: [...SELF, 'consenter', 'keeper', 'auditor', 'strangeDoctor'],
      rest: 'FORBIDDEN',
    },
  },
};
