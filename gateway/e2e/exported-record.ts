// A record with something of everything in it, exported; and archives, taken apart and put together again.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalise } from '@prms/chaincode';
import { makeZip } from 'client-zip';
import { manifestSchema, ZIP_DATE, type Manifest } from '../export-format/index.js';
import { verifyExport, type Verdict } from '../verify/index.js';
import { ExportZip } from '../verify/zip.js';
import { handIn, letIn, PROMPT, settled } from './systems.js';
import { terms, text, World, type Visitor } from './world.js';

/** Titles that would like to be something else than a file's name. */
const HOSTILE = [
  '../../etc/passwd',
  'C:\\windows\\system32',
  'CON',
  'a\u202Efdp.exe',
  '\u0000\u0007 bell',
  '.',
  '/absolute',
  '√'.repeat(200),
  'é'.repeat(200),
  'same',
  'same',
];

export type File = readonly [name: string, content: Buffer];

export class RecordWorld {
  readonly reports: { readonly id: string; readonly bytes: Uint8Array }[] = [];
  /** A system of the hospital's, which has added one of them. */
  system = '';

  private constructor(
    readonly world: World,
    readonly folder: string,
    readonly north: Visitor,
    readonly doctor: Visitor,
    readonly maria: Visitor,
    readonly lena: Visitor,
  ) {}

  static async open(): Promise<RecordWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'prms-export-'));
    const world = await World.open({ env: { PRMS_STEGO_LIMIT_BYTES: '65536', ...PROMPT } });
    const north = await world.hospital('North');
    const doctor = await world.doctor('Adeyemi', north);
    const [maria, lena] = [await world.patient('Maria', north), await world.relative('Lena')];
    const made = new RecordWorld(world, folder, north, doctor, maria, lena);
    await made.#furnish();
    return made;
  }

  get path(): string {
    return `/patients/${this.maria.userId}`;
  }

  async take(who: Visitor): Promise<Buffer> {
    const answer = await who.ask('POST', `${this.path}/export`, {});
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    return Buffer.from(answer.bytes);
  }

  async check(
    bytes: Uint8Array,
    expect: readonly { block: number; hash: string }[] = [],
  ): Promise<Verdict> {
    const file = join(this.folder, 'record.zip');
    await writeFile(file, bytes);
    return verifyExport(file, { expect });
  }

  async close(): Promise<void> {
    await this.world.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Something of everything, and somebody else's operations in between. */
  async #furnish(): Promise<void> {
    const { world, north, doctor, maria, lena, reports, path } = this;
    await world.care(maria, doctor, north);
    await maria.change(`${path}/kin`, { relative: lena.userId, rights: ['view'] });
    for (const [n, title] of HOSTILE.entries()) {
      const bytes = text(`content ${n}`);
      reports.push({ ...(await world.upload(maria, maria, { bytes, title })), bytes });
    }
    const large = new Uint8Array(150_000).map((_, at) => at % 251);
    reports.push({
      ...(await world.upload(doctor, maria, {
        bytes: large,
        title: 'Large',
        actingFor: north.userId,
      })),
      bytes: large,
    });
    const consent = await world.grant(maria, maria, terms(doctor));
    await world.read(doctor, maria, reports[0]?.id ?? '', { actingFor: north.userId });
    await world.refused(lena, maria, reports[0]?.id ?? '');
    await world.revoke(maria, maria, consent);
    await doctor.change(`${path}/emergency`, {
      actingFor: north.userId,
      reason: 'found unconscious',
    });
    const startsAt = world.clock.now() + 3_600_000;
    const offer = await doctor.change('/slots', {
      hospital: north.userId,
      slots: [{ startsAt, minutes: 30 }],
    });
    const slots = await maria.ask('GET', `/doctors/${doctor.userId}/slots`);
    const { items } = JSON.parse(Buffer.from(slots.bytes).toString()) as {
      items: { slot: string }[];
    };
    const booking = { doctor: doctor.userId, offer: offer.id, slot: items[0]?.slot };
    await maria.change(`${path}/appointments`, booking);
    const talk = await doctor.change('/consultations', {
      patient: maria.userId,
      hospital: north.userId,
    });
    const consultation = `${path}/consultations/${talk.id}`;
    await doctor.ask('POST', `${consultation}/admit`, { user: maria.userId });
    await doctor.ask('POST', `${consultation}/messages`, { text: 'How are you?' });
    const system = await letIn(world, north, 'Laboratory');
    const bytes = text('from the laboratory’s system');
    const sent = await settled(world, system, (await handIn(system, { patient: maria, bytes })).id);
    reports.push({ id: sent.report ?? '', bytes });
    this.system = system.userId;
    const tomas = await world.patient('Tomas');
    await world.upload(tomas, tomas, { bytes: text('not Maria’s') });
  }

  async unpack(bytes: Uint8Array): Promise<File[]> {
    const file = join(this.folder, 'unpacked.zip');
    await writeFile(file, bytes);
    const zip = await ExportZip.open(file);
    const all: File[] = [];
    for (const entry of zip.entries)
      all.push([entry.name, await zip.whole(entry, 64 * 1024 * 1024)]);
    await zip.close();
    return all;
  }

  /** The file in whose content this byte lies. */
  async holderOf(bytes: Uint8Array, at: number): Promise<string | undefined> {
    const file = join(this.folder, 'held.zip');
    await writeFile(file, bytes);
    const zip = await ExportZip.open(file);
    await zip.close();
    return zip.entries.find(({ name, offset, size }) => {
      const from = offset + 30 + Buffer.byteLength(name);
      return at >= from && at < from + size;
    })?.name;
  }
}

export function manifestOf(files: ReadonlyMap<string, Buffer>): Manifest {
  return manifestSchema.parse(JSON.parse(files.get('manifest.json')?.toString() ?? ''));
}

/** The documents of a file of lines, or of one array. */
export function documentsIn(files: ReadonlyMap<string, Buffer>, name: string): unknown[] {
  const lines = files.get(name)?.toString().trimEnd().split('\n') ?? [];
  return lines.filter((line) => line !== '').flatMap((line): unknown => JSON.parse(line));
}

export async function pack(files: readonly File[]): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  const inputs = files.map(([name, content]) => ({
    name,
    input: piecesOf(content),
    lastModified: ZIP_DATE,
  }));
  for await (const piece of makeZip(inputs)) pieces.push(piece);
  return Buffer.concat(pieces);
}

export async function* piecesOf(content: Buffer): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(content);
}

/** The archive with another manifest, whose signature nobody made. */
export function withManifest(
  files: readonly File[],
  change: (manifest: Manifest) => Manifest,
): Promise<Buffer> {
  const manifest = change(manifestOf(new Map(files)));
  return pack(
    files.map(([name, content]) => [
      name,
      name === 'manifest.json' ? Buffer.from(canonicalise(manifest)) : content,
    ]),
  );
}

/** The archive with another content of one file, and a manifest that agrees with it. */
export function withContent(
  files: readonly File[],
  changed: string,
  content: string,
): Promise<Buffer> {
  const bytes = Buffer.from(content);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const others = files.map(([name, before]): File => [name, name === changed ? bytes : before]);
  return withManifest(others, (manifest) => ({
    ...manifest,
    files: manifest.files.map((file) =>
      file.name === changed ? { name: changed, bytes: bytes.length, sha256 } : file,
    ),
  }));
}
