// Accepted, and then the gateway was killed before the ledger had it: what can't be applied any more at the next start ends
// refused, and its receipt can be asked for by the operation's id.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { temporaryFolder, type TemporaryFolder } from '../testing/index.js';
import { Life } from './life.js';
import { Door, foundedAt, type Common } from './load/index.js';
import { OwnKeyPerson } from './own-key-person.js';
import { problemOf, terms, type Visitor } from './world.js';

/** Nobody is made to wait long for a ledger that hangs. */
const WAITS = { PRMS_COMMIT_WAIT_MS: '1000', PRMS_EMERGENCY_COMMIT_WAIT_MS: '1000' };
const SHORT_LIFE_MS = 4000;
const HOUR_MS = 60 * 60 * 1000;

const fateSchema = z.looseObject({
  state: z.string(),
  receipt: z
    .looseObject({ id: z.string(), status: z.string(), code: z.string().optional() })
    .optional(),
});
type Fate = z.infer<typeof fateSchema>;
const offeredSchema = z.looseObject({
  receipt: z.looseObject({ id: z.string() }),
  slots: z.array(z.string()),
});
const appointmentsSchema = z.object({
  items: z.array(z.looseObject({ id: z.string(), slot: z.string(), status: z.string() })),
});

describe('a gateway that is killed before the ledger could refuse', function () {
  this.timeout(120_000);
  let folder: TemporaryFolder;
  let life: Life | undefined;
  let door: Door;
  let common: Common;

  beforeEach(async () => {
    folder = await temporaryFolder();
    door = new Door();
    await begin();
    common = await foundedAt(door);
  });
  afterEach(async () => {
    await life?.kill();
    await folder.remove();
  });

  const begin = async (): Promise<void> => {
    life = await Life.begin(folder.path, WAITS);
    door.url = life.url;
  };
  const killed = async (): Promise<void> => {
    await life?.kill();
    life = undefined;
  };
  /** Asks for a change that the ledger does not answer. @returns the operation's id */
  const accepted = async (who: Visitor, path: string, body: object): Promise<string> => {
    const problem = problemOf(await who.ask('POST', path, body));
    expect(problem.code).to.equal('COMMIT_TIMEOUT');
    return String(problem.ids?.['operation']);
  };
  const fate = async (who: Visitor, id: string): Promise<Fate> => {
    for (let i = 0; i < 400; i++) {
      const found = await who.get(`/operations/${id}`, fateSchema);
      if (found.state !== 'pending') return found;
      await sleep(50);
    }
    throw new Error(`${id} stays pending`);
  };
  /** The fate, and its receipt: of this operation, and of the same say. */
  const receiptOf = async (who: Visitor, id: string): Promise<string> => {
    const { state, receipt } = await fate(who, id);
    expect(receipt).to.include({ id, status: state });
    return receipt?.code === undefined ? state : `${state}: ${receipt.code}`;
  };

  it('because its life was over meanwhile', async () => {
    const olga = await new OwnKeyPerson(door, 'olga').register();
    await olga.furnish();
    const relative = await door.relative('rosa');
    await life?.ledger('hangs');
    const issuedAt = Date.now();
    const args = { patient: olga.userId, relative: relative.userId, rights: ['view' as const] };
    const twist = { issuedAt, expiresAt: issuedAt + SHORT_LIFE_MS };
    const { id, status } = await olga.send(olga.line('kin:link', args, twist));
    expect(status).to.equal('pending');
    await killed();
    await sleep(Math.max(0, issuedAt + SHORT_LIFE_MS - Date.now()));

    for (let again = 0; again < 2; again++) {
      await begin();
      await olga.logIn();
      expect(await receiptOf(olga.visitor, id)).to.equal('refused: EXPIRED');
      const links = z.object({ items: z.array(z.unknown()) });
      const { items } = await olga.visitor.get(`/patients/${olga.userId}/kin`, links);
      expect(items).to.deep.equal([]);
      await killed();
    }
  });

  it('because another one, accepted before it, has changed the same', async () => {
    const [maria, rosa] = [await door.patient('maria'), await door.relative('rosa')];
    const path = `/patients/${maria.userId}/consents`;
    const denial = terms(rosa, undefined, { effect: 'deny' });
    const { id: consent } = await maria.change(path, { terms: denial });
    await life?.ledger('hangs');
    const revoke = () => accepted(maria, `${path}/${consent}/revoke`, { replaces: 1 });
    const [first, second] = [await revoke(), await revoke()];
    await killed();

    await begin();
    await maria.logIn();
    expect(await receiptOf(maria, first)).to.equal('applied');
    expect(await receiptOf(maria, second)).to.equal('refused: VERSION_CONFLICT');
    const shown = z.object({
      items: z.array(z.looseObject({ id: z.string(), status: z.string(), version: z.int() })),
    });
    const [found, ...others] = (await maria.get(path, shown)).items;
    expect(found).to.include({ id: consent, status: 'revoked', version: 2 });
    expect(others).to.deep.equal([]);
  });

  it('because somebody else was first', async () => {
    const { north } = common;
    const doctor = await door.doctor('bruun', north);
    const patients = [await door.patient('anna'), await door.patient('ben')];
    for (const patient of patients) {
      const place = { doctor: doctor.userId, hospital: north.userId };
      const { id, version: replaces } = await patient.change('/care', place);
      await doctor.change(`/care/${patient.userId}/${id}/approve`, { replaces });
    }
    const times = [{ startsAt: Date.now() + HOUR_MS, minutes: 30 }];
    const body = { hospital: north.userId, slots: times };
    const { receipt: offer, slots } = await doctor.post('/slots', body, offeredSchema);
    await life?.ledger('hangs');
    const wish = { doctor: doctor.userId, offer: offer.id, slot: slots[0] };
    const ids: string[] = [];
    for (const patient of patients)
      ids.push(await accepted(patient, `/patients/${patient.userId}/appointments`, wish));
    await killed();

    await begin();
    const receipts: string[] = [];
    const booked: string[] = [];
    for (const [at, patient] of patients.entries()) {
      await patient.logIn();
      receipts.push(await receiptOf(patient, ids[at] ?? ''));
      booked.push(...(await patient.get('/appointments', appointmentsSchema)).items.map(idOf));
    }
    expect(receipts).to.deep.equal(['applied', 'refused: SLOT_TAKEN']);
    expect(booked).to.deep.equal([ids[0]]);
    // The refusal is the business of whoever was refused.
    const [anna] = patients;
    expect(await anna?.fails('GET', `/operations/${ids[1]}`)).to.equal('NOT_FOUND');
  });
});

const idOf = ({ id }: { readonly id: string }): string => id;
