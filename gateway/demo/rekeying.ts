// A scene: somebody says that they are Wen, and have lost password and recovery code. Two hospitals believe it; Wen, who
// has lost nothing, is told in time and says no.

import type { Cast } from './cast.js';
import { check, short, type Stage } from './stage.js';

interface KeyRequest {
  readonly userId: string;
  readonly keys: { readonly sign: string; readonly seal: string };
  readonly proof: string;
  readonly proofId: string;
}
interface Told {
  readonly notices: readonly { readonly kind: string; readonly proposal: string }[];
}

export async function rekeying(stage: Stage, { north, south, wen }: Cast): Promise<void> {
  stage.act('New keys for somebody who says that they are Wen');
  const { requestCode } = await wen.post<{ requestCode: string }>('/recovery/requests', {
    login: wen.login,
    newPassword: 'somebody else’s long walk',
  });
  const { userId, keys, proof, proofId } = await south.get<KeyRequest>(
    `/recovery/requests/${requestCode}`,
  );
  const { receipt } = await south.post<{ receipt: { id: string } }>(`/users/${userId}/recovery`, {
    keys,
    proof,
    proofId,
  });
  const proposal = `/users/${userId}/recovery/${receipt.id}`;
  await north.post(`${proposal}/second`);
  const early = await south.refused((s) => s.post(`${proposal}/complete`));
  check(early.reason === 'NOTICE_RUNNING', 'nothing is completed before the notice period is over');
  stage.tell(
    'Password and recovery code are lost, they say: South Clinic proposes new keys, North Hospital seconds.',
    `proposal ${receipt.id}; completed at once? ${early.status} ${early.reason ?? ''}`,
  );

  const answer = await wen.ask('GET', '/me');
  const header = answer.headers.get('prms-notice');
  const { notices } = (await answer.json()) as Told;
  const [notice] = notices;
  check(header === 'key-recovery', 'every answer to Wen’s session says so');
  check(notice?.proposal === receipt.id, 'Wen is told what to object to');
  stage.tell(
    'Wen, whose session is as old as the story, is told: in what is said of Wen, and on every answer.',
    `notices: ${notice?.kind ?? ''} ${short(notice?.proposal ?? '')}; PRMS-Notice: ${header ?? ''}`,
  );

  await wen.post(`/me/recovery/${receipt.id}/object`);
  const ended = await south.refused((s) => s.post(`${proposal}/complete`));
  check(ended.reason === 'WRONG_STATE', 'what was objected to is never completed');
  const after = await wen.ask('GET', '/me');
  check(after.headers.get('prms-notice') === null, 'it is over');
  await wen.logIn();
  stage.tell(
    'Wen objects, with the keys that were to be replaced, and nothing happens.',
    `completed after that? ${ended.status} ${ended.reason ?? ''}; Wen’s password and keys are what they were`,
  );
}
