// Reading and wrapping with keys of one's own, and taking the whole record away.
import { sentKeys } from '../../own-key-person.js';
import { partKeys, tagsWrap } from '../client-made.js';
import { preparedSchema, sealForm } from '../../../own-key-client/sealed-form.js';
import { smallCover, text } from '../../world.js';
import { actingFor, MAY_ADD } from './reports.js';
import { SELF, type Rows } from '../row.js';

/** A permitted access is its reader's alone, and a short while long. */
const ITS_READER = { ok: ['doctor'], rest: 'NOT_FOUND' } as const;
/** Who holds the vault's key. */
const HOLDERS = { ok: [...SELF, 'consenter'], rest: 'FORBIDDEN' } as const;

export const sealedRows: Rows = {
  'put /patients/{patient}/wraps': {
    ask: async (home) => ({ body: { wraps: [await tagsWrap(home)] } }),
    answers: HOLDERS,
  },
  // One's own wrap: of everybody to whom it was given, also of a doctor who has been suspended since.
  'get /patients/{patient}/wraps/{purpose}': {
    ask: () => ({ path: { purpose: 'epoch' } }),
    answers: { ok: [...SELF, 'consenter', 'doctor', 'suspendedDoctor'], rest: 'NOT_FOUND' },
  },
  'get /patients/{patient}/reports/{id}/wraps': {
    ask: ({ report }) => ({ path: { id: report } }),
    answers: HOLDERS,
  },
  'post /patients/{patient}/reports/{id}/sealed': {
    ask: async (home) => ({
      path: { id: home.report },
      body: { access: (await home.access()).access },
    }),
    answers: ITS_READER,
  },
  'post /patients/{patient}/reports/{id}/ciphertext': {
    ask: async (home) => {
      const { access } = await home.access();
      const parts = (await partKeys(home, access)).map(sentKeys);
      return { path: { id: home.report }, body: { access, parts } };
    },
    answers: ITS_READER,
  },
  'get /patients/{patient}/reports/{id}/ciphertext': {
    ask: async (home) => ({
      path: { id: home.scan },
      query: `?access=${(await home.access(home.scan)).access}`,
    }),
    answers: ITS_READER,
  },
  'post /patients/{patient}/sealed-reports': {
    perCaller: true,
    ask: (home, who) => ({ body: actingFor(home, who) }),
    answers: MAY_ADD,
  },
  // What somebody else has prepared is as unknown as what nobody has.
  'put /patients/{patient}/sealed-reports/{id}': {
    ask: async ({ owner, path }) => {
      const { id } = await owner.post(`${path}/sealed-reports`, {}, preparedSchema);
      const sealed = sealForm(id, text('secret content'), new Uint8Array(32), {
        cover: smallCover(),
      });
      return { path: { id }, form: () => sealed.form() };
    },
    answers: { ok: ['owner'], rest: 'NOT_FOUND' },
  },
  // Without an access to a report that is there, nobody gets anything.
  'post /patients/{patient}/sealed-export': {
    ownSession: true,
    ask: () => ({ body: { accesses: [] } }),
    answers: { KEYS_ELSEWHERE: SELF, rest: 'FORBIDDEN' },
  },
  'post /patients/{patient}/export': { ownSession: true, answers: { ok: SELF, rest: 'FORBIDDEN' } },
};
