// A scene: doctor and patient talk over WebSockets; a line breaks and nothing is lost; the transcript proves itself.

import { once } from 'node:events';
import { WebSocket } from 'ws';
import { checkTranscript } from '../verify/index.js';
import type { Transcript } from '../services/consultations/index.js';
import type { Cast } from './cast.js';
import type { Person } from './client.js';
import type { Reports } from './middle.js';
import { check, short, type Stage } from './stage.js';

interface Frame {
  readonly type: string;
  readonly message?: { readonly number: number; readonly kind: string; readonly text?: string };
}

/** Somebody at the consultation's socket. */
class Voice {
  readonly heard: NonNullable<Frame['message']>[] = [];
  readonly #frames: Frame[] = [];
  #socket: WebSocket;

  constructor(
    private readonly person: Person,
    private readonly path: string,
  ) {
    this.#socket = this.#dial();
  }

  async join(): Promise<this> {
    await this.next('welcome');
    this.send({ type: 'join', after: this.heard.length });
    return this;
  }

  send(frame: object): void {
    this.#socket.send(JSON.stringify(frame));
  }

  async next(type: string): Promise<Frame> {
    for (;;) {
      const at = this.#frames.findIndex((frame) => frame.type === type);
      const [found] = at < 0 ? [] : this.#frames.splice(at, 1);
      if (found) return found;
      await once(this.#socket, 'message');
    }
  }

  async hears(count: number): Promise<void> {
    while (this.heard.length < count) await once(this.#socket, 'message');
  }

  drop(): void {
    this.#socket.terminate();
  }

  async again(): Promise<this> {
    this.#socket = this.#dial();
    return this.join();
  }

  #dial(): WebSocket {
    const socket = new WebSocket(...this.person.socket(`${this.path}/socket`));
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString('utf8')) as Frame;
      if (frame.message) this.heard.push(frame.message);
      else this.#frames.push(frame);
    });
    return socket;
  }
}

export async function consultation(
  stage: Stage,
  { north, drAdeyemi, maria, tomas }: Cast,
  { lab }: Reports,
): Promise<void> {
  stage.act('A consultation');
  const { id } = await drAdeyemi.post<{ id: string }>('/consultations', {
    patient: maria.userId,
    hospital: north.userId,
  });
  const path = `/patients/${maria.userId}/consultations/${id}`;
  const doctor = await new Voice(drAdeyemi, path).join();
  const patient = await new Voice(maria, path).join();
  await patient.next('waiting');
  doctor.send({ type: 'admit', user: maria.userId });
  await patient.next('joined');
  doctor.send({ type: 'say', id: 'demo-1-hello', text: 'Good morning. Your blood count is back.' });
  await patient.hears(1);
  const stranger = await tomas.refused((t) => t.get(`${path}/messages`));
  check(stranger.code === 'FORBIDDEN', 'nobody else listens');
  stage.tell(
    'Maria knocks, Dr Adeyemi lets her in; they talk over WebSockets, and nobody else may listen.',
    `encrypted for the two; Tomas: ${stranger.status} ${stranger.code}`,
  );

  patient.drop();
  doctor.send({ type: 'say', id: 'demo-2-iron', text: 'It is the iron again.' });
  await doctor.next('ack');
  await doctor.next('ack');
  await patient.again();
  await patient.hears(2);
  patient.send({ type: 'say', id: 'demo-3-answer', text: 'I was gone for a moment. Iron, then.' });
  await doctor.hears(3);
  const order = (voice: Voice) => voice.heard.map(({ number }) => number).join();
  check(order(patient) === '1,2,3' && order(doctor) === '1,2,3', 'one order, each once, for both');
  stage.tell(
    'Maria’s line breaks while the doctor speaks; she comes back and resumes.',
    `both have messages ${order(patient)}, each once`,
  );

  patient.send({ type: 'show', id: 'demo-4-report', report: lab.id });
  await doctor.hears(4);
  const { access } = await maria.post<{ access: string }>(`${path}/look`, {
    report: lab.id,
    purpose: 'treatment',
  });
  await doctor.hears(5);
  check(doctor.heard[4]?.kind === 'report-viewed', 'both are told of the look');
  stage.tell(
    'They turn to the laboratory report: a look is an access like any other, and is told to both.',
    `access ${access} on the ledger`,
  );

  await drAdeyemi.post(`${path}/close`);
  await patient.next('closed');
  const transcript = await maria.get<Transcript>(`${path}/transcript`);
  const verdict = await checkTranscript(transcript, { expect: [] });
  check(verdict.ok && verdict.facts['anchored'] === 5, 'the transcript verifies offline');
  const messages = transcript.messages.map((message) =>
    message.kind === 'message' && message.number === 2
      ? { ...message, text: 'It is nothing.' }
      : message,
  );
  const forged = await checkTranscript({ ...transcript, messages }, { expect: [] });
  check(!forged.ok, 'a changed text is found');
  stage.tell(
    'It is closed, with the end of its chain; Maria’s transcript proves itself, and a changed one does not.',
    `${verdict.proven[0] ?? ''}, head ${short(transcript.messages.at(-1)?.head ?? '')}; “${forged.problems[0]?.message ?? ''}”`,
  );
}
