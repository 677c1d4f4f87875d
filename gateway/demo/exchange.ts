// Two gateways on one ledger: a doctor at South reads what was anchored at North, by the patient's consent, until she
// takes it back; what was granted to a hospital is served where that hospital's keys are.

import type { Cast } from './cast.js';
import { read, sha256, type Reports } from './middle.js';
import { check, short, type Stage } from './stage.js';

export async function exchange(
  stage: Stage,
  { drBruun, maria, south }: Cast,
  { lab }: Reports,
): Promise<void> {
  stage.act('From one hospital’s gateway to another’s');
  const wish = { purpose: 'treatment', actingFor: south.userId };
  const terms = {
    effect: 'permit',
    grantee: { kind: 'user', id: drBruun.userId },
    scope: { kind: 'full' },
    actions: ['view'],
    purposes: ['treatment'],
  };
  const { id } = await maria.post<{ id: string }>(`/patients/${maria.userId}/consents`, { terms });
  const { bytes } = await read(drBruun, maria, lab.id, wish);
  check(sha256(bytes) === lab.sha256, 'the bytes that North anchored open at South');
  stage.tell(
    'At North’s gateway Maria gives Dr Bruun access; he opens the laboratory report at South’s.',
    `${bytes.length} bytes, SHA-256 ${short(sha256(bytes))}: key and image came by the cloud, the right to them by the ledger`,
  );
  await maria.post(`/patients/${maria.userId}/consents/${id}/revoke`, { replaces: 1 });
  const refused = await drBruun.refused((d) => read(d, maria, lab.id, wish));
  check(refused.reason === 'NO_CONSENT', 'what is revoked at one gateway is refused at the other');
  stage.tell(
    'She takes it back at North’s, and South’s refuses at once.',
    `${refused.status} ${refused.reason ?? ''}`,
  );
}
