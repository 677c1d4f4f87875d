// Where the scrubber is, on disk: it goes on there after a restart.
import { z } from 'zod';

const countsSchema = z.strictObject({
  reports: z.int(),
  /** Copies of reports' objects that were read through, and their bytes. */
  copies: z.int(),
  bytes: z.int(),
  /** Copies of wraps that were looked at. */
  wraps: z.int(),
  missing: z.int(),
  bad: z.int(),
  healed: z.int(),
  /** Copies of wraps that were missing, made from the only one there is: nothing here tells whether that one is right. */
  copied: z.int().default(0),
  /** Copies that could not be looked at: their cloud did not answer. */
  unanswered: z.int(),
  /** Copies in clouds that this gateway is not set up for. */
  elsewhere: z.int(),
  /** Objects of erased reports that were found, and deleted once more. */
  erasedFound: z.int(),
});
export type ScrubCounts = z.infer<typeof countsSchema>;

const strayObjectSchema = z.strictObject({
  cloud: z.string(),
  objectName: z.string(),
  sizeBytes: z.int(),
});
export type StrayObject = z.infer<typeof strayObjectSchema>;

/** A round that has ended. */
const roundSchema = z.strictObject({
  startedAt: z.int(),
  finishedAt: z.int(),
  counts: countsSchema,
  /** Objects that nobody references. */
  strays: z.strictObject({
    count: z.int(),
    bytes: z.int(),
    sample: z.array(strayObjectSchema).readonly(),
  }),
});
export type ScrubRound = z.infer<typeof roundSchema>;

export const progressSchema = z.strictObject({
  startedAt: z.int(),
  /** First the clouds are listed, then the ledger is walked. */
  phase: z.enum(['listing', 'walking', 'resting']),
  /** The cloud that is being listed, and its own cursor. */
  listing: z.strictObject({ cloud: z.int(), cursor: z.string() }),
  /** Bookmarks of the page of patients, and of the page of the patient's reports, that come next. */
  walking: z.strictObject({ patients: z.string(), reports: z.string() }),
  counts: countsSchema,
  last: roundSchema.optional(),
});
export type ScrubProgress = z.infer<typeof progressSchema>;

/** What hospitals and auditors see of it. */
export const shownProgressSchema = z.object(
  progressSchema.pick({ startedAt: true, phase: true, counts: true, last: true }).shape,
);

export const noCounts: ScrubCounts = {
  reports: 0,
  copies: 0,
  bytes: 0,
  wraps: 0,
  missing: 0,
  bad: 0,
  healed: 0,
  copied: 0,
  unanswered: 0,
  elsewhere: 0,
  erasedFound: 0,
};

export function newRound(startedAt: number, last: ScrubRound | undefined): ScrubProgress {
  return {
    startedAt,
    phase: 'listing',
    listing: { cloud: 0, cursor: '' },
    walking: { patients: '', reports: '' },
    counts: noCounts,
    ...(last && { last }),
  };
}
