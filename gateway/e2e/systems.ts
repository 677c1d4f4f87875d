// A hospital's systems in tests: let in by the office, sending by their token, asking what became of it.
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { CloudError, type Cloud } from '../clouds/index.js';
import type { Visitor, World } from './world.js';

const letInSchema = z.object({ id: z.string(), token: z.string() });
const documentSchema = z.looseObject({
  id: z.string(),
  state: z.enum(['waiting', 'anchored', 'failed']),
  report: z.string().optional(),
  code: z.string().optional(),
  reason: z.string().optional(),
  attempts: z.int(),
});
export type Document = z.infer<typeof documentSchema>;

/** So that the queue looks often, and a test need not wait. */
export const PROMPT = {
  PRMS_ACQUISITION_POLL_MS: '20',
  PRMS_ACQUISITION_BACKOFF_MS: '20',
} as const;

/** A system of a hospital's, with its token. */
export async function letIn(world: World, office: Visitor, name: string): Promise<Visitor> {
  const { id, token } = await office.post('/services', { profile: { name } }, letInSchema);
  const system = world.visitor(name);
  system.userId = id;
  system.token = token;
  return system;
}

export interface Sent {
  readonly patient: Visitor;
  readonly bytes: Uint8Array;
  readonly fileName?: string;
  readonly [meta: string]: unknown;
}

export function intakeForm({ patient, bytes, fileName = 'report.txt', ...meta }: Sent): FormData {
  const form = new FormData();
  const said = { patient: patient.userId, title: 'A result', category: 'laboratory', ...meta };
  form.append('meta', JSON.stringify(said));
  form.append('report', new Blob([new Uint8Array(bytes)]), fileName);
  return form;
}

export function handIn(system: Visitor, sent: Sent): Promise<Document> {
  return system.post('/intake/reports', intakeForm(sent), documentSchema);
}

/** Waits until a document is no longer waiting (or for another state). */
export async function settled(
  world: World,
  system: Visitor,
  id: string,
  is: (document: Document) => boolean = ({ state }) => state !== 'waiting',
): Promise<Document> {
  for (let i = 0; i < 500; i++) {
    const document = await system.get(`/intake/reports/${id}`, documentSchema);
    if (is(document)) return document;
    await sleep(20);
    // What pauses between attempts pauses by the world's clock.
    world.clock.advance(20);
  }
  throw new Error(`the document ${id} did not settle`);
}

/** A cloud that can be away. */
export class MoodyCloud {
  away = false;

  over(cloud: Cloud): Cloud {
    const ask = <A extends unknown[], T>(call: (...args: A) => Promise<T>) => {
      return (...args: A): Promise<T> =>
        this.away
          ? Promise.reject(new CloudError('UNAVAILABLE', 'The cloud is away.'))
          : call(...args);
    };
    return {
      name: cloud.name,
      putIfAbsent: ask((...args: Parameters<Cloud['putIfAbsent']>) => cloud.putIfAbsent(...args)),
      get: ask((...args: Parameters<Cloud['get']>) => cloud.get(...args)),
      head: ask((...args: Parameters<Cloud['head']>) => cloud.head(...args)),
      delete: ask((...args: Parameters<Cloud['delete']>) => cloud.delete(...args)),
      list: ask((...args: Parameters<Cloud['list']>) => cloud.list(...args)),
    };
  }
}
