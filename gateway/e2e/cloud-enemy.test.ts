// The cloud as an enemy: whatever it does to images, labels and wraps, a reader gets an error that names the report, the
// patient sees that the copy was damaged, and not a byte is shown. And the cloud that is merely down.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { CloudError, type Cloud } from '../clouds/index.js';
import { problemOf, terms, text, World, type Uploaded, type Visitor } from './world.js';

/** A cloud that can be down, or fail its writes after some. */
class MoodyCloud {
  down = false;
  #putsLeft = Number.POSITIVE_INFINITY;

  failPutsAfter(puts: number): void {
    this.#putsLeft = puts;
  }

  over(cloud: Cloud): Cloud {
    const up = () => {
      if (this.down) throw new CloudError('UNAVAILABLE', 'the cloud is down');
    };
    return {
      name: cloud.name,
      putIfAbsent: async (...call) => {
        up();
        if (this.#putsLeft-- <= 0) throw new CloudError('UNAVAILABLE', 'no more writes');
        return cloud.putIfAbsent(...call);
      },
      get: async (...call) => {
        up();
        return cloud.get(...call);
      },
      head: async (...call) => {
        up();
        return cloud.head(...call);
      },
      delete: async (...call) => {
        up();
        return cloud.delete(...call);
      },
      list: async (...call) => {
        up();
        return cloud.list(...call);
      },
    };
  }
}

describe('the cloud as an enemy', function () {
  this.timeout(30_000);
  let world: World;
  let north: Visitor;
  let doctor: Visitor;
  let maria: Visitor;
  const cloud = new MoodyCloud();

  before(async () => {
    world = await World.open({
      wrapCloud: (plain) => cloud.over(plain),
      env: { PRMS_STEGO_LIMIT_BYTES: '50000', PRMS_CLOUD_ATTEMPTS: '2' },
    });
    north = await world.hospital('North');
    doctor = await world.doctor('Adeyemi', north);
  });
  beforeEach(async () => {
    cloud.down = false;
    maria = await world.patient('Maria');
  });
  after(() => world.close());

  const add = (content: string) => world.upload(maria, maria, { bytes: text(content) });
  /** The objects that `work` brings into the cloud, by path. */
  const brought = async <T>(work: () => Promise<T>): Promise<{ uploaded: T; paths: string[] }> => {
    const before = await world.objects();
    const uploaded = await work();
    const after = [...(await world.objects())].filter(([name]) => !before.has(name));
    return { uploaded, paths: after.map(([, path]) => path) };
  };
  const added = (content: string) => brought(() => add(content));
  const pathOf = async ({ images }: Uploaded): Promise<string> => {
    const path = (await world.objects()).get(images[0]?.object ?? '');
    if (path === undefined) throw new Error('the image is not in the cloud’s folder');
    return path;
  };
  /** Asks and fetches; whichever of the two fails, it must be with this code, and leave a mark. */
  const caught = async (
    report: string,
    secret: string,
    codes: readonly string[] = ['REPORT_DAMAGED'],
    who = maria,
    actingFor?: string,
  ) => {
    const path = `/patients/${maria.userId}/reports/${report}/access`;
    const wish = { action: 'view', purpose: 'treatment', ...(actingFor && { actingFor }) };
    let answer = await who.ask('POST', path, wish);
    if (answer.status === 201) {
      const { ticket } = JSON.parse(Buffer.from(answer.bytes).toString('utf8')) as {
        ticket: string;
      };
      answer = await world.content(who, ticket);
    }
    expect(Buffer.from(answer.bytes).includes(secret)).to.equal(false);
    expect(answer.status).to.equal(502);
    const problem = problemOf(answer);
    expect(codes).to.include(problem.code);
    expect(problem.ids?.['report']).to.equal(report);
    const [last] = (await world.accesses(maria, maria)).filter(
      (access) => access.report === report && access.actor === who.userId,
    );
    expect(last?.damaged).to.equal(true);
  };

  for (const [name, harm] of [
    ['one flipped bit', (bytes: Buffer) => flip(bytes, bytes.length >> 1)],
    ['a changed last byte', (bytes: Buffer) => flip(bytes, bytes.length - 1)],
    ['a truncated copy', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
    ['an empty copy', () => Buffer.alloc(0)],
    ['a longer copy', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)])],
    ['noise', (bytes: Buffer) => randomBytes(bytes.length)],
  ] as const) {
    it(`catches ${name} of an image`, async () => {
      const uploaded = await add('nobody sees this');
      const path = await pathOf(uploaded);
      const original = await readFile(path);
      await writeFile(path, harm(Buffer.from(original)));
      await caught(uploaded.id, 'nobody sees this');
      await writeFile(path, original);
      const bytes = await world.read(maria, maria, uploaded.id);
      expect(Buffer.from(bytes).toString()).to.equal('nobody sees this');
    });
  }

  it('catches a deleted image', async () => {
    const uploaded = await add('gone');
    await rm(await pathOf(uploaded));
    await caught(uploaded.id, 'gone');
  });

  it('catches another report’s image in its place', async () => {
    const [one, two] = [await add('first content'), await add('second content')];
    const [onePath, twoPath] = [await pathOf(one), await pathOf(two)];
    await writeFile(onePath, await readFile(twoPath));
    await caught(one.id, 'second content');
    expect(Buffer.from(await world.read(maria, maria, two.id)).toString()).to.equal(
      'second content',
    );
  });

  it('catches every other object of a report, changed or deleted: label and wrap', async () => {
    for (const harm of ['change', 'delete'] as const) {
      const { uploaded, paths } = await added('text');
      expect(paths).to.have.length(3);
      for (const path of paths) {
        const original = await readFile(path);
        if (harm === 'delete') await rm(path);
        else await writeFile(path, flip(Buffer.from(original), original.length - 5));
        await caught(uploaded.id, 'text', ['REPORT_DAMAGED', 'WRAP_DAMAGED']);
        await writeFile(path, original);
      }
      expect(Buffer.from(await world.read(maria, maria, uploaded.id)).toString()).to.equal('text');
    }
  });

  it('catches swapped wraps of two reports', async () => {
    const [one, two] = [await added('one'), await added('two')];
    const wrapOf = async ({ paths, uploaded: { images } }: Awaited<ReturnType<typeof added>>) => {
      const sizes = await Promise.all(
        paths
          .filter((path) => !path.endsWith(images[0]?.object ?? ''))
          .map(async (path) => ({ path, bytes: await readFile(path) })),
      );
      // The label is JSON and longer; a wrap of 32 bytes is the shortest.
      const [wrap] = sizes.sort((a, b) => a.bytes.length - b.bytes.length);
      if (!wrap) throw new Error('no wrap');
      return wrap;
    };
    const [a, b] = [await wrapOf(one), await wrapOf(two)];
    await writeFile(a.path, b.bytes);
    await writeFile(b.path, a.bytes);
    await caught(one.uploaded.id, 'one', ['REPORT_DAMAGED', 'WRAP_DAMAGED']);
    await caught(two.uploaded.id, 'two', ['REPORT_DAMAGED', 'WRAP_DAMAGED']);
  });

  it('catches a damaged or deleted epoch wrap of a grantee, and the patient still reads', async () => {
    const { id } = await add('for the doctor');
    const { paths } = await brought(() => world.grant(maria, maria, terms(doctor)));
    const [path] = paths;
    if (path === undefined) throw new Error('a full grant makes one wrap');
    const original = await readFile(path);
    const codes = ['REPORT_DAMAGED', 'WRAP_DAMAGED'];
    await writeFile(path, flip(Buffer.from(original), 10));
    await caught(id, 'for the doctor', codes, doctor, north.userId);
    await rm(path);
    await caught(id, 'for the doctor', codes, doctor, north.userId);
    expect(Buffer.from(await world.read(maria, maria, id)).toString()).to.equal('for the doctor');
  });

  it('catches a large report’s damaged chunk: an error, or a connection that is cut, never wrong bytes', async () => {
    const content = randomBytes(2_500_000);
    const { paths } = await brought(() => world.upload(maria, maria, { bytes: content }));
    const [report] = await world.reports(maria, maria);
    if (!report) throw new Error('nothing was uploaded');
    const bodies = await Promise.all(
      paths.map(async (path) => [path, await readFile(path)] as const),
    );
    const [path, original] = bodies.sort(([, a], [, b]) => b.length - a.length)[0] ?? [];
    if (path === undefined || !original) throw new Error('no large object');
    await writeFile(path, flip(Buffer.from(original), 20));
    await caught(report.id, content.subarray(0, 32).toString('latin1'));
    await writeFile(path, flip(Buffer.from(original), original.length - 40));
    const { ticket } = await world.open(maria, maria, report.id);
    const cut = await world.content(maria, ticket).then(
      (answer) => answer.status,
      () => 'cut',
    );
    expect(cut).to.be.oneOf(['cut', 502]);
    expect((await world.accesses(maria, maria))[0]?.damaged).to.equal(true);
    const part = await world.content(maria, ticket, { range: 'bytes=0-99' });
    if (part.status !== 502)
      expect(Buffer.from(part.bytes).equals(content.subarray(0, 100))).to.equal(true);
  });

  it('down: says so, leaves nothing half-written, and works again when it is back', async () => {
    const { id } = await add('before');
    cloud.down = true;
    const path = `/patients/${maria.userId}`;
    const form = new FormData();
    form.append('meta', JSON.stringify({ title: 'Lost', category: 'x' }));
    form.append('report', new Blob(['lost']), 'lost.txt');
    expect(await maria.fails('POST', `${path}/reports`, form)).to.equal('CLOUD_UNAVAILABLE');
    expect(await maria.fails('POST', `${path}/consents`, { terms: terms(doctor) })).to.equal(
      'CLOUD_UNAVAILABLE',
    );
    expect(await world.refused(maria, maria, id)).to.equal('CLOUD_UNAVAILABLE');
    const body = { details: { name: 'Nobody' }, escrow: null, password: 'correct horse battery' };
    const nobody = world.visitor(`nobody-${maria.userId.slice(0, 8).toLowerCase()}`);
    expect(
      await nobody.fails('POST', '/register/patient', { login: nobody.login, ...body }),
    ).to.equal('CLOUD_UNAVAILABLE');

    cloud.down = false;
    expect(await world.reports(maria, maria)).to.have.length(1);
    expect((await world.reports(maria, maria))[0]?.id).to.equal(id);
    expect(Buffer.from(await world.read(maria, maria, id)).toString()).to.equal('before');
    // The same name can register now, or log in and be completed.
    const again = await nobody.ask('POST', '/register/patient', { login: nobody.login, ...body });
    if (again.status !== 201) await nobody.logIn();
  });

  it('failing in the middle of an upload: nothing is anchored', async () => {
    for (const allowed of [0, 1, 2]) {
      cloud.failPutsAfter(allowed);
      const form = new FormData();
      form.append('meta', JSON.stringify({ title: 'Half', category: 'x' }));
      form.append('report', new Blob(['half']), 'half.txt');
      expect(await maria.fails('POST', `/patients/${maria.userId}/reports`, form)).to.equal(
        'CLOUD_UNAVAILABLE',
      );
      cloud.failPutsAfter(Number.POSITIVE_INFINITY);
      expect(await world.reports(maria, maria)).to.deep.equal([]);
    }
  });
});

function flip(bytes: Buffer, at: number): Buffer {
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  return bytes;
}
