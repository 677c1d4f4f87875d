// A browser at the gateway, as far as cookies, CSRF tokens and headers go.
import { API_ROOT } from '../http/base/index.js';

/** A browser: keeps its cookie and CSRF token, sends what it is told. */
export class Browser {
  cookie = '';
  csrf = '';
  /** Device tokens. */
  device = '';
  constructor(private readonly url: string) {}

  async ask(
    method: string,
    path: string,
    body?: object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ status: number; setCookie: string; body: Readonly<Record<string, unknown>> }> {
    const response = await fetch(`${this.url}${API_ROOT}${path}`, {
      method,
      headers: {
        ...this.#cookies(),
        ...(this.csrf !== '' && method !== 'GET' && { 'x-csrf-token': this.csrf }),
        ...(body && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const setCookie = response.headers.get('set-cookie') ?? '';
    const answer = await response.text();
    const parsed: unknown = answer === '' ? {} : JSON.parse(answer);
    if (typeof parsed !== 'object' || parsed === null) throw new Error('no JSON object');
    return { status: response.status, setCookie, body: { ...parsed } };
  }

  async logIn(login: string, password: string): Promise<string> {
    const { status, setCookie, body } = await this.ask('POST', '/sessions', { login, password });
    if (status !== 201) throw new Error(`log-in was answered ${status}`);
    this.take(setCookie, body);
    return setCookie;
  }

  take(setCookie: string, { csrfToken }: Readonly<Record<string, unknown>>): void {
    this.cookie = /prms_session=([^;]*)/.exec(setCookie)?.[1] ?? '';
    this.device = /prms_device=([^;]*)/.exec(setCookie)?.[1] ?? this.device;
    this.csrf = String(csrfToken);
  }

  #cookies(): { cookie?: string } {
    const pairs = [
      ...(this.cookie === '' ? [] : [`prms_session=${this.cookie}`]),
      ...(this.device === '' ? [] : [`prms_device=${this.device}`]),
    ];
    return pairs.length === 0 ? {} : { cookie: pairs.join('; ') };
  }
}
