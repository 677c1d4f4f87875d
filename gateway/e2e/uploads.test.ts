// Uploads through HTTP that should not come in, and names that should: each refusal has its code, leaves no report, no
// object in the cloud, no temporary file, and no cover marked as used.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { expect } from 'chai';
import { encodePng } from '@prms/stego';
import { API_ROOT } from '../http/base/index.js';
import { problemOf, smallCover, text, uploadForm, World, type Visitor } from './world.js';

const MAX_REPORT_BYTES = 300_000;
const MAX_COVER_BYTES = 200_000;
const META = JSON.stringify({ title: 'A report', category: 'laboratory' });

describe('uploads through HTTP', function () {
  this.timeout(30_000);
  let world: World;
  let maria: Visitor;

  before(async () => {
    world = await World.open({
      env: {
        PRMS_MAX_REPORT_BYTES: String(MAX_REPORT_BYTES),
        PRMS_MAX_COVER_BYTES: String(MAX_COVER_BYTES),
        PRMS_STEGO_LIMIT_BYTES: '100000',
        PRMS_MAX_UPLOAD_FILES: '3',
        PRMS_MAX_JSON_BYTES: '4096',
      },
    });
    await world.hospital('North');
  });
  beforeEach(async () => (maria = await world.patient('Maria')));
  after(() => world.close());

  const path = () => `/patients/${maria.userId}/reports`;
  const form = (...parts: readonly (readonly [string, string | Uint8Array, string?])[]) => {
    const data = new FormData();
    for (const [field, content, name = 'file.bin'] of parts) {
      if (typeof content === 'string') data.append(field, content);
      else data.append(field, new Blob([new Uint8Array(content)]), name);
    }
    return data;
  };
  const report = ['report', text('content')] as const;
  const leftovers = () => {
    const folder = join(world.dataDir, 'uploads');
    return existsSync(folder) ? readdirSync(folder) : [];
  };
  const refused = async (data: FormData, code: string, place = code) => {
    const before = [...(await world.objects()).keys()].sort();
    expect(await maria.fails('POST', path(), data), place).to.equal(code);
    expect([...(await world.objects()).keys()].sort(), place).to.deep.equal(before);
    expect(await world.reports(maria, maria), place).to.deep.equal([]);
    expect(leftovers(), place).to.deep.equal([]);
  };

  it('refuses what is not a form', async () => {
    expect(await maria.fails('POST', path(), { title: 'x' })).to.equal('UNSUPPORTED_MEDIA');
    const answer = await maria.ask('POST', path(), form(), {
      'content-type': 'multipart/form-data',
    });
    expect(problemOf(answer).code).to.equal('UNSUPPORTED_MEDIA');
  });

  it('refuses a form without meta, without report, with two, or with files nobody asked for', async () => {
    await refused(form(report), 'BAD_REQUEST', 'no meta');
    await refused(form(['meta', META]), 'BAD_REQUEST', 'no report');
    await refused(form(['meta', META], report, report), 'BAD_REQUEST', 'two reports');
    const other = JSON.stringify({ title: 'Another' });
    await refused(form(['meta', META], report, ['meta', other]), 'BAD_REQUEST', 'two metas');
    await refused(form(['meta', META], report, ['virus', text('x')]), 'BAD_REQUEST', 'a stray');
    await refused(form(['meta', META], ['report', 'a field']), 'BAD_REQUEST', 'a report as field');
  });

  it('refuses a meta that is no JSON or says what it may not', async () => {
    await refused(form(['meta', '{"title":'], report), 'BAD_REQUEST', 'cut JSON');
    for (const meta of [
      null,
      [],
      { category: 'x' },
      { title: '', category: 'x' },
      { title: 'x'.repeat(201), category: 'x' },
      { title: 'x', category: 'x', month: '2020-13' },
      { title: 'x', category: 'x', suite: 'paper' },
      { title: 'x', category: 'x', epoch: 1 },
      { title: 'x', category: 'x', supersedes: { id: '1', replaces: 1 } },
    ]) {
      const data = form(['meta', JSON.stringify(meta)], report);
      await refused(data, 'VALIDATION', JSON.stringify(meta));
    }
    const long = JSON.stringify({ title: 'x'.repeat(40_000), category: 'x' });
    await refused(form(['meta', long], report), 'TOO_LARGE', 'long meta');
  });

  it('refuses a report, a cover, and a number of files above the limits', async () => {
    const large = new Uint8Array(MAX_REPORT_BYTES + 1);
    await refused(form(['meta', META], ['report', large]), 'TOO_LARGE', 'report');
    const cover = new Uint8Array(MAX_COVER_BYTES + 1);
    await refused(form(['meta', META], report, ['cover', cover]), 'TOO_LARGE', 'cover');
    const covers = [smallCover(), smallCover(), smallCover()];
    await refused(
      form(['meta', META], report, ...covers.map((c) => ['cover', c] as const)),
      'TOO_LARGE',
      'files',
    );
    // The covers that came with it were not used: they still do.
    await world.upload(maria, maria, { bytes: text('small'), covers: covers.slice(0, 1) });
  });

  it('refuses a cover that is no picture, a cut one, and a PNG bomb, and uses up no other cover', async () => {
    const whole = smallCover();
    for (const [name, cover, code] of [
      ['text', text('not a picture'), 'UNSUPPORTED_MEDIA'],
      ['nothing', new Uint8Array(0), 'UNSUPPORTED_MEDIA'],
      ['a cut PNG', whole.subarray(0, whole.length >> 1), 'UNSUPPORTED_MEDIA'],
      ['a bomb', pngBomb(), 'TOO_LARGE'],
    ] as const) {
      const data = form(['meta', META], report, ['cover', whole], ['cover', cover]);
      await refused(data, code, name);
    }
    const uploaded = await world.upload(maria, maria, { bytes: text('x'), covers: [whole] });
    expect(uploaded.images[0]?.synthesised).to.equal(false);
  });

  it('refuses a cover that has carried a report: by anybody, in other clothes, at the same moment', async () => {
    const tomas = await world.patient('Tomas');
    const [width, height] = [128, 128];
    const pixels = new Uint8Array(width * height * 3).map((_, i) => (i * 7919 + (i >> 5)) % 251);
    const cover = encodePng({ width, height, pixels });
    await world.upload(maria, maria, { bytes: text('first'), covers: [cover] });
    const disguised = encodePng({ width, height, pixels }, { filter: 'none' });
    expect(Buffer.from(disguised).equals(cover)).to.equal(false);
    for (const again of [cover, disguised]) {
      expect(
        await tomas.fails(
          'POST',
          `/patients/${tomas.userId}/reports`,
          uploadForm({ bytes: text('second'), covers: [again] }),
        ),
      ).to.equal('CONFLICT');
    }
    const wanted = smallCover();
    const race = await Promise.all(
      [maria, tomas, maria, tomas].map((who) =>
        who.ask(
          'POST',
          `/patients/${who.userId}/reports`,
          uploadForm({ bytes: text('race'), covers: [wanted] }),
        ),
      ),
    );
    expect(race.map(({ status }) => status).sort()).to.deep.equal([201, 409, 409, 409]);
  });

  it('takes waiting covers first, each once, and says when it has to make one', async () => {
    const waiting = await maria.ask('POST', '/covers', form(['cover', smallCover()]));
    expect(waiting.status).to.equal(201);
    const first = await world.upload(maria, maria, { bytes: text('one'), covers: [] });
    expect(first.images.map(({ synthesised }) => synthesised)).to.deep.equal([false]);
    expect(first).to.not.have.property('notice');
    const second = await world.upload(maria, maria, { bytes: text('two'), covers: [] });
    expect(second.images.map(({ synthesised }) => synthesised)).to.deep.equal([true]);
    expect(second.notice).to.match(/synthetic/);
    expect(await maria.fails('POST', '/covers', form(['cover', text('no')]))).to.equal(
      'UNSUPPORTED_MEDIA',
    );
    expect(await maria.fails('POST', '/covers', form())).to.equal('BAD_REQUEST');
  });

  it('splits a report over several covers, and gives it back whole', async () => {
    const bytes = text('0123456789'.repeat(250));
    const { images } = await world.upload(maria, maria, {
      bytes,
      covers: [smallCover(), smallCover()],
    });
    expect(images.length).to.be.greaterThan(1);
    const [listed] = await world.reports(maria, maria);
    const got = await world.read(maria, maria, listed?.id ?? '');
    expect(Buffer.from(got).equals(bytes)).to.equal(true);
  });

  it('stores an empty file as what it is', async () => {
    const { id, bytes, sha256 } = await world.upload(maria, maria, { bytes: new Uint8Array(0) });
    expect(bytes).to.equal(0);
    expect(sha256).to.equal(createHash('sha256').digest('hex'));
    const { ticket } = await world.open(maria, maria, id);
    const content = await world.content(maria, ticket);
    expect([content.status, content.bytes.length]).to.deep.equal([200, 0]);
    expect((await world.content(maria, ticket, { range: 'bytes=0-0' })).status).to.equal(416);
  });

  it('keeps a file’s name without what could do harm, and gives it back in one header', async () => {
    const names: readonly (readonly [string, string])[] = [
      ['../../etc/passwd', 'passwd'],
      ['C:\\Users\\x\\scan.pdf', 'scan.pdf'],
      ['Röntgen 肺.pdf', 'Röntgen 肺.pdf'],
      ['x'.repeat(5000), 'x'.repeat(200)],
      ['it’s "quoted"; x=\'1\'.txt', 'it’s "quoted"; x=\'1\'.txt'],
    ];
    for (const [given, kept] of names) {
      const { id } = await world.upload(maria, maria, { bytes: text('x'), fileName: given });
      const { ticket, label } = await world.open(maria, maria, id);
      // FormData itself escapes quotes and line ends in names (WHATWG multipart), which is not undone.
      if (!given.includes('"')) expect(label.fileName).to.equal(kept);
      const header = (await world.content(maria, ticket)).headers.get('content-disposition') ?? '';
      expect(header).to.match(
        /^attachment; filename="[A-Za-z0-9._-]+"; filename\*=UTF-8''[^ ;"]+$/,
      );
      const encoded = header.split("UTF-8''")[1] ?? '';
      expect(decodeURIComponent(encoded)).to.equal(label.fileName);
    }
  });

  it('refuses a part whose header holds control characters', async () => {
    for (const fileName of ['a\u0000b.txt', 'a\u0007b.txt']) {
      await refused(form(['meta', META], ['report', text('x'), fileName]), 'BAD_REQUEST', fileName);
    }
  });

  it('outlives a form of which several parts are malformed', async () => {
    const part = (disposition: string) =>
      `--b\r\nContent-Disposition: form-data${disposition}\r\n\r\nx\r\n`;
    const unread = part('; name="other"; filename="x.txt"');
    for (const body of [
      `${part('; name="\u0019"').repeat(3)}--b--\r\n`,
      `${part('')}--b--\r\n`,
      `${part('; filename="x.txt"')}--b--\r\n`,
      `${part('; name="\u0019"')}${part('')}${unread}`,
      unread,
    ]) {
      const answer = await fetch(`${world.url}/api/v1${path()}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${maria.token}`,
          'content-type': 'multipart/form-data; boundary=b',
        },
        body,
      });
      expect(answer.status, body).to.equal(400);
      expect((await maria.ask('GET', '/me')).status).to.equal(200);
    }
  });

  it('strips characters that turn the reading direction: “exe.fdp” must not show as a PDF', async () => {
    const { id } = await world.upload(maria, maria, {
      bytes: text('x'),
      fileName: 'report\u202Efdp.exe',
    });
    const { label } = await world.open(maria, maria, id);
    expect(label.fileName).to.equal('reportfdp.exe');
  });

  for (const [what, size] of [
    ['short', 50_000],
    ['large', 250_000],
  ] as const) {
    it(`a connection that is cut in the middle of a ${what} report leaves nothing behind`, async () => {
      const before = [...(await world.objects()).keys()].sort();
      await cutOff(world, maria, path(), size);
      await sleep(300);
      expect([...(await world.objects()).keys()].sort()).to.deep.equal(before);
      expect(await world.reports(maria, maria)).to.deep.equal([]);
      expect(leftovers()).to.deep.equal([]);
      // And its place among the uploads is free again.
      for (let i = 0; i < 5; i++) await cutOff(world, maria, path(), size);
      await sleep(300);
      await world.upload(maria, maria, { bytes: text('after') });
    });
  }
});

/** Sends the head of a form and part of its report, then cuts the connection. */
function cutOff(world: World, who: Visitor, path: string, sentBytes: number): Promise<void> {
  const { hostname, port } = new URL(world.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      const head = [
        `POST ${API_ROOT}${path} HTTP/1.1`,
        `Host: ${hostname}`,
        `Authorization: Bearer ${who.token}`,
        'Content-Type: multipart/form-data; boundary=cut',
        'Content-Length: 280000',
        '',
        '--cut',
        'Content-Disposition: form-data; name="meta"',
        '',
        META,
        '--cut',
        'Content-Disposition: form-data; name="report"; filename="x.bin"',
        '',
        '',
      ].join('\r\n');
      socket.write(head);
      socket.write(Buffer.alloc(sentBytes, 7), () => setTimeout(() => socket.destroy(), 50));
    });
    socket.once('error', reject);
    socket.once('close', () => resolve());
  });
}

/** A few kilobytes that claim to be 60,000 × 60,000 pixels. */
function pngBomb(): Uint8Array {
  const small = Buffer.from(encodePng({ width: 1, height: 1, pixels: new Uint8Array(3) }));
  const header = Buffer.from(small.subarray(12, 29));
  header.writeUInt32BE(60_000, 4);
  header.writeUInt32BE(60_000, 8);
  const bomb = Buffer.concat([
    small.subarray(0, 12),
    header,
    crc(header),
    chunk('IDAT', deflateSync(Buffer.alloc(1_000_000))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
  return new Uint8Array(bomb);
}

function chunk(type: string, body: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, typed, crc(typed)]);
}

/** CRC-32 as PNG has it (ISO 3309), bit by bit. */
function crc(bytes: Uint8Array): Buffer {
  let rest = 0xffffffff;
  for (const byte of bytes) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  }
  const out = Buffer.alloc(4);
  out.writeUInt32BE((rest ^ 0xffffffff) >>> 0);
  return out;
}
