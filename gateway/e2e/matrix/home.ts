// One gateway with one of everybody, for the matrix: Maria, whose record it is about, and all who stand near her or don't.
// Built once. What a row needs beside (a consent to revoke, an appointment to move) is made here when it asks.
import { z } from 'zod';
import { Signer, type Signed } from '../../http/routes/testing-operations.js';
import { smallCover, terms, text, World, type Visitor } from '../world.js';

/** The matrix's columns: who calls, and how they stand to Maria. */
export const WHO = [
  'anonymous',
  'owner',
  'otherPatient',
  'doctor',
  'doctorWithoutCare',
  'strangeDoctor',
  'suspendedDoctor',
  'guardian',
  'consenter',
  'keeper',
  'strangeRelative',
  'hospital',
  'otherHospital',
  'unadmittedHospital',
  'auditor',
  'unadmittedAuditor',
] as const;
export type Who = (typeof WHO)[number];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A title and a content that nobody without a right to them may be shown. */
export const SECRETS = ['secret content', 'secret title', 'Maria', 'secret reason'] as const;

const LIMIT_BYTES = 4096;
const NOTICE_MS = 7 * DAY_MS;
const NEW_PASSWORD = 'another horse entirely';

const requestedSchema = z.object({ requestCode: z.string() });
const waitingKeysSchema = z.looseObject({
  userId: z.string(),
  keys: z.unknown(),
  proof: z.string(),
  proofId: z.string(),
});
const changed = z.looseObject({ receipt: z.looseObject({ id: z.string(), version: z.int() }) });

export class Home {
  #made = 0;
  #slotAt = 0;
  #rekeyed: Promise<string> | undefined;

  constructor(
    readonly world: World,
    readonly people: Readonly<Record<Who, Visitor>>,
    /** A report of Maria's that stays. */
    readonly report: string,
    /** One that was too large to hide. */
    readonly scan: string,
    readonly kinOf: Readonly<Record<'guardian' | 'consenter' | 'keeper', string>>,
    /** Maria's care relation with `doctor`. */
    readonly care: string,
    /** Admitted hospitals that are nobody's here: ids. */
    readonly hospitals: Readonly<Record<'strange' | 'doctorsOwn', string>>,
    /** A doctor who is in no column: what consents are given to, so that they change nobody's standing. */
    readonly grantee: Visitor,
  ) {}

  static async build(): Promise<Home> {
    const world = await World.open({ env: { PRMS_STEGO_LIMIT_BYTES: String(LIMIT_BYTES) } });
    try {
      return await furnish(world);
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  get owner(): Visitor {
    return this.people.owner;
  }

  /** Where Maria's record is. */
  get path(): string {
    return `/patients/${this.owner.userId}`;
  }

  async roleOf(who: Who): Promise<string> {
    return (await this.world.gateway.services.records.user(this.people[who].userId)).role;
  }

  /** The same person in a session of their own, which may be spoilt. */
  async again(who: Who): Promise<Visitor> {
    const { login, userId, password } = this.people[who];
    const twin = this.world.visitor(login);
    twin.password = password;
    twin.userId = userId;
    return who === 'anonymous' ? twin : twin.logIn();
  }

  /** Time goes by; everybody logs in again. */
  async later(ms: number): Promise<void> {
    this.world.clock.advance(ms);
    for (const who of WHO) if (who !== 'anonymous') await this.people[who].logIn();
  }

  /** Somebody new of the same role; for whoever is nobody, a patient. */
  async newcomer(who: Who): Promise<Visitor> {
    const role = who === 'anonymous' ? 'patient' : await this.roleOf(who);
    const name = this.name('Newcomer');
    switch (role) {
      case 'hospital':
        return this.world.hospital(name);
      case 'doctor':
        return this.world.doctor(name);
      case 'auditor':
        return this.world.auditor(name);
      case 'relative':
        return this.world.relative(name);
      default:
        return this.world.patient(name);
    }
  }

  /** A line that Maria has signed. */
  async signedOperation(): Promise<Signed> {
    const { gateway, clock } = this.world;
    return (await Signer.of(gateway, this.owner, () => clock.now())).access();
  }

  // --- something new, of which the row may dispose

  name(prefix: string): string {
    return `${prefix} ${String.fromCharCode(97 + (this.#made % 26))}${String(++this.#made)}`;
  }

  relative(): Promise<Visitor> {
    return this.world.relative(this.name('Kin'));
  }

  async newDoctor(): Promise<Visitor> {
    return this.world.doctor(this.name('New'), this.people.hospital);
  }

  /** `doctor` has asked the hospital that nobody else has anything to do with. @returns the affiliation's version */
  async doctorsOwnAffiliation(): Promise<number> {
    const body = { hospital: this.hospitals.doctorsOwn };
    return (await this.people.doctor.change('/affiliations', body)).version;
  }

  /** A doctor who has asked `hospital`. @returns the doctor and the affiliation's version */
  async applicant(): Promise<{ doctor: Visitor; version: number }> {
    const doctor = await this.world.doctor(this.name('Hopeful'));
    const asked = await doctor.change('/affiliations', { hospital: this.people.hospital.userId });
    return { doctor, version: asked.version };
  }

  async kinLink(): Promise<string> {
    const link = { relative: (await this.relative()).userId, rights: ['view'] };
    return (await this.owner.change(`${this.path}/kin`, link)).id;
  }

  /** A waiting cover of Maria's. */
  async cover(): Promise<string> {
    const form = new FormData();
    form.append('cover', new Blob([new Uint8Array(smallCover())]), 'cover.png');
    return (await this.owner.post('/covers', form, z.looseObject({ id: z.string() }))).id;
  }

  /** A selective consent: it begins and ends without a new epoch. */
  consent(): Promise<string> {
    return this.world.grant(this.owner, this.owner, this.terms());
  }

  terms(): object {
    return terms(this.grantee, { kind: 'selective', reports: [this.report] });
  }

  async newReport(author: Who = 'owner'): Promise<string> {
    const actingFor = author === 'doctor' ? { actingFor: this.people.hospital.userId } : {};
    const bytes = text('secret content');
    const upload = { bytes, title: 'secret title', ...actingFor };
    return (await this.world.upload(this.people[author], this.owner, upload)).id;
  }

  /** Somebody who has lost their keys and asked for new ones. Default: somebody new. */
  async lostKeys(
    somebody?: Visitor,
  ): Promise<{ userId: string; requestCode: string; proposal: object }> {
    const { login } = somebody ?? (await this.relative());
    const { hospital, anonymous } = this.people;
    const wish = { login, newPassword: NEW_PASSWORD };
    const { requestCode } = await anonymous.post('/recovery/requests', wish, requestedSchema);
    const { userId, keys, proof, proofId } = await hospital.get(
      `/recovery/requests/${requestCode}`,
      waitingKeysSchema,
    );
    return { userId, requestCode, proposal: { keys, proof, proofId } };
  }

  /** The same, taken up by `hospital`. */
  async proposal(somebody?: Visitor): Promise<{ id: string; proposal: string }> {
    const { userId: id, proposal } = await this.lostKeys(somebody);
    const made = await this.people.hospital.change(`/users/${id}/recovery`, proposal);
    return { id, proposal: made.id };
  }

  async secondAndWait({ id, proposal }: { id: string; proposal: string }): Promise<void> {
    await this.people.otherHospital.change(`/users/${id}/recovery/${proposal}/second`);
    await this.later(NOTICE_MS);
  }

  /** A patient of `hospital`'s whose keys were replaced: made once, since handing over the vault's key uses up nothing. */
  rekeyedPatient(): Promise<string> {
    return (this.#rekeyed ??= this.#rekey());
  }

  async #rekey(): Promise<string> {
    const { hospital } = this.people;
    const patient = await this.world.patient(this.name('Forgetful'), hospital);
    const path = await this.proposal(patient);
    await this.secondAndWait(path);
    await hospital.change(`/users/${path.id}/recovery/${path.proposal}/complete`);
    return path.id;
  }

  /** A request for care of Maria's to `doctor`, at the other hospital; the one before is ended. */
  async careAsked(): Promise<string> {
    const { doctor, otherHospital } = this.people;
    const body = { doctor: doctor.userId, hospital: otherHospital.userId };
    const mine = await this.owner.get('/care?limit=100', careListSchema);
    for (const { care } of mine.items) {
      const open = care.status === 'requested' || care.status === 'approved';
      if (care.hospital !== otherHospital.userId || !open) continue;
      const end = `/care/${this.owner.userId}/${care.id}/end`;
      await this.owner.change(end, { replaces: care.version });
    }
    return (await this.owner.change('/care', body)).id;
  }

  /** Free slots of `doctor`, a day ahead and later. */
  async slots(count = 1): Promise<{ offer: string; slot: string }[]> {
    const times = Array.from({ length: count }, () => {
      return { startsAt: this.nextSlotAt(), minutes: 30 };
    });
    const body = { hospital: this.people.hospital.userId, slots: times };
    const offered = changed.extend({ slots: z.array(z.string()) });
    const { receipt, slots } = await this.people.doctor.post('/slots', body, offered);
    return slots.map((slot) => ({ offer: receipt.id, slot }));
  }

  /** When the next slot may begin. */
  nextSlotAt(): number {
    this.#slotAt = Math.max(this.#slotAt, this.world.clock.now() + DAY_MS) + HOUR_MS;
    return this.#slotAt;
  }

  async appointment(): Promise<string> {
    const [place] = await this.slots();
    const body = { doctor: this.people.doctor.userId, ...place };
    return (await this.owner.change(`${this.path}/appointments`, body)).id;
  }

  /** An open consultation of `doctor` and Maria, with one message; she and her guardian are let in. */
  async consultation(): Promise<string> {
    const { doctor, hospital } = this.people;
    const body = { patient: this.owner.userId, hospital: hospital.userId };
    const { id } = await doctor.change('/consultations', body);
    const path = `${this.path}/consultations/${id}`;
    for (const user of [this.owner.userId, this.people.guardian.userId])
      await doctor.ask('POST', `${path}/admit`, { user });
    await doctor.ask('POST', `${path}/messages`, { text: 'secret content' });
    return id;
  }

  /** The key that a consultation has, as it would be handed in again. */
  consultationKey(id: string): Promise<object> {
    const path = `${this.path}/consultations/${id}/key`;
    return this.people.doctor.get(path, z.looseObject({}));
  }

  /** An access of `doctor`'s, by the consent that they have. */
  async access(report = this.report): Promise<{ access: string; ticket: string }> {
    const wish = { actingFor: this.people.hospital.userId };
    const { doctor } = this.people;
    return this.world.open(doctor, this.owner, report, wish);
  }

  async emergency(): Promise<string> {
    const { doctor, hospital } = this.people;
    const body = { actingFor: hospital.userId, reason: 'secret reason' };
    return (await doctor.change(`${this.path}/emergency`, body)).id;
  }

  /** Everything in Maria's record but the accesses, and what the cloud holds. */
  async snapshot(): Promise<unknown> {
    const { records } = this.world.gateway.services;
    const page = { limit: 200 };
    const id = this.owner.userId;
    return {
      patient: await records.patient(id),
      reports: await records.reports(id, page),
      appointments: await records.appointments(id, page),
      consultations: await records.consultations(id, page),
      objects: [...(await this.world.objects()).keys()].sort(),
    };
  }

  close(): Promise<void> {
    return this.world.close();
  }
}

const careListSchema = z.object({
  items: z.array(
    z.looseObject({
      care: z.looseObject({
        id: z.string(),
        version: z.int(),
        status: z.string(),
        hospital: z.string(),
      }),
    }),
  ),
});

async function furnish(world: World): Promise<Home> {
  const hospital = await world.hospital('North');
  const otherHospital = await world.hospital('South', hospital);
  const doctor = await world.doctor('Adeyemi', hospital, otherHospital);
  const suspendedDoctor = await world.doctor('Stark', hospital);
  const owner = await world.patient('Maria', hospital);
  const auditor = await world.auditor('Eyre');
  for (const voter of [hospital, otherHospital])
    await voter.change(`/hospitals/${auditor.userId}/vote`);
  const hospitals = { strange: '', doctorsOwn: '' };
  for (const name of ['strange', 'doctorsOwn'] as const) {
    const made = await world.hospital(name, hospital);
    await otherHospital.change(`/hospitals/${made.userId}/vote`);
    hospitals[name] = made.userId;
  }
  const grantee = await world.doctor('Grant', otherHospital);
  const people: Record<Who, Visitor> = {
    anonymous: world.visitor('nobody'),
    owner,
    otherPatient: await world.patient('Tomas'),
    doctor,
    doctorWithoutCare: await world.doctor('Brand', hospital),
    strangeDoctor: await world.doctor('Bruun', otherHospital),
    suspendedDoctor,
    guardian: await world.relative('Greta'),
    consenter: await world.relative('Conny'),
    keeper: await world.relative('Kai'),
    strangeRelative: await world.relative('Piotr'),
    hospital,
    otherHospital,
    unadmittedHospital: await world.hospital('Nowhere'),
    auditor,
    unadmittedAuditor: await world.auditor('Unadmitted'),
  };
  const link = async (who: 'guardian' | 'consenter' | 'keeper', rights: string[]) => {
    const notAfter = world.clock.now() + 365 * DAY_MS;
    const body = { relative: people[who].userId, rights, notAfter };
    return (await owner.change(`/patients/${owner.userId}/kin`, body)).id;
  };
  const kinOf = {
    guardian: await link('guardian', ['guardian']),
    consenter: await link('consenter', ['view', 'consent']),
    keeper: await link('keeper', ['view', 'keep']),
  };
  const care = await world.care(owner, doctor, hospital);
  await world.care(owner, suspendedDoctor, hospital);
  const upload = { bytes: text('secret content'), title: 'secret title' };
  const { id: report } = await world.upload(owner, owner, upload);
  const large = { ...upload, bytes: text('secret content '.repeat(LIMIT_BYTES / 10)) };
  const { id: scan } = await world.upload(owner, owner, large);
  await world.grant(owner, owner, terms(doctor));
  await world.grant(owner, owner, terms(suspendedDoctor));
  // Affiliations begin at version 1, and being authorised made it 2.
  await hospital.change(`/affiliations/${suspendedDoctor.userId}/suspend`, { replaces: 2 });
  return new Home(world, people, report, scan, kinOf, care, hospitals, grantee);
}
