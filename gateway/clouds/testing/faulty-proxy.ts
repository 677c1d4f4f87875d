// A proxy before a real cloud server, on the loopback interface, that spoils what goes through it when it is told to.
import { once } from 'node:events';
import {
  createServer,
  request as ask,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** One way to spoil an exchange. */
export type ProxyFault =
  /** Answers so; the server hears nothing. */
  | { readonly kind: 'answer'; readonly status: number }
  /** Never answers; the server hears nothing. */
  | { readonly kind: 'silence' }
  /** Lets the server have so many bytes of the request's body, then breaks both connections. */
  | { readonly kind: 'cut-request'; readonly afterBytes: number }
  /** Lets the server do what was asked, then breaks the connection instead of answering. */
  | { readonly kind: 'lose-answer' }
  /** Announces the whole answer, breaks the connection in the middle. Answers of less than 4 KiB pass. */
  | { readonly kind: 'cut-answer' }
  /** Sends a byte of the answer now and then. Answers of less than 4 KiB pass. */
  | { readonly kind: 'drip'; readonly everyMs: number };

export interface ProxiedRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
}

const SMALL_BYTES = 4096;

export class FaultyProxy {
  /** Asked before each request; may name a fault. */
  fault: (request: ProxiedRequest) => ProxyFault | undefined = () => undefined;
  readonly requests: ProxiedRequest[] = [];

  private constructor(
    private readonly server: Server,
    readonly port: number,
    private readonly serverPort: number,
  ) {}

  static async before(serverPort: number): Promise<FaultyProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port was given');
    const proxy = new FaultyProxy(server, address.port, serverPort);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request; // a request that was broken off forgets it
      proxy.#serve(request, response).catch(() => socket.destroy());
    });
    return proxy;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = { method: request.method ?? '', target: request.url ?? '' };
    this.requests.push(asked);
    const fault = this.fault(asked);
    if (fault?.kind === 'silence') return;
    if (fault?.kind === 'cut-request') return this.#cut(request, fault.afterBytes);
    const body = await gather(request);
    if (fault?.kind === 'answer') {
      response.writeHead(fault.status, { 'content-length': '0' }).end();
      return;
    }
    const answer = await this.#forward(request, body);
    if (fault?.kind === 'lose-answer') {
      request.socket.destroy();
      return;
    }
    await send(request, response, answer, fault);
  }

  #upstream({ method, url, headers }: IncomingMessage) {
    // The host as it was asked for: it is signed.
    return ask({ host: '127.0.0.1', port: this.serverPort, method, path: url, headers });
  }

  async #forward(request: IncomingMessage, body: Buffer): Promise<Answer> {
    const upstream = this.#upstream(request);
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      upstream.once('response', resolve).once('error', reject);
    });
    upstream.end(body);
    const answer = await answered;
    const { statusCode = 502, headers } = answer;
    return { status: statusCode, headers, body: await gather(answer) };
  }

  async #cut(request: IncomingMessage, afterBytes: number): Promise<void> {
    const { socket } = request;
    const upstream = this.#upstream(request);
    upstream.on('error', () => undefined); // it is we who break it
    let left = afterBytes;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      const part = chunk.subarray(0, left);
      await new Promise((resolve) => upstream.write(part, resolve));
      left -= part.length;
      if (left === 0) break;
    }
    upstream.destroy();
    socket.destroy();
  }
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

async function gather(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: Answer,
  fault: ProxyFault | undefined,
): Promise<void> {
  const { 'transfer-encoding': chunked, ...rest } = headers;
  const length = chunked === undefined ? {} : { 'content-length': String(body.length) };
  response.writeHead(status, { ...rest, ...length });
  if (fault === undefined || body.length < SMALL_BYTES) {
    response.end(body);
    return;
  }
  if (fault.kind === 'cut-answer') {
    response.write(body.subarray(0, body.length >> 1), () => request.socket.destroy());
    return;
  }
  if (fault.kind !== 'drip') throw new Error(`${fault.kind} is no fault of an answer`);
  for (let at = 0; at < body.length && !response.destroyed; at += 1) {
    response.write(body.subarray(at, at + 1));
    await sleep(fault.everyMs);
  }
  response.end();
}
