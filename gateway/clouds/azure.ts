// A cloud that is a container of Azure Blob Storage, by the vendor's own SDK. A put is staged blocks, each
// with the MD5 that the service checks (it knows no SHA-256), and one conditional commit (`If-None-Match: *`). Retries and time-outs are those of `resilient`.
import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  AnonymousCredential,
  ContainerClient,
  RestError,
  StorageSharedKeyCredential,
  type BlockBlobClient,
} from '@azure/storage-blob';
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
import { checkedParts, checkRange, ofLength, type BodyPart } from './parts.js';

export interface AzureCloudOptions {
  readonly name: string;
  /** Of the account: `https://ACCOUNT.blob.core.windows.net`. */
  readonly endpoint: string;
  readonly container: string;
  /** Stands before each object's name: `prms/`, or empty. */
  readonly prefix: string;
  readonly account: string;
  /** The account's key, base64, or a shared access signature that begins with `?`. */
  readonly secret: string;
  readonly partBytes: number;
  /** What the settings are called, for an error that can be acted on: `PRMS_CLOUD` or `PRMS_CLOUD_SECOND`. */
  readonly settings: string;
}

/** Opens no connection yet. */
export function openAzureCloud(options: AzureCloudOptions): Cloud {
  return new AzureCloud(options);
}

class AzureCloud implements Cloud {
  readonly name: string;
  private readonly container: ContainerClient;
  private readonly calls: Calls;

  constructor(private readonly options: AzureCloudOptions) {
    const { name, endpoint, container, account, secret } = options;
    this.name = name;
    this.calls = new Calls(name, options.settings, faultOf);
    const signature = secret.startsWith('?') ? secret : '';
    this.container = new ContainerClient(
      `${endpoint}/${container}${signature}`,
      signature === ''
        ? new StorageSharedKeyCredential(account, secret)
        : new AnonymousCredential(),
      { retryOptions: { maxTries: 1 } },
    );
  }

  async putIfAbsent(
    objectName: string,
    body: CloudBody,
    options: CallOptions & { readonly sha256: string },
  ): Promise<CloudObject> {
    const blob = this.blob(objectName);
    return this.calls.attempt(objectName, async () => {
      const parts = checkedParts(body, { ...options, partBytes: this.options.partBytes });
      return { objectName, sizeBytes: await putBlocks(blob, parts, options) };
    });
  }

  async get(
    objectName: string,
    options: CallOptions & { readonly range?: ByteRange } = {},
  ): Promise<CloudRead> {
    const blob = this.blob(objectName);
    const { range, signal } = options;
    checkRange(this.name, range);
    return this.calls.attempt(objectName, async () => {
      const count = range?.end === undefined ? undefined : range.end - range.start + 1;
      const answer = await blob.download(range?.start, count, {
        maxRetryRequests: 0,
        ...abort(signal),
      });
      const { contentLength = 0, contentRange, readableStreamBody: stream } = answer;
      const total = range ? Number(contentRange?.split('/')[1]) : contentLength;
      if (!(stream instanceof Readable) || !Number.isSafeInteger(total)) {
        throw new CloudError('UNAVAILABLE', 'The service did not give what was asked for.');
      }
      if (range && range.start >= total) {
        stream.destroy();
        throw new CloudError('INVALID', 'The range lies outside the object.');
      }
      const chunks = ofLength(stream, contentLength, (error) =>
        // The SDK calls a connection that breaks an abort, whoever broke it.
        this.calls.toError(signal?.aborted === true ? error : brokeOff(error), objectName),
      );
      const release = () => Promise.resolve(void stream.destroy());
      return { objectName, sizeBytes: total, body: releasing(chunks, release) };
    });
  }

  async head(objectName: string, { signal }: CallOptions = {}): Promise<CloudObject> {
    const blob = this.blob(objectName);
    return this.calls.attempt(objectName, async () => {
      const { contentLength = 0 } = await blob.getProperties(abort(signal));
      return { objectName, sizeBytes: contentLength };
    });
  }

  async delete(objectName: string, { signal }: CallOptions = {}): Promise<void> {
    const blob = this.blob(objectName);
    await this.calls.attempt(objectName, () => blob.deleteIfExists(abort(signal)));
  }

  async list(
    prefix: string,
    options: CallOptions & { readonly cursor?: string; readonly limit?: number } = {},
  ): Promise<CloudPage> {
    const { cursor, limit: maxPageSize = 1000, signal } = options;
    return this.calls.attempt('', async () => {
      const pages = this.container
        .listBlobsFlat({ prefix: this.options.prefix + prefix, ...abort(signal) })
        .byPage({ maxPageSize, ...(cursor !== undefined && { continuationToken: cursor }) });
      for await (const { segment, continuationToken } of pages) {
        const objects = segment.blobItems.map(({ name, properties }) => ({
          objectName: name.slice(this.options.prefix.length),
          sizeBytes: properties.contentLength ?? 0,
        }));
        return { objects, ...(continuationToken && { cursor: continuationToken }) };
      }
      return { objects: [] };
    });
  }

  private blob(objectName: string): BlockBlobClient {
    checkObjectName(this.name, objectName);
    return this.container.getBlockBlobClient(this.options.prefix + objectName);
  }
}

/** Blocks that were never committed can't be seen; the service removes them after a week. @returns the size */
async function putBlocks(
  blob: BlockBlobClient,
  parts: AsyncIterable<BodyPart>,
  { signal }: CallOptions,
): Promise<number> {
  const blocks: string[] = [];
  // Of this attempt alone: another one under way may not mix its blocks into ours.
  const attempt = randomUUID().slice(0, 24);
  let sizeBytes = 0;
  for await (const { bytes } of parts) {
    if (bytes.length === 0) continue; // an empty object has no blocks
    const number = String(blocks.length).padStart(8, '0');
    const block = Buffer.from(`${attempt}${number}`).toString('base64');
    const transactionalContentMD5 = createHash('md5').update(bytes).digest();
    await blob.stageBlock(block, bytes, bytes.length, {
      transactionalContentMD5,
      ...abort(signal),
    });
    blocks.push(block);
    sizeBytes += bytes.length;
  }
  await blob.commitBlockList(blocks, { conditions: { ifNoneMatch: '*' }, ...abort(signal) });
  return sizeBytes;
}

function faultOf(cause: unknown): CloudFault | undefined {
  if (!(cause instanceof RestError)) return undefined;
  const { code: said = '', statusCode = 0 } = cause;
  const setting = misconfigured[said] ?? (statusCode === 403 ? 'SECRET' : undefined);
  if (setting !== undefined) return { setting, said };
  return faults[said] ?? byStatus[statusCode] ?? ['UNAVAILABLE', 'The service failed.'];
}

/** Service error codes that only another setting helps against, and which one. */
const misconfigured: Readonly<Record<string, string>> = {
  AuthenticationFailed: 'SECRET',
  AuthorizationFailure: 'SECRET',
  InvalidAuthenticationInfo: 'SECRET',
  ContainerNotFound: 'BUCKET',
  AccountIsDisabled: 'ACCOUNT',
};

const faults: Readonly<Record<string, readonly [CloudErrorCode, string]>> = {
  Md5Mismatch: ['UNAVAILABLE', 'The bytes were changed on their way.'],
  OutOfRangeInput: ['INVALID', 'The service does not take this name, range or cursor.'],
  InvalidQueryParameterValue: ['INVALID', 'The service does not take this name, range or cursor.'],
};

const byStatus: Readonly<Record<number, readonly [CloudErrorCode, string]>> = {
  404: ['NOT_FOUND', 'There is no object of this name.'],
  409: ['EXISTS', 'An object of this name is there already.'],
  412: ['EXISTS', 'An object of this name is there already.'],
  416: ['INVALID', 'The range lies outside the object.'],
  507: ['FULL', 'The account has no room left: make room, then try again.'],
};

const abort = (signal: AbortSignal | undefined) =>
  signal === undefined ? {} : { abortSignal: signal };

const brokeOff = (cause: unknown): CloudError =>
  new CloudError('UNAVAILABLE', 'The service’s answer broke off.', {}, { cause });
