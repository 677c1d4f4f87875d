// A whole gateway for one test file, and the people at it. Every answer that anybody gets is held against the OpenAPI
// document, refusals too.
import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { encodePng } from '@prms/stego';
import { z } from 'zod';
import { loadConfig } from '../config/index.js';
import { answerChecker } from '../http/base/conformance/index.js';
import { openApiDocument, problemSchema } from '../http/base/index.js';
import { routes } from '../http/routes/index.js';
import { SETUP_CODE, Visitor, type ApiAnswer } from '../http/routes/testing-api.js';
import { openGateway, VERSION, type Gateway, type GatewayOptions } from '../runtime/index.js';
import { ManualClock, temporaryFolder, type TemporaryFolder } from '../testing/index.js';

export { SETUP_CODE, Visitor, type ApiAnswer };

/** Argon2 at its lowest, so that a test of something else does not spend its time on passwords. */
export const QUICK = {
  PRMS_PORT: '0',
  PRMS_SETUP_CODE: SETUP_CODE,
  PRMS_LOG_LEVEL: 'silent',
  PRMS_ARGON2_PASSES: '1',
  PRMS_ARGON2_MEMORY_KIB: '64',
  PRMS_ARGON2_LANES: '1',
  PRMS_CLOUD_BACKOFF_MS: '1',
  PRMS_SCRUB: 'off',
  PRMS_SHUTDOWN_GRACE_MS: '500',
  PRMS_LOGIN_ATTEMPTS_PER_MINUTE: '1000',
  PRMS_MESSAGES_PER_MINUTE: '10000',
  PRMS_LOGIN_ATTEMPTS_PER_HOUR: '10000',
  PRMS_STRANGER_ATTEMPTS_PER_HOUR: '100000',
  PRMS_ADDRESS_ATTEMPTS_PER_MINUTE: '10000',
  PRMS_REGISTRATIONS_PER_HOUR: '100000',
  PRMS_ARGON2_QUEUE: '1000',
  PRMS_ARGON2_QUEUE_PER_ADDRESS: '1000',
} as const;

export type WorldOptions = Omit<GatewayOptions, 'config' | 'clock'> & {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: a clock that stands still until it is moved. */
  readonly clock?: ManualClock;
};

const receiptSchema = z.looseObject({ id: z.string(), version: z.int() });
const openedSchema = z.looseObject({
  access: z.string(),
  ticket: z.string(),
  expiresAt: z.int(),
  sha256: z.string(),
  anchoredLate: z.literal(true).optional(),
  receipt: receiptSchema.optional(),
  label: z.looseObject({ title: z.string(), fileName: z.string(), mediaType: z.string() }),
});
export type Opened = z.infer<typeof openedSchema>;

const uploadedSchema = z.looseObject({
  report: z.looseObject({
    id: z.string(),
    storage: z.enum(['stego', 'encrypted']),
    images: z.array(z.looseObject({ object: z.string(), synthesised: z.boolean() })),
    sha256: z.string(),
    mediaType: z.string(),
    bytes: z.int(),
    notice: z.string().optional(),
  }),
});
export type Uploaded = z.infer<typeof uploadedSchema>['report'];

const reportListSchema = z.object({
  items: z.array(
    z.looseObject({
      id: z.string(),
      version: z.int(),
      status: z.string(),
      storage: z.string(),
      label: z.looseObject({ title: z.string() }).optional(),
      allowed: z.looseObject({ decision: z.string(), code: z.string().optional() }),
    }),
  ),
  bookmark: z.string(),
});

const accessListSchema = z.object({
  items: z.array(
    z.looseObject({
      id: z.string(),
      version: z.int(),
      kind: z.string(),
      actor: z.string(),
      report: z.string().optional(),
      emergency: z.string().optional(),
      outcome: z.looseObject({ decision: z.string(), code: z.string().optional() }),
      anchoredLate: z.literal(true).optional(),
      damaged: z.literal(true).optional(),
      ended: z.object({ code: z.string(), at: z.int() }).optional(),
      review: z.looseObject({ verdict: z.string() }).optional(),
      objection: z.looseObject({}).optional(),
    }),
  ),
  bookmark: z.string(),
});
export type ShownAccess = z.infer<typeof accessListSchema>['items'][number];

export interface Upload {
  readonly bytes: Uint8Array;
  readonly fileName?: string;
  readonly title?: string;
  readonly category?: string;
  readonly covers?: readonly Uint8Array[];
  readonly [meta: string]: unknown;
}

/** A request to read, as its route takes it. */
export type Wish = Readonly<{
  action?: string;
  purpose?: string;
  actingFor?: string;
  emergency?: string;
}>;

export class World {
  readonly #check = answerChecker(openApiDocument(routes, { title: 'test', version: VERSION }));
  #people = 0;

  private constructor(
    private opened: Gateway,
    readonly clock: ManualClock,
    private readonly folder: TemporaryFolder,
    private readonly reopen: () => Promise<Gateway>,
  ) {}

  static async open({
    env = {},
    clock = new ManualClock(),
    ...options
  }: WorldOptions = {}): Promise<World> {
    const folder = await temporaryFolder();
    const { config } = loadConfig({ ...QUICK, PRMS_DATA: folder.path, ...env });
    const open = () => openGateway({ ...options, config, clock });
    return new World(await open(), clock, folder, open);
  }

  get gateway(): Gateway {
    return this.opened;
  }

  /** Closes the gateway and opens it again: nobody's keys are in memory. */
  async restart(): Promise<void> {
    await this.opened.close();
    this.opened = await this.reopen();
  }

  /** Another gateway on the same ledger and cloud, with nothing else in common. The ledger is still this one's to close. */
  async beside(options: WorldOptions = {}): Promise<World> {
    const { ledger } = this.gateway;
    const env = { ...options.env, PRMS_CLOUD_DIR: this.cloudDir };
    return World.open({ clock: this.clock, ledger, ...options, env });
  }

  get url(): string {
    return this.gateway.url;
  }

  get dataDir(): string {
    return this.folder.path;
  }

  check(
    method: string,
    path: string,
    answer: { status: number; contentType: string | null; body: unknown },
  ): void {
    this.#check({ method, path: path.split('?')[0] ?? path, ...answer });
  }

  visitor(login: string): Visitor {
    return new Visitor(this, login);
  }

  // --- people

  /** The hospital that founds the ledger, or one that `voter` admits. */
  async hospital(name: string, voter?: Visitor): Promise<Visitor> {
    const founding = voter === undefined ? { setupCode: SETUP_CODE } : {};
    const hospital = await this.#register('hospital', name, { profile: { name }, ...founding });
    if (voter) await voter.change(`/hospitals/${hospital.userId}/vote`);
    return hospital;
  }

  /** A doctor whom these hospitals have authorised. */
  async doctor(name: string, ...hospitals: readonly Visitor[]): Promise<Visitor> {
    const doctor = await this.#register('doctor', name, { profile: { name } });
    for (const hospital of hospitals) {
      const asked = await doctor.change('/affiliations', { hospital: hospital.userId });
      await hospital.change(`/affiliations/${doctor.userId}/authorise`, {
        replaces: asked.version,
      });
    }
    return doctor;
  }

  patient(name: string, escrow?: Visitor): Promise<Visitor> {
    return this.#register('patient', name, { details: { name }, escrow: escrow?.userId ?? null });
  }

  relative(name: string): Promise<Visitor> {
    return this.#register('relative', name, { details: { name } });
  }

  auditor(name: string): Promise<Visitor> {
    return this.#register('auditor', name, { profile: { name } });
  }

  async #register(role: string, name: string, body: object): Promise<Visitor> {
    const login = `${name.toLowerCase().replaceAll(/[^a-z]/g, '-')}-${++this.#people}`;
    return this.visitor(login).register(role, body);
  }

  // --- what people do all the time

  async care(patient: Visitor, doctor: Visitor, hospital: Visitor): Promise<string> {
    const { id, version } = await patient.change('/care', {
      doctor: doctor.userId,
      hospital: hospital.userId,
    });
    await doctor.change(`/care/${patient.userId}/${id}/approve`, { replaces: version });
    return id;
  }

  /** Adds a report; a short one gets a small cover of its own, which is quicker than having one made. */
  async upload(who: Visitor, patient: Visitor, upload: Upload): Promise<Uploaded> {
    const path = `/patients/${patient.userId}/reports`;
    // Ids of one millisecond have no order: the next report is a later one.
    this.clock.advance(1);
    const covers = upload.covers ?? (upload.bytes.length < 800 ? [smallCover()] : []);
    return (await who.post(path, uploadForm({ ...upload, covers }), uploadedSchema)).report;
  }

  /** Grants (or denies) and gives back the consent's id. */
  async grant(who: Visitor, patient: Visitor, terms: object): Promise<string> {
    return (await who.change(`/patients/${patient.userId}/consents`, { terms })).id;
  }

  async revoke(who: Visitor, patient: Visitor, id: string, replaces = 1): Promise<void> {
    await who.change(`/patients/${patient.userId}/consents/${id}/revoke`, { replaces });
  }

  open(who: Visitor, patient: Visitor, report: string, wish: Wish = {}): Promise<Opened> {
    return who.post(accessPath(patient, report), wishBody(wish), openedSchema);
  }

  /** Asks for a report and fetches it. */
  async read(who: Visitor, patient: Visitor, report: string, wish: Wish = {}): Promise<Uint8Array> {
    const { ticket } = await this.open(who, patient, report, wish);
    const answer = await this.content(who, ticket);
    if (answer.status !== 200) throw new Error(`the bytes were answered ${answer.status}`);
    return answer.bytes;
  }

  content(
    who: Visitor,
    ticket: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ApiAnswer> {
    return who.ask('GET', `/tickets/${ticket}/content`, undefined, headers);
  }

  /** A request to read that must be refused. @returns code, with the reason after a colon */
  refused(who: Visitor, patient: Visitor, report: string, wish: Wish = {}): Promise<string> {
    return who.fails('POST', accessPath(patient, report), wishBody(wish));
  }

  async reports(
    who: Visitor,
    patient: Visitor,
    query = '',
  ): Promise<z.infer<typeof reportListSchema>['items']> {
    const path = `/patients/${patient.userId}/reports?limit=100${query}`;
    return (await who.get(path, reportListSchema)).items;
  }

  async accesses(who: Visitor, patient: Visitor): Promise<ShownAccess[]> {
    return (await who.get(`/patients/${patient.userId}/accesses?limit=500`, accessListSchema))
      .items;
  }

  // --- the cloud, as its operator sees it

  get cloudDir(): string {
    return this.gateway.services.config.cloudDir || join(this.dataDir, 'clouds');
  }

  /** Every object in the cloud's folder: name and path. */
  async objects(): Promise<Map<string, string>> {
    const entries = await readdir(this.cloudDir, { recursive: true, withFileTypes: true });
    return new Map(
      entries
        .filter((entry) => entry.isFile())
        .map((entry) => [entry.name, join(entry.parentPath, entry.name)]),
    );
  }

  async close(): Promise<void> {
    await this.gateway.close();
    await this.folder.remove();
  }
}

export function uploadForm({
  bytes,
  fileName = 'report.bin',
  title = 'A report',
  category = 'laboratory',
  covers = [],
  ...meta
}: Upload): FormData {
  const form = new FormData();
  form.append('meta', JSON.stringify({ title, category, ...meta }));
  form.append('report', new Blob([new Uint8Array(bytes)]), fileName);
  for (const cover of covers) form.append('cover', new Blob([new Uint8Array(cover)]), 'cover.png');
  return form;
}

/** A picture that nobody has used: 128 × 128 samples of noise, room for about a kilobyte. */
export function smallCover(): Uint8Array {
  const [width, height] = [128, 128];
  return encodePng({ width, height, pixels: new Uint8Array(randomBytes(width * height * 3)) });
}

/** Terms of a consent for treatment, changed as wished. */
export function terms(
  grantee: Visitor,
  scope: object = { kind: 'full' },
  more: object = {},
): object {
  return {
    effect: 'permit',
    grantee: { kind: 'user', id: grantee.userId },
    scope,
    actions: ['view', 'download'],
    purposes: ['treatment'],
    ...more,
  };
}

/** The same, to a hospital. */
export function hospitalTerms(hospital: Visitor, scope: object, more: object = {}): object {
  return terms(hospital, scope, { grantee: { kind: 'hospital', id: hospital.userId }, ...more });
}

export function text(content: string): Uint8Array {
  return new Uint8Array(Buffer.from(content, 'utf8'));
}

export function problemOf(answer: ApiAnswer): z.infer<typeof problemSchema> {
  return problemSchema.parse(answer.body);
}

const accessPath = (patient: Visitor, report: string): string =>
  `/patients/${patient.userId}/reports/${report}/access`;

const wishBody = ({ action = 'view', purpose = 'treatment', ...rest }: Wish): object => ({
  action,
  purpose,
  ...rest,
});
