// The claim that the gateway never sees an own-key user's key or plaintext: the example, which needs nothing but fetch,
// WebCrypto and what else browsers have, runs in a process and a realm of its own, and every byte that it sends, and every file and line that the gateway leaves, is
// searched for what only the client knows.
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { createLog } from '../logging.js';
import { entriesOf, readable } from './databases.js';
import { World } from './world.js';

const example = new URL('../../../examples/own-keys.mjs', import.meta.url);
const page = new URL('../../e2e/own-key-example.page.mjs', import.meta.url);
/** What the example adds when it isn't told what, as in a page. */
const PLAIN = 'Blood count: haemoglobin 13.1';

/** A door in front of the gateway that keeps a copy of every byte on its way in. */
class Tap {
  readonly received: Buffer[] = [];
  readonly #server: Server;
  target = 0;

  constructor() {
    this.#server = createServer((client) => {
      const gateway = connect(this.target, '127.0.0.1');
      client.on('data', (bytes) => this.received.push(bytes));
      client.pipe(gateway).pipe(client);
      client.on('error', () => gateway.destroy());
      gateway.on('error', () => client.destroy());
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

describe('the example with keys of one’s own', function () {
  this.timeout(60_000);
  const tap = new Tap();
  const lines: string[] = [];
  let world: World;
  let printed: string;
  let globals: string[];
  let secrets: { name: string; bytes: Buffer }[];

  before(async () => {
    const origin = await tap.listen();
    const log = createLog({
      level: 'debug',
      destination: { write: (line) => void lines.push(line) },
    });
    const env = { PRMS_PUBLIC_ORIGIN: origin, PRMS_LOG_LEVEL: 'debug' };
    world = await World.open({ env, log });
    tap.target = Number(new URL(world.url).port);
    await world.hospital('North');
    const run = promisify(execFile);
    const { stdout, stderr } = await run(process.execPath, [
      page.pathname,
      example.pathname,
      origin,
    ]);
    printed = stdout;
    const noted = stderr.split('\n');
    globals = noted.find((line) => line.startsWith('globals '))?.split(' ') ?? [];
    secrets = noted
      .filter((line) => line.startsWith('secret '))
      .map((line, i) => ({ name: `secret ${i}`, bytes: Buffer.from(line.slice(7), 'hex') }));
  });
  after(async () => {
    await world.close();
    await tap.close();
  });

  /** What is found of the secrets, as bytes or in an encoding in which bytes get into text. */
  const find = (haystack: Buffer): string[] =>
    [
      { name: 'plaintext', bytes: Buffer.from(PLAIN) },
      { name: 'title', bytes: Buffer.from('My own report') },
      ...secrets,
    ]
      .filter(({ bytes }) =>
        [
          bytes,
          ...(['hex', 'base64', 'base64url'] as const).map((encoding) =>
            Buffer.from(bytes.toString(encoding).replace(/=+$/, '').slice(0, -1)),
          ),
        ].some((form) => haystack.includes(form)),
      )
      .map(({ name }) => name);

  it('has at most a hundred lines, and imports nothing', async () => {
    const text = await readFile(example, 'utf8');
    expect(text.trimEnd().split('\n').length).to.be.at.most(100);
    expect(text).to.not.match(/\b(import|require)\b/);
  });

  it('has had no global of Node’s that browsers lack', () => {
    expect(globals).to.include.members(['fetch', 'crypto', 'btoa', 'FormData', 'location']);
    for (const name of ['Buffer', 'process', 'require', 'module', 'global', 'setImmediate'])
      expect(globals).to.not.include(name);
  });

  it('reads back what it added, and its SHA-256 fits the ledger’s commitment', () => {
    expect(printed).to.match(/^SHA-256 [0-9a-f]{64} fits the commitment on ledger records: /);
    expect(printed).to.include(PLAIN);
  });

  it('nothing that the gateway received holds plaintext, title, data key or a private key', () => {
    // The control: private keys and data keys were noted, and what was sent was recorded.
    expect(secrets.length).to.be.greaterThan(5);
    const received = Buffer.concat(tap.received);
    expect(received.includes('"position"')).to.equal(true);
    expect(
      find(Buffer.from(`x${secrets[0]?.bytes.toString('base64url') ?? ''}x`)),
    ).to.not.deep.equal([]);
    expect(find(received)).to.deep.equal([]);
  });

  it('nor does any file of clouds, store and ledger, nor any entry of the two’s databases', async () => {
    const entries = await readdir(world.dataDir, { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((each) => each.isFile())) {
      const path = join(entry.parentPath, entry.name);
      expect(find(await readFile(path)), entry.name).to.deep.equal([]);
    }
    for (const place of ['ledger/db', 'store']) {
      let count = 0;
      for await (const entry of entriesOf(world.dataDir, place)) {
        count++;
        expect(find(entry), `${place}: ${readable(entry)}`).to.deep.equal([]);
      }
      expect(count, place).to.be.greaterThan(10);
    }
  });

  it('nor does the log at its most talkative', () => {
    expect(lines.length).to.be.greaterThan(5);
    expect(find(Buffer.from(lines.join('')))).to.deep.equal([]);
  });
});
