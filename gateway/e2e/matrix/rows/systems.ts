// A hospital's systems: for its office. What the systems themselves may ask is closed to every person.
import { handIn, letIn, settled } from '../../systems.js';
import type { Home } from '../home.js';
import { HOSPITALS, type Rows } from '../row.js';

const system = ({ world, people }: Home) => letIn(world, people.hospital, 'Laboratory');

/** A document that has failed: it is for a patient whom the ledger does not know. */
async function failed(home: Home): Promise<string> {
  const sender = await system(home);
  const nobody = home.world.visitor('nobody');
  nobody.userId = 'A'.repeat(43);
  const { id } = await handIn(sender, { patient: nobody, bytes: new Uint8Array(8) });
  await settled(home.world, sender, id);
  return id;
}

const officeOf = { ok: ['hospital'], NOT_FOUND: ['otherHospital', 'unadmittedHospital'] } as const;

export const systemRows: Rows = {
  'post /services': {
    ask: () => ({ body: { profile: { name: 'Laboratory' } } }),
    answers: {
      ok: ['hospital', 'otherHospital'],
      'REFUSED:HOSPITAL_NOT_ADMITTED': ['unadmittedHospital'],
      rest: 'FORBIDDEN',
    },
  },
  'get /services': { answers: { ok: HOSPITALS, rest: 'FORBIDDEN' } },
  'post /services/{id}/token': {
    ask: async (home) => ({ path: { id: (await system(home)).userId } }),
    answers: { ...officeOf, rest: 'FORBIDDEN' },
  },
  'post /services/{id}/end': {
    ask: async (home) => ({ path: { id: (await system(home)).userId }, body: { replaces: 1 } }),
    answers: { ...officeOf, rest: 'FORBIDDEN' },
  },
  'get /acquisitions': { answers: { ok: HOSPITALS, rest: 'FORBIDDEN' } },
  'post /acquisitions/{id}/retry': {
    ask: async (home) => ({ path: { id: await failed(home) } }),
    answers: { ...officeOf, rest: 'FORBIDDEN' },
  },
  'get /fhir/metadata': { answers: { rest: 'ok' } },
  'post /fhir': { answers: { rest: 'UNAUTHENTICATED' } },
  'post /fhir/Binary': { answers: { rest: 'UNAUTHENTICATED' } },
  'post /fhir/DocumentReference': { answers: { rest: 'UNAUTHENTICATED' } },
  'post /intake/reports': { answers: { rest: 'UNAUTHENTICATED' } },
  'get /intake/reports/{id}': {
    ask: async (home) => ({ path: { id: await failed(home) } }),
    answers: { rest: 'UNAUTHENTICATED' },
  },
};
