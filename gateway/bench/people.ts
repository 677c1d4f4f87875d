// Who is at the gateway that is measured: a hospital that relays, its doctor, and a patient in the doctor's care.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { z } from 'zod';

export const SETUP_CODE = 'set-up-code-of-the-bench';
const password = 'a long walk by the sea';

const changed = z.looseObject({
  receipt: z.looseObject({ id: z.string(), version: z.int() }),
});

export class Person {
  token = '';
  userId = '';

  constructor(
    private readonly url: string,
    private readonly login: string,
  ) {}

  async ask(method: string, path: string, body?: object): Promise<Response> {
    const isForm = body instanceof FormData;
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        ...(this.token !== '' && { authorization: `Bearer ${this.token}` }),
        ...(body && !isForm && { 'content-type': 'application/json' }),
      },
      ...(body && { body: isForm ? body : JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
    return response;
  }

  async post<S extends z.ZodType>(path: string, body: object, schema: S): Promise<z.output<S>> {
    return schema.parse(await (await this.ask('POST', path, body)).json());
  }

  async change(path: string, body: object): Promise<{ id: string; version: number }> {
    return (await this.post(path, body, changed)).receipt;
  }

  async register(role: string, body: object): Promise<this> {
    const { login } = this;
    const registered = z.looseObject({ userId: z.string() });
    const { userId } = await this.post(
      `/register/${role}`,
      { login, password, ...body },
      registered,
    );
    this.userId = userId;
    const session = { login, password, kind: 'bearer' };
    this.token = (
      await this.post('/sessions', session, z.looseObject({ token: z.string() }))
    ).token;
    return this;
  }
}

export interface People {
  readonly hospital: Person;
  readonly doctor: Person;
  readonly patient: Person;
}

export async function settle(url: string): Promise<People> {
  const profile = { name: 'North' };
  const hospital = await new Person(url, 'north').register('hospital', {
    profile,
    setupCode: SETUP_CODE,
  });
  const doctor = await new Person(url, 'bruun').register('doctor', { profile });
  const details = { name: 'Maria' };
  const patient = await new Person(url, 'maria').register('patient', { details, escrow: null });
  const asked = await doctor.change('/affiliations', { hospital: hospital.userId });
  const replaces = asked.version;
  await hospital.change(`/affiliations/${doctor.userId}/authorise`, { replaces });
  const care = await patient.change('/care', { doctor: doctor.userId, hospital: hospital.userId });
  await doctor.change(`/care/${patient.userId}/${care.id}/approve`, { replaces: care.version });
  return { hospital, doctor, patient };
}

/** Uploads a report of so many random bytes, then opens and fetches it. Milliseconds: to anchored, and to the last byte. */
export async function report(
  patient: Person,
  size: number,
): Promise<{ uploadMs: number; openMs: number }> {
  const bytes = new Uint8Array(randomBytes(size));
  const form = new FormData();
  form.append('meta', JSON.stringify({ title: 'A report', category: 'laboratory' }));
  form.append('report', new Blob([bytes]), 'report.bin');
  const reports = `/patients/${patient.userId}/reports`;
  const began = performance.now();
  const uploaded = z.looseObject({ report: z.looseObject({ id: z.string() }) });
  const { id } = (await patient.post(reports, form, uploaded)).report;
  const anchored = performance.now();
  const opened = z.looseObject({ ticket: z.string() });
  const wish = { action: 'view', purpose: 'treatment' };
  const { ticket } = await patient.post(`${reports}/${id}/access`, wish, opened);
  const answer = await patient.ask('GET', `/tickets/${ticket}/content`);
  const read = new Uint8Array(await answer.arrayBuffer());
  const done = performance.now();
  if (Buffer.compare(read, bytes) !== 0) throw new Error('the report came back changed');
  return { uploadMs: anchored - began, openMs: done - anchored };
}

/** Opens so many WebSockets of one consultation. */
export async function sockets(
  url: string,
  { doctor, patient, hospital }: People,
  count: number,
): Promise<{ close(): void }> {
  const places = { patient: patient.userId, hospital: hospital.userId };
  const { id } = await doctor.change('/consultations', places);
  const path = `/api/v1/patients/${patient.userId}/consultations/${id}/socket`;
  const headers = { authorization: `Bearer ${doctor.token}` };
  const open: WebSocket[] = [];
  while (open.length < count) {
    const some = Array.from({ length: Math.min(50, count - open.length) }, () => {
      return new WebSocket(`${url.replace('http', 'ws')}${path}`, { headers });
    });
    await Promise.all(some.map((socket) => once(socket, 'open')));
    open.push(...some);
  }
  // Whoever is let in is also kept.
  await sleep(1000);
  const kept = open.filter(({ readyState }) => readyState === WebSocket.OPEN).length;
  if (kept < count) throw new Error(`${kept} of ${count} sockets were kept`);
  return { close: () => open.forEach((socket) => socket.terminate()) };
}
