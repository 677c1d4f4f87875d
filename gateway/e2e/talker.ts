// Somebody at a consultation's WebSocket: keeps every frame, and waits for those that a test wants.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { serverFrameSchema } from '../services/consultations/index.js';
import { publishedFrames } from './published-frames.js';

type Frame = z.infer<typeof serverFrameSchema>;
export type FrameOf<T extends Frame['type']> = Extract<Frame, { type: T }>;
export type Heard = FrameOf<'message'>['message'];

const published = publishedFrames('gateway');

const PATIENCE_MS = 20_000;

export class Talker {
  readonly frames: Frame[] = [];
  /** What was said, in the order in which it came, over all connections. */
  readonly heard: Heard[] = [];
  closedWith: number | undefined;
  #socket: WebSocket;

  constructor(
    private readonly address: string,
    private readonly token: () => string,
  ) {
    this.#socket = this.#dial();
  }

  /** The consultation's address below `/api/v1`. */
  static at(url: string, path: string, who: { token: string }): Talker {
    return new Talker(`${url.replace('http', 'ws')}/api/v1${path}/socket`, () => who.token);
  }

  async welcomed(): Promise<FrameOf<'welcome'>> {
    return this.next('welcome');
  }

  async join(after = this.heard.at(-1)?.number ?? 0): Promise<this> {
    await this.welcomed();
    this.send({ type: 'join', after });
    return this;
  }

  send(frame: object): void {
    this.#socket.send(JSON.stringify(frame));
  }

  /** Says something and waits for its acknowledgement. */
  async say(
    text: string,
    id = `m-${text.replaceAll(/\W/g, '-').slice(0, 40)}-id`,
  ): Promise<FrameOf<'ack'>> {
    this.send({ type: 'say', id, text });
    return this.next('ack', (ack) => ack.id === id);
  }

  /** The next frame of a kind that has come or comes; it is not found again. */
  async next<T extends Frame['type']>(
    type: T,
    fits: (frame: FrameOf<T>) => boolean = () => true,
  ): Promise<FrameOf<T>> {
    const is = (frame: Frame): frame is FrameOf<T> =>
      frame.type === type && fits(frame as FrameOf<T>);
    const begun = performance.now();
    for (;;) {
      const at = this.frames.findIndex(is);
      const [found] = at < 0 ? [] : this.frames.splice(at, 1);
      if (found && is(found)) return found;
      if (performance.now() - begun > PATIENCE_MS)
        throw new Error(`no ${type}; there is ${JSON.stringify(this.frames).slice(0, 500)}`);
      await sleep(2);
    }
  }

  /** The code of the problem that a frame is answered with. */
  async refused(frame: object): Promise<string> {
    this.send(frame);
    return (await this.next('problem')).code;
  }

  async hears(count: number): Promise<Heard[]> {
    const begun = performance.now();
    while (this.heard.length < count) {
      if (performance.now() - begun > PATIENCE_MS)
        throw new Error(`heard ${this.heard.length} of ${count}`);
      await sleep(2);
    }
    return this.heard;
  }

  async closed(): Promise<number> {
    while (this.closedWith === undefined) await sleep(2);
    return this.closedWith;
  }

  /** The line breaks, as lines do. */
  drop(): void {
    this.#socket.removeAllListeners('message');
    this.#socket.terminate();
  }

  /** Dials anew, and joins where it was. */
  async again(): Promise<this> {
    this.frames.length = 0;
    this.closedWith = undefined;
    this.#socket = this.#dial();
    return this.join();
  }

  /** Stops reading, or reads again. */
  read(reads: boolean): void {
    if (reads) this.#socket.resume();
    else this.#socket.pause();
  }

  /** How an upgrade that must fail was answered. */
  async turnedAway(): Promise<number> {
    const [, answer] = z
      .tuple([z.unknown(), z.looseObject({ statusCode: z.int() })])
      .parse(await once(this.#socket, 'unexpected-response'));
    return answer.statusCode;
  }

  #dial(): WebSocket {
    const headers = { authorization: `Bearer ${this.token()}` };
    const socket = new WebSocket(this.address, { headers });
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => {
      const sent: unknown = JSON.parse(data.toString('utf8'));
      const frame = serverFrameSchema.parse(sent);
      const fits = published.get(frame.type);
      if (!fits?.(sent))
        throw new Error(`a frame that is not as published: ${JSON.stringify(fits?.errors)}`);
      if (frame.type === 'message') this.heard.push(frame.message);
      else this.frames.push(frame);
    });
    socket.on('close', (code) => (this.closedWith = code));
    return socket;
  }
}
