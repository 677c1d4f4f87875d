// People who keep their own keys: what there is to know, registration, logging in with a signature.
import { OwnKeyPerson } from '../../own-key-person.js';
import type { Home } from '../home.js';
import type { Rows } from '../row.js';

const somebody = (home: Home): OwnKeyPerson =>
  new OwnKeyPerson(home.world, home.name('own').replaceAll(' ', '-'));

export const ownKeyRows: Rows = {
  'get /operations/schema': { answers: { rest: 'ok' } },
  'post /register/own-keys': {
    perCaller: true,
    ask: (home) => ({ body: somebody(home).registration() }),
    answers: { rest: 'ok' },
  },
  // Whether there is such a user is not told.
  'post /key-logins/challenges': {
    ask: ({ owner }) => ({ body: { userId: owner.userId } }),
    answers: { rest: 'ok' },
  },
  'post /key-logins': {
    perCaller: true,
    ask: async (home) => ({ body: await (await somebody(home).register()).answer() }),
    answers: { rest: 'ok' },
  },
};
