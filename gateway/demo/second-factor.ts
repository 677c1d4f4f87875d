// An act between: a clinic requires second factors of its staff, and a doctor logs in with one.

import { shownCode } from './authenticator-app.js';
import type { Cast } from './cast.js';
import type { Person } from './client.js';
import { check, type Stage } from './stage.js';

interface Session {
  readonly token: string;
}
interface Enrolled extends Session {
  readonly recoveryCodes?: readonly string[];
}

const STEP_MS = 30_000;
const FACTORS = '/me/second-factors/totp';

export async function secondFactor(stage: Stage, { south, drBruun }: Cast): Promise<void> {
  stage.act('A second factor');
  await south.logIn();
  await enrol(south);
  const policy = `/hospitals/${south.userId}/sign-in-policy`;
  await south.put(policy, { secondFactor: 'required' });
  const held = await drBruun.refused((d) => d.get('/doctors'));
  check(held.code === 'SECOND_FACTOR_REQUIRED', 'staff without a second factor may only enrol');
  stage.tell(
    'South Clinic requires second factors of its staff; Dr Bruun, who has none, may do nothing but enrol.',
    `${held.status} ${held.code}`,
  );

  await drBruun.logIn();
  const { secret, recoveryCodes } = await enrol(drBruun);
  const { items } = await drBruun.get<{ items: readonly unknown[] }>('/doctors');
  stage.tell(
    'Dr Bruun enrols one-time codes with a telephone, and goes on working.',
    `${recoveryCodes.length} recovery codes, shown once; ${items.length} doctors listed`,
  );

  const { pending, methods } = await drBruun.post<{ pending: string; methods: readonly string[] }>(
    '/sessions',
    { login: drBruun.login, password: drBruun.password, kind: 'bearer' },
  );
  const answer = (code: string) => ({ pending, proof: { method: 'totp', code } });
  const wrong = await drBruun.refused((d) => d.post('/sessions/second-factor', answer('12345')));
  check(wrong.code === 'WRONG_CREDENTIALS', 'a wrong code is refused');
  const code = shownCode(secret, Date.now() + STEP_MS);
  drBruun.take(await drBruun.post<Session>('/sessions/second-factor', answer(code)));
  const again = await drBruun.refused((d) => d.post('/sessions/second-factor', answer(code)));
  stage.tell(
    'At the next log-in the password gives no session yet: a wrong code is refused, the right one counts, once.',
    `asked for ${methods.join(' or ')}; ${wrong.code}; then a session; the same again: ${again.code}`,
  );

  // So that the log-ins that are told at the end need no telephone.
  await south.put(policy, { secondFactor: 'optional' });
  await drBruun.remove(FACTORS);
  await south.remove(FACTORS);
}

/** Enrols one-time codes in a fresh session, which goes on under a new token. */
async function enrol(
  person: Person,
): Promise<{ readonly secret: string; readonly recoveryCodes: readonly string[] }> {
  const { secret } = await person.post<{ secret: string }>(FACTORS);
  const code = shownCode(secret, Date.now());
  const enrolled = await person.post<Enrolled>(`${FACTORS}/confirm`, { code });
  person.take(enrolled);
  return { secret, recoveryCodes: enrolled.recoveryCodes ?? [] };
}
