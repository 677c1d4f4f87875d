// One report between plaintext and cloud: hidden in images, or, when it is too large to hide, encrypted in chunks.

import { createHash } from 'node:crypto';
import type { Report, StoredObject } from '@prms/chaincode';
import {
  chunkDecryptor,
  chunkLayout,
  DEFAULT_CHUNK_BYTES,
  openBlob,
  sealBlob,
  StegoError,
  type ChunkLayout,
  type PartKeys,
  type StegoPool,
  type Suite,
} from '@prms/stego';
import { z } from 'zod';
import { CloudError } from '../../clouds/index.js';
import { GatewayError } from '../../errors.js';
import { commitment } from '../../vault/index.js';
import { cloudTrouble } from '../vaults.js';
import type { ReservedCover } from '../covers.js';
import { reportAad } from './binding.js';
import type { LargeReport } from './draft.js';
import type { Objects } from './objects.js';

/** Text of somebody whose client sealed it: what is no Unicode in it could be neither exported nor sent as UTF-8. */
const asUnicode = (text: string): string => text.toWellFormed();

/** `type/subtype`, perhaps with parameters (RFC 9110 §8.3.1), as the header of an answer can say it. */
const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+(?: *;[\x20-\x7e]*)?$/;

/** What a report is called and is: encrypted beside it, by the gateway or by a client, which may have written anything. */
export const labelSchema = z.strictObject({
  title: z.string().min(1).max(200).transform(asUnicode),
  fileName: z.string().max(255).transform(asUnicode),
  mediaType: z
    .string()
    .max(100)
    .transform((type) => (MEDIA_TYPE.test(type) ? type : 'application/octet-stream')),
  bytes: z.int().min(0),
  sha256: z.string().length(64),
  category: z.string().max(60).transform(asUnicode),
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

/** A report in pictures, on its way to the cloud. */
export interface HiddenReport {
  readonly images: readonly Uint8Array[];
  /** Which of the covers offered each image was made from. */
  readonly usedCovers: readonly number[];
  readonly psnrDb: readonly number[];
}

/** What was found when a chunked report was first read through: the hash of each of its chunks. */
export type ChunkDigests = readonly Buffer[];

export const MAX_IMAGE_BYTES = 256 * 1024 * 1024;
const CHUNK_TAG_BYTES = 16;
export const ENCRYPTED_CHUNK_BYTES = DEFAULT_CHUNK_BYTES + CHUNK_TAG_BYTES;
export const MAX_LABEL_BYTES = 16 * 1024;

export class SealedReports {
  constructor(
    private readonly objects: Objects,
    private readonly pool: StegoPool,
    private readonly maxRate: number,
  ) {}

  /** Hides a report. Nothing leaves the gateway yet. @returns images, and which cover carries each */
  async hide(
    payload: Uint8Array,
    dataKey: Uint8Array,
    suite: Suite,
    covers: readonly ReservedCover[],
  ): Promise<HiddenReport> {
    const pixels = covers.map(({ cover }) => cover);
    const request = { payload, dataKey, suite, covers: pixels, maxRate: this.maxRate };
    const { images, figures } = await this.pool.hide(request);
    return {
      images,
      usedCovers: figures.usedCovers,
      psnrDb: figures.parts.map((part) => part.psnrDb),
    };
  }

  /** The same for what somebody else has encrypted: part keys are enough. */
  async hideCiphertext(
    ciphertext: Uint8Array,
    partKeys: readonly PartKeys[],
    suite: Suite,
    covers: readonly ReservedCover[],
  ): Promise<HiddenReport> {
    const pixels = covers.map(({ cover }) => cover);
    const request = { ciphertext, partKeys, suite, covers: pixels, maxRate: this.maxRate };
    const { images, figures } = await this.pool.hideCiphertext(request);
    return {
      images,
      usedCovers: figures.usedCovers,
      psnrDb: figures.parts.map((part) => part.psnrDb),
    };
  }

  /** A label that somebody else has sealed. */
  storeSealedLabel(sealed: Uint8Array, report: string): Promise<StoredObject> {
    return this.objects.put(report, 'label', sealed);
  }

  /** Stores hidden images; of a set that can't be stored whole nothing stays. */
  async storeImages(
    report: string,
    hidden: HiddenReport,
    covers: readonly ReservedCover[],
  ): Promise<{ parts: StoredObject[]; images: StoredImage[] }> {
    const parts: StoredObject[] = [];
    const told: StoredImage[] = [];
    try {
      for (const [i, image] of hidden.images.entries()) {
        const reserved = covers[hidden.usedCovers[i] ?? -1];
        if (!reserved) throw new GatewayError('INTERNAL', 'An image came out of no cover.');
        const part = await this.objects.put(report, String(i), image);
        parts.push(part);
        const { width, height } = reserved.cover;
        const psnrDb = Math.round((hidden.psnrDb[i] ?? 0) * 100) / 100;
        const { cloud, object } = part;
        told.push({ cloud, object, width, height, psnrDb, synthesised: reserved.synthesised });
      }
      return { parts, images: told };
    } catch (error) {
      await this.discard(report, parts);
      throw error;
    }
  }

  /** Stores a report that was too large to hide and came encrypted already. */
  store(report: string, { ciphertext, ciphertextSha256 }: LargeReport): Promise<StoredObject> {
    return this.objects.putStream(report, '0', ciphertext, ciphertextSha256);
  }

  async storeLabel(label: Label, dataKey: Uint8Array, report: string): Promise<StoredObject> {
    return this.objects.put(
      report,
      'label',
      sealBlob(dataKey, reportAad(report), Buffer.from(JSON.stringify(label), 'utf8')),
    );
  }

  /** @throws GatewayError REPORT_DAMAGED naming the report | CLOUD_UNAVAILABLE */
  async openLabel(report: Report, dataKey: Uint8Array): Promise<Label> {
    return damagedIs(report, async () => {
      const sealed = await this.objects.get(report.id, report.terms.label, MAX_LABEL_BYTES);
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
    digests?: () => Promise<ChunkDigests>,
  ): Promise<Uint8Array | AsyncIterable<Uint8Array>> {
    if (commitmentOf(dataKey, report.id, label.sha256) !== report.terms.commitment)
      throw damaged(report);
    if (report.terms.storage === 'encrypted') {
      const found = await damagedIs(report, digests ?? (() => this.digestChunks(report)));
      return this.#chunks(report, dataKey, label, { start, end, digests: found });
    }
    return damagedIs(report, async () => {
      const images: Uint8Array[] = [];
      for (const part of report.terms.parts)
        images.push(await this.objects.get(report.id, part, MAX_IMAGE_BYTES));
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
    { start, end, digests }: { start: number; end: number; digests: ChunkDigests },
  ): AsyncIterable<Uint8Array> {
    // The ticket's key is wiped when it runs out; a download that began may end.
    const dataKey = Uint8Array.from(key);
    const [part] = report.terms.parts;
    if (!part) throw damaged(report);
    const layout = layoutOf(report, label, digests.length);
    const decryptor = chunkDecryptor(dataKey, { aad: reportAad(report.id) });
    for (
      let index = Math.floor(start / DEFAULT_CHUNK_BYTES);
      index * DEFAULT_CHUNK_BYTES < end;
      index++
    ) {
      const { offsetBytes, lengthBytes, isLast } = layout.locate(index);
      const range = { start: offsetBytes, end: offsetBytes + lengthBytes - 1 };
      const plain = await damagedIs(report, async () => {
        const chunk = await this.objects.read(report.id, part, async (cloud) => {
          const { body } = await cloud.get(part.object, { range });
          const read = await gather(body, lengthBytes);
          // The very chunk that was read through: whoever holds the data key could make another that decrypts.
          const digest = createHash('sha256').update(read).digest();
          if (digests[index]?.equals(digest) === true) return read;
          throw new CloudError('CHECKSUM', 'The chunk is not the one that was anchored.', {
            cloud: cloud.name,
            object: part.object,
          });
        });
        return decryptor.decryptChunk(index, isLast, chunk);
      });
      const from = index * DEFAULT_CHUNK_BYTES;
      yield plain.subarray(Math.max(0, start - from), end - from);
    }
  }

  /** Reads a chunked report through once, against the hash on the ledger. @throws GatewayError REPORT_DAMAGED */
  async digestChunks(report: Report): Promise<ChunkDigests> {
    const [part] = report.terms.parts;
    if (!part) throw damaged(report);
    return this.objects.digestPieces(report.id, part, ENCRYPTED_CHUNK_BYTES);
  }

  /** The image as the cloud has it. */
  image(report: string, part: StoredObject): Promise<Uint8Array> {
    return this.objects.get(report, part, MAX_IMAGE_BYTES);
  }

  /** Takes back what was stored for a report that was never anchored. */
  async discardPrepared(report: string, parts: number): Promise<void> {
    const places = Array.from({ length: parts }, (_, i) => this.objects.at(report, String(i)));
    await this.discard(report, places);
  }

  /** Takes back what an upload that failed has stored, as far as the cloud lets us. */
  async discard(report: string, parts: readonly StoredObject[]): Promise<void> {
    const label = this.objects.at(report, 'label');
    await Promise.allSettled([...parts, label].map((object) => this.objects.delete(object)));
  }
}

/** What the ledger holds of the plaintext: so that one image can't show two people two reports. */
export function commitmentOf(dataKey: Uint8Array, report: string, sha256Hex: string): string {
  return Buffer.from(commitment(dataKey, report, Buffer.from(sha256Hex, 'hex'))).toString(
    'base64url',
  );
}

/** How the chunks lie, by the label's word and as many as were found. @throws GatewayError REPORT_DAMAGED */
function layoutOf(report: Report, label: Label, chunks: number): ChunkLayout {
  const layout = chunkLayout(label.bytes + chunks * CHUNK_TAG_BYTES);
  if (layout.chunkCount !== chunks) throw damaged(report);
  return layout;
}

/** A body of a known length: a cloud that sends more does not fill the memory. */
export async function gather(
  body: AsyncIterable<Uint8Array>,
  lengthBytes: number,
): Promise<Uint8Array> {
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
export async function damagedIs<T>(report: Report, read: () => Promise<T>): Promise<T> {
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
