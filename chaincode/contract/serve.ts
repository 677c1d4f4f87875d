// Chaincode as a service: peers connect to this process instead of starting one. `npm run serve -w chaincode`, with
// CHAINCODE_ID and CHAINCODE_SERVER_ADDRESS as in Fabric's own samples; TLS when key and certificate files are named.

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { ChaincodeError } from '../errors.js';
import { recordsChaincode } from './index.js';
import { routerOf, type Router } from '../fabric/index.js';
import { removeAddedHandlers } from '../fabric/quiet.js';

interface Server {
  start(): Promise<void>;
  /** gRPC's server, which the shim offers no other way to stop. */
  readonly _server: { forceShutdown(): void };
}

interface TlsFiles {
  readonly key: Buffer;
  readonly cert: Buffer;
  /** Whose peers may connect; null: anybody's. */
  readonly clientCACerts: Buffer | null;
}

// The shim's types demand TLS and know no way to stop; the interfaces above are the part that is called here.
const { Shim } = createRequire(import.meta.url)('fabric-shim') as {
  Shim: {
    server(
      chaincode: Router,
      options: { ccid: string; address: string; tlsProps: TlsFiles | null },
    ): Server;
  };
};
removeAddedHandlers();

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Serves the records chaincode.
 * @returns how to stop it
 * @throws ChaincodeError BAD_ARGUMENTS when CHAINCODE_ID or CHAINCODE_SERVER_ADDRESS is missing
 */
export async function serve(environment: Environment): Promise<{ readonly stop: () => void }> {
  const router = routerOf(recordsChaincode({ now: Date.now }));
  const server = Shim.server(router, {
    ccid: required(environment, 'CHAINCODE_ID'),
    address: required(environment, 'CHAINCODE_SERVER_ADDRESS'),
    tlsProps: tlsFiles(environment),
  });
  await server.start();
  return { stop: () => server._server.forceShutdown() };
}

function required(environment: Environment, name: string): string {
  const value = environment[name];
  if (!value) throw new ChaincodeError('BAD_ARGUMENTS', `set ${name}`);
  return value;
}

function tlsFiles(environment: Environment): TlsFiles | null {
  const key = environment['CHAINCODE_TLS_KEY'];
  if (!key) return null;
  const clients = environment['CHAINCODE_CLIENT_CA_CERT'];
  return {
    key: readFileSync(key),
    cert: readFileSync(required(environment, 'CHAINCODE_TLS_CERT')),
    clientCACerts: clients ? readFileSync(clients) : null,
  };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { stop } = await serve(process.env);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
}
