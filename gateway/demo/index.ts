// `prms demo`: starts a gateway on a fresh folder and plays the whole story over HTTP.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../config/index.js';
import { GatewayError } from '../errors.js';
import type { Log } from '../logging.js';
import { openGateway, type Gateway, type GatewayOptions } from '../runtime/index.js';
import { beginning } from './beginning.js';
import { gather, type Cast } from './cast.js';
import { end } from './end.js';
import { middle } from './middle.js';
import { Stage } from './stage.js';

export interface DemoOptions {
  /** Leaves nothing behind and does not stay up. */
  readonly exit: boolean;
  readonly out: (line: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the story early; the server and its folder are gone then. */
  readonly signal?: AbortSignal;
  /** Default: to standard error. */
  readonly log?: Log;
}

/** A demo that has been played; its server is still up. */
export interface Played {
  readonly gateway: Gateway;
  readonly dataDir: string;
  close(): Promise<void>;
}

const SETUP_CODE = 'demo-setup-code';

/** @throws Error when a step does not do what the story says */
export async function playDemo({
  exit,
  out,
  env,
  signal = new AbortController().signal,
  log,
}: DemoOptions): Promise<Played> {
  const dataDir = await mkdtemp(join(tmpdir(), 'prms-demo-'));
  const gateway = await start(
    {
      ...env,
      PRMS_DATA: dataDir,
      PRMS_SETUP_CODE: SETUP_CODE,
      PRMS_LOG_LEVEL: env['PRMS_LOG_LEVEL'] ?? 'silent',
    },
    exit,
    log && { log },
  );
  const close = async () => {
    await gateway.close();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const begun = performance.now();
    out(`PRMS demo: a gateway on an embedded ledger, at ${gateway.url}`);
    const stage = new Stage(out, signal);
    const cast = gather(gateway.url);
    await beginning(stage, cast, SETUP_CODE);
    const reports = await middle(stage, cast);
    await end(stage, cast, reports, join(dataDir, 'clouds'));
    out(
      `\nAll ${stage.steps} steps did what they say, in ${((performance.now() - begun) / 1000).toFixed(1)} s.`,
    );
    if (!exit) tellLogins(out, gateway, cast, dataDir);
    return { gateway, dataDir, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The usual port, or a free one when somebody has it. */
async function start(
  env: Readonly<Record<string, string | undefined>>,
  anyPort: boolean,
  more: Pick<GatewayOptions, 'log'> = {},
): Promise<Gateway> {
  const free = { ...env, PRMS_PORT: '0' };
  if (anyPort && env['PRMS_PORT'] === undefined)
    return openGateway({ ...more, config: loadConfig(free).config });
  try {
    return await openGateway({ ...more, config: loadConfig(env).config });
  } catch (error) {
    const taken = error instanceof GatewayError && error.message.includes('listen');
    if (!taken || env['PRMS_PORT'] !== undefined) throw error;
    return openGateway({ ...more, config: loadConfig(free).config });
  }
}

function tellLogins(
  out: (line: string) => void,
  { url }: Gateway,
  cast: Cast,
  dataDir: string,
): void {
  out(`\nThe server stays up: ${url}   API reference: ${url}/api/docs`);
  out(
    `Data: ${dataDir} (removed when the demo ends)\n\nLog-ins, all with the password “${cast.maria.password}”:`,
  );
  for (const person of Object.values(cast) as Cast[keyof Cast][])
    out(`  ${person.login.padEnd(26)} ${person.name}`);
  out('\nCtrl-C ends it.');
}
