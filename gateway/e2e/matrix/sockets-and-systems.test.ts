// The table's other doors: every WebSocket × everybody who could open it, and every route and WebSocket × a hospital's system.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { expect } from 'chai';
import { WebSocket } from 'ws';
import { API_ROOT, problemSchema } from '../../http/base/index.js';
import { routes, sockets } from '../../http/routes/index.js';
import { letIn } from '../systems.js';
import type { Visitor } from '../world.js';
import { Home, WHO } from './home.js';
import { expected } from './row.js';
import { socketRows } from './rows/sockets.js';

/** All that a system may do: hand in, and ask what became of it. */
const FOR_SYSTEMS = [
  'get /intake/reports/{id}',
  'post /fhir',
  'post /fhir/Binary',
  'post /fhir/DocumentReference',
  'post /intake/reports',
];

describe('who may do what: WebSockets and hospitals’ systems', function () {
  this.timeout(60_000);
  let home: Home;

  before(async () => (home = await Home.build()));
  after(() => home.close());

  it('the table has a row for every WebSocket, and no other', () => {
    const mounted = sockets.map(({ path }) => path);
    expect(Object.keys(socketRows).sort(), 'rows/sockets.ts').to.deep.equal(mounted.sort());
  });

  for (const [template, row] of Object.entries(socketRows)) {
    it(`socket ${template}`, async () => {
      const answers = expected(row.answers, WHO);
      const { path } = (await row.ask?.(home, 'anonymous', home.people.anonymous)) ?? {};
      const address = filled(template, { patient: home.owner.userId, ...path });
      for (const who of WHO)
        expect(await dial(home, address, home.people[who]), who).to.equal(answers.get(who));
    });
  }

  it('a system’s token opens its intake, and nothing else that is not open to everybody', async () => {
    const system = await letIn(home.world, home.people.hospital, 'Laboratory');
    const opened: string[] = [];
    for (const { method, path } of routes) {
      const key = `${method} ${path}`;
      const address = filled(path, { patient: home.owner.userId });
      const ask = async (who: Visitor) => {
        const body = method === 'get' || method === 'delete' ? undefined : {};
        return (await who.ask(method.toUpperCase(), address, body)).status;
      };
      const anonymous = await ask(home.people.anonymous);
      const status = await ask(system);
      if (status === 401 || status === 403) continue;
      if (anonymous === 401) opened.push(key);
      else
        expect(status, `${key} is open to everybody, and the same to a system`).equals(anonymous);
    }
    expect(opened.sort()).to.deep.equal(FOR_SYSTEMS);
    for (const { path } of sockets) {
      const address = filled(path, { patient: home.owner.userId });
      expect(await dial(home, address, system), path).to.equal('UNAUTHENTICATED');
    }
  });

  /** A report's id stands for whatever is not said. */
  function filled(template: string, parts: Readonly<Record<string, string>>): string {
    return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => parts[name] ?? home.report);
  }
});

/** `ok` when the handshake is done and the first frame has come; else the code of the problem that it is refused with. */
async function dial({ world }: Home, path: string, { token }: Visitor): Promise<string> {
  const address = `${world.url.replace('http', 'ws')}${API_ROOT}${path}`;
  const headers = token === '' ? {} : { authorization: `Bearer ${token}` };
  const socket = new WebSocket(address, { headers });
  const refusal = new Promise<string>((resolve, reject) => {
    socket.once('unexpected-response', (_request, response) => {
      codeOf(response).then(resolve, reject);
    });
  });
  const welcome = once(socket, 'message').then(() => 'ok');
  try {
    return await Promise.race([refusal, welcome]);
  } finally {
    socket.terminate();
  }
}

async function codeOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(Buffer.from(chunk as Uint8Array));
  return problemSchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8'))).code;
}
