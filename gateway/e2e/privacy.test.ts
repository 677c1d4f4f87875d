// What must never be written down in clear: the whole demo is played with the log at its most talkative, then the log, what is
// printed, the metrics and every file that the gateways have left (ledger, store, cloud) are searched for what people entrusted
// to them and for every key. There are no traces to search: a gateway makes none.
import { createPrivateKey } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect } from 'chai';
import { Level } from 'level';
import { systemRandom } from '../ambient.js';
import { playDemo, type Played } from '../demo/index.js';
import { createLog } from '../logging.js';
import type { Gateway } from '../runtime/index.js';
import { entriesOf, readable } from './databases.js';
import { Search, type Secret } from './search.js';
import { printedDuring, SHORTEST, Spoken } from './spoken.js';
import { QUICK } from './world.js';

/**
 * Stretches looked for of each sample lie so far apart: it is no multiple of three, so that base64 of a whole file has some.
 * Covers are large, and of use to a thief as a whole: theirs lie further apart.
 */
const STRIDE_BYTES = 16;
const COVER_STRIDE_BYTES = 256;
/** Every PNG of the same size begins alike. */
const PICTURE_HEAD_BYTES = 64;
const WINDOW_BYTES = 32;
/** As long as a one-time code's secret, and longer: shorter ones are salts, nonces and ids. */
const SHORTEST_KEY_BYTES = 20;
const samples = new URL('../../../samples/', import.meta.url);

const REPORTS = ['reports/lab-report.pdf', 'reports/CT_small.dcm', 'covers/rocket.jpg'];
/** Hidden in and stored changed: the picture as it was taken betrays by comparison that, and where, something is hidden. */
const COVERS = ['covers/coffee.png', 'covers/retina.jpg', 'covers/chelsea.png'];

/** Everything in the story that is not meant for the world. Doctors’ and hospitals’ professional names are public. */
const ENTRUSTED = [
  ...['Maria Lindqvist', 'Tomas Horak', 'Wen Zhao', 'Lena Lindqvist', '1974-03-02'],
  ...['maria@mail.example', 'tomas@mail.example', 'wen@mail.example', 'lena@mail.example'],
  ...['Olga Petrova', 'olga@mail.example'],
  ...['adeyemi@north.example', 'bruun@south.example', 'office@north.example'],
  ...['a long walk by the sea', 'demo-setup-code'],
  ...['Blood count', 'CT slice', 'Rash on the arm', 'Iron status', 'laboratory', 'imaging'],
  ...['lab-report.pdf', 'CT_small.dcm', 'rocket.jpg'],
  ...['unconscious after a fall', 'blood thinners', 'confirmed by the ward', 'please explain'],
];

/** What Olga, who keeps her keys, encrypts before she sends it: no gateway ever hears it. */
const NEVER_SENT = ['Blood pressure, measured at home', '131/84'];

/** Professional names, public by design, that hold a word which is somebody's secret elsewhere in the story. */
const PUBLIC_NAMES = ['North laboratory'] as const;

/** The only places of the keys that everything else rests on. */
const KEY_FILES: Readonly<Record<string, readonly string[]>> = {
  'north/gateway.key': ['master key of north'],
  'south/gateway.key': ['master key of south'],
  'ledger/node-key.pem': ['node key, as its file has it'],
};

describe('what is written down', function () {
  this.timeout(120_000);
  let played: Played;
  const lines: string[] = [];
  const drawn: Uint8Array[] = [];
  const metrics: string[] = [];
  let printed: Buffer;
  let said: readonly string[];
  let secrets: Secret[];
  let search: Search;

  before(async () => {
    const log = createLog({
      level: 'debug',
      destination: { write: (line) => void lines.push(line) },
    });
    const { PRMS_PORT: _port, PRMS_SETUP_CODE: _code, ...env } = QUICK;
    const spoken = new Spoken();
    const moments: Promise<string>[] = [];
    const urls: string[] = [];
    printed = await printedDuring(async () => {
      played = await spoken.during(() =>
        playDemo({
          exit: true,
          env: { ...env, PRMS_LOG_LEVEL: 'debug' },
          // The story opens with where the gateways are; each act begins with an empty line.
          out: (line) => {
            if (urls.length < 2) urls.push(...(line.match(/http:[^\s,]+/g) ?? []));
            if (line.startsWith('\n')) moments.push(...urls.map(metricsAt));
          },
          log,
          random: (length) => {
            const bytes = systemRandom(length);
            if (length >= SHORTEST_KEY_BYTES) drawn.push(Uint8Array.from(bytes));
            return bytes;
          },
        }),
      );
      await leaveCover(played);
      moments.push(...urls.map(metricsAt));
      metrics.push(...(await Promise.all(moments)));
    });
    said = spoken.texts;
    secrets = [
      ...[...new Set([...ENTRUSTED, ...NEVER_SENT, ...said])].map((text) => ({
        name: text,
        bytes: text,
      })),
      ...(await stretches()),
      ...(await keysOf(played, drawn)),
    ];
    search = new Search(secrets);
  });
  after(() => played.close());

  const find = (whole: Buffer): string[] => search.find(withoutPublicNames(whole));

  it('searches for what is really there: a control', () => {
    expect(secrets.length).to.be.greaterThan(ENTRUSTED.length + 10);
    const aKey = Buffer.from(drawn.at(-1) ?? []);
    for (const encoding of ['latin1', 'hex', 'base64', 'base64url'] as const)
      for (const before of ['', 'x', 'xx']) {
        const form = Buffer.concat([Buffer.from(before), aKey]).toString(encoding);
        expect(find(Buffer.from(form, 'latin1')), encoding).to.include(`drawn ${drawn.length}`);
      }
    expect(find(Buffer.from('… Blood count …'))).to.deep.equal(['Blood count']);
    expect(find(Buffer.from('North laboratory'))).to.deep.equal([]);
    expect(find(Buffer.from('Blood%20count'))).to.deep.equal(['Blood count']);
    expect(find(Buffer.from('Blood count', 'utf16le'))).to.deep.equal(['Blood count']);
    expect(find(Buffer.from(Buffer.from('Blood count').toString('hex')))).to.have.length(1);
    const password = 'a long walk by the sea';
    expect(said).to.include.members([password, 'Maria Lindqvist', 'Blood count', 'lab-report.pdf']);
    const audible = ENTRUSTED.filter(({ length }) => length >= SHORTEST);
    const unsaid = audible.filter((words) => !said.some((text) => text.includes(words)));
    expect(unsaid, 'listed, and not in the story').to.deep.equal([]);
    const heard = NEVER_SENT.filter((words) => said.some((text) => text.includes(words)));
    expect(heard, 'sent to a gateway in clear').to.deep.equal([]);
    const long = said.filter((text) => /^[A-Za-z0-9_-]{43}$/.test(text));
    expect(long, 'tokens that the gateways have handed out').to.have.length.greaterThan(8);
  });

  it('what is said over WebSockets alone is heard: every message of the consultation', async () => {
    const scene = await readFile(new URL('../../demo/consultation.ts', import.meta.url), 'utf8');
    const texts = [...scene.matchAll(/type: 'say',[^}]*?text: '([^']+)'/g)].map(([, text]) => text);
    expect(texts).to.have.length.greaterThan(2);
    expect(texts).to.have.length(scene.split("type: 'say'").length - 1);
    expect(said).to.include.members(texts);
    for (const text of texts)
      expect(find(Buffer.from(JSON.stringify({ msg: text })))).to.deep.equal([text]);
  });

  it('every key is among the secrets: what was drawn, and what gateways and the ledger keep', async () => {
    const known = new Set(drawn.map((bytes) => Buffer.from(bytes).toString('hex')));
    const unlocked = (await Promise.all(played.gateways.map(privateKeysAt))).flat();
    expect(unlocked.length).to.be.greaterThan(8);
    for (const key of unlocked) expect(known.has(Buffer.from(key).toString('hex'))).to.equal(true);
    const names = secrets.map(({ name }) => name);
    expect(names).to.include.members(['master key of north', 'master key of south']);
    expect(names).to.include.members(['node key', 'node key, as its file has it']);
  });

  it('every stretch of a report is found, wherever it begins', async () => {
    const report = await readFile(new URL('reports/CT_small.dcm', samples));
    for (let at = 2000; at + 64 < report.length; at += 1009) {
      const leaked = report.subarray(at, at + 64);
      if (new Set(leaked.subarray(16, 48)).size < 20) continue;
      expect(find(leaked), String(at)).to.not.deep.equal([]);
    }
    const found = find(Buffer.from(report.toString('base64')));
    expect(found).to.have.length.greaterThan(report.length / STRIDE_BYTES / 6);
  });

  it('every stretch of a cover is found, as a file, in base64 and as another file’s part', async () => {
    for (const name of COVERS) {
      const cover = await readFile(new URL(name, samples));
      const least = WINDOW_BYTES + 2 * COVER_STRIDE_BYTES;
      for (let at = PICTURE_HEAD_BYTES; at + least < cover.length; at += 30_011) {
        const leaked = cover.subarray(at, at + least);
        expect(find(leaked), `${name}+${at}`).to.not.deep.equal([]);
        expect(find(Buffer.from(leaked.toString('base64')))).to.not.deep.equal([]);
        expect(find(Buffer.concat([Buffer.alloc(5), leaked]))).to.not.deep.equal([]);
      }
      expect(find(cover).length, name).to.be.greaterThan(cover.length / COVER_STRIDE_BYTES / 2);
    }
  });

  it('the log at its most talkative, and what is printed, name nobody and quote nothing', () => {
    expect(lines.length).to.be.greaterThan(50);
    for (const text of [Buffer.from(lines.join('')), printed]) {
      expect(find(text)).to.deep.equal([]);
      expect(text.includes('Adeyemi')).to.equal(false);
    }
  });

  it('what is printed would be heard: a control', async () => {
    const heard = await printedDuring(() => {
      process.stdout.write('');
      process.stderr.write('\u200b');
      return Promise.resolve();
    });
    expect(heard.toString()).to.equal('\u200b');
  });

  it('neither do the metrics: before, between the acts, and after', () => {
    expect(metrics.length).to.be.greaterThan(20);
    for (const text of metrics) {
      expect(text.length).to.be.greaterThan(1000);
      expect(find(Buffer.from(text))).to.deep.equal([]);
    }
  });

  it('no file in the data folder holds any of it; professional names are on the ledger', async () => {
    const entries = await readdir(played.dataDir, { recursive: true, withFileTypes: true });
    const seen = new Set<string>();
    const files: string[] = [];
    let professionalNames = 0;
    for (const entry of entries.filter((each) => each.isFile())) {
      const path = join(entry.parentPath, entry.name);
      const content = await readFile(path);
      const place = relative(played.dataDir, path);
      expect(find(content), place).to.deep.equal(KEY_FILES[place] ?? []);
      files.push(place);
      seen.add(place.split('/')[0] ?? '');
      if (place.startsWith('ledger') && content.includes('Dr Adeyemi')) professionalNames++;
    }
    expect(files).to.include.members(Object.keys(KEY_FILES));
    expect([...seen]).to.include.members(['ledger', 'clouds', 'north', 'south']);
    expect(professionalNames).to.be.greaterThan(0);
  });

  it('nor does any key or value of the databases, read as whoever has them would: files are compressed', async () => {
    const databases = ['ledger/db', 'north/store', 'south/store'];
    for (const place of databases) {
      let count = 0;
      for await (const entry of entriesOf(played.dataDir, place)) {
        count++;
        expect(find(entry), `${place}: ${readable(entry)}`).to.deep.equal([]);
      }
      expect(count, place).to.be.greaterThan(10);
    }
  });

  it('a canary in each of these places is found', async () => {
    const copy = join(played.dataDir, 'canary');
    const db = new Level<string, string>(copy);
    await db.put('somebody', JSON.stringify({ title: 'Blood count' }));
    for await (const [, value] of db.iterator())
      expect(find(Buffer.from(value))).to.deep.equal(['Blood count']);
    await db.close();
    await rm(copy, { recursive: true });
    expect(find(Buffer.from('prms_title{title="Rash on the arm"} 1'))).to.have.length(1);
    expect(find(Buffer.from(JSON.stringify({ msg: 'It is the iron again.' })))).to.have.length(1);
  });
});

function withoutPublicNames(bytes: Buffer): Buffer {
  if (!PUBLIC_NAMES.some((name) => bytes.includes(name))) return bytes;
  const text = PUBLIC_NAMES.reduce(
    (rest, name) => rest.replaceAll(name, '-'),
    bytes.toString('latin1'),
  );
  return Buffer.from(text, 'latin1');
}

const metricsAt = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text();

/** Stretches of reports and covers, over the whole of each; those that say as little as zeros are left out. */
async function stretches(): Promise<Secret[]> {
  const of = async (name: string, first: number, stride: number): Promise<Secret[]> => {
    const content = await readFile(new URL(name, samples));
    const count = Math.ceil((content.length - WINDOW_BYTES - first) / stride);
    return Array.from({ length: count }, (_, i) => first + i * stride)
      .map((at) => ({ name: `${name}+${at}`, bytes: content.subarray(at, at + WINDOW_BYTES) }))
      .filter(({ bytes }) => new Set(bytes).size > 12);
  };
  const all = await Promise.all([
    ...REPORTS.map((name) => of(name, 0, STRIDE_BYTES)),
    ...COVERS.map((name) => of(name, PICTURE_HEAD_BYTES, COVER_STRIDE_BYTES)),
  ]);
  return all.flat();
}

/** A patient of the story puts a picture aside that no report has used yet. */
async function leaveCover({ gateways: [{ services }] }: Played): Promise<void> {
  const { sessions, logins, records, covers } = services;
  const photo = await readFile(new URL('covers/rocket.jpg', samples));
  for await (const { id } of records.all((page) => records.users('patient', page)))
    for (const session of await sessions.list(id)) {
      const actor = logins.actor(session);
      if (actor.keys.elsewhere) continue;
      await covers.add(actor, photo);
      return;
    }
  throw new Error('no patient is logged in');
}

/**
 * Every key there is: people's, epochs', tags', consultations' and reports' are all drawn from the gateways' randomness, and
 * so are tokens; the ledger's node makes its own.
 */
async function keysOf({ dataDir }: Played, drawn: readonly Uint8Array[]): Promise<Secret[]> {
  const masters = ['north', 'south'].map(async (name) => {
    const hex = (await readFile(join(dataDir, name, 'gateway.key'), 'utf8')).trim();
    return { name: `master key of ${name}`, bytes: Buffer.from(hex, 'hex') };
  });
  const known = await Promise.all(masters);
  const isMaster = (bytes: Uint8Array) => known.some((master) => master.bytes.equals(bytes));
  const pem = await readFile(join(dataDir, 'ledger', 'node-key.pem'), 'utf8');
  const { d = '' } = createPrivateKey(pem).export({ format: 'jwk' });
  return [
    ...known,
    ...drawn
      .map((bytes, i) => ({ name: `drawn ${i + 1}`, bytes }))
      .filter(({ bytes }) => !isMaster(bytes)),
    { name: 'node key', bytes: Buffer.from(d, 'base64url') },
    // The file's second line holds most of the private key; a line's end cuts it.
    { name: 'node key, as its file has it', bytes: pem.split('\n')[2] ?? '' },
  ];
}

/** The private keys of everybody who is logged in. */
async function privateKeysAt({
  services: { sessions, logins, records },
}: Gateway): Promise<Uint8Array[]> {
  const keys: Uint8Array[] = [];
  for (const role of ['hospital', 'doctor', 'patient', 'relative'])
    for await (const user of records.all((page) => records.users(role, page)))
      for (const session of await sessions.list(user.id)) {
        const { keys: ring } = logins.actor(session);
        // Whoever keeps theirs has none here.
        if (!ring.elsewhere) keys.push(...ring.entries.map(({ privateKey }) => privateKey));
      }
  return keys;
}
