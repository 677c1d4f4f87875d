// The load generator, in a process of its own: signs beforehand, then measures what it is told to.
import { setImmediate as turn } from 'node:timers/promises';
import { z } from 'zod';
import { BulkStream } from '../testing/bulk-stream.js';
import { KeyHolder } from '../testing/key-holder.js';
import { LeanClient } from './lean-client.js';

const orderSchema = z.discriminatedUnion('do', [
  z.object({ do: z.literal('register'), url: z.string(), token: z.string(), people: z.int() }),
  z.object({ do: z.literal('sign'), count: z.int() }),
  z.object({
    do: z.literal('single'),
    url: z.string(),
    token: z.string(),
    connections: z.int(),
    seconds: z.number(),
  }),
  z.object({ do: z.literal('bulk'), url: z.string(), token: z.string(), connections: z.int() }),
]);
type Order = z.infer<typeof orderSchema>;

export interface Measured {
  readonly operations: number;
  readonly seconds: number;
  /** Sorted. */
  readonly latenciesMs: readonly number[];
}

let holders: readonly KeyHolder[] = [];
let signed: string[] = [];

async function obey(order: Order): Promise<Measured | { readonly ready: number }> {
  switch (order.do) {
    case 'register':
      return register(order);
    case 'sign':
      return sign(order.count);
    case 'single':
      return single(order);
    case 'bulk':
      return bulk(order);
  }
}

async function register({ url, token, people }: Extract<Order, { do: 'register' }>) {
  holders = Array.from({ length: people }, () => new KeyHolder('records'));
  signed = holders.map((holder) => holder.registration().line);
  await bulk({ do: 'bulk', url, token, connections: 1 });
  return { ready: people };
}

async function sign(count: number) {
  signed = [];
  for (let n = 0; n < count; n++) {
    const holder = holders[n % holders.length];
    if (holder) signed.push(holder.access().line);
    if (n % 1000 === 0) await turn();
  }
  return { ready: signed.length };
}

/** A closed loop: each connection sends its next operation when it has the receipt of the one before. */
async function single(order: Extract<Order, { do: 'single' }>): Promise<Measured> {
  const { url, token, connections, seconds } = order;
  const clients = await Promise.all(
    Array.from({ length: connections }, () => LeanClient.to(url, token)),
  );
  const latenciesMs: number[] = [];
  let next = 0;
  const began = performance.now();
  const until = began + seconds * 1000;
  await Promise.all(
    clients.map(async (client) => {
      for (let at = performance.now(); at < until;) {
        const line = signed[next++];
        if (line === undefined) return;
        const answer = await client.post(`${line}\n`);
        if (!answer.includes('"applied"')) throw new Error(`not applied: ${answer}`);
        const now = performance.now();
        latenciesMs.push(now - at);
        at = now;
      }
    }),
  );
  const took = (performance.now() - began) / 1000;
  for (const client of clients) client.close();
  return measured(latenciesMs.length, took, latenciesMs);
}

/** Everything that is signed, as fast as it is read. */
async function bulk(order: Extract<Order, { do: 'bulk' }>): Promise<Measured> {
  const { url, token, connections } = order;
  const share = Math.ceil(signed.length / connections);
  const began = performance.now();
  const applied = await Promise.all(
    Array.from({ length: connections }, (_, n) =>
      stream({ url, token }, signed.slice(n * share, (n + 1) * share)),
    ),
  );
  const took = (performance.now() - began) / 1000;
  return measured(
    applied.reduce((sum, count) => sum + count, 0),
    took,
    [],
  );
}

const TOGETHER = 100;

async function stream(
  target: { readonly url: string; readonly token: string },
  lines: readonly string[],
): Promise<number> {
  const request = new BulkStream(target);
  const reading = (async () => {
    let applied = 0;
    for (let text = await request.line(); text !== undefined; text = await request.line()) {
      if (!text.includes('"applied"')) throw new Error(`not applied: ${text}`);
      applied++;
    }
    return applied;
  })();
  for (let at = 0; at < lines.length; at += TOGETHER)
    await request.send(`${lines.slice(at, at + TOGETHER).join('\n')}\n`);
  request.end();
  return reading;
}

function measured(operations: number, seconds: number, latenciesMs: number[]): Measured {
  return { operations, seconds, latenciesMs: latenciesMs.sort((a, b) => a - b) };
}

process.on('message', (message) => {
  obey(orderSchema.parse(message)).then(
    (done) => process.send?.(done),
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(1));
