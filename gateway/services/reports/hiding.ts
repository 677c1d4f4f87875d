// Covers for a report, and the report in them: the same whether the gateway has encrypted it or somebody else has.

import type { ReportTerms } from '@prms/chaincode';
import { capacityBytes } from '@prms/stego';
import type { Actor } from '../actor.js';
import type { Covers, ReservedCover } from '../covers.js';
import type { HiddenReport, SealedReports, StoredImage } from './sealed-report.js';

/** What came of it. */
export interface Stored {
  readonly terms: Pick<ReportTerms, 'storage' | 'parts'>;
  readonly images: readonly StoredImage[];
  readonly notice?: string;
}

interface Parts {
  readonly covers: Covers;
  readonly sealed: SealedReports;
  readonly maxRate: number;
}

/**
 * Finds covers, has `hide` put the report into them, and stores the images.
 * @param report.payloadBytes of the plaintext
 * @param report.files photos that came along
 */
export async function hideAndStore(
  parts: Parts,
  actor: Actor,
  report: {
    readonly id: string;
    readonly payloadBytes: number;
    readonly files: readonly Uint8Array[];
  },
  hide: (covers: readonly ReservedCover[]) => Promise<HiddenReport>,
): Promise<Stored> {
  const reserved = await gather(parts, actor, report.payloadBytes, report.files);
  const hidden = await hide(reserved).catch(async (error: unknown) => {
    await Promise.all(reserved.map((cover) => cover.release()));
    throw error;
  });
  // Spent before the first byte leaves: a cloud that stores an image and then fails has seen it all the same.
  const used = new Set(hidden.usedCovers);
  await Promise.all(reserved.map((cover, i) => (used.has(i) ? cover.spend() : cover.release())));
  const stored = await parts.sealed.storeImages(report.id, hidden, reserved);
  const made = stored.images.filter((image) => image.synthesised).length;
  return {
    terms: { storage: 'stego', parts: stored.parts },
    images: stored.images,
    ...(made > 0 && {
      notice: `There was no unused cover photo for ${made} of ${stored.images.length} images: a synthetic picture was made. Real photos of your own hide better.`,
    }),
  };
}

/** The photos that came along, then the owner’s waiting ones, then made ones, until there is room. */
async function gather(
  { covers, maxRate }: Parts,
  actor: Actor,
  payloadBytes: number,
  files: readonly Uint8Array[],
): Promise<ReservedCover[]> {
  const gathered: ReservedCover[] = [];
  const room = () =>
    gathered.reduce((sum, { cover }) => sum + capacityBytes(cover, { maxRate }), 0);
  const taken = () => gathered.flatMap(({ waitingId }) => waitingId ?? []);
  try {
    for (const file of files) gathered.push(await covers.reserve(file));
    while (room() < payloadBytes) {
      gathered.push(
        (await covers.reserveOwn(actor, taken())) ??
          (await covers.synthesise(payloadBytes - room())),
      );
    }
    return gathered.length > 0
      ? gathered
      : [(await covers.reserveOwn(actor, [])) ?? (await covers.synthesise(payloadBytes))];
  } catch (error) {
    await Promise.all(gathered.map((cover) => cover.release()));
    throw error;
  }
}
