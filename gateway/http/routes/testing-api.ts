// A whole gateway on a fresh folder, for the tests of routes and services: real ledger, real store, real HTTP, a clock
// that is set by hand. Every answer is held against the OpenAPI document.
import { join } from 'node:path';
import { z } from 'zod';
import type { RandomBytes } from '../../ambient.js';
import { loadConfig, type Config } from '../../config/index.js';
import { openGateway, VERSION, type Gateway } from '../../runtime/index.js';
import { openStore, type Store } from '../../store/index.js';
import {
  ManualClock,
  seededRandom,
  temporaryFolder,
  type TemporaryFolder,
} from '../../testing/index.js';
import { answerChecker } from '../base/conformance/index.js';
import {
  API_ROOT,
  NDJSON,
  openApiDocument,
  problemSchema,
  type OpenApiDocument,
} from '../base/index.js';
import { routes } from './index.js';

export const SETUP_CODE = 'set-up-code-for-tests';

/** An answer as it came. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  /** Parsed JSON, when it is JSON. */
  readonly body: unknown;
}

/** A text is sent as lines of operations. */
export type RequestBody = object | FormData | string | undefined;

/** Somebody at the API: asks with their bearer token once they are logged in. */
export class Visitor {
  token = '';
  userId = '';
  recoveryCode = '';

  constructor(
    private readonly api: Pick<TestApi, 'url' | 'check'>,
    readonly login: string,
    public password = 'correct horse battery',
  ) {}

  /** Any request; the answer is checked against the document, whatever it is. */
  async ask(
    method: string,
    path: string,
    body?: RequestBody,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ApiAnswer> {
    const isForm = body instanceof FormData;
    const isText = typeof body === 'string';
    const contentType = isText ? NDJSON : isForm ? undefined : 'application/json';
    const response = await fetch(`${this.api.url}${API_ROOT}${path}`, {
      method,
      headers: {
        ...(this.token !== '' && { authorization: `Bearer ${this.token}` }),
        ...(body !== undefined && contentType && { 'content-type': contentType }),
        ...headers,
      },
      ...(body !== undefined && { body: isForm || isText ? body : JSON.stringify(body) }),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const answered = response.headers.get('content-type');
    const parsed = parsedBody(answered, bytes);
    this.api.check(method, path, { status: response.status, contentType: answered, body: parsed });
    return { status: response.status, headers: response.headers, bytes, body: parsed };
  }

  /** A request that must succeed, its body read by a schema. */
  async get<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>> {
    return read(await this.ask('GET', path), schema, `GET ${path}`);
  }

  async post<S extends z.ZodType>(
    path: string,
    body: RequestBody,
    schema: S,
  ): Promise<z.output<S>> {
    return read(await this.ask('POST', path, body), schema, `POST ${path}`);
  }

  /** A change that must be applied. @returns its receipt */
  async change(path: string, body?: RequestBody): Promise<z.output<typeof receipt>> {
    const changed = await this.post(path, body, z.looseObject({ receipt }));
    return changed.receipt;
  }

  /** A request that must fail. @returns the code, with the ledger's reason after a colon */
  async fails(method: string, path: string, body?: RequestBody): Promise<string> {
    const answer = await this.ask(method, path, body);
    if (answer.status < 400) throw new Error(`${method} ${path} was answered ${answer.status}`);
    const { code, reason } = problemSchema.parse(answer.body);
    return reason === undefined ? code : `${code}:${reason}`;
  }

  async register(role: string, body: object): Promise<this> {
    const path = `/register/${role}`;
    const credentials = { login: this.login, password: this.password };
    const registered = await this.post(
      path,
      { ...credentials, ...body },
      z.object({ userId: z.string(), recoveryCode: z.string() }),
    );
    this.userId = registered.userId;
    this.recoveryCode = registered.recoveryCode;
    return this.logIn();
  }

  async logIn(): Promise<this> {
    const { login, password } = this;
    this.token = '';
    const schema = z.object({ token: z.string() });
    const body = { login, password, kind: 'bearer' };
    this.token = (await this.post('/sessions', body, schema)).token;
    return this;
  }
}

function parsedBody(contentType: string | null, bytes: Uint8Array): unknown {
  const type = contentType?.split(';')[0] ?? '';
  const text = Buffer.from(bytes).toString('utf8');
  if (type === NDJSON)
    return text
      .split('\n')
      .slice(0, -1)
      .map((line): unknown => JSON.parse(line));
  if (type.endsWith('json')) return JSON.parse(text);
  return bytes.length === 0 ? undefined : bytes;
}

const receipt = z.object({ id: z.string(), version: z.int() });

function read<S extends z.ZodType>(answer: ApiAnswer, schema: S, what: string): z.output<S> {
  if (answer.status >= 400) {
    throw new Error(`${what} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
  return schema.parse(answer.body);
}

/** A gateway under test, and the people at it. */
export class TestApi {
  readonly document: OpenApiDocument = openApiDocument(routes, { title: 'test', version: VERSION });
  /** `METHOD /template status` of everything that was answered and checked. */
  readonly seen = new Set<string>();
  readonly #check = answerChecker(this.document);

  private constructor(
    public gateway: Gateway,
    readonly clock: ManualClock,
    private readonly folder: TemporaryFolder,
    private readonly random: RandomBytes,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  static async start(seed: string, env: Readonly<Record<string, string>> = {}): Promise<TestApi> {
    const folder = await temporaryFolder();
    const clock = new ManualClock();
    const random = seededRandom(seed);
    const gateway = await openGateway({ config: configFor(folder, env), clock, random });
    return new TestApi(gateway, clock, folder, random, env);
  }

  /** Closes the gateway, lets somebody at its store, and opens it again: on another port, with nobody logged in. */
  async restart(meddle: (store: Store) => Promise<unknown>): Promise<void> {
    await this.gateway.close();
    const store = await openStore(join(this.folder.path, 'store'));
    await meddle(store).finally(() => store.close());
    const { clock, random, env } = this;
    this.gateway = await openGateway({ config: configFor(this.folder, env), clock, random });
  }

  get url(): string {
    return this.gateway.url;
  }

  visitor(login: string): Visitor {
    return new Visitor(this, login);
  }

  check(
    method: string,
    path: string,
    answer: { status: number; contentType: string | null; body: unknown },
  ): void {
    const bare = path.split('?')[0] ?? path;
    this.#check({ method, path: bare, ...answer });
    this.seen.add(`${method} ${bare} ${answer.status}`);
  }

  async close(): Promise<void> {
    await this.gateway.close();
    await this.folder.remove();
  }
}

function configFor({ path }: TemporaryFolder, env: Readonly<Record<string, string>>): Config {
  return loadConfig({
    PRMS_DATA: path,
    PRMS_PORT: '0',
    PRMS_SETUP_CODE: SETUP_CODE,
    PRMS_LOG_LEVEL: 'silent',
    PRMS_ARGON2_PASSES: '1',
    PRMS_ARGON2_MEMORY_KIB: '64',
    PRMS_ARGON2_LANES: '1',
    PRMS_MAX_REPORT_BYTES: String(256 * 1024),
    PRMS_STEGO_LIMIT_BYTES: String(256 * 1024),
    PRMS_MAX_COVER_BYTES: String(1024 * 1024),
    PRMS_MAX_UPLOAD_FILES: '3',
    PRMS_COMMIT_WAIT_MS: '3000',
    PRMS_ADDRESS_ATTEMPTS_PER_MINUTE: '10000',
    PRMS_REGISTRATIONS_PER_HOUR: '100000',
    ...env,
  }).config;
}

/** A hospital that founded the ledger, its doctor, and a patient in the doctor's care. */
export interface Practice {
  readonly hospital: Visitor;
  readonly doctor: Visitor;
  readonly patient: Visitor;
}

export async function openPractice(api: Pick<TestApi, 'visitor'>): Promise<Practice> {
  const hospital = await api
    .visitor('north')
    .register('hospital', { profile: { name: 'North' }, setupCode: SETUP_CODE });
  const doctor = await api.visitor('adeyemi').register('doctor', { profile: { name: 'Adeyemi' } });
  const patient = await api
    .visitor('maria')
    .register('patient', { details: { name: 'Maria' }, escrow: hospital.userId });
  const asked = await doctor.change('/affiliations', { hospital: hospital.userId });
  await hospital.change(`/affiliations/${doctor.userId}/authorise`, { replaces: asked.version });
  const care = await patient.change('/care', {
    doctor: doctor.userId,
    hospital: hospital.userId,
  });
  await doctor.change(`/care/${patient.userId}/${care.id}/approve`, { replaces: care.version });
  return { hospital, doctor, patient };
}
