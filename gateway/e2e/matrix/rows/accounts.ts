// Registration, sessions, one's own account.
import { LOGGED_IN, type Rows } from '../row.js';
import { SETUP_CODE } from '../../world.js';
import type { Home } from '../home.js';

const credentials = (home: Home) => ({
  login: home.name('login').replaceAll(' ', '-'),
  password: 'correct horse battery',
});
/** Anybody may register, and being somebody already changes nothing. */
const register = (more: object): Rows[string] => ({
  perCaller: true,
  ask: (home) => ({ body: { ...credentials(home), ...more } }),
  answers: { rest: 'ok' },
});
const details = { details: { name: 'Somebody' } };
const profile = { profile: { name: 'Somebody' } };

export const accountRows: Rows = {
  'post /register/hospital': register({ ...profile, setupCode: SETUP_CODE }),
  'post /register/doctor': register(profile),
  'post /register/auditor': register(profile),
  'post /register/patient': register({ ...details, escrow: null }),
  'post /register/relative': register(details),
  'post /sessions': {
    perCaller: true,
    ask: ({ owner: { login, password } }) => ({ body: { login, password, kind: 'bearer' } }),
    answers: { rest: 'ok' },
  },
  'get /sessions': { answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' } },
  'post /sessions/current/fresh': {
    perCaller: true,
    ownSession: true,
    ask: ({ people }, who) => ({ body: { password: people[who].password } }),
    answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' },
  },
  'delete /sessions': { ownSession: true, answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' } },
  'delete /sessions/current': {
    ownSession: true,
    answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' },
  },
  // Another's session is as unknown as one that never was.
  'delete /sessions/{id}': {
    ask: async (home) => {
      const { userId, token } = await home.again('owner');
      const { sessions } = home.world.gateway.services;
      const current = await sessions.authenticate(token);
      const mine = await sessions.list(userId);
      return { path: { id: mine.find(({ id }) => id === current?.id)?.id ?? '' } };
    },
    answers: { ok: ['owner'], rest: 'NOT_FOUND' },
  },
  'get /me': { answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' } },
  'put /me/password': {
    perCaller: true,
    ownSession: true,
    ask: ({ people }, who) => {
      const { password } = people[who];
      return { body: { oldPassword: password, newPassword: password } };
    },
    answers: { ok: LOGGED_IN, rest: 'UNAUTHENTICATED' },
  },
  'post /recover': {
    perCaller: true,
    ask: async (home) => {
      const somebody = await home.relative();
      const { login, recoveryCode, password } = somebody;
      return { body: { login, recoveryCode, newPassword: password } };
    },
    answers: { rest: 'ok' },
  },
};
