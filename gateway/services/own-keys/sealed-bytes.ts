// A report's bytes as somebody needs them who decrypts for themselves: the ciphertext, checked against the ledger's hashes,
// and the sealed label. Nothing here needs the data key.

import { createHash } from 'node:crypto';
import type { Report, StoredObject } from '@prms/chaincode';
import { StegoError, type PartKeys, type StegoPool } from '@prms/stego';
import { GatewayError } from '../../errors.js';
import { CloudError } from '../../clouds/index.js';
import type { Objects } from '../reports/index.js';
import {
  damagedIs,
  ENCRYPTED_CHUNK_BYTES,
  gather,
  MAX_IMAGE_BYTES,
  MAX_LABEL_BYTES,
} from '../reports/sealed-report.js';

/** Said of images that are what was anchored: then it is the keys that don't fit. */
const KEYS_DO_NOT_FIT: ReadonlySet<string> = new Set([
  'NOTHING_FOUND',
  'PART_MISSING',
  'PART_CONFLICT',
]);

export interface Pieces {
  readonly sizeBytes: number;
  /** Of the whole, as on the ledger. */
  readonly sha256: string;
  readonly digests: readonly Buffer[];
}

export class SealedBytes {
  constructor(
    private readonly objects: Objects,
    private readonly pool: Pick<StegoPool, 'extractCiphertext'>,
  ) {}

  /** The encrypted title and kind. @throws GatewayError REPORT_DAMAGED | CLOUD_UNAVAILABLE */
  label(report: Report): Promise<Uint8Array> {
    return damagedIs(report, () =>
      this.objects.get(report.id, report.terms.label, MAX_LABEL_BYTES),
    );
  }

  /** A hidden report's pictures, as they lie in the cloud. @throws GatewayError REPORT_DAMAGED | CLOUD_UNAVAILABLE */
  images(report: Report): Promise<Uint8Array[]> {
    return damagedIs(report, async () => {
      const images: Uint8Array[] = [];
      for (const part of report.terms.parts)
        images.push(await this.objects.get(report.id, part, MAX_IMAGE_BYTES));
      return images;
    });
  }

  /**
   * Finds a hidden report's ciphertext.
   * @throws GatewayError VALIDATION when these keys find nothing | REPORT_DAMAGED | CLOUD_UNAVAILABLE
   */
  hidden(report: Report, partKeys: readonly PartKeys[]): Promise<Uint8Array> {
    return damagedIs(report, async () => {
      const images = await this.images(report);
      try {
        return await this.pool.extractCiphertext(images, partKeys);
      } catch (error) {
        if (error instanceof StegoError && KEYS_DO_NOT_FIT.has(error.code)) throw wrongKeys(error);
        throw error;
      }
    });
  }

  /** Reads a chunked report through once, against the ledger's hash. @throws GatewayError REPORT_DAMAGED | … */
  pieces(report: Report): Promise<Pieces> {
    return damagedIs(report, async () => {
      const part = onlyPart(report);
      const digests = await this.objects.digestPieces(report.id, part, ENCRYPTED_CHUNK_BYTES);
      const { sizeBytes } = await this.objects.read(report.id, part, (cloud) =>
        cloud.head(part.object),
      );
      return { sizeBytes, sha256: part.sha256, digests };
    });
  }

  /**
   * The ciphertext from `start` to `end` (exclusive), piece by piece: each is checked before a byte of it goes out.
   * @throws GatewayError REPORT_DAMAGED | CLOUD_UNAVAILABLE, also while it is read
   */
  async *range(
    report: Report,
    { sizeBytes, digests }: Pieces,
    { start, end }: { readonly start: number; readonly end: number },
  ): AsyncIterable<Uint8Array> {
    const part = onlyPart(report);
    for (
      let index = Math.floor(start / ENCRYPTED_CHUNK_BYTES);
      index * ENCRYPTED_CHUNK_BYTES < end;
      index++
    ) {
      const from = index * ENCRYPTED_CHUNK_BYTES;
      const lengthBytes = Math.min(ENCRYPTED_CHUNK_BYTES, sizeBytes - from);
      const bounds = { start: from, end: from + lengthBytes - 1 };
      const piece = await damagedIs(report, () =>
        this.objects.read(report.id, part, async (cloud) => {
          const { body } = await cloud.get(part.object, { range: bounds });
          const bytes = await gather(body, lengthBytes);
          const digest = createHash('sha256').update(bytes).digest();
          if (digests[index]?.equals(digest) === true) return bytes;
          throw new CloudError('CHECKSUM', 'A piece is not the one that was anchored.', {
            cloud: cloud.name,
            object: part.object,
          });
        }),
      );
      yield piece.subarray(Math.max(0, start - from), end - from);
    }
  }
}

function onlyPart(report: Report): StoredObject {
  const [part] = report.terms.parts;
  if (part) return part;
  throw new GatewayError('REPORT_DAMAGED', 'The report has no part.', {
    ids: { report: report.id },
  });
}

/** The gateway can't know more: whose keys they are, only the data key's holder sees. */
function wrongKeys(cause: unknown): GatewayError {
  const message = 'find nothing in the report’s pictures, which are those that were anchored';
  return new GatewayError('VALIDATION', `These part keys ${message}.`, {
    cause,
    fields: [{ path: 'body.parts', message }],
  });
}
