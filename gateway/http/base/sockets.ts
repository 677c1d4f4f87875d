// WebSockets (RFC 6455) on the server of the API: authenticated before the handshake, bounded in number, size, pace and
// in what waits to be sent, ended with their session and when the gateway stops. What is said on them is their routes'.

import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { z } from 'zod';
import type { Clock, RandomBytes } from '../../ambient.js';
import { GatewayError, type GatewayErrorCode } from '../../errors.js';
import type { Log } from '../../logging.js';
import type { Metrics } from '../../metrics.js';
import type { Door } from './authenticate.js';
import { API_ROOT } from './mount.js';
import { toGatewayError, type TranslateError } from './problems.js';
import type { Lifecycle } from './server.js';
import { Channel, CLOSE, type SocketLimits, type SocketListener } from './socket-channel.js';
import { identify, refuseUpgrade, SUBPROTOCOL, type Identity } from './socket-handshake.js';

/** To be full, or about to stop, is none. */
const NO_FAILURES: ReadonlySet<GatewayErrorCode> = new Set(['BUSY', 'SHUTTING_DOWN']);

export interface SocketContext<Deps, Params> extends Pick<Identity, 'session'> {
  readonly deps: Deps;
  readonly params: Params;
}

/** A socket's address, and who listens there. */
export interface SocketRoute<Deps> {
  /** As a route's: below `/api/v1`, with `{name}` for parameters. */
  readonly path: string;
  readonly params: z.ZodObject;
  /**
   * Says before the handshake whether this caller may come in.
   * @throws GatewayError answered as the problem document of an ordinary request
   */
  readonly admit: (
    context: SocketContext<Deps, unknown>,
  ) => Promise<(channel: Channel) => SocketListener>;
}

/** `defineSocket` for sockets that work with `Deps`. */
export function socketDefiner<Deps>() {
  return <Params extends z.ZodObject>(definition: {
    readonly path: string;
    readonly params: Params;
    readonly admit: (
      context: SocketContext<Deps, z.output<Params>>,
    ) => Promise<(channel: Channel) => SocketListener>;
  }): SocketRoute<Deps> => ({
    ...definition,
    admit: ({ params, ...context }) => {
      const checked = definition.params.safeParse(params);
      if (checked.success) return definition.admit({ ...context, params: checked.data });
      throw new GatewayError('VALIDATION', 'The address holds an id that is none.');
    },
  });
}

export interface SocketsOptions<Deps> extends Door {
  readonly routes: readonly SocketRoute<Deps>[];
  readonly deps: Deps;
  readonly limits: SocketLimits;
  readonly lifecycle: Lifecycle;
  /** How long the other side may take to say good-bye when the gateway stops. */
  readonly graceMs: number;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly translate?: TranslateError;
}

export class Sockets<Deps> {
  readonly #server: WebSocketServer;
  readonly #open = new Set<Channel>();
  readonly #perUser = new Map<string, number>();
  /** Upgrades that are being looked at: they count, so that many at once are no way around the bound. */
  #arriving = 0;
  #pinger: NodeJS.Timeout | undefined;

  constructor(private readonly options: SocketsOptions<Deps>) {
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.limits.socketFrameBytes,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
  }

  get size(): number {
    return this.#open.size;
  }

  /** Takes the upgrades of a server; everything is closed when its life ends. */
  attach(server: Server): void {
    const { sessions, lifecycle, graceMs, limits, metrics } = this.options;
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#arrive(request, socket, head);
    });
    sessions.onEnd((sessionId) => {
      for (const channel of this.#open)
        if (channel.session.id === sessionId) channel.close(CLOSE.sessionEnded);
    });
    metrics.watchSockets(() => this.#open.size);
    this.#pinger = setInterval(() => {
      for (const channel of this.#open) channel.ping();
    }, limits.socketPingMs).unref();
    lifecycle.onDraining(() => {
      clearInterval(this.#pinger);
      for (const channel of this.#open) channel.close(CLOSE.goingAway);
      setTimeout(() => {
        for (const channel of this.#open) channel.terminate();
      }, graceMs).unref();
    });
  }

  async #arrive(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const id = Buffer.from(this.options.random(12)).toString('base64url');
    const gone = (): void => void socket.destroy();
    socket.on('error', gone);
    this.#arriving += 1;
    try {
      const { listen, identity, route } = await this.#admit(request);
      socket.off('error', gone);
      const before = this.#open.size;
      try {
        this.#server.handleUpgrade(request, socket, head, (webSocket) => {
          this.#begin(webSocket, identity, route, listen);
        });
      } finally {
        // The caller has gone meanwhile, their handshake is none (then nobody is told), or something failed.
        if (this.#open.size === before) this.#count(identity.session.userId, -1);
      }
    } catch (cause) {
      const error = toGatewayError(cause, this.options.translate);
      const { log } = this.options;
      const { code } = error;
      if (NO_FAILURES.has(code)) log.info('socket.refused', { requestId: id, code });
      else if (error.status >= 500) log.error('socket.failed', { requestId: id, code, error });
      refuseUpgrade(socket, error, id, this.options.limits);
    } finally {
      this.#arriving -= 1;
    }
  }

  async #admit(request: IncomingMessage) {
    const { deps, lifecycle, limits } = this.options;
    if (lifecycle.draining)
      throw new GatewayError('SHUTTING_DOWN', 'The gateway is about to stop.');
    if (this.#open.size + this.#arriving > limits.socketsMax) throw full('socketsMax', limits);
    const { route, params } = this.#find(request.url ?? '');
    const identity = await identify(request, this.options);
    const { session } = identity;
    if ((this.#perUser.get(session.userId) ?? 0) >= limits.socketsPerUser)
      throw full('socketsPerUser', limits);
    // Taken now: what comes at the same time must find it taken.
    this.#count(session.userId, 1);
    try {
      return { listen: await route.admit({ deps, params, session }), identity, route };
    } catch (error) {
      this.#count(session.userId, -1);
      throw error;
    }
  }

  #find(url: string): { route: SocketRoute<Deps>; params: Readonly<Record<string, string>> } {
    const path = url.split('?')[0] ?? '';
    for (const route of this.options.routes) {
      const names: string[] = [];
      const pattern = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
        names.push(name);
        return '([^/]+)';
      });
      const match = new RegExp(`^${API_ROOT}${pattern}$`).exec(path);
      if (match) {
        const params = Object.fromEntries(names.map((name, at) => [name, match[at + 1] ?? '']));
        return { route, params };
      }
    }
    throw new GatewayError('NOT_FOUND', 'There is no WebSocket at this address.');
  }

  #begin(
    webSocket: WebSocket,
    identity: Identity,
    { path }: SocketRoute<Deps>,
    listen: (channel: Channel) => SocketListener,
  ): void {
    const { limits, clock, log, translate } = this.options;
    const { session } = identity;
    const begun = clock.now();
    const channel = new Channel(webSocket, identity, {
      limits,
      clock,
      door: this.options,
      log,
      translate,
    });
    let listener: SocketListener;
    try {
      listener = listen(channel);
    } catch (error) {
      // It is a WebSocket by now: there is no answering, only ending it.
      log.error('socket.failed', { code: 'INTERNAL', error });
      webSocket.on('error', () => undefined);
      channel.close(CLOSE.failed);
      return;
    }
    this.#open.add(channel);
    channel.start(listener, (code) => {
      this.#open.delete(channel);
      this.#count(session.userId, -1);
      log.info('socket.closed', {
        route: API_ROOT + path,
        userId: session.userId,
        status: code,
        durationMs: clock.now() - begun,
      });
    });
    log.info('socket.opened', { route: API_ROOT + path, userId: session.userId });
    if (this.options.lifecycle.draining) channel.close(CLOSE.goingAway);
  }

  #count(userId: string, change: 1 | -1): void {
    const next = (this.#perUser.get(userId) ?? 0) + change;
    if (next <= 0) this.#perUser.delete(userId);
    else this.#perUser.set(userId, next);
  }
}

function full(limit: 'socketsMax' | 'socketsPerUser', limits: SocketLimits): GatewayError {
  const whose = limit === 'socketsMax' ? 'here' : 'for this account';
  return new GatewayError('BUSY', `There are ${limits[limit]} WebSockets ${whose}: close one.`, {
    retry: 'later',
  });
}
