// One keep-alive connection that sends a request and waits for the end of its answer, again and again, with as little work
// of its own as can be: the load generator shares its processors with what it measures.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';
const CHUNKS_END = '0\r\n\r\n';

export class LeanClient {
  #answer = '';
  #done: (() => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly head: string,
  ) {
    socket.setEncoding('latin1').on('data', (text: string) => {
      this.#answer += text;
      if (isWhole(this.#answer)) this.#done?.();
    });
    socket.on('close', () => this.#failed?.(new Error('the connection was closed')));
    socket.on('error', (error) => this.#failed?.(error));
  }

  static async to(url: string, token: string): Promise<LeanClient> {
    const { hostname, port, host } = new URL(url);
    const socket = connect(Number(port), hostname).setNoDelay(true);
    await once(socket, 'connect');
    const head =
      `POST /api/v1/operations HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n` +
      'Content-Type: application/x-ndjson\r\nContent-Length: ';
    return new LeanClient(socket, head);
  }

  /** @returns the answer, head and all */
  async post(body: string): Promise<string> {
    this.#answer = '';
    const answered = new Promise<void>((resolve, reject) => {
      this.#done = resolve;
      this.#failed = reject;
    });
    this.socket.write(`${this.head}${Buffer.byteLength(body)}${HEAD_END}${body}`);
    await answered;
    return this.#answer;
  }

  close(): void {
    this.#failed = undefined;
    this.socket.destroy();
  }
}

function isWhole(answer: string): boolean {
  const headEnd = answer.indexOf(HEAD_END);
  if (headEnd < 0) return false;
  const length = /content-length: (\d+)/i.exec(answer.slice(0, headEnd))?.[1];
  return length === undefined
    ? answer.endsWith(CHUNKS_END)
    : answer.length >= headEnd + HEAD_END.length + Number(length);
}
