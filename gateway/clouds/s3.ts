// A cloud that speaks S3, by the vendor's own SDK: any endpoint. A put is one conditional request (`If-None-Match: *`), or,
// above one part, a multipart upload whose completion is conditional; every part carries its SHA-256. Retries and
// time-outs are not the SDK's but those of `resilient`, the same for every cloud.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
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
import { checkedParts, checkRange, ofLength, totalOf, type BodyPart } from './parts.js';

export interface S3CloudOptions {
  readonly name: string;
  /** Of the service; absent: the vendor's own for the region. */
  readonly endpoint?: string;
  readonly region: string;
  readonly bucket: string;
  /** Stands before each object's name: `prms/`, or empty. */
  readonly prefix: string;
  /** `bucket` in the path, not in the host name: what most servers other than the vendor's want. */
  readonly pathStyle: boolean;
  /** Absent: wherever the SDK finds them, such as a role of the machine. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** How long a connection may take to open. */
  readonly connectTimeoutMs: number;
  /** At least 5 MiB, the service's least. */
  readonly partBytes: number;
  /** Of a write that another one for the same object gets in the way of. */
  readonly contestedAttempts: number;
  /** Before the second of them; grows by as much each time. */
  readonly contestedPauseMs: number;
  /** What the settings are called, for an error that can be acted on: `PRMS_CLOUD` or `PRMS_CLOUD_SECOND`. */
  readonly settings: string;
}

/** Opens no connection yet. */
export function openS3Cloud(options: S3CloudOptions): Cloud {
  return new S3Cloud(options);
}

class S3Cloud implements Cloud {
  readonly name: string;
  private readonly client: S3Client;
  private readonly calls: Calls;

  constructor(private readonly options: S3CloudOptions) {
    const { name, endpoint, region, pathStyle, credentials, connectTimeoutMs } = options;
    this.name = name;
    this.calls = new Calls(name, options.settings, faultOf);
    this.client = new S3Client({
      region,
      forcePathStyle: pathStyle,
      maxAttempts: 1,
      requestHandler: { connectionTimeout: connectTimeoutMs },
      // SHA-256 is sent with each put; the SDK's own CRC besides would only exclude servers that don't know it.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      ...(endpoint !== undefined && { endpoint }),
      ...(credentials !== undefined && { credentials }),
    });
  }

  async putIfAbsent(
    objectName: string,
    body: CloudBody,
    options: CallOptions & { readonly sha256: string },
  ): Promise<CloudObject> {
    const where = this.where(objectName);
    return this.calls.attempt(objectName, async () => {
      const parts = checkedParts(body, { ...options, partBytes: this.options.partBytes });
      const first = await parts.next();
      if (first.done === true) throw new CloudError('INVALID', 'A body has at least one part.');
      const sizeBytes = first.value.last
        ? await this.putWhole(where, first.value.bytes, options)
        : await this.putParts(where, first.value, parts, options);
      return { objectName, sizeBytes };
    });
  }

  async get(
    objectName: string,
    options: CallOptions & { readonly range?: ByteRange } = {},
  ): Promise<CloudRead> {
    const where = this.where(objectName);
    const { range, signal } = options;
    checkRange(this.name, range);
    return this.calls.attempt(objectName, async () => {
      const Range = range && `bytes=${range.start}-${range.end ?? ''}`;
      const answer = await this.client.send(
        new GetObjectCommand({ ...where, ...(Range !== undefined && { Range }) }),
        abort(signal),
      );
      const { Body, ContentLength = 0 } = answer;
      const total = range ? totalOf(answer.ContentRange, range.start) : ContentLength;
      if (!(Body instanceof Readable) || total === undefined) {
        throw new CloudError(
          'UNAVAILABLE',
          'The server did not give the range that was asked for.',
        );
      }
      const chunks = ofLength(Body, ContentLength, (error) =>
        this.calls.toError(error, objectName),
      );
      const release = () => Promise.resolve(void Body.destroy());
      return { objectName, sizeBytes: total, body: releasing(chunks, release) };
    });
  }

  async head(objectName: string, { signal }: CallOptions = {}): Promise<CloudObject> {
    const where = this.where(objectName);
    return this.calls.attempt(objectName, async () => {
      const { ContentLength = 0 } = await this.client.send(
        new HeadObjectCommand(where),
        abort(signal),
      );
      return { objectName, sizeBytes: ContentLength };
    });
  }

  async delete(objectName: string, { signal }: CallOptions = {}): Promise<void> {
    const where = this.where(objectName);
    await this.calls
      .attempt(objectName, async () => {
        await this.client.send(new DeleteObjectCommand(where), abort(signal));
      })
      .catch((error: unknown) => {
        if (!(error instanceof CloudError && error.code === 'NOT_FOUND')) throw error;
      });
  }

  async list(
    prefix: string,
    options: CallOptions & { readonly cursor?: string; readonly limit?: number } = {},
  ): Promise<CloudPage> {
    const { cursor, limit = 1000, signal } = options;
    return this.calls.attempt('', async () => {
      const { Contents = [], NextContinuationToken } = await this.client.send(
        new ListObjectsV2Command({
          Bucket: this.options.bucket,
          Prefix: this.options.prefix + prefix,
          MaxKeys: limit,
          ...(cursor !== undefined && { ContinuationToken: cursor }),
        }),
        abort(signal),
      );
      const objects = Contents.map(({ Key = '', Size = 0 }) => ({
        objectName: Key.slice(this.options.prefix.length),
        sizeBytes: Size,
      }));
      return { objects, ...(NextContinuationToken && { cursor: NextContinuationToken }) };
    });
  }

  private async putWhole(
    where: ObjectPlace,
    Body: Buffer,
    { sha256, signal }: CallOptions & { readonly sha256: string },
  ): Promise<number> {
    const ChecksumSHA256 = Buffer.from(sha256, 'hex').toString('base64');
    await this.settled(() =>
      this.client.send(
        new PutObjectCommand({ ...where, Body, ChecksumSHA256, IfNoneMatch: '*' }),
        abort(signal),
      ),
    );
    return Body.length;
  }

  private async putParts(
    where: ObjectPlace,
    first: BodyPart,
    rest: AsyncIterable<BodyPart>,
    { signal }: CallOptions,
  ): Promise<number> {
    const begin = new CreateMultipartUploadCommand({ ...where, ChecksumAlgorithm: 'SHA256' });
    const { UploadId } = await this.client.send(begin, abort(signal));
    const upload = { ...where, UploadId };
    const Parts: CompletedPart[] = [];
    let sizeBytes = 0;
    const send = async ({ bytes: Body }: BodyPart) => {
      const PartNumber = Parts.length + 1;
      const ChecksumSHA256 = createHash('sha256').update(Body).digest('base64');
      const { ETag } = await this.client.send(
        new UploadPartCommand({ ...upload, PartNumber, Body, ChecksumSHA256 }),
        abort(signal),
      );
      Parts.push({ PartNumber, ETag, ChecksumSHA256 });
      sizeBytes += Body.length;
    };
    try {
      await send(first);
      for await (const part of rest) await send(part);
      const end = { ...upload, MultipartUpload: { Parts }, IfNoneMatch: '*' };
      await this.settled(() =>
        this.client.send(new CompleteMultipartUploadCommand(end), abort(signal)),
      );
      return sizeBytes;
    } catch (error) {
      // Parts can't be seen, but they cost room until the bucket's own rule removes them.
      await this.client.send(new AbortMultipartUploadCommand(upload)).catch(() => undefined);
      throw error;
    }
  }

  /** Two conditional writes at one moment: the server asks the loser to try again, and tells it then who won. */
  private async settled<T>(write: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await write();
      } catch (error) {
        const { contestedAttempts, contestedPauseMs } = this.options;
        const contested = error instanceof S3ServiceException && statusOf(error) === 409;
        if (!contested || attempt === contestedAttempts) throw error;
        await sleep(contestedPauseMs * attempt);
      }
    }
  }

  private where(objectName: string): ObjectPlace {
    checkObjectName(this.name, objectName);
    return { Bucket: this.options.bucket, Key: this.options.prefix + objectName };
  }
}

interface ObjectPlace {
  readonly Bucket: string;
  readonly Key: string;
}

function faultOf(cause: unknown): CloudFault | undefined {
  if (!(cause instanceof S3ServiceException)) return undefined;
  const { name: said } = cause;
  const status = statusOf(cause);
  const setting =
    misconfigured[said] ?? (said in faults ? undefined : misconfiguredByStatus[status]);
  if (setting !== undefined) return { setting, said };
  return faults[said] ?? byStatus[status] ?? ['UNAVAILABLE', 'The server failed.'];
}

/** The server's errors that only another setting helps against, and which one. */
const misconfigured: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'ACCOUNT',
  SignatureDoesNotMatch: 'SECRET',
  AccessDenied: 'ACCOUNT',
  CredentialsProviderError: 'ACCOUNT',
  NoSuchBucket: 'BUCKET',
  InvalidBucketName: 'BUCKET',
  PermanentRedirect: 'REGION',
  AuthorizationHeaderMalformed: 'REGION',
  InvalidRegion: 'REGION',
};

/** An answer to HEAD has no name of the error in it. */
const misconfiguredByStatus: Readonly<Record<number, string>> = { 301: 'REGION', 403: 'ACCOUNT' };

const full = ['FULL', 'The bucket has no room left: make room, then try again.'] as const;
const faults: Readonly<Record<string, readonly [CloudErrorCode, string]>> = {
  QuotaExceeded: full,
  ServiceQuotaExceeded: full,
  InsufficientStorage: full,
  InvalidArgument: ['INVALID', 'The server does not take this name, range or cursor.'],
  // Our own clock or the server's: the SDK corrects itself by the answer's date, so another attempt may do.
  RequestTimeTooSkewed: ['UNAVAILABLE', 'The clocks of gateway and server differ: set them.'],
};

const byStatus: Readonly<Record<number, readonly [CloudErrorCode, string]>> = {
  404: ['NOT_FOUND', 'There is no object of this name.'],
  412: ['EXISTS', 'An object of this name is there already.'],
  416: ['INVALID', 'The range lies outside the object.'],
  507: full,
};

const statusOf = (error: S3ServiceException): number => error.$metadata.httpStatusCode ?? 0;

const abort = (signal: AbortSignal | undefined) =>
  signal === undefined ? {} : { abortSignal: signal };
