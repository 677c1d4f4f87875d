// Listens to what a story says over HTTP and over WebSockets, from the client's side, so that a search for it covers scenes
// nobody listed: the words that people entrust to a gateway, and the secrets that it hands out. And to what is printed.
import { WebSocket } from 'ws';

/** Members of requests that hold people's words and secrets, wherever they stand in a body. */
const SAID: ReadonlySet<string> = new Set([
  ...['login', 'password', 'newPassword', 'oldPassword', 'recoveryCode', 'setupCode', 'code'],
  ...['title', 'category', 'text', 'reason', 'note', 'fileName', 'description', 'display'],
  ...['phone', 'address', 'birthDate', 'assertion', 'pending', 'device'],
]);
/** Members of answers. */
const TOLD: ReadonlySet<string> = new Set([
  ...['token', 'csrfToken', 'recoveryCode', 'recoveryCodes', 'secret', 'uri', 'ticket'],
  ...['pending', 'device', 'requestCode', 'refreshToken'],
]);
/** Shorter ones are found by chance. */
export const SHORTEST = 8;

export class Spoken {
  readonly #said = new Set<string>();

  /** What was said, once each. */
  get texts(): readonly string[] {
    return [...this.#said];
  }

  /** Listens while `work` goes on in this process. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    const plain = globalThis.fetch;
    const deaf = this.#hearSockets();
    globalThis.fetch = async (...request) => {
      this.#hear(request[1]?.body);
      const response = await plain(...request);
      if (response.headers.get('content-type')?.includes('json') === true)
        this.#take(parsed(await response.clone().text()), TOLD);
      return response;
    };
    try {
      return await work();
    } finally {
      globalThis.fetch = plain;
      deaf();
    }
  }

  /** Every frame that a client sends. @returns what ends it */
  #hearSockets(): () => void {
    const plain: unknown = Reflect.get(WebSocket.prototype, 'send');
    if (typeof plain !== 'function') throw new Error('a WebSocket can send');
    const hear = (socket: WebSocket, frame: unknown): void => {
      // The gateway's own ends have no address: what they send was said before.
      if (socket.url) this.#hear(frame);
    };
    Reflect.set(WebSocket.prototype, 'send', function (this: WebSocket, ...sent: unknown[]) {
      hear(this, sent[0]);
      Reflect.apply(plain, this, sent);
    });
    return () => void Reflect.set(WebSocket.prototype, 'send', plain);
  }

  #hear(body: unknown): void {
    if (typeof body === 'string') this.#take(parsed(body), SAID);
    if (!(body instanceof FormData)) return;
    for (const value of body.values()) {
      if (typeof value === 'string') this.#take(parsed(value), SAID);
      else this.#keep(value.name);
    }
  }

  #take(value: unknown, names: ReadonlySet<string>, name = ''): void {
    if (typeof value === 'string') {
      if (names.has(name)) this.#keep(value);
    } else if (Array.isArray(value)) {
      for (const item of value) this.#take(item, names, name);
    } else if (typeof value === 'object' && value !== null) {
      // Profiles are of professionals and public; details are not.
      for (const [key, inner] of Object.entries(value)) {
        if (key === 'profile') continue;
        const said = key === 'details' ? DETAILS : names;
        this.#take(inner, said, key);
      }
    }
  }

  #keep(text: string): void {
    if (text.length >= SHORTEST) this.#said.add(text);
  }
}

const DETAILS: ReadonlySet<string> = new Set(['name', 'birthDate', 'phone', 'address']);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Listens to standard output and standard error while `work` goes on; they are written all the same. */
export async function printedDuring(work: () => Promise<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const streams = [process.stdout, process.stderr];
  const deaf = streams.map((stream) => {
    const plain: unknown = Reflect.get(stream, 'write');
    if (typeof plain !== 'function') throw new Error('a stream can be written');
    Reflect.set(stream, 'write', (chunk: Uint8Array | string, ...more: unknown[]): unknown => {
      chunks.push(Buffer.from(chunk));
      const answer: unknown = Reflect.apply(plain, stream, [chunk, ...more]);
      return answer;
    });
    return () => void Reflect.set(stream, 'write', plain);
  });
  try {
    await work();
  } finally {
    for (const end of deaf) end();
  }
  return Buffer.concat(chunks);
}
