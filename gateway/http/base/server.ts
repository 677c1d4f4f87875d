// Listening, and stopping without cutting anybody off: new connections are refused, requests in flight may finish.
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { Express } from 'express';
import { GatewayError } from '../../errors.js';

/** Whether the process is on its way out; shared by the application and whoever stops it. */
export class Lifecycle {
  private stopping = false;
  private readonly listeners: (() => void)[] = [];

  get draining(): boolean {
    return this.stopping;
  }

  beginDraining(): void {
    if (this.stopping) return;
    this.stopping = true;
    for (const listener of this.listeners) listener();
  }

  /** For what does not end by itself: it is told once, when no new request is taken any more. */
  onDraining(listener: () => void): void {
    this.listeners.push(listener);
  }
}

/**
 * Begins to listen.
 * @param options.longestRequestMs how long any request may take to arrive, uploads included
 * @param options.maxConnections beyond so many, idle ones included, a new one is closed at once
 * @throws GatewayError CONFIG when the address can't be used
 */
export async function listen(
  app: Express,
  options: {
    readonly host: string;
    readonly port: number;
    readonly longestRequestMs: number;
    readonly maxConnections?: number;
    readonly headersTimeoutMs: number;
    readonly keepAliveTimeoutMs: number;
    readonly maxHeaderBytes: number;
    readonly maxHeaders: number;
  },
): Promise<{ server: Server; port: number }> {
  const { host, port, longestRequestMs, maxConnections } = options;
  const server = createServer(
    {
      headersTimeout: Math.min(options.headersTimeoutMs, longestRequestMs),
      requestTimeout: longestRequestMs,
      keepAliveTimeout: options.keepAliveTimeoutMs,
      maxHeaderSize: options.maxHeaderBytes,
    },
    app,
  );
  server.maxHeadersCount = options.maxHeaders;
  if (maxConnections !== undefined) server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new GatewayError('CONFIG', `Can't listen on ${host}:${port}: is another process there?`, {
          cause,
        }),
      ),
    );
    server.listen(port, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('a TCP server has an address');
  return { server, port: address.port };
}

/**
 * Stops a server: refuses new connections, lets requests in flight finish for `graceMs`, then cuts the rest.
 * @returns whether everything finished in time
 */
export async function closeServer(
  server: Server,
  lifecycle: Lifecycle,
  graceMs: number,
): Promise<boolean> {
  lifecycle.beginDraining();
  let inTime = true;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection becomes idle when its request is done: those are closed as they come.
  const sweeper = setInterval(() => server.closeIdleConnections(), 25);
  const cut = setTimeout(() => {
    inTime = false;
    server.closeAllConnections();
  }, graceMs);
  await closed;
  clearInterval(sweeper);
  clearTimeout(cut);
  return inTime;
}
