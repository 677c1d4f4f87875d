// Act one: a consortium comes to be; people register, find their doctors, and meet.

import type { Cast } from './cast.js';
import { check, short, type Stage } from './stage.js';

interface Changed {
  readonly receipt: { readonly id: string; readonly version: number };
}
interface Relation {
  readonly id: string;
  readonly version: number;
}

export async function beginning(stage: Stage, cast: Cast, setupCode: string): Promise<void> {
  await consortium(stage, cast, setupCode);
  await people(stage, cast);
  await affiliations(stage, cast);
  await care(stage, cast);
  await appointment(stage, cast);
}

async function consortium(stage: Stage, { north, south }: Cast, setupCode: string): Promise<void> {
  stage.act('Two hospitals found a consortium');
  await north.register('hospital', {
    profile: { name: north.name, place: 'Harbour Road 1' },
    setupCode,
  });
  stage.tell(
    'North Hospital registers with the set-up code and founds the ledger.',
    `id ${short(north.userId)}, admitted by the genesis list`,
  );
  await south.register('hospital', { profile: { name: south.name, place: 'Mill Lane 4' } });
  const refusal = await south.refused((s) => s.post(`/hospitals/${south.userId}/vote`));
  check(refusal.code === 'REFUSED', 'an unadmitted hospital can’t vote itself in');
  stage.tell(
    'South Clinic registers, and can’t admit itself.',
    `${refusal.status} ${refusal.reason ?? ''}`,
  );
  const { receipt } = await north.post<Changed>(`/hospitals/${south.userId}/vote`);
  stage.tell('North Hospital votes South Clinic in.', `operation ${receipt.id} applied`);
}

async function people(
  stage: Stage,
  { north, south, drAdeyemi, drBruun, maria, tomas, wen, lena }: Cast,
): Promise<void> {
  stage.act('People register; each gets keys of their own, sealed under their password');
  await drAdeyemi.register('doctor', {
    profile: { name: drAdeyemi.name, speciality: 'radiology' },
  });
  await drBruun.register('doctor', {
    profile: { name: drBruun.name, speciality: 'general practice' },
  });
  await maria.register('patient', {
    details: { name: 'Maria Lindqvist', birthDate: '1974-03-02' },
    escrow: north.userId,
  });
  await tomas.register('patient', { details: { name: 'Tomas Horak' }, escrow: south.userId });
  await wen.register('patient', { details: { name: 'Wen Zhao' }, escrow: null });
  await lena.register('relative', { details: { name: 'Lena Lindqvist' } });
  const ids = [drAdeyemi, drBruun, maria, tomas, wen, lena].map(({ userId }) => userId);
  check(new Set(ids).size === 6, 'every id is another');
  stage.tell(
    'Two doctors, three patients and a relative.',
    `ids are hashes of keys: ${ids.map(short).join(' ')}`,
  );
}

async function affiliations(
  stage: Stage,
  { north, south, drAdeyemi, drBruun }: Cast,
): Promise<void> {
  stage.act('Doctors ask hospitals; hospitals decide');
  for (const [doctor, hospital] of [
    [drAdeyemi, north],
    [drBruun, south],
  ] as const) {
    const asked = await doctor.post<Changed>('/affiliations', { hospital: hospital.userId });
    const { receipt } = await hospital.post<Changed>(`/affiliations/${doctor.userId}/authorise`, {
      replaces: asked.receipt.version,
    });
    stage.tell(
      `${doctor.name} asks ${hospital.name}, which authorises.`,
      `affiliation at version ${receipt.version}`,
    );
  }
}

async function care(
  stage: Stage,
  { north, south, drAdeyemi, drBruun, maria, tomas, wen }: Cast,
): Promise<void> {
  stage.act('Patients ask doctors for care');
  const asked = await maria.post<Changed & Relation>('/care', {
    doctor: drAdeyemi.userId,
    hospital: north.userId,
  });
  await drAdeyemi.post(`/care/${maria.userId}/${asked.receipt.id}/approve`, { replaces: 1 });
  stage.tell('Maria asks Dr Adeyemi, who approves.', `care ${asked.receipt.id}`);
  const second = await tomas.post<Changed>('/care', {
    doctor: drBruun.userId,
    hospital: south.userId,
  });
  await drBruun.post(`/care/${tomas.userId}/${second.receipt.id}/approve`, { replaces: 1 });
  stage.tell('Tomas asks Dr Bruun, who approves.', `care ${second.receipt.id}`);
  const third = await wen.post<Changed>('/care', {
    doctor: drBruun.userId,
    hospital: south.userId,
  });
  await drBruun.post(`/care/${wen.userId}/${third.receipt.id}/refuse`, { replaces: 1 });
  stage.tell('Wen asks Dr Bruun, who has no room and refuses.', `care ${third.receipt.id}`);
}

async function appointment(stage: Stage, { north, drAdeyemi, maria }: Cast): Promise<void> {
  stage.act('An appointment');
  const day = 24 * 60 * 60 * 1000;
  const startsAt = Math.ceil(Date.now() / day) * day + 9 * 60 * 60 * 1000;
  const slots = [0, 30, 60].map((minutes) => ({
    startsAt: startsAt + minutes * 60_000,
    minutes: 30,
  }));
  await drAdeyemi.post('/slots', { hospital: north.userId, slots });
  const { items } = await maria.get<{
    items: { offer: string; slot: string; startsAt: number; free: boolean }[];
  }>(`/doctors/${drAdeyemi.userId}/slots`);
  const [first, second] = items.filter(({ free }) => free);
  if (!first || !second) throw new Error('the demo expected free slots');
  const booked = await maria.post<Changed>(`/patients/${maria.userId}/appointments`, {
    doctor: drAdeyemi.userId,
    offer: first.offer,
    slot: first.slot,
  });
  await maria.post(`/patients/${maria.userId}/appointments/${booked.receipt.id}/move`, {
    offer: second.offer,
    slot: second.slot,
    replaces: 1,
  });
  stage.tell(
    'Maria books a slot of Dr Adeyemi’s, then moves it half an hour.',
    `${new Date(second.startsAt).toISOString()}; on the ledger only the slot’s random id ${second.slot}`,
  );
}
