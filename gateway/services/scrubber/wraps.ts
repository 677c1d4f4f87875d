// Which key wraps a record gives rise to, by the ledger alone: their names are hashes of public facts. Those that are due
// must lie in every cloud; the rest may, and belong to somebody.

import type { Patient, Report } from '@prms/chaincode';
import { z } from 'zod';
import { everyKeyOf } from '../past-keys.js';
import type { Records } from '../records.js';
import { epochSubject, wrapName, type Recipient } from '../vaults.js';

/** Everybody who has to do with a patient, and the keys of their vault. */
export interface Circle {
  readonly channel: string;
  readonly patient: Patient;
  readonly self: readonly Recipient[];
  readonly others: readonly Recipient[];
  /** Public keys by number; those of the past as far as the history shows them. */
  readonly epochs: ReadonlyMap<number, string>;
}

const pastSchema = z.looseObject({
  epoch: z.object({ number: z.int(), key: z.string() }),
});

export async function circleOf(records: Records, patient: Patient): Promise<Circle> {
  const { id, escrow, consents, kin, care } = patient;
  const related = new Set([
    ...consents.map(({ terms }) => terms.grantee.id),
    ...kin.map(({ relative }) => relative),
    ...care.flatMap(({ doctor, hospital }) => [doctor, hospital]),
    ...(escrow === null ? [] : [escrow]),
  ]);
  related.delete(id);
  const others: Recipient[] = [];
  for (const user of related) others.push(...(await everyKeyOf(records, user)));
  const epochs = new Map<number, string>();
  const states = records.all((page) => records.history('user', id, '', page));
  for await (const { document } of states) {
    const { epoch } = pastSchema.parse(document);
    epochs.set(epoch.number, epoch.key);
  }
  const self = await everyKeyOf(records, id);
  return { channel: records.channel, patient, self, others, epochs };
}

/** Wraps of the vault itself. */
export function vaultWraps(circle: Circle): { readonly due: string[]; readonly known: string[] } {
  const { channel, patient, self, others, epochs } = circle;
  const name = wrapName.bind(undefined, channel);
  const due: string[] = [];
  const known: string[] = [];
  for (const [number, key] of epochs) {
    const subject = epochSubject({ id: patient.id, epoch: { number, key } });
    for (const recipient of [...self, ...others]) {
      known.push(name({ purpose: 'epoch', subject }, recipient));
      known.push(name({ purpose: 'escrow', subject }, recipient));
    }
    // The link of the chain: this epoch's key opens the one before.
    if (number > 1) {
      const link = { purpose: 'epoch', subject: `${patient.id}.${number - 1}` } as const;
      due.push(name(link, { id: patient.id, sealKey: key }));
    }
  }
  for (const recipient of [...self, ...others])
    known.push(name({ purpose: 'tags', subject: patient.id }, recipient));
  const [present] = self;
  if (present) {
    due.push(name({ purpose: 'epoch', subject: epochSubject(patient) }, present));
    due.push(name({ purpose: 'tags', subject: patient.id }, present));
  }
  return { due, known };
}

/** Wraps of one report's data key. */
export function reportWraps(
  { channel, patient, self, others, epochs }: Circle,
  { id: subject, status, terms }: Report,
): { readonly due: string[]; readonly known: string[] } {
  const name = (recipient: Recipient) =>
    wrapName(channel, { purpose: 'report', subject }, recipient);
  const key = epochs.get(terms.epoch);
  const own = key === undefined ? [] : [name({ id: patient.id, sealKey: key })];
  const known = [...self, ...others].map(name);
  return status === 'erased' ? { due: [], known: [...own, ...known] } : { due: own, known };
}
