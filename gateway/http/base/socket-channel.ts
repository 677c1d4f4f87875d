// One open WebSocket: JSON frames in, one at a time; JSON frames out, never more waiting than is allowed.

import type { RawData, WebSocket } from 'ws';
import type { Session } from '../../accounts/index.js';
import type { Clock } from '../../ambient.js';
import { GatewayError, toProblem } from '../../errors.js';
import type { Log } from '../../logging.js';
import { assertSecondFactor, type Door } from './authenticate.js';
import { readJsonText } from './json-text.js';
import { toGatewayError, type TranslateError } from './problems.js';
import { retryAfterMs, type RetryTimes } from './retry.js';
import type { Identity } from './socket-handshake.js';

/** What a socket is answered by, once it is open. Frames come one at a time, in order. */
export interface SocketListener {
  /** @throws GatewayError is told to the other side as a frame `{ type: 'problem' }`; the socket stays open */
  frame(frame: unknown): Promise<void>;
  closed(): void;
}

export interface SocketLimits extends RetryTimes {
  readonly socketsMax: number;
  readonly socketsPerUser: number;
  readonly socketFrameBytes: number;
  readonly socketFramesPerMinute: number;
  readonly socketFramesWaiting: number;
  readonly socketPingMs: number;
  readonly socketQueueBytes: number;
  readonly socketDrainMs: number;
  /** For whoever only listens, the door is asked at most so often. */
  readonly socketDoorMs: number;
}

/** Why a socket is closed by the gateway: RFC 6455 §7.4.1, and codes of our own that resemble HTTP's. */
export const CLOSE = {
  goingAway: [1001, 'the gateway stops: connect again'],
  notText: [1003, 'frames are JSON texts'],
  failed: [1011, 'something failed inside the gateway'],
  sessionEnded: [4401, 'the session has ended'],
  noLonger: [4403, 'no longer permitted'],
  slow: [4408, 'too slow: connect again and resume'],
  over: [4410, 'it is closed'],
  flood: [4429, 'too many frames'],
} as const satisfies Record<string, readonly [code: number, reason: string]>;

export type CloseReason = (typeof CLOSE)[keyof typeof CLOSE];

const DRAIN_LOOK_MS = 5;

export class Channel {
  readonly session: Session;
  readonly #token: string;
  #listener: SocketListener | undefined;
  #answered = true;
  #askedAt = -Infinity;
  #waiting = 0;
  #work: Promise<void> = Promise.resolve();
  #minute = { begun: 0, frames: 0 };

  constructor(
    private readonly socket: WebSocket,
    identity: Identity,
    private readonly parts: {
      readonly limits: SocketLimits;
      readonly clock: Clock;
      readonly door: Pick<Door, 'sessions' | 'lacksSecondFactor'>;
      readonly log: Log;
      readonly translate: TranslateError | undefined;
    },
  ) {
    this.session = identity.session;
    this.#token = identity.token;
  }

  get isOpen(): boolean {
    return this.socket.readyState === this.socket.OPEN;
  }

  start(listener: SocketListener, onClosed: (code: number) => void): void {
    this.#listener = listener;
    this.socket.on('pong', () => (this.#answered = true));
    this.socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    // The close that follows says all that there is to say.
    this.socket.on('error', () => undefined);
    this.socket.once('close', (code) => {
      onClosed(code);
      listener.closed();
    });
  }

  /**
   * Sends a frame, or closes a reader for whom too much waits already: who resumes loses nothing.
   * @returns whether it is on its way
   */
  send(frame: object): boolean {
    if (!this.isOpen) return false;
    if (this.socket.bufferedAmount > this.parts.limits.socketQueueBytes) {
      this.close(CLOSE.slow);
      return false;
    }
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  /** Waits until little waits to be sent. @returns false when the reader is gone, or too slow and closed for it */
  async drained(): Promise<boolean> {
    const { socketQueueBytes, socketDrainMs } = this.parts.limits;
    const begun = performance.now();
    while (this.isOpen && this.socket.bufferedAmount > socketQueueBytes / 2) {
      if (performance.now() - begun > socketDrainMs) this.close(CLOSE.slow);
      await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK_MS));
    }
    return this.isOpen;
  }

  /**
   * Whether whoever listens may still be told anything: closes the socket if not. To hear is no use of a session, so
   * one that nobody uses ends.
   */
  async mayHear(): Promise<boolean> {
    if (!this.isOpen) return false;
    const now = this.parts.clock.now();
    if (now - this.#askedAt < this.parts.limits.socketDoorMs) return true;
    if (!(await this.#stands(await this.parts.door.sessions.look(this.session.id)))) return false;
    this.#askedAt = now;
    return this.isOpen;
  }

  problem(error: GatewayError, about: object = {}): void {
    const { code, status, detail, reason, ids, fields, limitBytes } = toProblem(error, '');
    const waitMs = retryAfterMs(error, this.parts.limits);
    const said = { code, status, detail, reason, ids, fields, limitBytes, retryAfterMs: waitMs };
    this.send({ type: 'problem', ...about, ...said });
  }

  /** Ends the socket if nobody has answered the last ping, or may hear any more, else asks again. */
  ping(): void {
    if (!this.#answered) {
      this.terminate();
      return;
    }
    this.#answered = false;
    if (this.isOpen) this.socket.ping();
    this.mayHear().catch((error: unknown) => {
      this.parts.log.error('socket.failed', { code: 'INTERNAL', error });
    });
  }

  close([code, reason]: CloseReason): void {
    if (!this.isOpen) return;
    this.socket.close(code, reason);
    // A reader who reads nothing does not say good-bye either.
    setTimeout(() => this.terminate(), this.parts.limits.socketDrainMs).unref();
  }

  terminate(): void {
    this.socket.terminate();
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (!this.isOpen) return;
    if (isBinary) {
      this.close(CLOSE.notText);
      return;
    }
    if (this.#isFlood()) {
      this.close(CLOSE.flood);
      return;
    }
    this.#waiting += 1;
    this.#work = this.#work.then(() => this.#handle(data)).finally(() => (this.#waiting -= 1));
  }

  #isFlood(): boolean {
    const now = this.parts.clock.now();
    if (now - this.#minute.begun >= 60_000) this.#minute = { begun: now, frames: 0 };
    this.#minute.frames += 1;
    const { socketFramesPerMinute, socketFramesWaiting } = this.parts.limits;
    return this.#minute.frames > socketFramesPerMinute || this.#waiting >= socketFramesWaiting;
  }

  /** What every route asks of a session; the socket is closed where it would be refused. */
  async #stands(session: Session | undefined): Promise<boolean> {
    if (session === undefined) {
      this.close(CLOSE.sessionEnded);
      return false;
    }
    try {
      await assertSecondFactor(session, this.parts.door);
      return true;
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'SECOND_FACTOR_REQUIRED') throw error;
      this.problem(error);
      this.close(CLOSE.noLonger);
      return false;
    }
  }

  async #handle(data: RawData): Promise<void> {
    if (!this.isOpen) return;
    let about: object = {};
    try {
      if (!(await this.#stands(await this.parts.door.sessions.authenticate(this.#token)))) return;
      const frame = parsed(data);
      about = namesOf(frame);
      await this.#listener?.frame(frame);
    } catch (cause) {
      const error = toGatewayError(cause, this.parts.translate);
      if (error.status === 500) this.parts.log.error('socket.failed', { code: error.code, error });
      this.problem(error, about);
    }
  }
}

function parsed(data: RawData): unknown {
  const whole = Array.isArray(data) ? Buffer.concat(data) : data;
  const bytes = whole instanceof ArrayBuffer ? Buffer.from(whole) : whole;
  return readJsonText(bytes.toString('utf8'), 'The frame');
}

/** What a problem is about: the id that the frame gave itself. */
function namesOf(frame: unknown): object {
  if (typeof frame !== 'object' || frame === null || !('id' in frame)) return {};
  return typeof frame.id === 'string' && frame.id.length <= 64 ? { id: frame.id } : {};
}
