// A client of `POST /operations` that reads receipts while it sends lines, as the protocol asks for.
import { once } from 'node:events';
import { request as httpRequest, type Agent, type IncomingMessage } from 'node:http';

export interface BulkTarget {
  /** The gateway's address. */
  readonly url: string;
  readonly token: string;
  readonly agent?: Agent;
}

export class BulkStream {
  readonly #request;
  readonly #response: Promise<IncomingMessage>;
  readonly #lines: AsyncGenerator<string, void, undefined>;

  constructor({ url, token, agent }: BulkTarget) {
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/x-ndjson',
    };
    const options = { method: 'POST', headers, ...(agent && { agent }) };
    this.#request = httpRequest(`${url}/api/v1/operations`, options);
    this.#response = once(this.#request, 'response').then(([response]) => {
      return response as IncomingMessage;
    });
    // Whoever reads is told; whoever only sends need not crash.
    this.#response.catch(() => undefined);
    this.#request.on('error', () => undefined);
    this.#lines = this.#read();
  }

  /** Sends, and waits while the gateway does not read. @returns false when the connection is gone */
  async send(text: string): Promise<boolean> {
    const request = this.#request;
    if (request.destroyed) return false;
    if (request.write(text)) return true;
    const either = new AbortController();
    const { signal } = either;
    await Promise.race([once(request, 'drain', { signal }), once(request, 'close', { signal })])
      .catch(() => undefined)
      .finally(() => either.abort());
    return !request.destroyed;
  }

  end(text = ''): void {
    this.#request.end(text);
  }

  cut(): void {
    this.#request.destroy();
  }

  async status(): Promise<number> {
    return (await this.#response).statusCode ?? 0;
  }

  /** The next line of the answer; undefined at its end. @throws Error when the connection breaks */
  async line(): Promise<string | undefined> {
    const next = await this.#lines.next();
    return next.done === true ? undefined : next.value;
  }

  /** The same, parsed. */
  async next(): Promise<unknown> {
    const line = await this.line();
    return line === undefined ? undefined : JSON.parse(line);
  }

  async *#read(): AsyncGenerator<string, void, undefined> {
    let rest = '';
    for await (const chunk of await this.#response) {
      const parts = (rest + String(chunk)).split('\n');
      rest = parts.pop() ?? '';
      yield* parts;
    }
  }
}
