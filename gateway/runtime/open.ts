// Puts a gateway together: ledger, store, clouds, keys, services, HTTP. The one place where everything meets.

import { access, chmod, constants, mkdir, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { MAX_SKEW_MS } from '@prms/chaincode';
import type { EmbeddedLedger } from '@prms/network';
import { StegoPool } from '@prms/stego';
import { Accounts, Devices, KnownAddresses, Sessions, Throttle } from '../accounts/index.js';
import { systemClock, systemRandom, type Clock, type RandomBytes } from '../ambient.js';
import type { Cloud } from '../clouds/index.js';
import type { Config } from '../config/index.js';
import {
  closeServer,
  createApp,
  Lifecycle,
  listen,
  Sockets,
  type Door,
} from '../http/base/index.js';
import { routes, sockets } from '../http/routes/index.js';
import { GatewayError } from '../errors.js';
import { createLog, type Log } from '../logging.js';
import { Metrics } from '../metrics.js';
import { makeServices, type Foundations } from '../services/make.js';
import type { Services } from '../services/index.js';
import { openStore } from '../store/index.js';
import { KeyBundles, KeyRing, loadMasterKey, PasswordDeriver } from '../vault/index.js';
import { openCopies } from './clouds.js';
import { openCommit, openLedger, signatureChecks } from './ledger.js';
import { SetupCode } from './setup-code.js';
import { translate } from './translate.js';

export const VERSION = '0.1.0';
const MINUTE_MS = 60_000;

export interface GatewayOptions {
  readonly config: Config;
  readonly clock?: Clock;
  readonly random?: RandomBytes;
  readonly log?: Log;
  /** A ledger that somebody else opened and will close: several gateways on one, or a test's. */
  readonly ledger?: EmbeddedLedger;
  /** Stands before each cloud: a test's way to break it. */
  readonly wrapCloud?: (cloud: Cloud) => Cloud;
}

export interface Gateway {
  readonly services: Services;
  readonly url: string;
  readonly ledger: EmbeddedLedger;
  /** Undefined once the ledger is founded. */
  setupCode(): Promise<string | undefined>;
  /** Lets requests finish, then puts everything away. Idempotent. */
  close(): Promise<void>;
}

/** Opens the data folder and listens. @throws GatewayError CONFIG | STORE_LOCKED; LedgerError LOCKED | CORRUPT */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const closers: (() => unknown)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return await open(options, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

type Closers = (() => unknown)[];

async function open(
  options: GatewayOptions,
  closers: Closers,
  close: () => Promise<void>,
): Promise<Gateway> {
  const { config, random = systemRandom } = options;
  const log = options.log ?? createLog({ level: config.logLevel });
  const metrics = new Metrics({ process: true });
  const foundations = await layFoundations(options, log, metrics, closers);
  const setup = new SetupCode(foundations.ledger, {
    dataDir: config.dataDir,
    configured: config.setupCode,
    random,
  });
  const services = makeServices(foundations, () => setup.current());
  metrics.watchQueue('uploads', () => services.uploads.underWay);
  metrics.watchQueue('outbox', () => services.outbox.waiting);
  closers.push(() => services.pendingLogIns.dropAll());
  closers.push(() => services.erasures.settled());
  closers.push(() => services.outbox.close());
  const resumed = await services.outbox.resume();
  if (resumed > 0) log.info('outbox.resumed', { count: resumed });
  await services.erasures.finish();
  await services.aftermath.run();
  const listener = setInterval(
    () => void services.notices.refresh(),
    config.noticeCheckSeconds * 1000,
  ).unref();
  closers.push(() => clearInterval(listener));
  if (config.scrub === 'on') {
    services.scrubber.start(config.scrubIdleMs);
    closers.push(() => services.scrubber.close());
  }
  closers.push(() => services.acquisition.close());
  await services.acquisition.start();
  metrics.watchQueue('acquisition', () => services.acquisition.queue.length);
  const sweeper = setInterval(() => void tidy(services, foundations, log), config.tidyMs).unref();
  closers.push(() => clearInterval(sweeper));

  const { port } = await serve(services, foundations, { log, metrics, random, closers });
  log.info('gateway.listening', { host: config.host, port, version: VERSION });
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  return {
    services,
    url: `http://${host}:${port}`,
    ledger: foundations.ledger,
    setupCode: () => setup.current(),
    close,
  };
}

/** @throws GatewayError CONFIG */
async function makeDataFolder(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await chmod(dataDir, 0o700);
    // A disk that takes no writes answers the above with all kinds of codes; this one is asked for itself.
    await access(dataDir, constants.W_OK);
  } catch (cause) {
    const message = `PRMS_DATA: the folder ${dataDir} can’t be made or written to.`;
    throw new GatewayError('CONFIG', message, { cause });
  }
}

async function layFoundations(
  options: GatewayOptions,
  log: Log,
  metrics: Metrics,
  closers: Closers,
): Promise<Foundations> {
  const { config, clock = systemClock, random = systemRandom } = options;
  const { dataDir } = config;
  await makeDataFolder(dataDir);
  const checks = signatureChecks(config);
  // Closed behind the ledger, whose last batch may still want them.
  closers.push(() => checks.verifier.close());
  const ledger = options.ledger ?? (await openLedger(config, clock, checks));
  if (!options.ledger) closers.push(() => ledger.close());
  const store = await openStore(join(dataDir, 'store'), {
    retryMs: config.storeRetryMs,
    spareBytes: config.storeSpareBytes,
  });
  closers.push(() => store.close());
  // What uploads left behind that a crash cut off. Only now: the store's lock says that nobody else is at work here.
  await rm(join(dataDir, 'uploads'), { recursive: true, force: true });
  // Closed before the store: what it still commits leaves its receipt there.
  const commit = openCommit(config, ledger, options.ledger ? undefined : checks.ahead);
  closers.push(() => commit.close());
  const master = await loadMasterKey({
    configured: config.masterKey,
    file: join(dataDir, 'gateway.key'),
    random,
  });
  const pool = new StegoPool({
    ...(config.stegoThreads > 0 && { threads: config.stegoThreads }),
    maxQueue: config.stegoQueue,
  });
  closers.push(() => pool.destroy());
  const { wrapCloud } = options;
  const copies = await openCopies({ config, clock, store, log, metrics, wrapCloud });
  closers.push(() => copies.close());
  const { deriver, ...keys } = openKeys(config, clock, random);
  metrics.watchQueue('operations', () => commit.pending);
  metrics.watchQueue('argon2', () => deriver.queued);
  metrics.watchQueue('stego', () => pool.running);
  closers.push(() => keys.keyRing.dropAll());
  return {
    config,
    clock,
    random,
    log,
    metrics,
    ledger,
    commit,
    store,
    master,
    pool,
    copies,
    ...keys,
    ...openAccounts(config, { clock, random, store, master, ...keys }),
  };
}

function openKeys(config: Config, clock: Clock, random: RandomBytes) {
  const cost = {
    passes: config.argon2Passes,
    memoryKiB: config.argon2MemoryKiB,
    lanes: config.argon2Lanes,
  };
  const deriver = new PasswordDeriver(cost, {
    atOnce: config.argon2AtOnce,
    queue: config.argon2Queue,
    perParty: config.argon2QueuePerAddress,
  });
  const idleMs = config.sessionIdleMinutes * MINUTE_MS;
  const absoluteMs =
    Math.max(config.sessionAbsoluteMinutes, config.bearerAbsoluteMinutes) * MINUTE_MS;
  return {
    deriver,
    bundles: new KeyBundles(deriver, random),
    keyRing: new KeyRing(clock, { idleMs, absoluteMs, sessions: config.unlockedSessions }),
  };
}

function openAccounts(
  config: Config,
  parts: Pick<Foundations, 'clock' | 'random' | 'store' | 'master' | 'keyRing'> & {
    readonly bundles: KeyBundles;
  },
): Pick<Foundations, 'accounts' | 'sessions'> {
  const { clock, random, store, master, keyRing, bundles } = parts;
  const limits = {
    idleMs: config.sessionIdleMinutes * MINUTE_MS,
    absoluteMs: {
      cookie: config.sessionAbsoluteMinutes * MINUTE_MS,
      bearer: config.bearerAbsoluteMinutes * MINUTE_MS,
    },
    freshMs: config.freshLoginMinutes * MINUTE_MS,
    perAccount: config.sessionsPerAccount,
    touchEveryMs: config.sessionTouchMs,
    skewMs: MAX_SKEW_MS,
  };
  return {
    accounts: new Accounts({
      store,
      clock,
      master,
      bundles,
      throttle: openThrottle(config, parts),
    }),
    sessions: new Sessions({
      store,
      clock,
      random,
      csrfKey: master.derive('csrf'),
      limits,
      keyRing,
    }),
  };
}

function openThrottle(
  config: Config,
  { clock, random, store, master }: Pick<Foundations, 'clock' | 'random' | 'store' | 'master'>,
): Throttle {
  const lifeMs = config.deviceDays * 24 * 60 * MINUTE_MS;
  return new Throttle({
    clock,
    devices: new Devices({ key: master.derive('devices'), clock, random, lifeMs }),
    addresses: new KnownAddresses({
      ...{ store, clock, lifeMs },
      key: master.derive('addresses'),
      most: config.knownAddresses,
    }),
    limits: {
      perMinute: config.loginAttemptsPerMinute,
      perHour: config.loginAttemptsPerHour,
      strangersPerHour: config.strangerAttemptsPerHour,
      secondFactorPerHour: config.secondFactorAttemptsPerHour,
      addressPerMinute: config.addressAttemptsPerMinute,
      registrationsPerHour: config.registrationsPerHour,
      maxKeys: config.throttleKeys,
    },
  });
}

async function serve(
  services: Services,
  { config, sessions, ledger, store, clock }: Foundations,
  {
    log,
    metrics,
    random,
    closers,
  }: { log: Log; metrics: Metrics; random: RandomBytes; closers: Closers },
): Promise<{ server: Server; port: number }> {
  const lifecycle = new Lifecycle();
  const door: Door = {
    sessions,
    publicOrigin: config.publicOrigin,
    lacksSecondFactor: (session) => services.logins.lacksSecondFactor(session),
  };
  const app = createApp({
    routes,
    deps: services,
    ...door,
    log,
    metrics,
    random,
    lifecycle,
    info: { title: 'PRMS gateway', version: VERSION },
    trustedProxyHops: config.trustedProxyHops,
    maxJsonBytes: config.maxJsonBytes,
    requestTimeoutMs: config.requestTimeoutMs,
    longTimeoutsMs: { transfer: config.uploadTimeoutMs, export: config.exportTimeoutMs },
    maxRequestsAtOnce: config.maxRequestsAtOnce,
    retry: config,
    systems: (token) => services.acquisition.accounts.authenticate(token),
    noticeOf: ({ userId }) => services.notices.headerOf(userId),
    ready: async () => ({
      ledger: ledger.accepting && (await works(ledger.height())),
      store: store.accepting && (await works(store.get('logins', 'ready'))),
    }),
    translate,
    // There are no pages yet: whoever opens the address in a browser finds the reference.
    web: (request, response, next) => {
      if (request.originalUrl === '/') response.redirect(303, '/api/docs');
      else next();
    },
  });
  const listening = await listen(app, {
    host: config.host,
    port: config.port,
    longestRequestMs: config.uploadTimeoutMs,
    headersTimeoutMs: config.headersTimeoutMs,
    keepAliveTimeoutMs: config.keepAliveTimeoutMs,
    maxHeaderBytes: config.maxHeaderBytes,
    maxHeaders: config.maxHeaders,
    maxConnections: config.maxConnections,
  });
  new Sockets({
    routes: sockets,
    deps: services,
    ...door,
    limits: config,
    lifecycle,
    graceMs: config.shutdownGraceMs,
    clock,
    random,
    log,
    metrics,
    translate,
  }).attach(listening.server);
  closers.push(() => closeServer(listening.server, lifecycle, config.shutdownGraceMs));
  return listening;
}

const works = (attempt: Promise<unknown>): Promise<boolean> =>
  attempt.then(
    () => true,
    () => false,
  );

async function tidy(services: Services, { sessions }: Foundations, log: Log): Promise<void> {
  try {
    await sessions.sweep();
    services.pendingLogIns.sweep();
    services.secondFactors.sweep();
    await services.erasures.finish();
    await services.aftermath.run();
    await services.ownUploads.sweep();
    await services.outbox.sweep();
    await services.consultations.sweep();
    await services.acquisition.queue.sweep();
  } catch (error) {
    log.error('gateway.tidy-failed', { error });
  }
}
