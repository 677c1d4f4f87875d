// Keys: rotated, or replaced by hospitals.
import { z } from 'zod';
import { AUDITORS, DOCTORS, LOGGED_IN, PATIENTS, RELATIVES, type Rows } from '../row.js';

const vaultSchema = z.object({ restored: z.boolean() });

export const keyRows: Rows = {
  'post /me/keys/rotate': { ownSession: true, answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' } },
  'post /me/keys/export': {
    ask: () => ({ body: { passphrase: 'a phrase for the file' } }),
    answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' },
  },
  'post /me/keys/hand-over': {
    newcomer: true,
    ask: async (_, who, caller) => {
      const passphrase = 'a phrase for the file';
      if (who !== 'anonymous') await caller.ask('POST', '/me/keys/export', { passphrase });
      return { body: { exported: true } };
    },
    answers: { ok: [...PATIENTS, ...DOCTORS, ...RELATIVES, ...AUDITORS], rest: 'FORBIDDEN' },
  },
  'get /me/recovery': { answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' } },
  'post /users/{id}/recovery': {
    ask: async (home) => {
      const { userId, proposal } = await home.lostKeys();
      return { path: { id: userId }, body: proposal };
    },
    answers: {
      ok: ['hospital', 'otherHospital'],
      'REFUSED:HOSPITAL_NOT_ADMITTED': ['unadmittedHospital'],
      rest: 'FORBIDDEN',
    },
  },
  'post /users/{id}/recovery/{proposal}/second': {
    ask: async (home) => ({ path: await home.proposal() }),
    answers: {
      ok: ['otherHospital'],
      // Whoever proposed can't second.
      'REFUSED:NOT_OWNER': ['hospital'],
      'REFUSED:HOSPITAL_NOT_ADMITTED': ['unadmittedHospital'],
      rest: 'FORBIDDEN',
    },
  },
  'post /users/{id}/recovery/{proposal}/complete': {
    ask: async (home) => {
      const path = await home.proposal();
      await home.secondAndWait(path);
      return { path };
    },
    answers: {
      ok: ['hospital', 'otherHospital'],
      'REFUSED:HOSPITAL_NOT_ADMITTED': ['unadmittedHospital'],
      rest: 'FORBIDDEN',
    },
  },
  'post /me/recovery/{proposal}/object': {
    ask: async (home) => ({ path: { proposal: (await home.proposal(home.owner)).proposal } }),
    answers: { ok: ['owner'], rest: 'REFUSED:NOT_FOUND' },
  },
  'post /users/{id}/recovery/vault': {
    ask: async (home) => ({ path: { id: await home.rekeyedPatient() } }),
    reads: (body) => (vaultSchema.parse(body).restored ? 'ok' : 'NOT_HELD'),
    answers: { ok: ['hospital'], NOT_HELD: ['otherHospital'], rest: 'FORBIDDEN' },
  },
  'post /recovery/requests': {
    perCaller: true,
    ask: async (home) => ({
      body: { login: (await home.relative()).login, newPassword: 'another horse entirely' },
    }),
    answers: { rest: 'ok' },
  },
  'get /recovery/requests/{code}': {
    ask: async (home) => ({ path: { code: (await home.lostKeys()).requestCode } }),
    answers: { ok: ['hospital', 'otherHospital'], rest: 'FORBIDDEN' },
  },
};
