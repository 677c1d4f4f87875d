// What must never be written down in clear: the whole demo is played with the log at its most talkative, then the log, the
// metrics and every file that the gateway has left (ledger, store, cloud) are searched for what people entrusted to it.
import { createHash } from 'node:crypto';
import { cp, readdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { expect } from 'chai';
import { Level } from 'level';
import { playDemo, type Played } from '../demo/index.js';
import { createLog } from '../logging.js';
import type { Gateway } from '../runtime/index.js';
import { Spoken } from './spoken.js';
import { QUICK } from './world.js';

/** Stretches looked for of each sample. */
const WINDOWS = 12;
const samples = new URL('../../../samples/', import.meta.url);

/** Everything in the story that is not meant for the world. Doctors’ and hospitals’ professional names are public. */
const ENTRUSTED = [
  ...['Maria Lindqvist', 'Tomas Horak', 'Wen Zhao', 'Lena Lindqvist', '1974-03-02'],
  ...['maria@mail.example', 'tomas@mail.example', 'wen@mail.example', 'lena@mail.example'],
  ...['adeyemi@north.example', 'bruun@south.example', 'office@north.example'],
  ...['a long walk by the sea', 'demo-setup-code'],
  ...['Blood count', 'CT slice', 'Rash on the arm', 'laboratory', 'imaging'],
  ...['lab-report.pdf', 'CT_small.dcm', 'rocket.jpg'],
  ...['Your blood count is back', 'Is it the iron again', 'Nothing to worry about'],
  ...['unconscious after a fall', 'blood thinners', 'confirmed by the ward', 'please explain'],
];

/** Professional names, public by design, that hold a word which is somebody's secret elsewhere in the story. */
const PUBLIC_NAMES = ['North laboratory'] as const;

describe('what is written down', function () {
  this.timeout(120_000);
  let played: Played;
  const lines: string[] = [];
  let said: readonly string[];
  let secrets: { readonly name: string; readonly bytes: Buffer }[];

  before(async () => {
    const log = createLog({
      level: 'debug',
      destination: { write: (line) => void lines.push(line) },
    });
    const { PRMS_PORT: _port, PRMS_SETUP_CODE: _code, ...env } = QUICK;
    const spoken = new Spoken();
    played = await spoken.during(() =>
      playDemo({
        exit: true,
        env: { ...env, PRMS_LOG_LEVEL: 'debug' },
        out: () => undefined,
        log,
      }),
    );
    said = spoken.texts;
    secrets = [
      ...[...new Set([...ENTRUSTED, ...said])].map((name) => ({ name, bytes: Buffer.from(name) })),
      ...(await reportHeads()),
      ...(await privateKeys(played)),
    ];
  });
  after(() => played.close());

  /** Each secret as it is, and in the encodings in which bytes get into text. */
  const find = (whole: Buffer): string[] => {
    const haystack = withoutPublicNames(whole);
    return secrets
      .filter(({ bytes }) =>
        [
          bytes,
          Buffer.from(bytes.toString('latin1'), 'utf16le'),
          Buffer.from(JSON.stringify(bytes.toString()).slice(1, -1)),
          Buffer.from(encodeURIComponent(bytes.toString())),
          ...(['hex', 'base64', 'base64url'] as const).map((encoding) =>
            // Without the end: padding and the next byte's bits differ.
            Buffer.from(bytes.toString(encoding).replace(/=+$/, '').slice(0, -1)),
          ),
        ].some((form) => haystack.includes(form)),
      )
      .map(({ name }) => name);
  };

  it('searches for what is really there: a control', () => {
    expect(secrets.length).to.be.greaterThan(ENTRUSTED.length + 10);
    const [key] = secrets.slice(-1);
    expect(find(Buffer.from(`x${key?.bytes.toString('base64url') ?? ''}x`))).to.have.length(1);
    expect(find(Buffer.from('… Blood count …'))).to.deep.equal(['Blood count']);
    expect(find(Buffer.from('North laboratory'))).to.deep.equal([]);
    expect(find(Buffer.from('Blood%20count'))).to.deep.equal(['Blood count']);
    expect(find(Buffer.from('Blood count', 'utf16le'))).to.deep.equal(['Blood count']);
    expect(find(Buffer.from(Buffer.from('Blood count').toString('hex')))).to.have.length(1);
    const password = 'a long walk by the sea';
    expect(said).to.include.members([password, 'Maria Lindqvist', 'Blood count', 'lab-report.pdf']);
    const long = said.filter((text) => /^[A-Za-z0-9_-]{43}$/.test(text));
    expect(long, 'tokens that the gateways have handed out').to.have.length.greaterThan(8);
  });

  it('the log at its most talkative names nobody and quotes nothing', () => {
    expect(lines.length).to.be.greaterThan(50);
    const log = Buffer.from(lines.join(''));
    expect(find(log)).to.deep.equal([]);
    expect(log.includes('Adeyemi')).to.equal(false);
  });

  it('neither do the metrics', async () => {
    for (const { url } of played.gateways) {
      const metrics = Buffer.from(await (await fetch(`${url}/metrics`)).text());
      expect(metrics.length).to.be.greaterThan(1000);
      expect(find(metrics)).to.deep.equal([]);
    }
  });

  it('no file in the data folder holds any of it; professional names are on the ledger', async () => {
    const entries = await readdir(played.dataDir, { recursive: true, withFileTypes: true });
    const seen = new Set<string>();
    let professionalNames = 0;
    for (const entry of entries.filter((each) => each.isFile())) {
      const path = join(entry.parentPath, entry.name);
      const content = await readFile(path);
      const place = relative(played.dataDir, path);
      expect(find(content), place).to.deep.equal([]);
      seen.add(place.split('/')[0] ?? '');
      if (place.startsWith('ledger') && content.includes('Dr Adeyemi')) professionalNames++;
    }
    expect([...seen]).to.include.members(['ledger', 'clouds', 'north', 'south']);
    expect(professionalNames).to.be.greaterThan(0);
  });

  it('nor does any key or value of the databases, read as whoever has them would: files are compressed', async () => {
    const databases = ['ledger/db', 'north/store', 'south/store'];
    for (const place of databases) {
      const copy = join(played.dataDir, 'copies', place);
      await cp(join(played.dataDir, place), copy, { recursive: true });
      const db = new Level<Buffer, Buffer>(copy, {
        createIfMissing: false,
        keyEncoding: 'buffer',
        valueEncoding: 'buffer',
      });
      let count = 0;
      for await (const [key, value] of db.iterator()) {
        count++;
        const readable = key.toString('latin1').slice(0, 60);
        expect(
          find(Buffer.concat([key, Buffer.of(0), value])),
          `${place}: ${readable}`,
        ).to.deep.equal([]);
      }
      await db.close();
      expect(count, place).to.be.greaterThan(10);
    }
    await rm(join(played.dataDir, 'copies'), { recursive: true });
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
    expect(find(Buffer.from(JSON.stringify({ msg: 'Is it the iron again' })))).to.have.length(1);
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

/** Stretches of the samples, from all over them; those that say as little as zeros are left out. */
async function reportHeads(): Promise<{ name: string; bytes: Buffer }[]> {
  const files = ['reports/lab-report.pdf', 'reports/CT_small.dcm', 'covers/rocket.jpg'];
  const windows = files.map(async (name) => {
    const content = await readFile(new URL(name, samples));
    const offsets = Array.from({ length: WINDOWS }, (_, i) =>
      Math.floor((i * (content.length - 32)) / WINDOWS),
    );
    return offsets
      .map((offset) => ({
        name: `${name}+${offset}`,
        bytes: content.subarray(offset, offset + 32),
      }))
      .filter(({ bytes }) => new Set(bytes).size > 12);
  });
  return (await Promise.all(windows)).flat();
}

/** The private keys of everybody who is logged in. */
async function privateKeys({ gateways }: Played): Promise<{ name: string; bytes: Buffer }[]> {
  const keys = await Promise.all(gateways.map(privateKeysAt));
  return keys.flat();
}

async function privateKeysAt({
  services: { sessions, logins, records },
}: Gateway): Promise<{ name: string; bytes: Buffer }[]> {
  const keys: { name: string; bytes: Buffer }[] = [];
  for (const role of ['hospital', 'doctor', 'patient', 'relative']) {
    for await (const user of records.all((page) => records.users(role, page))) {
      for (const session of await sessions.list(user.id)) {
        for (const { kid, privateKey } of logins.actor(session).keys.entries) {
          const id = createHash('sha256').update(kid).digest('hex').slice(0, 8);
          keys.push({ name: `private key ${id} of a ${role}`, bytes: Buffer.from(privateKey) });
        }
      }
    }
  }
  return keys;
}
