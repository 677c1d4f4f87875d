// The full path of a report. Before it is anchored: encrypted and hidden in an image by a thread, image and label put into
// a cloud. After an access was committed: both fetched from the cloud and held against their hashes, the report revealed
// and held against its commitment. What a gateway does besides (wraps, covers of one's own) is no part of it.
import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { readOperationLine, type StoredObject } from '@prms/chaincode';
import { type Cloud, CloudError, openFilesystemCloud, readAll } from '@prms/gateway/clouds';
import {
  capacityBytes,
  type Cover,
  encodePng,
  hidePixels,
  openBlob,
  sealBlob,
  StegoPool,
  synthesiseCover,
} from '@prms/stego';
import { BenchError } from '../../errors.js';
import type { EndedStages } from '../workload.js';
import { derived } from './people.js';
import type { FirstReport } from './preparation.js';
import { type AnchoredReport, CLOUD } from './scene.js';

/** A report's size unless another is given. */
export const REPORT_BYTES = 16 * 1024;
/** Covers that are made beforehand and used in turn; in life one serves once. */
const COVERS = 8;
/** Images that patients' first reports lie in: as many patients share one. */
const FIRST_IMAGES = 8;
/** Jobs that wait for a thread: more than any window lets come. */
const MAX_QUEUE = 1 << 16;
const MAX_OBJECT_BYTES = 64 * 1024 * 1024;

/** Image and label of a first report, as they travel to generators' threads. */
export interface FirstObjects {
  readonly image: Uint8Array;
  readonly label: Uint8Array;
}

export interface FullPathOptions {
  readonly seed: number;
  /** The cloud's folder. */
  readonly cloudDir: string;
  readonly reportBytes: number;
  readonly elapsedMs: () => number;
}

/** A cover that has just room enough. */
export function coverFor(reportBytes: number, seed: Uint8Array): Cover {
  let side = 64;
  while (capacityBytes({ width: side, height: side }) < reportBytes) side += 16;
  return synthesiseCover({ width: side, height: side, seed });
}

/** Hides the first reports, at once. */
export function firstObjects(seed: number, reportBytes: number): FirstObjects[] {
  const cover = coverFor(reportBytes, derived(seed, 'cover/first'));
  return Array.from({ length: FIRST_IMAGES }, (_, n) => {
    const { dataKey, payload, aad } = secretsOf(seed, firstName(n), reportBytes);
    const [image] = hidePixels({ payload, dataKey, covers: [cover] }).images;
    if (image === undefined) throw new BenchError('PREPARATION', 'nothing was hidden');
    const nonce = derived(seed, `nonce/${n}`).subarray(0, 12);
    return { image: encodePng(image), label: sealBlob(dataKey, aad, aad, nonce) };
  });
}

/** What the ledger is told of first reports; patients share them. */
export function firstReports(
  seed: number,
  reportBytes: number,
  objects: readonly FirstObjects[],
): FirstReport {
  const known = objects.map((object, n) => placesOf(seed, firstName(n), object));
  return (patient, id) => {
    const n = patient % known.length;
    const places = known[n];
    if (places === undefined) throw new BenchError('PREPARATION', 'there are no first reports');
    const { dataKey, sha256 } = secretsOf(seed, firstName(n), reportBytes);
    return { ...places, commitment: commitmentOf(dataKey, id, sha256) };
  };
}

/** A report that lies in the cloud. */
interface Stored extends AnchoredReport {
  /** Names its secrets. */
  readonly name: string;
}

export class FullPath {
  readonly #stored = new Map<string, Stored>();
  readonly #pool = new StegoPool({ threads: 1, maxQueue: MAX_QUEUE });
  #turn = 0;

  private constructor(
    private readonly options: FullPathOptions,
    private readonly cloud: Cloud,
    private readonly covers: readonly Cover[],
  ) {}

  static async open(options: FullPathOptions): Promise<FullPath> {
    const { seed, reportBytes, cloudDir } = options;
    const cloud = await openFilesystemCloud({ name: CLOUD, root: cloudDir });
    const covers = Array.from({ length: COVERS }, (_, n) =>
      coverFor(reportBytes, derived(seed, `cover/${n}`)),
    );
    return new FullPath(options, cloud, covers);
  }

  /** Puts first reports into the cloud; another generator may have done so. @param reports id by patient's number */
  async begin(
    objects: readonly FirstObjects[],
    reports: ReadonlyMap<number, string>,
  ): Promise<void> {
    const { seed, reportBytes } = this.options;
    for (const [n, object] of objects.entries()) {
      const places = placesOf(seed, firstName(n), object);
      await this.#put(places.image, object.image);
      await this.#put(places.label, object.label);
    }
    const anchored = firstReports(seed, reportBytes, objects);
    for (const [patient, id] of reports) {
      const name = firstName(patient % objects.length);
      this.#stored.set(id, { ...anchored(patient, id), name });
    }
  }

  /** Hides a report and puts it into the cloud. */
  async store(id: string): Promise<{ report: AnchoredReport; stagesMs: EndedStages }> {
    const { seed, reportBytes, elapsedMs } = this.options;
    const { dataKey, payload, aad, sha256 } = secretsOf(seed, id, reportBytes);
    const began = elapsedMs();
    const cover = this.covers[this.#turn++ % this.covers.length];
    const { images } = await this.#pool.hide({ payload, dataKey, covers: cover ? [cover] : [] });
    const label = sealBlob(dataKey, aad, aad);
    const hidden = elapsedMs();
    const [image] = images;
    if (image === undefined) throw new BenchError('GENERATOR', 'nothing was hidden');
    const places = placesOf(seed, id, { image, label });
    await Promise.all([this.#put(places.image, image), this.#put(places.label, label)]);
    const report = { ...places, commitment: commitmentOf(dataKey, id, sha256) };
    this.#stored.set(id, { ...report, name: id });
    return { report, stagesMs: { hide: hidden - began, store: elapsedMs() - hidden } };
  }

  /**
   * Reads the report that an access was about, when it was one that may be read.
   * @throws BenchError GENERATOR when it is not what was hidden
   */
  async read(line: string): Promise<EndedStages | undefined> {
    const args = readOperationLine(line)?.envelope.args;
    if (args?.['action'] !== 'view') return undefined;
    const id = String(args['report']);
    const stored = this.#stored.get(id);
    if (stored === undefined) throw new BenchError('GENERATOR', `report ${id} was never stored`);
    const { seed, reportBytes, elapsedMs } = this.options;
    const { dataKey, aad } = secretsOf(seed, stored.name, reportBytes);
    const began = elapsedMs();
    const [image, label] = await Promise.all([this.#get(stored.image), this.#get(stored.label)]);
    const fetched = elapsedMs();
    const payload = await this.#pool.reveal({ images: [image], dataKey });
    openBlob(dataKey, aad, label);
    const sha256 = createHash('sha256').update(payload).digest();
    if (commitmentOf(dataKey, id, sha256) !== stored.commitment)
      throw new BenchError('GENERATOR', `report ${id} is not what was committed to`);
    return { fetch: fetched - began, reveal: elapsedMs() - fetched };
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #put({ object, sha256 }: StoredObject, bytes: Uint8Array): Promise<void> {
    try {
      await this.cloud.putIfAbsent(object, bytes, { sha256: hex(sha256) });
    } catch (error) {
      if (!(error instanceof CloudError && error.code === 'EXISTS')) throw error;
    }
  }

  #get({ object, sha256 }: StoredObject): Promise<Uint8Array> {
    return readAll(this.cloud, object, { sha256: hex(sha256), maxBytes: MAX_OBJECT_BYTES });
  }
}

const firstName = (n: number): string => `first-${n}`;

const hex = (digest: string): string => Buffer.from(digest, 'base64url').toString('hex');

/** A report's key and bytes, by its name: nothing of them has to be kept. */
function secretsOf(seed: number, name: string, reportBytes: number) {
  const payload = Buffer.alloc(reportBytes, derived(seed, `report/${name}`));
  const dataKey = derived(seed, `data-key/${name}`);
  const sha256 = createHash('sha256').update(payload).digest();
  return { payload, dataKey, sha256, aad: Buffer.from(name) };
}

function placesOf(seed: number, name: string, { image, label }: FirstObjects) {
  const place = (what: string, bytes: Uint8Array): StoredObject => ({
    cloud: CLOUD,
    object: derived(seed, `${what}/${name}`).toString('base64url'),
    sha256: createHash('sha256').update(bytes).digest('base64url'),
  });
  return { image: place('image', image), label: place('label', label) };
}

/** HMAC-SHA-256 over id, 0x00 and the plaintext's SHA-256, under a key derived from the data key (RFC 2104, RFC 5869). */
function commitmentOf(dataKey: Uint8Array, id: string, sha256: Uint8Array): string {
  const key = Buffer.from(hkdfSync('sha256', dataKey, Buffer.alloc(0), 'PRMS-commit-v1', 32));
  return createHmac('sha256', key)
    .update(id)
    .update(Buffer.of(0))
    .update(sha256)
    .digest('base64url');
}
