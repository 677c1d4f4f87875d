// One patient's record as the ledger's queries show it.
import { z } from 'zod';
import type { Connection } from '../../platforms/platform.js';

const idSchema = z.object({ id: z.string() });
const consentSchema = z.object({ id: z.string(), status: z.enum(['active', 'revoked']) });
const appointmentSchema = z.object({
  id: z.string(),
  status: z.enum(['booked', 'cancelled']),
  slot: z.string(),
});
const consultationSchema = z.object({
  id: z.string(),
  count: z.int(),
  head: z.string().optional(),
});
const policySchema = z.object({ consents: z.array(consentSchema) });

export interface RecordOnLedger {
  readonly reports: ReadonlySet<string>;
  readonly accesses: ReadonlySet<string>;
  /** Status by id. */
  readonly consents: ReadonlyMap<string, 'active' | 'revoked'>;
  /** By id: `booked` or `cancelled`, and the slot. */
  readonly appointments: ReadonlyMap<string, string>;
  /** By id: messages, and the chain's head. */
  readonly consultations: ReadonlyMap<string, string>;
}

/** Documents of a page; the ledger gives no more at once. */
const PAGE = 500;

export async function readRecord(
  patient: string,
  consultations: readonly string[],
  connection: Connection,
): Promise<RecordOnLedger> {
  const ask = async <T>(schema: z.ZodType<T>, fn: string, ...args: string[]): Promise<T> => {
    const { result } = await connection.call({ kind: fn, way: 'query', fn, args });
    return schema.parse(JSON.parse(result ?? ''));
  };
  const list = async <T>(item: z.ZodType<T>, fn: string): Promise<T[]> => {
    const schema = z.object({ items: z.array(item), bookmark: z.string() });
    const found: T[] = [];
    for (let bookmark = ''; ;) {
      const page = await ask(schema, fn, patient, String(PAGE), bookmark);
      for (const one of page.items) found.push(one);
      if (page.bookmark === '') return found;
      bookmark = page.bookmark;
    }
  };
  const policy = await ask(policySchema, 'query:user', patient);
  const reports = await list(idSchema, 'query:reports');
  const accesses = await list(idSchema, 'query:accesses');
  const appointments = await list(appointmentSchema, 'query:appointments');
  const talks: z.infer<typeof consultationSchema>[] = [];
  for (const id of consultations)
    talks.push(await ask(consultationSchema, 'query:consultation', patient, id));
  return {
    reports: new Set(reports.map(({ id }) => id)),
    accesses: new Set(accesses.map(({ id }) => id)),
    consents: new Map(policy.consents.map(({ id, status }) => [id, status])),
    appointments: new Map(
      appointments.map((one) => [one.id, appointmentText(one.status, one.slot)]),
    ),
    consultations: new Map(talks.map((one) => [one.id, consultationText(one.count, one.head)])),
  };
}

export const appointmentText = (status: 'booked' | 'cancelled', slot: string): string =>
  `${status} at slot ${slot}`;

export const consultationText = (count: number, head = 'none'): string =>
  `${count} messages, head ${head}`;
