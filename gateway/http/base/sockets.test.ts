// WebSockets at the door: who may come in, how many, how fast, and when they have to go.
import { once } from 'node:events';
import { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { expect } from 'chai';
import { WebSocket, type ClientOptions } from 'ws';
import { z } from 'zod';
import { GatewayError } from '../../errors.js';
import { createLog } from '../../logging.js';
import { Metrics } from '../../metrics.js';
import { seededRandom } from '../../testing/index.js';
import { Channel, closeServer, Lifecycle, socketDefiner, Sockets, SUBPROTOCOL } from './index.js';
import { startSample, type SampleServer } from './testing-app.js';

const LIMITS = {
  retrySoonMs: 1000,
  retryLaterMs: 5000,
  socketsMax: 4,
  socketsPerUser: 3,
  socketFrameBytes: 1024,
  socketFramesPerMinute: 50,
  socketFramesWaiting: 64,
  socketPingMs: 60_000,
  socketQueueBytes: 4096,
  socketDrainMs: 200,
  socketDoorMs: 1000,
};

type Limits = typeof LIMITS;

const defineSocket = socketDefiner<{ channels: Channel[] }>();
const echo = defineSocket({
  path: '/echoes/{name}/socket',
  params: z.object({ name: z.string().max(8) }),
  admit: ({ params, deps, session }) => {
    if (params.name === 'secret') throw new GatewayError('FORBIDDEN', 'Not this one.');
    return Promise.resolve((channel) => {
      if (params.name === 'broken') throw new Error('inner secret 4712');
      deps.channels.push(channel);
      channel.send({ type: 'welcome', user: session.userId });
      return {
        frame: async (frame) => {
          await Promise.resolve();
          const { id, fail } = z.looseObject({ fail: z.string().optional() }).parse(frame);
          if (fail === 'crash') throw new Error('inner secret 4711');
          if (fail) throw new GatewayError('TOO_MANY', fail, { retryAfterMs: 70 });
          channel.send({ type: 'echo', id });
        },
        closed: () => undefined,
      };
    });
  },
});

describe('WebSockets', () => {
  let sample: SampleServer;
  let lifecycle: Lifecycle;
  let channels: Channel[];
  let metrics: Metrics;
  let logged: string[];
  const open: WebSocket[] = [];

  const start = async (changes: Partial<Limits> = {}): Promise<void> => {
    sample = await startSample();
    lifecycle = new Lifecycle();
    [channels, logged, metrics] = [[], [], new Metrics()];
    const { sessions, clock, server } = sample;
    new Sockets({
      routes: [echo],
      deps: { channels },
      sessions,
      publicOrigin: 'https://prms.example',
      lacksSecondFactor: ({ role }) => Promise.resolve(role === 'doctor'),
      limits: { ...LIMITS, ...changes },
      lifecycle,
      graceMs: 100,
      clock,
      random: seededRandom('sockets'),
      log: createLog({ level: 'debug', destination: { write: (l) => void logged.push(l) } }),
      metrics,
    }).attach(server);
  };
  beforeEach(() => start());
  afterEach(async () => {
    for (const socket of open.splice(0)) socket.terminate();
    await sample.stop();
  });

  const dial = (
    options: ClientOptions = {},
    protocols: string[] = [],
    path = 'echoes/a/socket',
  ) => {
    const url = `ws://127.0.0.1:${sample.port}/api/v1/${path}`;
    const socket = new WebSocket(url, protocols, options);
    socket.on('error', () => undefined);
    open.push(socket);
    return socket;
  };
  const bearer = async (): Promise<ClientOptions> => ({
    headers: { authorization: `Bearer ${(await sample.token('patient', 'bearer')).token}` },
  });
  const next = async (socket: WebSocket): Promise<unknown> => {
    const [data] = z
      .tuple([z.instanceof(Buffer)])
      .rest(z.unknown())
      .parse(await once(socket, 'message'));
    return JSON.parse(data.toString('utf8'));
  };
  const welcomed = async (options?: ClientOptions, protocols?: string[]): Promise<WebSocket> => {
    const socket = dial(options ?? (await bearer()), protocols);
    expect(await next(socket)).to.deep.equal({ type: 'welcome', user: 'user-1' });
    return socket;
  };
  const closed = async (socket: WebSocket): Promise<number> => {
    const [code] = z
      .tuple([z.int()])
      .rest(z.unknown())
      .parse(await once(socket, 'close'));
    return code;
  };
  const refused = async (socket: WebSocket): Promise<string> => {
    const [, answer] = z
      .tuple([z.unknown(), z.instanceof(IncomingMessage)])
      .parse(await once(socket, 'unexpected-response'));
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(z.instanceof(Buffer).parse(chunk));
    const { code, status } = z
      .object({ code: z.string(), status: z.int() })
      .parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
    expect(status).to.equal(answer.statusCode);
    expect(answer.headers['content-type']).to.include('application/problem+json');
    return code;
  };

  it('take a bearer token in the header, or among the protocols, of which it is not answered', async () => {
    expect((await welcomed()).protocol).to.equal('');
    const { token } = await sample.token('patient', 'bearer');
    const socket = await welcomed({}, [SUBPROTOCOL, `bearer.${token}`]);
    expect(socket.protocol).to.equal(SUBPROTOCOL);
    expect(logged.join('')).not.to.include(token);
  });

  it('are shut for whoever must enrol a second factor first', async () => {
    const { token } = await sample.token('doctor', 'bearer');
    const headers = { authorization: `Bearer ${token}` };
    expect(await refused(dial({ headers }))).to.equal('SECOND_FACTOR_REQUIRED');
  });

  it('take a cookie from pages of their own only', async () => {
    const { token } = await sample.token('patient', 'cookie');
    const cookie = { cookie: `prms_session=${token}` };
    const origin = 'https://prms.example';
    await welcomed({ headers: { ...cookie, origin } });
    for (const foreign of ['https://evil.example', 'http://prms.example', 'null'])
      expect(await refused(dial({ headers: { ...cookie, origin: foreign } }))).to.equal('CSRF');
    expect(await refused(dial({ headers: cookie }))).to.equal('CSRF');
    const crossSite = { ...cookie, origin, 'sec-fetch-site': 'cross-site' };
    expect(await refused(dial({ headers: crossSite }))).to.equal('CSRF');
  });

  it('know nobody by an address, an ended session, or a token of the other kind', async () => {
    const { token } = await sample.token('patient', 'bearer');
    const inAddress = `echoes/a/socket?token=${token}&access_token=${token}`;
    expect(await refused(dial({}, [], inAddress))).to.equal('UNAUTHENTICATED');
    const cookie = (await sample.token('patient', 'cookie')).token;
    for (const authorization of [`Bearer ${cookie}`, 'Bearer x', 'Basic eDp5'])
      expect(await refused(dial({ headers: { authorization } }))).to.equal('UNAUTHENTICATED');
    const past = await bearer();
    sample.clock.advance(61 * 60_000);
    expect(await refused(dial(past))).to.equal('UNAUTHENTICATED');
  });

  it('answer a wrong address, a wrong parameter and a refusal of the route before the handshake', async () => {
    const options = await bearer();
    expect(await refused(dial(options, [], 'echoes/a'))).to.equal('NOT_FOUND');
    expect(await refused(dial(options, [], 'echoes/much-too-long/socket'))).to.equal('VALIDATION');
    expect(await refused(dial(options, [], 'echoes/secret/socket'))).to.equal('FORBIDDEN');
    expect(channels.length).to.equal(0);
  });

  it('are bounded for a user and in all, and make room again', async () => {
    const options = await bearer();
    const mine = [await welcomed(options), await welcomed(options), await welcomed(options)];
    expect(await refused(dial(options))).to.equal('BUSY');
    const { token } = await sample.sessions.start({ userId: 'b', role: 'patient', kind: 'bearer' });
    const other = { headers: { authorization: `Bearer ${token}` } };
    expect(await next(dial(other))).to.deep.equal({ type: 'welcome', user: 'b' });
    expect(await refused(dial(other))).to.equal('BUSY');
    expect((await metrics.render()).text).to.include('prms_sockets_open 4');
    // To be full is no failure: the log says so, and has no stack of it.
    expect(logged.filter((line) => line.includes('socket.failed'))).to.deep.equal([]);
    const refusals = logged.filter((line) => line.includes('"event":"socket.refused"'));
    expect(refusals).to.have.length(2);
    for (const line of refusals) {
      expect(JSON.parse(line)).to.include({ level: 'info', code: 'BUSY' });
      expect(line).not.to.include('error');
    }
    mine[0]?.close();
    await until(async () => (await metrics.render()).text.includes('prms_sockets_open 3'));
    await welcomed(options);
  });

  it('give back the place of a caller whose handshake was none', async () => {
    const { headers } = await bearer();
    for (let times = 0; times < LIMITS.socketsPerUser + 1; times++) {
      const socket = connect(sample.port, '127.0.0.1').resume();
      socket.write(
        `GET /api/v1/echoes/a/socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          `Authorization: ${headers?.['authorization'] ?? ''}\r\nSec-WebSocket-Version: 7\r\n\r\n`,
      );
      await once(socket, 'close');
    }
    await welcomed({ headers: headers ?? {} });
  });

  it('give back the place of a caller whose listener fails', async () => {
    const options = await bearer();
    for (let times = 0; times < LIMITS.socketsPerUser + 1; times++)
      expect(await closed(dial(options, [], 'echoes/broken/socket'))).to.equal(1011);
    await welcomed(options);
  });

  it('answer what is no frame, and what fails, with a problem that names it, and stay open', async () => {
    const socket = await welcomed();
    socket.send('{');
    expect(await next(socket)).to.include({ type: 'problem', code: 'BAD_REQUEST' });
    socket.send('{"id":"\\ud800"}');
    expect(await next(socket)).to.include({ type: 'problem', code: 'BAD_REQUEST' });
    socket.send('{"id":"a","fail":"slowly"}');
    expect(await next(socket)).to.deep.include({ id: 'a', code: 'TOO_MANY', retryAfterMs: 70 });
    socket.send('{"id":"b","fail":"crash"}');
    const problem = await next(socket);
    expect(problem).to.include({ id: 'b', code: 'INTERNAL' });
    expect(JSON.stringify(problem)).not.to.include('4711');
    socket.send('{"id":"c"}');
    expect(await next(socket)).to.deep.equal({ type: 'echo', id: 'c' });
  });

  it('close on what is too large, binary, or too much', async () => {
    const options = await bearer();
    const large = await welcomed(options);
    large.send(JSON.stringify({ id: 'x'.repeat(LIMITS.socketFrameBytes) }));
    expect(await closed(large)).to.equal(1009);
    const binary = await welcomed(options);
    binary.send(Buffer.from('{}'));
    expect(await closed(binary)).to.equal(1003);
    const flood = await welcomed(options);
    for (let n = 0; n <= LIMITS.socketFramesPerMinute; n++) flood.send('{}');
    expect(await closed(flood)).to.equal(4429);
  });

  it('close a reader who does not read, and never keep much waiting for them', async () => {
    const socket = await welcomed();
    socket.pause();
    const [channel] = channels;
    const frame = { type: 'news', text: 'x'.repeat(100_000) };
    let sent = 0;
    while (channel?.send(frame)) {
      sent += 1;
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (sent > 1000) throw new Error('a thousand large frames for nobody');
    }
    expect(await channel?.drained()).to.equal(false);
    socket.resume();
    expect(await closed(socket)).to.be.oneOf([4408, 1006]);
  });

  it('end with their session, however it ends', async () => {
    const { token, session } = await sample.sessions.start({
      userId: 'user-1',
      role: 'patient',
      kind: 'bearer',
    });
    const headers = { authorization: `Bearer ${token}` };
    const [one, two] = [await welcomed({ headers }), await welcomed({ headers })];
    const both = Promise.all([closed(one), closed(two)]);
    await sample.sessions.end(session.id);
    expect(await both).to.deep.equal([4401, 4401]);
    const idle = await welcomed();
    sample.clock.advance(61 * 60_000);
    idle.send('{"id":"late"}');
    expect(await closed(idle)).to.equal(4401);
  });

  it('end when nobody answers their pings', async () => {
    await sample.stop();
    await start({ socketPingMs: 50 });
    const alive = await welcomed();
    const silent = await welcomed({ ...(await bearer()), autoPong: false });
    expect(await closed(silent)).to.equal(1006);
    alive.send('{"id":"here"}');
    expect(await next(alive)).to.deep.equal({ type: 'echo', id: 'here' });
  });

  it('are closed as going away when the gateway stops, and none is let in', async () => {
    const options = await bearer();
    const socket = await welcomed(options);
    const end = closed(socket);
    lifecycle.beginDraining();
    expect(await end).to.equal(1001);
    expect(await refused(dial(options))).to.equal('SHUTTING_DOWN');
  });

  it('do not keep the gateway from stopping', async () => {
    const socket = await welcomed();
    socket.pause();
    const begun = performance.now();
    await closeServer(sample.server, lifecycle, 100);
    expect(performance.now() - begun).to.be.lessThan(5000);
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries += 1) {
    if (tries > 400) throw new Error('it never happened');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
