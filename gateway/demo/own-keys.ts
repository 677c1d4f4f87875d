// A scene: Olga keeps her keys to herself. What she signs, encrypts and opens, she does on her own machine; the gateway
// carries it.

import { derivePartKeys, openCiphertext } from '@prms/stego';
import {
  OwnKeys,
  receivedSchema,
  sentKeys,
  type SealedReport,
  type SentWrap,
} from '../own-key-client/index.js';
import type { Cast } from './cast.js';
import { Person } from './client.js';
import { read, sha256 } from './middle.js';
import { check, short, type Stage } from './stage.js';

interface Receipt {
  readonly id?: string;
  readonly status: string;
  readonly code?: string;
  readonly line: number;
}
interface Opening {
  readonly wraps: readonly SentWrap[];
  readonly terms: { readonly suite: 'A256GCM'; readonly parts: readonly unknown[] };
}

const MEASURED = new TextEncoder().encode(
  'Blood pressure, measured at home: 128/82, 131/84, 126/80',
);

export async function ownKeys(stage: Stage, { north, drAdeyemi, maria }: Cast): Promise<void> {
  stage.act('Keys that the gateway never sees');
  const olga = new Person('Olga', north.url, 'olga@mail.example', maria.password);
  const keys = new OwnKeys(() => Date.now());
  await register(olga, keys);
  stage.tell(
    'Olga makes her keys herself, registers with an operation that she has signed, and logs in with a signature.',
    `id ${short(olga.userId)}, the hash of her key; the gateway has no private key of hers`,
  );

  const sealed = await add(olga, keys);
  stage.tell(
    'She adds her own measurements: as ciphertext, with the keys that say where in a picture it hides.',
    `anchored as ${sealed.id}, by her own signature; title and category are sealed, too`,
  );

  const bytes = await open(olga, keys, sealed.id);
  check(sha256(bytes) === sha256(MEASURED), 'what she reads is what she has added');
  const gateway = await olga.refused((o) => read(o, o, sealed.id, { purpose: 'treatment' }));
  check(gateway.code === 'KEYS_ELSEWHERE', 'the gateway can’t open it, even when she asks it to');
  stage.tell(
    'She fetches the ciphertext and opens it herself. The gateway, asked to do it for her, can’t.',
    `SHA-256 ${short(sha256(bytes))} = the original’s; ${gateway.status} ${gateway.code}`,
  );

  await byTheLine(stage, olga, keys, { doctor: drAdeyemi.userId, hospital: north.userId, sealed });
}

async function register(olga: Person, keys: OwnKeys): Promise<void> {
  const { login, password } = olga;
  const line = keys.registrationLine();
  const details = { name: 'Olga Petrova' };
  await olga.post('/register/own-keys', { login, password, line, details });
  olga.userId = keys.userId;
  const { userId } = keys;
  const { challenge, ledger } = await olga.post<{ challenge: string; ledger: string }>(
    '/key-logins/challenges',
    { userId },
  );
  const signature = keys.signLogin(olga.url, ledger, challenge);
  olga.take(await olga.post('/key-logins', { userId, challenge, signature, kind: 'bearer' }));
}

/** Encrypted here, hidden there: the gateway learns where the bits go, and nothing of what they say. */
async function add(olga: Person, keys: OwnKeys): Promise<SealedReport> {
  const record = `/patients/${olga.userId}`;
  const { id } = await olga.post<{ id: string }>(`${record}/sealed-reports`);
  const month = new Date().toISOString().slice(0, 7);
  const sealed = keys.seal(id, MEASURED, { meta: { month } });
  const answer = await olga.ask('PUT', `${record}/sealed-reports/${id}`, sealed.form());
  const { terms: report } = receivedSchema.parse(await answer.json());
  const wraps = [
    ...(await keys.firstWraps()),
    await keys.wrap('report', id, keys.vault, sealed.dataKey),
  ];
  await olga.put(`${record}/wraps`, { wraps });
  const line = keys.line('report:anchor', { patient: olga.userId, report }, sealed.twist);
  const [receipt] = await handIn(olga, [line]);
  check(receipt?.status === 'applied', 'her report is anchored');
  return sealed;
}

async function open(olga: Person, keys: OwnKeys, report: string): Promise<Uint8Array> {
  const asked = { patient: olga.userId, report, action: 'view', purpose: 'treatment' } as const;
  const [receipt] = await handIn(olga, [keys.line('access:request', asked)]);
  const access = receipt?.id;
  const path = `/patients/${olga.userId}/reports/${report}`;
  const { wraps, terms } = await olga.post<Opening>(`${path}/sealed`, { access });
  const dataKey = await keys.unwrap(wraps);
  const parts = terms.parts.map((_, i) => sentKeys(derivePartKeys(dataKey, terms.suite, i + 1)));
  const answer = await olga.ask('POST', `${path}/ciphertext`, { access, parts });
  return openCiphertext(dataKey, terms.suite, new Uint8Array(await answer.arrayBuffer()));
}

async function byTheLine(
  stage: Stage,
  olga: Person,
  keys: OwnKeys,
  { doctor, hospital, sealed }: { doctor: string; hospital: string; sealed: SealedReport },
): Promise<void> {
  const patient = olga.userId;
  const asked = { patient, report: sealed.id, purpose: 'treatment' } as const;
  const care = () => keys.line('care:request', { doctor, hospital });
  const lines = [
    care(),
    keys.line('access:request', { ...asked, action: 'view' }),
    keys.line('access:request', { ...asked, action: 'download' }),
    care().replace(doctor, hospital),
  ];
  const told = (receipts: readonly Receipt[]) =>
    [...receipts]
      .sort((a, b) => a.line - b.line)
      .map(({ status, code }) => (code === undefined ? status : `${status} (${code})`))
      .join(', ');
  const first = told(await handIn(olga, lines));
  const expected = 'applied, applied, applied, refused (BAD_SIGNATURE)';
  check(first === expected, 'what is signed is applied, and nothing else');
  const again = told(await handIn(olga, lines));
  check(first === again, 'the same lines have the same fates');
  stage.tell(
    'She hands in a handful of signed operations by the line, one of them changed on the way, and all of them again.',
    `${first}; again: the same`,
  );
}

/** What came back for each line, in the order in which they settled. */
async function handIn(who: Person, lines: readonly string[]): Promise<Receipt[]> {
  const answer = await who.ask('POST', '/operations', `${lines.join('\n')}\n`);
  const text = await answer.text();
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Receipt);
}
