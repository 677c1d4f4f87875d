// A record in which everything has been changed, taken back or ended at least once.
import { RecordWorld } from './exported-record.js';
import { handIn, letIn, settled } from './systems.js';
import { hospitalTerms, terms, text, type Visitor } from './world.js';

const DAY_MS = 86_400_000;

export interface LivedRecord {
  readonly record: RecordWorld;
  readonly guardian: Visitor;
  /** Ids by what happened to it. */
  readonly ids: Readonly<Record<string, string>>;
}

export async function livedRecord(): Promise<LivedRecord> {
  const record = await RecordWorld.open();
  const guardian = await record.world.relative('Nina');
  const ids: Record<string, string> = {};
  const life = new Life(record, guardian, ids);
  await life.relatives();
  await life.consents();
  await life.care();
  await life.reports();
  await life.appointments();
  await life.emergency();
  await life.consultation();
  await life.keys();
  return { record, guardian, ids };
}

class Life {
  constructor(
    private readonly record: RecordWorld,
    private readonly guardian: Visitor,
    private readonly ids: Record<string, string>,
  ) {}

  async relatives(): Promise<void> {
    const { record, guardian, ids } = this;
    const { world, maria, path } = record;
    const piotr = await world.relative('Piotr');
    const notAfter = world.clock.now() + 30 * DAY_MS;
    const link = { relative: guardian.userId, rights: ['guardian'], notAfter };
    ids['guardian'] = (await maria.change(`${path}/kin`, link)).id;
    const { id } = await maria.change(`${path}/kin`, { relative: piotr.userId, rights: ['keep'] });
    ids['ended link'] = id;
    await maria.change(`${path}/kin/${id}/amend`, { rights: ['view'], notAfter, replaces: 1 });
    await piotr.change(`${path}/kin/${id}/end`, { replaces: 2 });
  }

  async consents(): Promise<void> {
    const { record, guardian, ids } = this;
    const { world, maria, doctor, north, path } = record;
    const [from, to] = [world.clock.now() + 1000, world.clock.now() + 60_000];
    const narrow = { kind: 'partial', fromMonth: '2020-01' };
    const given = await world.grant(maria, maria, terms(doctor, narrow));
    const wider = terms(doctor, narrow, { purposes: ['treatment', 'research'] });
    await maria.change(`${path}/consents/${given}/amend`, { terms: wider, replaces: 1 });
    ids['amended'] = given;
    const window = terms(doctor, narrow, { actions: ['view'], notBefore: from, notAfter: to });
    ids['expired'] = await world.grant(maria, maria, window);
    ids['on behalf'] = await world.grant(guardian, maria, hospitalTerms(north, narrow));
    const denial = hospitalTerms(north, narrow, { effect: 'deny', purposes: ['legal'] });
    ids['taken back'] = await world.grant(guardian, maria, denial);
    await world.revoke(maria, maria, ids['taken back']);
    world.clock.advance(120_000);
  }

  async care(): Promise<void> {
    const { record, ids } = this;
    const { world, maria, north } = record;
    const other = await world.doctor('Baker', north);
    ids['ended care'] = await world.care(maria, other, north);
    const end = `/care/${maria.userId}/${ids['ended care']}/end`;
    await other.change(end, { replaces: 2 });
    const third = await world.doctor('Curie', north);
    const asked = await maria.change('/care', { doctor: third.userId, hospital: north.userId });
    ids['refused care'] = asked.id;
    await third.change(`/care/${maria.userId}/${asked.id}/refuse`, { replaces: 1 });
  }

  async reports(): Promise<void> {
    const { record, ids } = this;
    const { world, maria, path, reports } = record;
    const [erased, withdrawn, old] = reports.map(({ id }) => id);
    ids['erased'] = erased ?? '';
    ids['withdrawn'] = withdrawn ?? '';
    ids['superseded'] = old ?? '';
    await maria.change(`${path}/reports/${ids['withdrawn']}/withdraw`, { replaces: 1 });
    const supersedes = { id: ids['superseded'], replaces: 1 };
    const next = await world.upload(maria, maria, { bytes: text('corrected'), supersedes });
    ids['superseding'] = next.id;
    await maria.change(`${path}/reports/${ids['erased']}/erase`, { replaces: 1 });
  }

  async appointments(): Promise<void> {
    const { record, ids } = this;
    const { world, doctor, maria, north, path } = record;
    const place = async (hours: number): Promise<{ offer: string; slot: string }> => {
      const startsAt = world.clock.now() + hours * 3_600_000;
      const slots = [{ startsAt, minutes: 20 }];
      const made = await doctor.ask('POST', '/slots', { hospital: north.userId, slots });
      const { receipt, slots: ids } = made.body as {
        receipt: { id: string };
        slots: string[];
      };
      return { offer: receipt.id, slot: ids[0] ?? '' };
    };
    const [first, second] = [await place(30), await place(40)];
    const booked = { doctor: doctor.userId, ...first };
    const { id } = await maria.change(`${path}/appointments`, booked);
    ids['cancelled'] = id;
    await maria.change(`${path}/appointments/${id}/move`, { ...second, replaces: 1 });
    await doctor.change(`${path}/appointments/${id}/cancel`, { replaces: 2 });
  }

  async emergency(): Promise<void> {
    const { record, ids } = this;
    const { doctor, maria, north, path, world } = record;
    const why = { actingFor: north.userId, reason: 'brought in by ambulance' };
    const { id } = await doctor.change(`${path}/emergency`, why);
    ids['emergency'] = id;
    const report = record.reports[4]?.id ?? '';
    await world.read(doctor, maria, report, {
      actingFor: north.userId,
      emergency: id,
      purpose: 'emergency',
    });
    const verdict = { verdict: 'justified', note: 'as it should be', replaces: 1 };
    await north.change(`${path}/accesses/${id}/review`, verdict);
    await maria.change(`${path}/accesses/${id}/object`, { note: 'I was awake', replaces: 2 });
  }

  async consultation(): Promise<void> {
    const { record, ids } = this;
    const { doctor, maria, north, path } = record;
    const opened = { patient: maria.userId, hospital: north.userId };
    const { id } = await doctor.change('/consultations', opened);
    ids['closed'] = id;
    await doctor.ask('POST', `${path}/consultations/${id}/messages`, { text: 'Good-bye.' });
    await doctor.change(`${path}/consultations/${id}/close`);
  }

  async keys(): Promise<void> {
    const { record, ids } = this;
    const { world, maria, north } = record;
    await maria.ask('PUT', '/me/escrow', { escrow: null });
    const system = await letIn(world, north, 'Archive');
    const bytes = text('from the archive');
    const sent = await handIn(system, { patient: maria, bytes });
    ids['from a system'] = (await settled(world, system, sent.id)).report ?? '';
    await maria.change('/me/keys/rotate');
    await maria.logIn();
  }
}
