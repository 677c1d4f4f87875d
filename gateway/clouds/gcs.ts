// A cloud that is a bucket of Google Cloud Storage, by the vendor's own SDK. A put is one upload on condition that no
// generation of the object exists (`ifGenerationMatch=0`), with the CRC32C that the service checks (it knows no
// SHA-256); the last part is held back until our own checksum fits. Retries and time-outs are those of `resilient`.
import { pipeline } from 'node:stream/promises';
import { ApiError, Storage, type Bucket, type File } from '@google-cloud/storage';
import { releasing } from './body.js';
import { checkObjectName, CloudError } from './cloud.js';
import type {
  ByteRange,
  CallOptions,
  Cloud,
  CloudBody,
  CloudErrorCode,
  CloudObject,
  CloudPage,
  CloudRead,
} from './cloud.js';
import { checkedParts, checkRange, ofLength } from './parts.js';

export interface GcsCloudOptions {
  readonly name: string;
  /** Absent: the vendor's own. */
  readonly endpoint?: string;
  readonly bucket: string;
  /** Stands before each object's name: `prms/`, or empty. */
  readonly prefix: string;
  readonly project: string;
  /** A service account's key. Absent: wherever the SDK finds one; none at all with an endpoint of one's own. */
  readonly credentials?: { readonly client_email: string; readonly private_key: string };
  readonly partBytes: number;
  /** What the settings are called, for an error that can be acted on: `PRMS_CLOUD` or `PRMS_CLOUD_SECOND`. */
  readonly settings: string;
}

/** Opens no connection yet. */
export function openGcsCloud(options: GcsCloudOptions): Cloud {
  return new GcsCloud(options);
}

class GcsCloud implements Cloud {
  readonly name: string;
  private readonly bucket: Bucket;

  constructor(private readonly options: GcsCloudOptions) {
    const { name, endpoint, bucket, project, credentials } = options;
    this.name = name;
    const storage = new Storage({
      projectId: project,
      retryOptions: { autoRetry: false, maxRetries: 0 },
      ...(endpoint !== undefined && { apiEndpoint: endpoint }),
      ...(credentials !== undefined && { credentials, useAuthWithCustomEndpoint: true }),
    });
    this.bucket = storage.bucket(bucket);
  }

  async putIfAbsent(
    objectName: string,
    body: CloudBody,
    options: CallOptions & { readonly sha256: string },
  ): Promise<CloudObject> {
    const file = this.file(objectName);
    return this.attempt(objectName, options.signal, async () => {
      const { partBytes } = this.options;
      const parts = checkedParts(body, { ...options, partBytes });
      const first = await parts.next();
      if (first.done === true) throw new CloudError('INVALID', 'A body has at least one part.');
      let sizeBytes = first.value.bytes.length;
      const source = async function* (): AsyncIterable<Buffer> {
        yield first.value.bytes;
        for await (const { bytes } of parts) {
          sizeBytes += bytes.length;
          yield bytes;
        }
      };
      const sink = file.createWriteStream({
        resumable: false,
        validation: 'crc32c',
        contentType: 'application/octet-stream',
        preconditionOpts: { ifGenerationMatch: 0 },
      });
      await pipeline(source, sink, options.signal === undefined ? {} : { signal: options.signal });
      return { objectName, sizeBytes };
    });
  }

  async get(
    objectName: string,
    options: CallOptions & { readonly range?: ByteRange } = {},
  ): Promise<CloudRead> {
    const file = this.file(objectName);
    const { range, signal } = options;
    checkRange(this.name, range);
    const { sizeBytes } = await this.head(objectName, options);
    const start = range?.start ?? 0;
    const end = Math.min(range?.end ?? sizeBytes - 1, sizeBytes - 1);
    if (range && start >= sizeBytes) {
      throw this.toError(
        new CloudError('INVALID', 'The range lies outside the object.'),
        objectName,
      );
    }
    const stream = file.createReadStream({
      validation: false,
      decompress: false,
      ...(range && { start, end }),
    });
    const onAbort = () => stream.destroy(new CloudError('ABORTED', 'The caller gave up.'));
    signal?.addEventListener('abort', onAbort, { once: true });
    stream.once('close', () => signal?.removeEventListener('abort', onAbort));
    const chunks = ofLength(stream, sizeBytes === 0 ? 0 : end - start + 1, (error) =>
      this.toError(error, objectName),
    );
    const release = () => Promise.resolve(void stream.destroy());
    return { objectName, sizeBytes, body: releasing(chunks, release) };
  }

  async head(objectName: string, { signal }: CallOptions = {}): Promise<CloudObject> {
    const file = this.file(objectName);
    return this.attempt(objectName, signal, async () => {
      const [{ size = 0 }] = await file.getMetadata();
      return { objectName, sizeBytes: Number(size) };
    });
  }

  async delete(objectName: string, { signal }: CallOptions = {}): Promise<void> {
    const file = this.file(objectName);
    await this.attempt(objectName, signal, () => file.delete({ ignoreNotFound: true }));
  }

  async list(
    prefix: string,
    options: CallOptions & { readonly cursor?: string; readonly limit?: number } = {},
  ): Promise<CloudPage> {
    const { cursor, limit: maxResults = 1000, signal } = options;
    return this.attempt('', signal, async () => {
      const [files, next] = await this.bucket.getFiles({
        autoPaginate: false,
        maxResults,
        prefix: this.options.prefix + prefix,
        ...(cursor !== undefined && { pageToken: cursor }),
      });
      const objects = files.map(({ name, metadata }) => ({
        objectName: name.slice(this.options.prefix.length),
        sizeBytes: Number(metadata.size ?? 0),
      }));
      const token = pageTokenOf(next);
      return { objects, ...(token !== undefined && { cursor: token }) };
    });
  }

  private file(objectName: string): File {
    checkObjectName(this.name, objectName);
    return this.bucket.file(this.options.prefix + objectName);
  }

  /** The SDK takes no signal for most calls: the caller is let go, and the answer comes to nobody. */
  private async attempt<T>(
    objectName: string,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      signal?.throwIfAborted();
      return await work();
    } catch (error) {
      throw this.toError(error, objectName);
    }
  }

  private toError(cause: unknown, objectName: string): CloudError {
    const ids = { cloud: this.name, ...(objectName !== '' && { object: objectName }) };
    if (cause instanceof CloudError) {
      return new CloudError(cause.code, cause.message, { ...ids, ...cause.ids }, { cause });
    }
    if (cause instanceof Error && cause.name === 'AbortError') {
      return new CloudError('ABORTED', 'The caller gave up.', ids, { cause });
    }
    const status = statusOf(cause);
    if (status === undefined) {
      return new CloudError('UNAVAILABLE', 'The service can’t be reached.', ids, { cause });
    }
    const reason = cause instanceof ApiError ? cause.errors?.[0]?.reason : undefined;
    if (status === 401 || (status === 403 && reason !== 'quotaExceeded')) {
      const setting = `${this.options.settings}_SECRET`;
      const message = `The service refuses this gateway: check ${setting}.`;
      return new CloudError('DENIED', message, { ...ids, setting }, { cause });
    }
    if (status === 404 && objectName === '') {
      const setting = `${this.options.settings}_BUCKET`;
      const message = `There is no such bucket: check ${setting}.`;
      return new CloudError('DENIED', message, { ...ids, setting }, { cause });
    }
    const [code, message] = byStatus[status] ?? ['UNAVAILABLE', 'The service failed.'];
    return new CloudError(code, message, ids, { cause });
  }
}

const byStatus: Readonly<Record<number, readonly [CloudErrorCode, string]>> = {
  403: ['FULL', 'The quota is used up: make room, then try again.'],
  404: ['NOT_FOUND', 'There is no object of this name.'],
  412: ['EXISTS', 'An object of this name is there already.'],
  416: ['INVALID', 'The range lies outside the object.'],
  507: ['FULL', 'The bucket has no room left: make room, then try again.'],
};

/** After the last page it is null, whatever its type says. */
function pageTokenOf(next: unknown): string | undefined {
  if (typeof next !== 'object' || next === null || !('pageToken' in next)) return undefined;
  return typeof next.pageToken === 'string' ? next.pageToken : undefined;
}

/** The SDK throws errors of several classes; what they share is the HTTP status in `code`. */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const status = Number(error.code);
  return Number.isInteger(status) && status >= 300 ? status : undefined;
}
