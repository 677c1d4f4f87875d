// From keys that the gateway keeps to keys of one's own: their user takes them away in a sealed file, then the gateway
// forgets them, and the account is like one that never had any here.

import { kidOf } from '@prms/chaincode';
import type { Accounts, Sessions } from '../../accounts/index.js';
import { GatewayError } from '../../errors.js';
import type { Log } from '../../logging.js';
import type { KeyedLock } from '../../store/index.js';
import { wipe, type KeyFile } from '../../vault/index.js';
import type { Actor } from '../actor.js';
import type { Notices } from '../notices.js';
import type { Records } from '../records.js';
import type { ExportTraces } from './export-traces.js';

export class KeyHandOver {
  constructor(
    private readonly parts: {
      readonly records: Records;
      readonly accounts: Accounts;
      readonly sessions: Sessions;
      readonly notices: Pick<Notices, 'changed'>;
      readonly traces: ExportTraces;
      /** By user: the same as of rotations. */
      readonly keyLocks: KeyedLock;
      readonly log: Log;
    },
  ) {}

  /**
   * The user's private keys, sealed under a passphrase. That it happened is noted before the file is given out, and told
   * to the user for a while: whoever sits at somebody else's session could have done it.
   * @throws GatewayError KEYS_ELSEWHERE | KEYS_LOCKED | VALIDATION (a weak passphrase) | BUSY
   */
  export({ userId, sessionId, keys }: Actor, passphrase: string): Promise<KeyFile> {
    const { records, accounts, traces, notices, log, keyLocks } = this.parts;
    return keyLocks.run([userId], async () => {
      const count = keys.entries.length;
      const user = await records.user(userId);
      const exportedAt = records.now();
      const present = [user.kid, kidOf(user.keys.seal)];
      const owner = { userId, ledger: records.channel, exportedAt, present };
      const party = { name: `session:${sessionId}`, known: true };
      const lock = { passphrase, party };
      const file = await accounts.exportKeys(owner, () => keys.entries, lock);
      await traces.note(userId, { exportedAt, kid: user.kid });
      notices.changed(userId);
      log.info('keys.exported', { userId, count });
      return file;
    });
  }

  /**
   * Forgets the user's private keys for good. Every session ends, this one too: those that begin now hold no keys.
   * @throws GatewayError KEYS_ELSEWHERE | KEYS_LOCKED | CONFLICT (the present keys have not been exported)
   */
  handOver({ userId, keys }: Actor): Promise<void> {
    const { records, accounts, sessions, traces, log, keyLocks } = this.parts;
    return keyLocks.run([userId], async () => {
      // A copy: the session's own is wiped when it ends, which may be at any moment.
      const bundleKey = Uint8Array.from(keys.bundleKey);
      try {
        const { kid } = await records.user(userId);
        if ((await traces.of(userId))?.kid !== kid) throw notExported(userId);
        await accounts.replaceKeys(userId, bundleKey, []);
      } finally {
        wipe(bundleKey);
      }
      await sessions.endAll(userId);
      log.info('keys.handed-over', { userId });
    });
  }
}

function notExported(user: string): GatewayError {
  return new GatewayError(
    'CONFLICT',
    'These keys have not been exported: without a copy nobody could use them again.',
    { ids: { user } },
  );
}
