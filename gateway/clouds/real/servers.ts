// Starts real cloud servers on this machine: an S3 server, an Azure one and a Google one, each on a free loopback port
// with a folder of its own. What is started is ended by its process id. `scripts/clouds/install.sh` puts them in place.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { temporaryFolder } from '../../testing/index.js';
import { openAzureCloud } from '../azure.js';
import type { Cloud } from '../cloud.js';
import { openGcsCloud } from '../gcs.js';
import { openS3Cloud } from '../s3.js';

/** A server that runs. */
export interface RealServer {
  /** On the loopback interface. */
  readonly port: number;
  /**
   * An empty cloud on it, of the name given: a bucket, container or prefix of its own.
   * @param through port of something that stands before the server
   */
  cloud(name: string, through?: number): Promise<Cloud>;
  /** What a gateway's settings say of this cloud, after `PRMS_CLOUD` or `PRMS_CLOUD_SECOND`. */
  settings(name: string): Readonly<Record<string, string>>;
  /** The same server, asked with a secret that is not right. */
  strangersCloud(name: string): Cloud;
  stop(): Promise<void>;
}

const PART_BYTES = 5 * 1024 * 1024;
const START_MS = 30_000;

/** Where `scripts/clouds/install.sh` put the servers. */
function installed(program: string): string {
  const folder = process.env['PRMS_CLOUD_SERVERS'];
  if (folder === undefined) {
    throw new Error('PRMS_CLOUD_SERVERS names no folder: run scripts/clouds/install.sh first');
  }
  return join(folder, program);
}

/** versitygw, an S3 server over a folder. */
export async function startVersity(): Promise<RealServer> {
  const folder = await temporaryFolder();
  const [root, meta] = [join(folder.path, 'buckets'), join(folder.path, 'meta')];
  await Promise.all([mkdir(root), mkdir(meta)]);
  const port = await freePort();
  const credentials = { accessKeyId: 'prms-tests', secretAccessKey: 'a-secret-for-tests' };
  const child = start(
    installed('bin/versitygw'),
    ['--quiet', '--port', `127.0.0.1:${port}`, 'posix', '--sidecar', meta, root],
    { ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey },
  );
  await listening(port, child);
  const open = (name: string, secretAccessKey: string, at = port) =>
    openS3Cloud({
      name: 's3',
      endpoint: `http://127.0.0.1:${at}`,
      region: 'us-east-1',
      bucket: name,
      prefix: 'prms/',
      pathStyle: true,
      credentials: { ...credentials, secretAccessKey },
      connectTimeoutMs: 5000,
      partBytes: PART_BYTES,
      contestedAttempts: 10,
      contestedPauseMs: 20,
      settings: 'PRMS_CLOUD',
    });
  return {
    port,
    cloud: async (name, through) => {
      // A bucket is a folder of the server's.
      await mkdir(join(root, name), { recursive: true });
      return open(name, credentials.secretAccessKey, through);
    },
    settings: (name) => ({
      '': 's3',
      _ENDPOINT: `http://127.0.0.1:${port}`,
      _BUCKET: name,
      _PREFIX: 'prms/',
      _ACCOUNT: credentials.accessKeyId,
      _SECRET: credentials.secretAccessKey,
    }),
    strangersCloud: (name) => open(name, 'another-secret'),
    stop: async () => {
      await end(child);
      await folder.remove();
    },
  };
}

/** The account that azurite always has, as its documentation publishes it. */
const AZURITE_ACCOUNT = 'devstoreaccount1';
const AZURITE_KEY =
  'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

/** azurite, the vendor's own emulator of Azure Blob Storage. */
export async function startAzurite(): Promise<RealServer> {
  const folder = await temporaryFolder();
  const port = await freePort();
  const main = installed('node_modules/azurite/dist/src/blob/main.js');
  const place = ['--blobHost', '127.0.0.1', '--blobPort', String(port), '--location', folder.path];
  const child = start(process.execPath, [
    main,
    ...place,
    '--skipApiVersionCheck',
    '--silent',
    '--disableTelemetry',
  ]);
  await listening(port, child);
  const endpointAt = (at: number) => `http://127.0.0.1:${at}/${AZURITE_ACCOUNT}`;
  const open = (container: string, secret: string, at = port) =>
    openAzureCloud({
      name: 'azure',
      endpoint: endpointAt(at),
      container,
      prefix: 'prms/',
      account: AZURITE_ACCOUNT,
      secret,
      partBytes: PART_BYTES,
      settings: 'PRMS_CLOUD',
    });
  return {
    port,
    cloud: async (name, through) => {
      const credential = new StorageSharedKeyCredential(AZURITE_ACCOUNT, AZURITE_KEY);
      await new ContainerClient(`${endpointAt(port)}/${name}`, credential).createIfNotExists();
      return open(name, AZURITE_KEY, through);
    },
    settings: (name) => ({
      '': 'azure',
      _ENDPOINT: endpointAt(port),
      _BUCKET: name,
      _PREFIX: 'prms/',
      _ACCOUNT: AZURITE_ACCOUNT,
      _SECRET: AZURITE_KEY,
    }),
    strangersCloud: (name) => open(name, Buffer.from('another secret').toString('base64')),
    stop: async () => {
      await end(child);
      await folder.remove();
    },
  };
}

/** fake-gcs-server, an emulator of Google Cloud Storage that checks no credentials. */
export async function startGcs(): Promise<Omit<RealServer, 'strangersCloud'>> {
  const folder = await temporaryFolder();
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const child = start(installed('bin/fake-gcs-server'), [
    ...['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port)],
    ...['-public-host', `127.0.0.1:${port}`, '-log-level', 'error'],
    ...['-backend', 'filesystem', '-filesystem-root', folder.path],
  ]);
  await listening(port, child);
  return {
    port,
    cloud: async (name, through = port) => {
      const made = await fetch(`${endpoint}/storage/v1/b?project=prms`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name }),
      });
      // Whoever comes another way finds it there.
      if (!made.ok && made.status !== 409)
        throw new Error(`the bucket could not be made: ${made.status}`);
      return openGcsCloud({
        name: 'gcs',
        endpoint: `http://127.0.0.1:${through}`,
        bucket: name,
        prefix: 'prms/',
        project: 'prms',
        partBytes: PART_BYTES,
        settings: 'PRMS_CLOUD',
      });
    },
    settings: (name) => ({
      '': 'gcs',
      _ENDPOINT: endpoint,
      _BUCKET: name,
      _PREFIX: 'prms/',
      _ACCOUNT: 'prms',
    }),
    stop: async () => {
      await end(child);
      await folder.remove();
    },
  };
}

function start(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  // Its complaints are shown; what it says of each request is not.
  return spawn(program, args, {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => void child.kill('SIGKILL'), 5000);
  await gone;
  clearTimeout(late);
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  const until = Date.now() + START_MS;
  while (Date.now() < until) {
    await sleep(100);
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    const answers = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (answers) return;
  }
  await end(child);
  throw new Error('the server did not answer in time');
}
