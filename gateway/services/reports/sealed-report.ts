// One report between plaintext and cloud: hidden in images, or, when it is too large to hide, encrypted in chunks.

import { createHash } from 'node:crypto';
import type { Report, ReportTerms, StoredObject } from '@prms/chaincode';
import {
  chunkDecryptor,
  chunkLayout,
  DEFAULT_CHUNK_BYTES,
  openBlob,
  sealBlob,
  StegoError,
  type StegoPool,
  type Suite,
} from '@prms/stego';
import { z } from 'zod';
import { GatewayError } from '../../errors.js';
import { commitment } from '../../vault/index.js';
import { cloudTrouble } from '../vaults.js';
import type { ReservedCover } from '../covers.js';
import { reportAad } from './binding.js';
import type { LargeReport } from './draft.js';
import type { Objects } from './objects.js';

/** What a report is called and is: encrypted beside it. */
export const labelSchema = z.strictObject({
  title: z.string().min(1).max(200),
  fileName: z.string().max(255),
  mediaType: z.string().max(100),
  bytes: z.int().min(0),
  sha256: z.string().length(64),
  category: z.string().max(60),
});
export type Label = z.infer<typeof labelSchema>;

/** One stored image, as its uploader is told of it. */
export interface StoredImage {
  readonly cloud: string;
  readonly object: string;
  readonly width: number;
  readonly height: number;
  /** Peak signal-to-noise ratio against its cover, dB. */
  readonly psnrDb: number;
  /** The owner had no unused cover: this one was made. */
  readonly synthesised: boolean;
}

const MAX_IMAGE_BYTES = 256 * 1024 * 1024;
const MAX_LABEL_BYTES = 16 * 1024;

export class SealedReports {
  constructor(
    private readonly objects: Objects,
    private readonly pool: StegoPool,
    private readonly maxRate: number,
  ) {}

  /** Hides a report and stores the images. Unused covers are released. */
  async hide(
    payload: Uint8Array,
    dataKey: Uint8Array,
    suite: Suite,
    covers: readonly ReservedCover[],
  ): Promise<{ parts: StoredObject[]; images: StoredImage[] }> {
    const request = {
      payload,
      dataKey,
      suite,
      covers: covers.map(({ cover }) => cover),
      maxRate: this.maxRate,
    };
    const { images, figures } = await this.pool.hide(request);
    const stored: StoredObject[] = [];
    const told: StoredImage[] = [];
    for (const [i, image] of images.entries()) {
      const reserved = covers[figures.usedCovers[i] ?? -1];
      if (!reserved) throw new GatewayError('INTERNAL', 'An image came out of no cover.');
      const object = await this.objects.put(image);
      stored.push(object);
      const { width, height } = reserved.cover;
      const { cloud, object: name } = object;
      told.push({
        cloud,
        object: name,
        width,
        height,
        psnrDb: Math.round((figures.parts[i]?.psnrDb ?? 0) * 100) / 100,
        synthesised: reserved.synthesised,
      });
    }
    return { parts: stored, images: told };
  }

  /** Stores a report that was too large to hide and came encrypted already. */
  store({ ciphertext, ciphertextSha256 }: LargeReport): Promise<StoredObject> {
    return this.objects.putStream(ciphertext, ciphertextSha256);
  }

  async storeLabel(label: Label, dataKey: Uint8Array, report: string): Promise<StoredObject> {
    return this.objects.put(
      sealBlob(dataKey, reportAad(report), Buffer.from(JSON.stringify(label), 'utf8')),
    );
  }

  /** @throws GatewayError REPORT_DAMAGED naming the report | CLOUD_UNAVAILABLE */
  async openLabel(report: Report, dataKey: Uint8Array): Promise<Label> {
    return damagedIs(report, async () => {
      const sealed = await this.objects.get(report.terms.label, MAX_LABEL_BYTES);
      const label = openBlob(dataKey, reportAad(report.id), sealed);
      return labelSchema.parse(JSON.parse(Buffer.from(label).toString('utf8')));
    });
  }

  /**
   * The plaintext, or its bytes from `start` to `end` (exclusive). A hidden report is checked whole, against the ledger's
   * hash of each image and the label's of the plaintext; of a chunked one, each chunk before a byte of it is handed on.
   * @throws GatewayError REPORT_DAMAGED naming the report | CLOUD_UNAVAILABLE; a chunked one also while it is read
   */
  async open(
    report: Report,
    dataKey: Uint8Array,
    label: Label,
    start = 0,
    end = label.bytes,
  ): Promise<Uint8Array | AsyncIterable<Uint8Array>> {
    if (commitmentOf(dataKey, report.id, label.sha256) !== report.terms.commitment)
      throw damaged(report);
    if (report.terms.storage === 'encrypted')
      return this.#chunks(report, dataKey, label, start, end);
    return damagedIs(report, async () => {
      const images: Uint8Array[] = [];
      for (const part of report.terms.parts)
        images.push(await this.objects.get(part, MAX_IMAGE_BYTES));
      const plain = await this.pool.reveal({ images, dataKey, suite: report.terms.suite });
      if (createHash('sha256').update(plain).digest('hex') !== label.sha256) throw damaged(report);
      return plain.subarray(start, end);
    });
  }

  /** Chunk by chunk: only those that the range touches are fetched, and one at a time is in memory. */
  async *#chunks(
    report: Report,
    key: Uint8Array,
    label: Label,
    start: number,
    end: number,
  ): AsyncIterable<Uint8Array> {
    // The ticket's key is wiped when it runs out; a download that began may end.
    const dataKey = Uint8Array.from(key);
    const [part] = report.terms.parts;
    if (!part) throw damaged(report);
    const cloud = this.objects.cloudOf(part);
    const layout = await damagedIs(report, async () =>
      chunkLayout((await cloud.head(part.object)).sizeBytes),
    );
    if (layout.plaintextBytes !== label.bytes) throw damaged(report);
    const decryptor = chunkDecryptor(dataKey, { aad: reportAad(report.id) });
    for (
      let index = Math.floor(start / DEFAULT_CHUNK_BYTES);
      index * DEFAULT_CHUNK_BYTES < end;
      index++
    ) {
      const { offsetBytes, lengthBytes, isLast } = layout.locate(index);
      const range = { start: offsetBytes, end: offsetBytes + lengthBytes - 1 };
      const plain = await damagedIs(report, async () =>
        decryptor.decryptChunk(
          index,
          isLast,
          await gather((await cloud.get(part.object, { range })).body, lengthBytes),
        ),
      );
      const from = index * DEFAULT_CHUNK_BYTES;
      yield plain.subarray(Math.max(0, start - from), end - from);
    }
  }

  /** The image as the cloud has it. */
  image(part: StoredObject): Promise<Uint8Array> {
    return this.objects.get(part, MAX_IMAGE_BYTES);
  }

  async destroy(terms: ReportTerms): Promise<void> {
    for (const object of [...terms.parts, terms.label]) await this.objects.delete(object);
  }
}

/** What the ledger holds of the plaintext: so that one image can't show two people two reports. */
export function commitmentOf(dataKey: Uint8Array, report: string, sha256Hex: string): string {
  return Buffer.from(commitment(dataKey, report, Buffer.from(sha256Hex, 'hex'))).toString(
    'base64url',
  );
}

/** A body of a known length: a cloud that sends more does not fill the memory. */
async function gather(body: AsyncIterable<Uint8Array>, lengthBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > lengthBytes) break;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Whatever is wrong with what a cloud gave back, the error names the report and says no more. */
async function damagedIs<T>(report: Report, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (raw) {
    const error = cloudTrouble(raw);
    const bad =
      error instanceof StegoError
        ? error.code !== 'POOL_FULL' && error.code !== 'POOL_CLOSED'
        : error instanceof SyntaxError || error instanceof z.ZodError;
    if (bad || (error instanceof GatewayError && error.code === 'REPORT_DAMAGED'))
      throw damaged(report, error);
    throw error;
  }
}

function damaged(report: Report, cause?: unknown): GatewayError {
  return new GatewayError(
    'REPORT_DAMAGED',
    'The copy in the cloud is not what was anchored. Nothing of it is shown.',
    {
      ids: { report: report.id },
      ...(cause !== undefined && { cause }),
    },
  );
}
