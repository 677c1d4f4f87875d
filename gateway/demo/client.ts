// One person at the gateway's HTTP door: registers, logs in, asks. Nothing here knows how the gateway works inside.

/** An answer that was an error, as RFC 9457 problem details. */
export class Problem extends Error {
  override readonly name = 'Problem';
  constructor(
    readonly status: number,
    readonly code: string,
    readonly reason: string | undefined,
    detail: string,
  ) {
    super(`${status} ${code}${reason === undefined ? '' : ` (${reason})`}: ${detail}`);
  }
}

export interface UploadParts {
  readonly meta: Readonly<Record<string, unknown>>;
  readonly report: { readonly name: string; readonly bytes: Uint8Array };
  readonly covers?: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

export class Person {
  #token = '';
  userId = '';

  constructor(
    readonly name: string,
    /** The gateway that they go to. */
    readonly url: string,
    readonly login: string,
    readonly password: string,
  ) {}

  async register(role: string, body: Readonly<Record<string, unknown>>): Promise<void> {
    const { userId } = await this.post<{ userId: string }>(`/register/${role}`, {
      login: this.login,
      password: this.password,
      ...body,
    });
    this.userId = userId;
    await this.logIn();
  }

  async logIn(): Promise<void> {
    const { login, password } = this;
    this.take(await this.post<{ token: string }>('/sessions', { login, password, kind: 'bearer' }));
  }

  /** Goes on with the session of an answer. */
  take({ token }: { readonly token: string }): void {
    this.#token = token;
  }

  /** Goes on with a token that came another way. */
  carry(token: string): void {
    this.#token = token;
  }

  /** Address and options of a WebSocket of theirs: the token goes into a header, never into the address. */
  socket(path: string): [address: string, options: { headers: Record<string, string> }] {
    const address = `${this.url.replace('http', 'ws')}/api/v1${path}`;
    return [address, { headers: { authorization: `Bearer ${this.#token}` } }];
  }

  get<T>(path: string): Promise<T> {
    return this.#json<T>('GET', path);
  }

  post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.#json<T>('POST', path, JSON.stringify(body), {
      'content-type': 'application/json',
    });
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.#json<T>('PUT', path, JSON.stringify(body), { 'content-type': 'application/json' });
  }

  async remove(path: string): Promise<void> {
    await this.#send('DELETE', path, undefined, {});
  }

  upload<T>(path: string, { meta, report, covers = [] }: UploadParts): Promise<T> {
    const form = new FormData();
    form.append('meta', JSON.stringify(meta));
    form.append('report', new Blob([report.bytes]), report.name);
    for (const { name, bytes } of covers) form.append('cover', new Blob([bytes]), name);
    return this.#json<T>('POST', path, form);
  }

  /** Bytes as they are, and the status they came with. */
  async download(
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ status: number; bytes: Uint8Array }> {
    const response = await this.#send('GET', path, undefined, headers);
    return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()) };
  }

  /** Bytes that are made when they are asked for. */
  async receive(path: string): Promise<Uint8Array> {
    const response = await this.#send('POST', path, undefined, {});
    return new Uint8Array(await response.arrayBuffer());
  }

  /** An answer as it comes, for whoever wants more of it than JSON: a string is sent as lines, a form as a form. */
  ask(method: string, path: string, body?: string | FormData | object): Promise<Response> {
    if (body === undefined || body instanceof FormData) return this.#send(method, path, body, {});
    const lines = typeof body === 'string';
    return this.#send(method, path, lines ? body : JSON.stringify(body), {
      'content-type': lines ? 'application/x-ndjson' : 'application/json',
    });
  }

  /** The problem that a request must end in; anything else fails the demo. */
  async refused(request: (person: Person) => Promise<unknown>): Promise<Problem> {
    try {
      await request(this);
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
    throw new Error('a request that had to be refused was answered');
  }

  async #json<T>(
    method: string,
    path: string,
    body?: string | FormData,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const response = await this.#send(method, path, body, headers);
    // The demo's own types say what it reads of the documented answers; a wrong one fails its checks.
    return (await response.json()) as T;
  }

  async #send(
    method: string,
    path: string,
    body: string | FormData | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<Response> {
    const authorization = this.#token === '' ? {} : { authorization: `Bearer ${this.#token}` };
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { ...headers, ...authorization },
      ...(body !== undefined && { body }),
    });
    if (response.ok) return response;
    const problem = (await response.json()) as { code: string; reason?: string; detail: string };
    throw new Problem(response.status, problem.code, problem.reason, problem.detail);
  }
}
