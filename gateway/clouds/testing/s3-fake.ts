// NOT A REAL S3 SERVER: a small fake for tests and the demo, in memory, on the loopback interface. It checks each
// request's signature (AWS4-HMAC-SHA256) by itself, honours `If-None-Match`, ranges, pages and multipart uploads, stores
// nothing without its SHA-256 (as a bucket's policy can demand), and can be told to misbehave. It says `x-prms-fake: s3` in
// every answer.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { S3CloudOptions } from '../s3.js';
import { isSigned, readAuthorization } from './sigv4.js';

/** One way to misbehave. */
export type S3Fault =
  /** Answers so, without doing anything. */
  | { readonly kind: 'answer'; readonly status: number; readonly code: string }
  /** Never answers. */
  | { readonly kind: 'silence' }
  /** Breaks the connection after so many bytes of the request's body. Nothing is stored. */
  | { readonly kind: 'cut-request'; readonly afterBytes: number }
  /** Does what was asked, then breaks the connection instead of answering. */
  | { readonly kind: 'lose-answer' }
  /** Announces the whole answer and breaks the connection in the middle. */
  | { readonly kind: 'cut-answer' }
  /** Sends a byte of the answer now and then. */
  | { readonly kind: 'drip'; readonly everyMs: number }
  /** Flips a bit of the stored bytes in the answer. */
  | { readonly kind: 'flip' }
  /** Takes at most 64 KiB of the request's body, each time after a wait. */
  | { readonly kind: 'slow-request'; readonly everyMs: number }
  /** Flips a bit of the request's body behind the signature's check. */
  | { readonly kind: 'flip-request' }
  /** Its clock is off by so much. */
  | { readonly kind: 'skew'; readonly ms: number };

export interface S3Request {
  readonly method: string;
  readonly key: string;
  readonly query: URLSearchParams;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export const FAKE_CREDENTIALS = {
  accessKeyId: 'FAKEACCESSKEY',
  secretAccessKey: 'a-secret-of-the-fake',
} as const;

/** How the adapter is told to use a fake. */
export const s3OptionsFor = ({ endpoint, region, bucket }: S3Fake): S3CloudOptions => ({
  name: 's3',
  endpoint,
  region,
  bucket,
  prefix: 'prms/',
  pathStyle: true,
  credentials: FAKE_CREDENTIALS,
  connectTimeoutMs: 5000,
  partBytes: 300_000,
  contestedAttempts: 10,
  contestedPauseMs: 20,
  settings: 'PRMS_CLOUD',
});

const SKEW_LIMIT_MS = 15 * 60_000;

export class S3Fake {
  /** By key, as the server's operator sees and can change them. */
  readonly objects = new Map<string, Buffer>();
  /** Asked before each request; may name a fault. */
  fault: (request: S3Request) => S3Fault | undefined = () => undefined;
  /** How many requests came, by `METHOD`. */
  readonly requests: S3Request[] = [];
  readonly uploads = new Map<string, Map<number, Buffer>>();
  #nextUpload = 1;

  private constructor(
    private readonly server: Server,
    readonly bucket: string,
    readonly region: string,
  ) {}

  static async start(bucket = 'records', region = 'eu-central-1'): Promise<S3Fake> {
    const server = createServer();
    const fake = new S3Fake(server, bucket, region);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      fake.#serve(request, response).catch(() => request.socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get endpoint(): string {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('the fake is not up');
    return `http://127.0.0.1:${address.port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = this.#read(request);
    this.requests.push(asked);
    const fault = this.fault(asked);
    if (fault?.kind === 'silence') return;
    const body = await gather(request, fault);
    const now = Date.now() + (fault?.kind === 'skew' ? fault.ms : 0);
    const refused = this.#refusal(request, body, now);
    const answer =
      fault?.kind === 'answer'
        ? failure(fault.status, fault.code)
        : (refused ??
          this.#answer(asked, request, fault?.kind === 'flip-request' ? flipped(body) : body));
    if (fault?.kind === 'lose-answer') {
      request.socket.destroy();
      return;
    }
    await send(request, response, answer, fault, now);
  }

  #read(request: IncomingMessage): S3Request {
    const url = new URL(request.url ?? '', 'http://fake');
    const path = decodeURIComponent(url.pathname);
    const place = `/${this.bucket}/`;
    const key = path.startsWith(place) ? path.slice(place.length) : '';
    return { method: request.method ?? '', key, query: url.searchParams };
  }

  /** What is wrong with who asks, before what is asked. */
  #refusal(request: IncomingMessage, body: Buffer, now: number): Answer | undefined {
    const { headers, method = '', url: target = '' } = request;
    const authorization = readAuthorization(headers.authorization);
    if (!authorization) return failure(403, 'AccessDenied');
    if (authorization.accessKeyId !== FAKE_CREDENTIALS.accessKeyId)
      return failure(403, 'InvalidAccessKeyId');
    const signed = { method, target, headers };
    if (!isSigned(signed, authorization, FAKE_CREDENTIALS.secretAccessKey))
      return failure(403, 'SignatureDoesNotMatch');
    for (const name of ['host', 'x-amz-date', 'x-amz-content-sha256'])
      if (!authorization.signedHeaders.includes(name)) return failure(403, 'AccessDenied');
    if (Math.abs(now - dateOf(String(headers['x-amz-date']))) > SKEW_LIMIT_MS)
      return failure(403, 'RequestTimeTooSkewed');
    if (headers['x-amz-content-sha256'] !== sha256(body, 'hex'))
      return failure(400, 'XAmzContentSHA256Mismatch');
    if (authorization.region !== this.region) return failure(301, 'PermanentRedirect');
    const bucket = target.split(/[/?]/)[1];
    return bucket === this.bucket ? undefined : failure(404, 'NoSuchBucket');
  }

  #answer(asked: S3Request, request: IncomingMessage, body: Buffer): Answer {
    const { method, key, query } = asked;
    if (key === '') return method === 'GET' ? this.#list(query) : failure(405, 'MethodNotAllowed');
    if (query.has('uploads') || query.has('uploadId')) return this.#multipart(asked, request, body);
    switch (method) {
      case 'PUT':
        return this.#put(key, request, body);
      case 'GET':
        return this.#get(key, request.headers.range);
      case 'HEAD':
        return { ...this.#get(key, undefined) };
      case 'DELETE':
        this.objects.delete(key);
        return { status: 204 };
      default:
        return failure(405, 'MethodNotAllowed');
    }
  }

  #put(key: string, request: IncomingMessage, body: Buffer): Answer {
    const refused = unfit(request, body);
    if (refused) return refused;
    if (request.headers['if-none-match'] === '*' && this.objects.has(key))
      return failure(412, 'PreconditionFailed');
    this.objects.set(key, body);
    return { status: 200, headers: { etag: `"${sha256(body, 'hex').slice(0, 32)}"` } };
  }

  #get(key: string, range: string | undefined): Answer {
    const object = this.objects.get(key);
    if (!object) return failure(404, 'NoSuchKey');
    if (range === undefined) return { status: 200, body: object };
    const match = /^bytes=(\d+)-(\d*)$/.exec(range);
    const start = Number(match?.[1]);
    const end = match?.[2] ? Math.min(Number(match[2]), object.length - 1) : object.length - 1;
    if (!match || start >= object.length) return failure(416, 'InvalidRange');
    return {
      status: 206,
      headers: { 'content-range': `bytes ${start}-${end}/${object.length}` },
      body: object.subarray(start, end + 1),
    };
  }

  #list(query: URLSearchParams): Answer {
    const prefix = query.get('prefix') ?? '';
    const limit = Number(query.get('max-keys') ?? 1000);
    const after = query.get('continuation-token');
    if (after !== null && !after.startsWith('after:')) return failure(400, 'InvalidArgument');
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(prefix))
      .sort()
      .filter((key) => after === null || key > after.slice(6));
    const page = keys.slice(0, limit);
    const more = keys.length > page.length;
    const contents = page.map((key) => {
      const size = this.objects.get(key)?.length ?? 0;
      return `<Contents><Key>${key}</Key><Size>${size}</Size></Contents>`;
    });
    const next = more
      ? `<NextContinuationToken>after:${page.at(-1) ?? ''}</NextContinuationToken>`
      : '';
    return xml(
      200,
      `<ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`,
    );
  }

  #multipart({ method, key, query }: S3Request, request: IncomingMessage, body: Buffer): Answer {
    if (query.has('uploads')) {
      if (request.headers['x-amz-checksum-algorithm'] !== 'SHA256')
        return failure(400, 'InvalidRequest');
      const id = `upload-${this.#nextUpload++}`;
      this.uploads.set(id, new Map());
      return xml(
        200,
        `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      );
    }
    const id = query.get('uploadId') ?? '';
    const parts = this.uploads.get(id);
    if (!parts) return failure(404, 'NoSuchUpload');
    if (method === 'PUT') {
      const refused = unfit(request, body);
      if (refused) return refused;
      parts.set(Number(query.get('partNumber')), body);
      return { status: 200, headers: { etag: `"${sha256(body, 'hex').slice(0, 32)}"` } };
    }
    if (method === 'POST') {
      if (request.headers['if-none-match'] === '*' && this.objects.has(key))
        return failure(412, 'PreconditionFailed');
      const numbers = [...parts.keys()].sort((a, b) => a - b);
      this.objects.set(key, Buffer.concat(numbers.map((n) => parts.get(n) ?? Buffer.alloc(0))));
    }
    this.uploads.delete(id);
    return method === 'POST'
      ? xml(200, '<CompleteMultipartUploadResult></CompleteMultipartUploadResult>')
      : { status: 204 };
  }
}

/** What is wrong with a body's checksum. */
function unfit(request: IncomingMessage, body: Buffer): Answer | undefined {
  const told = request.headers['x-amz-checksum-sha256'];
  if (told === undefined) return failure(400, 'InvalidRequest');
  return told === sha256(body, 'base64') ? undefined : failure(400, 'BadDigest');
}

async function gather(request: IncomingMessage, fault: S3Fault | undefined): Promise<Buffer> {
  const cutAfterBytes = fault?.kind === 'cut-request' ? fault.afterBytes : undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (fault?.kind === 'slow-request')
      await new Promise((resolve) => setTimeout(resolve, fault.everyMs));
    if (cutAfterBytes !== undefined && length >= cutAfterBytes) request.socket.destroy();
  }
  if (cutAfterBytes !== undefined) throw new Error('cut, as told');
  return Buffer.concat(chunks);
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers = {}, body = Buffer.alloc(0) }: Answer,
  fault: S3Fault | undefined,
  now: number,
): Promise<void> {
  response.sendDate = false;
  response.writeHead(status, {
    'x-prms-fake': 's3',
    date: new Date(now).toUTCString(),
    'content-length': String(body.length),
    ...headers,
  });
  const bytes = fault?.kind === 'flip' ? flipped(body) : body;
  if (request.method === 'HEAD') response.end();
  else if (fault?.kind === 'cut-answer') {
    response.write(bytes.subarray(0, bytes.length >> 1), () => request.socket.destroy());
  } else if (fault?.kind === 'drip') {
    for (const byte of bytes) {
      if (response.destroyed) return;
      response.write(Buffer.of(byte));
      await new Promise((resolve) => setTimeout(resolve, fault.everyMs));
    }
    response.end();
  } else response.end(bytes);
}

function flipped(body: Buffer): Buffer {
  const bytes = Buffer.from(body);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

const failure = (status: number, code: string): Answer =>
  xml(status, `<Error><Code>${code}</Code><Message>as the fake was told</Message></Error>`);

const xml = (status: number, content: string): Answer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${content}`, 'utf8'),
});

/** `20130524T000000Z` */
function dateOf(text: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  const [year = 0, month = 0, day = 0, ...time] = (match ?? []).slice(1).map(Number);
  return match ? Date.UTC(year, month - 1, day, time[0], time[1], time[2]) : Number.NaN;
}

const sha256 = (bytes: Buffer, encoding: 'hex' | 'base64'): string =>
  createHash('sha256').update(bytes).digest(encoding);
