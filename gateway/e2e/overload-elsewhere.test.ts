// Ten times too much of what is no operation: uploads, documents from systems, WebSockets, connections. What is accepted is
// kept, the rest is turned away with a time to come again, and memory goes back to what it was.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { temporaryFolder, type TemporaryFolder } from '../testing/index.js';
import { Life } from './life.js';
import { PATIENT, visitorAt } from './load/index.js';
import { intakeForm } from './systems.js';
import { SETUP_CODE, smallCover, uploadForm, type Visitor } from './world.js';

const UPLOADS = 2;
const DOCUMENTS = 10;
const SOCKETS = 8;
const CONNECTIONS = 120;
const MiB = 1024 * 1024;
/** What a heap may differ by, with nothing under way before and after. */
const MARGIN_MIB = 24;

const listSchema = z.object({ items: z.array(z.looseObject({ id: z.string() })) });
const serviceSchema = z.object({ id: z.string(), token: z.string() });
const documentSchema = z.looseObject({ id: z.string(), state: z.string() });

interface Refusal {
  readonly status: number;
  readonly retryAfter: string | undefined;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
}

describe('a gateway that gets ten times too much', function () {
  this.timeout(180_000);
  let folder: TemporaryFolder;
  let life: Life;
  let patient: Visitor;
  let system: Visitor;
  /** The address of a consultation's socket. */
  let socketAddress: string;
  let heapBefore: number;

  before(async () => {
    folder = await temporaryFolder();
    life = await Life.begin(folder.path, {
      PRMS_MAX_UPLOADS_AT_ONCE: String(UPLOADS),
      PRMS_STEGO_QUEUE: '2',
      PRMS_ACQUISITION_DOCUMENTS: String(DOCUMENTS),
      PRMS_ACQUISITION_POLL_MS: '20',
      PRMS_ACQUISITION_BACKOFF_MS: '20',
      PRMS_SOCKETS_PER_USER: String(SOCKETS),
      PRMS_MAX_REQUESTS_AT_ONCE: '100',
      // A client that is slow to notice would write into a connection that was closed for being idle.
      PRMS_KEEP_ALIVE_TIMEOUT_MS: '60000',
      PRMS_MAX_CONNECTIONS: String(CONNECTIONS),
    });
    const north = await visitorAt(life.url, 'north').register('hospital', {
      profile: { name: 'North' },
      setupCode: SETUP_CODE,
    });
    patient = await visitorAt(life.url, 'maria').register('patient', PATIENT);
    const doctor = await visitorAt(life.url, 'bruun').register('doctor', {
      profile: { name: 'Bruun' },
    });
    const hospital = north.userId;
    const asked = await doctor.change('/affiliations', { hospital });
    await north.change(`/affiliations/${doctor.userId}/authorise`, { replaces: asked.version });
    const care = await patient.change('/care', { doctor: doctor.userId, hospital });
    const approval = { replaces: care.version };
    await doctor.change(`/care/${patient.userId}/${care.id}/approve`, approval);
    const wish = { patient: patient.userId, hospital };
    const consultation = await doctor.change('/consultations', wish);
    const path = `/patients/${patient.userId}/consultations/${consultation.id}/socket`;
    socketAddress = `${life.url.replace('http', 'ws')}/api/v1${path}`;
    const service = await north.post('/services', { profile: { name: 'Lab' } }, serviceSchema);
    system = visitorAt(life.url, 'lab');
    system.userId = service.id;
    system.token = service.token;
    // One of each first: what is loaded and made once is no growth.
    expect((await upload()).status).to.equal(201);
    expect((await handIn()).status).to.equal(202);
    await anchored(2);
  });
  after(async () => {
    await life.kill();
    await folder.remove();
  });
  beforeEach(async () => {
    heapBefore = (await life.memory()).heapBytes;
  });
  afterEach(async () => {
    const growthMiB = ((await life.memory()).heapBytes - heapBefore) / MiB;
    expect(growthMiB, 'growth of the heap in MiB').to.be.lessThan(MARGIN_MIB);
  });

  const upload = () => {
    const bytes = new Uint8Array(randomBytes(300));
    const form = uploadForm({ bytes, title: 'A report', covers: [smallCover()] });
    return patient.ask('POST', `/patients/${patient.userId}/reports`, form);
  };
  const handIn = () =>
    system.ask('POST', '/intake/reports', intakeForm({ patient, bytes: randomBytes(300) }));
  const count = async () =>
    (await patient.get(`/patients/${patient.userId}/reports?limit=500`, listSchema)).items.length;

  /** Everything that was accepted becomes a report, and nothing else does. */
  async function anchored(total: number): Promise<void> {
    for (let i = 0; (await count()) < total; i++) {
      if (i === 600) throw new Error(`${await count()} reports of ${total}`);
      await sleep(100);
    }
    expect(await count()).to.equal(total);
  }

  /** Whoever is turned away is told when to come again. */
  function turnedAway(answers: readonly Answer[]): void {
    for (const { status, headers } of answers) {
      expect(status).to.be.oneOf([429, 503]);
      expect(Number(headers.get('retry-after'))).to.be.within(1, 60);
    }
  }

  it('of uploads: takes as many as it may, and keeps those', async () => {
    const had = await count();
    // Those that are let in wait for the ledger, so that the others find every place taken.
    await life.ledger('hangs');
    let answered = 0;
    const asked = Array.from({ length: 10 * UPLOADS }, async () => {
      const answer = await upload();
      answered++;
      return answer;
    });
    for (let i = 0; answered < 9 * UPLOADS && i < 400; i++) await sleep(50);
    await life.ledger('works');
    const answers = await Promise.all(asked);
    const kept = answers.filter(({ status }) => status === 201);
    turnedAway(answers.filter(({ status }) => status !== 201));
    expect(kept.length).to.equal(UPLOADS);
    await anchored(had + kept.length);
  });

  it('of documents from systems: takes what fits into the queue, and makes reports of all of those', async () => {
    const had = await count();
    await life.ledger('hangs');
    const accepted: string[] = [];
    const away: Answer[] = [];
    for (let round = 0; round < DOCUMENTS; round++) {
      for (const answer of await Promise.all(Array.from({ length: 10 }, handIn)))
        if (answer.status === 202) accepted.push(documentSchema.parse(answer.body).id);
        else away.push(answer);
    }
    turnedAway(away);
    // As many as its places, or a few more where some had become reports before the ledger hung.
    expect(new Set(accepted).size).to.be.within(DOCUMENTS, DOCUMENTS + 2);
    await life.ledger('works');
    await anchored(had + accepted.length);
    for (const id of accepted)
      expect(await system.get(`/intake/reports/${id}`, documentSchema)).to.include({
        state: 'anchored',
      });
  });

  it('of WebSockets: opens as many as it may, and has room again when they are closed', async () => {
    const met = await Promise.all(Array.from({ length: 10 * SOCKETS }, dial));
    const open = met.flatMap((each) => (each instanceof WebSocket ? [each] : []));
    expect(open.length).to.equal(SOCKETS);
    for (const each of met) {
      if (each instanceof WebSocket) continue;
      expect(each.status).to.equal(503);
      expect(each.retryAfter).to.equal('5');
    }
    await Promise.all(
      open.map(async (socket) => {
        const closed = once(socket, 'close');
        socket.close();
        await closed;
      }),
    );
    const again = await dial();
    if (!(again instanceof WebSocket)) throw new Error('there is no room again');
    // Ten times the frames that one may send in a minute: closed with the code for it.
    const closed = once(again, 'close');
    for (let n = 0; n < 6000 && again.readyState === WebSocket.OPEN; n++) again.send('{}');
    expect((await closed)[0]).to.equal(4429);
  });

  it('of connections: closes those beyond the bound at once, and serves again when others have gone', async () => {
    const port = Number(new URL(life.url).port);
    let refused = 0;
    const sockets: Socket[] = [];
    for (let n = 0; n < 10 * CONNECTIONS; n++) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.once('close', () => refused++);
      sockets.push(socket);
    }
    for (let i = 0; refused < 9 * CONNECTIONS && i < 300; i++) await sleep(50);
    expect(refused).to.be.within(9 * CONNECTIONS, 10 * CONNECTIONS - 1);
    for (const socket of sockets) socket.destroy();
    let healthy = false;
    for (let i = 0; !healthy && i < 100; i++) {
      await sleep(50);
      healthy = await fetch(`${life.url}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      );
    }
    expect(healthy).to.equal(true);
  });

  function dial(): Promise<WebSocket | Refusal> {
    const headers = { authorization: `Bearer ${patient.token}` };
    const socket = new WebSocket(socketAddress, ['prms.v1'], { headers });
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(socket));
      socket.once('unexpected-response', (_request, response) => {
        response.resume();
        resolve({
          status: response.statusCode ?? 0,
          retryAfter: response.headers['retry-after'],
        });
      });
      socket.once('error', reject);
    });
  }
});
