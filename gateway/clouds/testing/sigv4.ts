// AWS Signature Version 4, checked from the published algorithm ("Signature Calculations for the Authorization Header:
// Transferring Payload in a Single Chunk", Amazon S3 API reference), without a line of the SDK that it checks.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface SignedRequest {
  readonly method: string;
  /** Path and query as they stand in the request line. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What the `Authorization` header says. */
export interface Authorization {
  readonly accessKeyId: string;
  /** `20130524/us-east-1/s3/aws4_request`. */
  readonly scope: string;
  readonly region: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

/** @returns `undefined` when it is no authorization of this kind */
export function readAuthorization(header: string | undefined): Authorization | undefined {
  const shape =
    /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/(\d{8}\/([^/,\s]+)\/s3\/aws4_request),\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})$/;
  const match = shape.exec(header ?? '');
  if (!match) return undefined;
  const [, accessKeyId = '', scope = '', region = '', signed = '', signature = ''] = match;
  return { accessKeyId, scope, region, signedHeaders: signed.split(';'), signature };
}

/** The signature that a request must bear, 64 hex digits. */
export function signatureOf(
  request: SignedRequest,
  { scope, signedHeaders }: Pick<Authorization, 'scope' | 'signedHeaders'>,
  secretAccessKey: string,
): string {
  const stringToSign = [
    'AWS4-HMAC-SHA256',
    headerOf(request, 'x-amz-date'),
    scope,
    sha256(canonicalRequest(request, signedHeaders)),
  ].join('\n');
  const [date = '', region = '', service = ''] = scope.split('/');
  const key = [date, region, service, 'aws4_request'].reduce<Buffer>(
    (last, part) => hmac(last, part),
    Buffer.from(`AWS4${secretAccessKey}`, 'utf8'),
  );
  return hmac(key, stringToSign).toString('hex');
}

/** Whether the request was signed with this secret. Says nothing of its body: its hash is among the headers. */
export function isSigned(
  request: SignedRequest,
  authorization: Authorization,
  secretAccessKey: string,
): boolean {
  const right = signatureOf(request, authorization, secretAccessKey);
  return timingSafeEqual(Buffer.from(right), Buffer.from(authorization.signature));
}

function canonicalRequest(request: SignedRequest, signedHeaders: readonly string[]): string {
  const [path = '', query = ''] = request.target.split('?', 2);
  const headers = signedHeaders.map((name) => `${name}:${headerOf(request, name)}\n`);
  return [
    request.method,
    encode(decodeURIComponent(path), '/'),
    canonicalQuery(query),
    headers.join(''),
    signedHeaders.join(';'),
    headerOf(request, 'x-amz-content-sha256'),
  ].join('\n');
}

function canonicalQuery(query: string): string {
  if (query === '') return '';
  const pairs = query.split('&').map((pair): [string, string] => {
    const [name = '', value = ''] = pair.split(/=(.*)/s, 2);
    return [encode(decodeURIComponent(name)), encode(decodeURIComponent(value))];
  });
  const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return pairs
    .sort(([a, x], [b, y]) => order(a, b) || order(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** Everything but `A-Z a-z 0-9 - . _ ~` (and `keep`) is written `%XX`. */
function encode(text: string, keep = ''): string {
  const escape = (character: string) =>
    keep.includes(character)
      ? character
      : [...Buffer.from(character, 'utf8')]
          .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
          .join('');
  return text.replaceAll(/[^A-Za-z0-9\-._~]/gu, escape);
}

function headerOf({ headers }: SignedRequest, name: string): string {
  const value = headers[name] ?? '';
  return (Array.isArray(value) ? value.join(',') : value).trim().replaceAll(/ +/g, ' ');
}

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');
const hmac = (key: Buffer, text: string): Buffer =>
  createHmac('sha256', key).update(text, 'utf8').digest();
