// The chaincode as a service: starts, answers a connection, stops; says what is missing.

import { connect, createServer, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { serve } from './serve.js';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  // A server that listens on a port has an address with one.
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

function reaches(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      settle(true);
    });
    socket.once('error', () => settle(false));
  });
}

describe('chaincode as a service', () => {
  it('starts and stops', async () => {
    const port = await freePort();
    const { stop } = await serve({
      CHAINCODE_ID: 'records:1',
      CHAINCODE_SERVER_ADDRESS: `127.0.0.1:${port}`,
    });
    expect(await reaches(port)).to.equal(true);
    stop();
    expect(await reaches(port)).to.equal(false);
  });

  it('says what it needs', async () => {
    for (const environment of [{}, { CHAINCODE_ID: 'records:1' }]) {
      const said = await serve(environment).then(
        () => '',
        (error: unknown) => String(error),
      );
      expect(said).to.match(/BAD_ARGUMENTS: set CHAINCODE_/);
    }
  });
});
