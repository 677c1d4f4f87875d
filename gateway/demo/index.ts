// `prms demo`: starts two hospitals' gateways on fresh folders and plays the whole story over HTTP. The two share a ledger
// and two clouds (folders), and nothing else: stores, keys and ports are their own. (The embedded ledger lives in one process.)

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RandomBytes } from '../ambient.js';
import { loadConfig } from '../config/index.js';
import { GatewayError } from '../errors.js';
import type { Log } from '../logging.js';
import { openGateway, openLedger, type Gateway, type GatewayOptions } from '../runtime/index.js';
import { beginning } from './beginning.js';
import { gather, type Cast } from './cast.js';
import { end } from './end.js';
import { exchange } from './exchange.js';
import { healing } from './healing.js';
import { laboratory } from './laboratory.js';
import { middle } from './middle.js';
import { ownKeys } from './own-keys.js';
import { rekeying } from './rekeying.js';
import { secondFactor } from './second-factor.js';
import { Stage } from './stage.js';
import { takingAway } from './taking-away.js';

export interface DemoOptions {
  /** Leaves nothing behind and does not stay up. */
  readonly exit: boolean;
  readonly out: (line: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the story early; the servers and their folder are gone then. */
  readonly signal?: AbortSignal;
  /** Default: to standard error. */
  readonly log?: Log;
  /** Of both gateways. Default: the machine's. */
  readonly random?: RandomBytes;
}

/** A demo that has been played; its servers are still up. */
export interface Played {
  /** North Hospital's, then South Clinic's. */
  readonly gateways: readonly [north: Gateway, south: Gateway];
  /** Holds `ledger`, `clouds`, `clouds-second`, and a folder for each gateway: `north`, `south`. */
  readonly dataDir: string;
  close(): Promise<void>;
}

const SETUP_CODE = 'demo-setup-code';

type Env = DemoOptions['env'];

/** @throws Error when a step does not do what the story says */
export async function playDemo({
  exit,
  out,
  env,
  signal = new AbortController().signal,
  log,
  random,
}: DemoOptions): Promise<Played> {
  const dataDir = await mkdtemp(join(tmpdir(), 'prms-demo-'));
  const closers = [() => rm(dataDir, { recursive: true, force: true })];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const given = { ...(log && { log }), ...(random && { random }) };
    const gateways = await openBoth(dataDir, { env, exit, ...given }, closers);
    const [north, south] = gateways;
    const begun = performance.now();
    out(`PRMS demo: two gateways, North Hospital’s at ${north.url} and South Clinic’s at`);
    out(`${south.url}, with folders, keys and ports of their own, over one ledger and two clouds`);
    const stage = new Stage(out, signal);
    const cast = gather({ north: north.url, south: south.url });
    await beginning(stage, cast, SETUP_CODE);
    const reports = await middle(stage, cast);
    await exchange(stage, cast, reports);
    await laboratory(stage, cast);
    await secondFactor(stage, cast);
    await ownKeys(stage, cast);
    await rekeying(stage, cast);
    const cloudDirs = ['clouds', 'clouds-second'].map((folder) => join(dataDir, folder));
    await healing(stage, cast, reports, cloudDirs);
    await end(stage, cast, reports, cloudDirs);
    await takingAway(stage, cast, reports, cloudDirs);
    out(
      `\nAll ${stage.steps} steps did what they say, in ${((performance.now() - begun) / 1000).toFixed(1)} s.`,
    );
    if (!exit) tellLogins(out, cast, dataDir);
    return { gateways, dataDir, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The ledger first, then a gateway for each hospital; they are put away in the other order. */
async function openBoth(
  dataDir: string,
  { env, exit, ...more }: Pick<DemoOptions, 'env' | 'exit' | 'log' | 'random'>,
  closers: (() => Promise<void>)[],
): Promise<Played['gateways']> {
  const shared = {
    ...env,
    PRMS_SETUP_CODE: SETUP_CODE,
    PRMS_CLOUD_DIR: join(dataDir, 'clouds'),
    PRMS_CLOUD_SECOND: 'filesystem',
    PRMS_CLOUD_SECOND_NAME: 'second-cloud',
    PRMS_CLOUD_SECOND_DIR: join(dataDir, 'clouds-second'),
    PRMS_LOG_LEVEL: env['PRMS_LOG_LEVEL'] ?? 'silent',
  };
  const { config } = loadConfig({ ...shared, PRMS_DATA: dataDir });
  const ledger = await openLedger(config);
  closers.push(() => ledger.close());
  const at = (name: string): Env => ({ ...shared, PRMS_DATA: join(dataDir, name) });
  const north = await start(at('north'), exit, { ...more, ledger });
  closers.push(() => north.close());
  const south = await openGateway({ ...more, ledger, config: onAnyPort(at('south')) });
  closers.push(() => south.close());
  return [north, south];
}

const onAnyPort = (env: Env) => loadConfig({ ...env, PRMS_PORT: '0' }).config;

/** The usual port, or a free one when somebody has it. */
async function start(
  env: Env,
  anyPort: boolean,
  more: Pick<GatewayOptions, 'log' | 'ledger' | 'random'>,
): Promise<Gateway> {
  if (anyPort && env['PRMS_PORT'] === undefined)
    return openGateway({ ...more, config: onAnyPort(env) });
  try {
    return await openGateway({ ...more, config: loadConfig(env).config });
  } catch (error) {
    const taken = error instanceof GatewayError && error.message.includes('listen');
    if (!taken || env['PRMS_PORT'] !== undefined) throw error;
    return openGateway({ ...more, config: onAnyPort(env) });
  }
}

function tellLogins(out: (line: string) => void, cast: Cast, dataDir: string): void {
  out(`\nThe servers stay up: ${cast.north.url} and ${cast.south.url}`);
  out(`API reference: ${cast.north.url}/api/docs`);
  out(
    `Data: ${dataDir} (removed when the demo ends)\n\nLog-ins, all with the password “${cast.maria.password}”:`,
  );
  for (const person of Object.values(cast) as Cast[keyof Cast][])
    out(`  ${person.login.padEnd(26)} ${person.name.padEnd(15)} ${person.url}`);
  out('\nCtrl-C ends it.');
}
