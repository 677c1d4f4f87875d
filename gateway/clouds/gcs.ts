// A cloud that is a bucket of Google Cloud Storage, by the vendor's own SDK. A put is one upload on condition that no
// generation of the object exists (`ifGenerationMatch=0`), with the CRC32C that the service checks (it knows no
// SHA-256); the last part is held back until our own checksum fits. An object's bytes are fetched with the SDK's address
// and credentials, but not by its stream: that never ends when the connection breaks, for the SDK's HTTP client
// (node-fetch 2) does not hand the break on. Retries and time-outs are those of `resilient`.
import { pipeline } from 'node:stream/promises';
import { ApiError, Storage, type Bucket, type File } from '@google-cloud/storage';
import { releasing } from './body.js';
import { Calls, type CloudFault } from './calls.js';
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
import { checkedParts, checkRange, ofLength, totalOf } from './parts.js';

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
  private readonly calls: Calls;

  constructor(private readonly options: GcsCloudOptions) {
    const { name, endpoint, bucket, project, credentials } = options;
    this.name = name;
    this.calls = new Calls(name, options.settings, faultOf);
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
    return this.calls.attempt(objectName, async () => {
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
    return this.calls.attempt(objectName, async () => {
      const left = new AbortController();
      const release = () => {
        left.abort();
        return Promise.resolve();
      };
      const { body, headers, ok, status } = await fetch(this.mediaOf(file), {
        headers: {
          ...(await this.authorization()),
          'accept-encoding': 'identity',
          ...(range && { range: `bytes=${range.start}-${range.end ?? ''}` }),
        },
        signal: signal ? AbortSignal.any([signal, left.signal]) : left.signal,
      });
      const length = Number(headers.get('content-length') ?? NaN);
      const total = range ? totalOf(headers.get('content-range'), range.start) : length;
      if (!ok || body === null || !Number.isSafeInteger(length) || total === undefined) {
        await release();
        throw ok ? new CloudError('UNAVAILABLE', NOT_GIVEN) : new AnswerError(status);
      }
      const chunks = ofLength(body, length, (error) => this.calls.toError(error, objectName));
      return { objectName, sizeBytes: total, body: releasing(chunks, release) };
    });
  }

  async head(objectName: string, { signal }: CallOptions = {}): Promise<CloudObject> {
    const file = this.file(objectName);
    return this.calls.attempt(objectName, async () => {
      signal?.throwIfAborted();
      const [{ size = 0 }] = await file.getMetadata();
      return { objectName, sizeBytes: Number(size) };
    });
  }

  async delete(objectName: string, { signal }: CallOptions = {}): Promise<void> {
    const file = this.file(objectName);
    await this.calls.attempt(objectName, () => {
      signal?.throwIfAborted();
      return file.delete({ ignoreNotFound: true });
    });
  }

  async list(
    prefix: string,
    options: CallOptions & { readonly cursor?: string; readonly limit?: number } = {},
  ): Promise<CloudPage> {
    const { cursor, limit: maxResults = 1000, signal } = options;
    return this.calls.attempt('', async () => {
      signal?.throwIfAborted();
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

  private mediaOf({ name }: File): string {
    const { baseUrl } = this.bucket.storage;
    return `${baseUrl}/b/${encodeURIComponent(this.bucket.name)}/o/${encodeURIComponent(name)}?alt=media`;
  }

  /** As the SDK has it: a server of one's own is asked without credentials unless there are some. */
  private async authorization(): Promise<Readonly<Record<string, string>>> {
    const { endpoint, credentials } = this.options;
    const open = endpoint !== undefined && credentials === undefined;
    return open ? {} : this.bucket.storage.authClient.getRequestHeaders();
  }
}

const NOT_GIVEN = 'The service did not give what was asked for.';

/** An answer other than success to a request that is not the SDK's. */
class AnswerError extends Error {
  constructor(readonly code: number) {
    super(`The service answered ${code}.`);
  }
}

function faultOf(cause: unknown, objectName: string): CloudFault | undefined {
  const status = statusOf(cause);
  if (status === undefined) return undefined;
  const reason = cause instanceof ApiError ? cause.errors?.[0]?.reason : undefined;
  const said = reason ?? String(status);
  if (status === 401 || (status === 403 && reason !== 'quotaExceeded'))
    return { setting: 'SECRET', said };
  if (status === 404 && objectName === '') return { setting: 'BUCKET', said };
  return byStatus[status] ?? ['UNAVAILABLE', 'The service failed.'];
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
