// A patient's file, care relations, relatives.
import { DOCTORS, RELATIVES, SELF, type Rows } from '../row.js';

/** Only the patient or a guardian, among those who may ask at all. */
const FOR_HER = {
  ok: SELF,
  'REFUSED:NOT_OWNER': ['otherPatient'],
  'REFUSED:NO_KIN_RIGHT': ['consenter', 'keeper', 'strangeRelative'],
  rest: 'FORBIDDEN',
} as const;

const BY_THE_ASKED_DOCTOR = { ok: ['doctor'], rest: 'REFUSED:NOT_OWNER' } as const;

export const relationRows: Rows = {
  'get /patients/{patient}': {
    answers: {
      ok: [...SELF, 'consenter', 'keeper', 'doctor', 'hospital', 'auditor'],
      rest: 'FORBIDDEN',
    },
  },
  'put /me/escrow': {
    perCaller: true,
    ask: (home) => ({ body: { escrow: home.people.hospital.userId } }),
    answers: { ok: ['owner', 'otherPatient'], rest: 'FORBIDDEN' },
  },
  'post /care': {
    perCaller: true,
    ask: async (home) => ({
      body: {
        doctor: (await home.newDoctor()).userId,
        hospital: home.people.hospital.userId,
      },
    }),
    answers: { ok: ['owner', 'otherPatient'], rest: 'FORBIDDEN' },
  },
  'post /care/{patient}/{id}/approve': {
    ask: async (home) => ({ path: { id: await home.careAsked() }, body: { replaces: 1 } }),
    answers: BY_THE_ASKED_DOCTOR,
  },
  'post /care/{patient}/{id}/refuse': {
    ask: async (home) => ({ path: { id: await home.careAsked() }, body: { replaces: 1 } }),
    answers: BY_THE_ASKED_DOCTOR,
  },
  'post /care/{patient}/{id}/end': {
    ask: async (home) => ({ path: { id: await home.careAsked() }, body: { replaces: 1 } }),
    answers: { ok: [...SELF, 'doctor'], rest: 'REFUSED:NOT_OWNER' },
  },
  'get /care': { answers: { ok: [...DOCTORS, 'owner', 'otherPatient'], rest: 'FORBIDDEN' } },
  'post /patients/{patient}/kin': {
    ask: async (home) => ({
      body: { relative: (await home.relative()).userId, rights: ['view'] },
    }),
    answers: FOR_HER,
  },
  'post /patients/{patient}/kin/{id}/amend': {
    ask: async (home) => ({
      path: { id: await home.kinLink() },
      body: { rights: ['view', 'keep'], replaces: 1 },
    }),
    answers: FOR_HER,
  },
  'post /patients/{patient}/kin/{id}/end': {
    ask: async (home) => ({ path: { id: await home.kinLink() }, body: { replaces: 1 } }),
    answers: FOR_HER,
  },
  'get /patients/{patient}/kin': {
    // A relative sees their own link.
    answers: { ok: ['owner', 'guardian', 'consenter', 'keeper', 'auditor'], rest: 'FORBIDDEN' },
  },
  'get /kin': { answers: { ok: RELATIVES, rest: 'FORBIDDEN' } },
};
