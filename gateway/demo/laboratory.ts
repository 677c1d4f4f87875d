// Data acquisition: a laboratory's system at North sends what it has by FHIR, with nobody logged in; with Maria's consent
// it is read at South.

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sample, type Cast } from './cast.js';
import { Person } from './client.js';
import { read, sha256 } from './middle.js';
import { check, short, type Stage } from './stage.js';

const FHIR = 'application/fhir+json';

export async function laboratory(
  stage: Stage,
  { north, south, drBruun, maria }: Cast,
): Promise<void> {
  stage.act('A laboratory’s system sends a result, with nobody logged in');
  const { id, token } = await north.post<{ id: string; token: string }>('/services', {
    profile: { name: 'North laboratory' },
  });
  stage.tell(
    'North Hospital lets its laboratory’s system in: a user of its own that may add, and never read.',
    `service ${short(id)}, its token shown once`,
  );

  const { bytes } = await sample('reports', 'lab-report.pdf');
  const send = (path: string, type: string, body: Uint8Array<ArrayBuffer> | string) =>
    fetch(`${north.url}/api/v1/fhir/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
      body,
    });
  const binary = await send('Binary', 'application/pdf', new Uint8Array(bytes));
  const url = binary.headers.get('location')?.replace(/^.*\/fhir\//, '');
  const hash = createHash('sha1').update(bytes).digest('base64');
  const reference = {
    resourceType: 'DocumentReference',
    status: 'current',
    masterIdentifier: { system: 'urn:north:laboratory', value: 'sample-0815' },
    subject: { identifier: { system: 'urn:prms:patient', value: maria.userId } },
    category: [{ text: 'laboratory' }],
    description: 'Iron status',
    content: [{ attachment: { contentType: 'application/pdf', url, hash, size: bytes.length } }],
  };
  const answers = [
    await send('DocumentReference', FHIR, JSON.stringify(reference)),
    await send(
      'DocumentReference',
      FHIR,
      JSON.stringify({ ...reference, content: [inline(bytes)] }),
    ),
  ];
  const [fate, again] = answers.map((answer) => answer.headers.get('content-location'));
  check(fate !== null && fate !== undefined && fate === again, 'sent twice, it is one document');
  const report = await anchored(`${north.url}${fate ?? ''}`, token);
  stage.tell(
    'It sends a FHIR Binary and its DocumentReference, and sends the document again: it is one report.',
    `${answers.map(({ status }) => status).join(', ')}; anchored as ${report}`,
  );

  const terms = {
    effect: 'permit',
    grantee: { kind: 'user', id: drBruun.userId },
    scope: { kind: 'selective', reports: [report] },
    actions: ['view'],
    purposes: ['treatment'],
  };
  await maria.post(`/patients/${maria.userId}/consents`, { terms });
  const wish = { purpose: 'treatment', actingFor: south.userId };
  const opened = await read(drBruun, maria, report, wish);
  check(sha256(opened.bytes) === sha256(bytes), 'the laboratory’s bytes open at South');
  const system = new Person('The laboratory’s system', north.url, '', '');
  system.carry(token);
  const refused = await system.refused((s) => s.get(`/patients/${maria.userId}/reports`));
  stage.tell(
    'Maria names it for Dr Bruun, who opens it at South’s gateway. The system itself may read nothing.',
    `“${opened.opened.label.title}”, SHA-256 ${short(sha256(bytes))} = the original’s; ${refused.status} ${refused.code}`,
  );
}

const inline = (bytes: Uint8Array) => ({
  attachment: { contentType: 'application/pdf', data: Buffer.from(bytes).toString('base64') },
});

/** Asks for a document's fate until it is a report. */
async function anchored(address: string, token: string): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const answer = await fetch(address, { headers: { authorization: `Bearer ${token}` } });
    const { report } = (await answer.json()) as { report?: string };
    if (report !== undefined) return report;
    await sleep(50);
  }
  throw new Error('the demo expected the document to be anchored');
}
