// A slow ledger and ten times the operations that it can take: what is accepted stays bounded and is not lost, the rest is
// turned away with a time to come again, and memory does not grow.
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { BulkStream } from '../testing/bulk-stream.js';
import { KeyHolder } from '../testing/key-holder.js';
import { temporaryFolder, type TemporaryFolder } from '../testing/index.js';
import { Life } from './life.js';
import { visitorAt } from './load/index.js';
import { SETUP_CODE, type Visitor } from './world.js';

const PLACES = 100;
const MiB = 1024 * 1024;
/** The ledger takes two seconds for a batch, so the places turn over every two seconds: 50 a second at most. */
const SECONDS = 5;
const OFFERED_PER_SECOND = 600;

const lineSchema = z.looseObject({ id: z.string().optional(), status: z.string() });
const fatesSchema = z.object({ items: z.array(z.object({ id: z.string(), state: z.string() })) });

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

describe('a gateway under ten times the load that its ledger takes', function () {
  this.timeout(90_000);
  let folder: TemporaryFolder;
  let life: Life;
  let hospital: Visitor;
  let holders: readonly KeyHolder[];
  const agent = new Agent({ keepAlive: true });

  before(async () => {
    folder = await temporaryFolder();
    life = await Life.begin(folder.path, {
      PRMS_OUTBOX_OPERATIONS: String(PLACES),
      PRMS_OUTBOX_SPARE_OPERATIONS: '10',
      PRMS_COMMIT_WAIT_MS: '1000',
      PRMS_EMERGENCY_COMMIT_WAIT_MS: '1000',
      PRMS_MAX_REQUESTS_AT_ONCE: '150',
      PRMS_BULK_REQUESTS_PER_ACCOUNT: '120',
    });
    const profile = { name: 'North' };
    hospital = await visitorAt(life.url, 'north').register('hospital', {
      profile,
      setupCode: SETUP_CODE,
    });
    holders = Array.from({ length: 16 }, () => new KeyHolder('records'));
    const lines = holders.map((holder) => `${holder.registration().line}\n`).join('');
    await hospital.post('/operations', lines, z.array(lineSchema));
  });
  after(async () => {
    agent.destroy();
    await life.kill();
    await folder.remove();
  });

  it('accepts what it can keep, turns the rest away, and holds its memory', async () => {
    const signed = Array.from({ length: OFFERED_PER_SECOND * SECONDS }, (_, n) =>
      holderAt(n).bulky(hospital.userId),
    );
    await life.ledger('slow');
    // It comes while there is room; whoever comes later may be turned away.
    const cutStream = stream();
    await offer(signed.slice(0, 400));
    const before = await life.memory();

    const queues: number[] = [];
    const watch = setInterval(() => void outboxLength().then((length) => queues.push(length)), 300);
    const answers = await offer(signed.slice(400));
    clearInterval(watch);
    const after = await life.memory();
    const byStream = await cutStream();

    const growth = {
      heap: (after.heapBytes - before.heapBytes) / MiB,
      resident: (after.residentBytes - before.residentBytes) / MiB,
    };
    expect(growth.heap, JSON.stringify(growth)).to.be.lessThan(24);
    expect(growth.resident, JSON.stringify(growth)).to.be.lessThan(160);
    expect(queues.length).to.be.greaterThan(0);
    expect(Math.max(...queues)).to.be.within(PLACES / 2, PLACES);

    const away = answers.filter(({ status }) => status !== 200);
    expect(new Set(away.map(({ status }) => status))).to.satisfy((statuses: Set<number>) =>
      [...statuses].every((status) => status === 503 || status === 429),
    );
    expect(away.filter(({ retryAfter }) => retryAfter !== '1')).to.deep.equal([]);
    expect(away.length).to.be.greaterThan(answers.length / 2);

    const taken = [...answers.flatMap(receiptsOf), ...byStream].filter(
      ({ status }) => status !== 'busy' && status !== 'invalid',
    );
    expect(byStream.length).to.be.greaterThan(0);
    expect(taken.length).to.be.greaterThan(PLACES / 2);
    await life.ledger('works');
    await settled(taken.flatMap(({ id }) => id ?? []));
  });

  const holderAt = (n: number): KeyHolder => {
    const holder = holders[n % holders.length];
    if (!holder) throw new RangeError('nobody is here');
    return holder;
  };

  /** Begins requests at a fixed rate, whatever the answers do. */
  async function offer(signed: readonly { readonly line: string }[]): Promise<Answer[]> {
    const answers: Promise<Answer | undefined>[] = [];
    const began = performance.now();
    for (const [n, { line }] of signed.entries()) {
      const dueMs = began + (n / OFFERED_PER_SECOND) * 1000;
      if (dueMs > performance.now()) await sleep(dueMs - performance.now());
      // Whoever is cut off has no answer, and nothing is claimed for them.
      answers.push(one(line).catch(() => undefined));
    }
    return (await Promise.all(answers)).flatMap((answer) => answer ?? []);
  }

  function one(line: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${hospital.token}`,
        'content-type': 'application/x-ndjson',
      };
      const url = `${life.url}/api/v1/operations`;
      const request = httpRequest(url, { method: 'POST', headers, agent }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.once('error', reject);
        response.once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            retryAfter: response.headers['retry-after'],
            body,
          }),
        );
      });
      request.once('error', reject);
      request.end(`${line}\n`);
    });
  }

  /** Sends lines as fast as they are read. */
  function stream() {
    const bulk = new BulkStream({ url: life.url, token: hospital.token });
    const sending = (async () => {
      for (let n = 0; await bulk.send(`${holderAt(n).access().line}\n`); n++)
        if (n % 50 === 0) await sleep(5);
    })();
    const read: z.infer<typeof lineSchema>[] = [];
    const reading = (async () => {
      for (let line = await bulk.next(); line !== undefined; line = await bulk.next())
        read.push(lineSchema.parse(line));
    })();
    reading.catch(() => undefined);
    /** Cuts it off. @returns the receipts that had come by then */
    return async () => {
      bulk.cut();
      await Promise.allSettled([sending, reading]);
      return read;
    };
  }

  async function outboxLength(): Promise<number> {
    const text = await (await fetch(`${life.url}/metrics`)).text();
    return Number(/prms_queue_length\{queue="outbox"\} (\d+)/.exec(text)?.[1]);
  }

  /** Everything that was accepted gets its receipt. */
  async function settled(ids: readonly string[]): Promise<void> {
    let open = ids;
    for (let i = 0; open.length > 0; i++) {
      const states = new Map<string, string>();
      for (let at = 0; at < open.length; at += 1000) {
        const asked = { ids: open.slice(at, at + 1000) };
        const { items } = await hospital.post('/operations/fates', asked, fatesSchema);
        for (const { id, state } of items) states.set(id, state);
      }
      expect(open.filter((id) => states.get(id) === 'unknown')).to.deep.equal([]);
      open = open.filter((id) => states.get(id) === 'pending');
      if (i === 300) throw new Error(`${open.length} operations are still pending`);
      if (open.length > 0) await sleep(100);
    }
  }
});

const receiptsOf = ({ status, body }: Answer): z.infer<typeof lineSchema>[] =>
  status === 200
    ? body
        .split('\n')
        .slice(0, -1)
        .map((line) => lineSchema.parse(JSON.parse(line)))
    : [];
