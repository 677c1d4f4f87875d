// Makes the services around reports for people who keep their own keys.

import { join } from 'node:path';
import { DEFAULT_CHUNK_BYTES, type StegoPool } from '@prms/stego';
import type { Config } from '../../config/index.js';
import type { Store } from '../../store/index.js';
import type { Sessions } from '../../accounts/index.js';
import type { AccessLog, StandingAccesses } from '../accesses/index.js';
import type { Aftermath } from '../aftermath.js';
import type { Circle } from '../circle.js';
import type { Covers } from '../covers.js';
import { EpochKeys } from '../epoch-keys.js';
import type { HospitalKeys } from '../hospital-keys.js';
import { Leavings } from '../leavings.js';
import type { Records } from '../records.js';
import type { Outbox } from '../outbox.js';
import type { Objects, SealedReports } from '../reports/index.js';
import type { Vaults } from '../vaults.js';
import { ClientWraps } from './client-wraps.js';
import { OwnReads } from './reading.js';
import { SealedBytes } from './sealed-bytes.js';
import { OwnUploads } from './uploading.js';

export interface OwnKeyParts {
  readonly config: Config;
  readonly records: Records;
  readonly vaults: Vaults;
  readonly circle: Circle;
  readonly hospitalKeys: HospitalKeys;
  readonly store: Store;
  readonly pool: StegoPool;
  readonly objects: Objects;
  readonly log: AccessLog;
  readonly standing: StandingAccesses;
  readonly outbox: Outbox;
  readonly covers: Covers;
  readonly sealed: SealedReports;
  readonly aftermath: Aftermath;
  readonly sessions: Sessions;
}

export function makeOwnKeys(parts: OwnKeyParts): {
  readonly clientWraps: ClientWraps;
  readonly ownReads: OwnReads;
  readonly ownUploads: OwnUploads;
} {
  const { records, vaults, hospitalKeys, log, standing, config } = parts;
  const ownUploads = new OwnUploads({
    ...parts,
    maxRate: config.maxBitsPerSample,
    maxAtOnce: config.maxUploadsAtOnce,
    perAccount: config.preparedReports,
    lifeMs: config.preparedHours * 60 * 60_000,
    spool: {
      smallBytes: config.stegoLimitBytes + TAG_BYTES,
      maxBytes: largestCiphertext(config.maxReportBytes),
      tempDir: join(config.dataDir, 'uploads'),
    },
  });
  const epochKeys = new EpochKeys(records, parts.store);
  const leavings = new Leavings({ ...parts, epochKeys });
  parts.aftermath.attach({
    'consent:revoke': ({ patient, id, epoch }) => leavings.consent(patient, id, epoch?.number),
    'consent:amend': ({ patient, id, epoch }) => leavings.consent(patient, id, epoch?.number),
    'kin:end': ({ patient, id, epoch }) => leavings.kin(patient, id, epoch?.number),
    'kin:amend': ({ patient, id, epoch }) => leavings.kin(patient, id, epoch?.number),
    // Somebody who replaces their keys may have lost the old ones to somebody who is logged in with them.
    'key:rotate': (_args, actor) => endKeyless(parts.sessions, actor),
    'key:complete': ({ user }) => endKeyless(parts.sessions, user),
  });
  const authorOf = (patient: string, id: string) => ownUploads.authorOf(patient, id);
  const clientWraps = new ClientWraps({ ...parts, authorOf });
  const ownReads = new OwnReads({
    records,
    vaults,
    hospitalKeys,
    log,
    standing,
    wraps: clientWraps,
    epochKeys,
    bytes: new SealedBytes(parts.objects, parts.pool),
    lifeMs: config.accessTicketSeconds * 1000,
    mostRemembered: config.piecesRemembered,
  });
  return { clientWraps, ownReads, ownUploads };
}

/** Sessions of somebody who keeps their own keys. Those that hold keys end when their user's next keys are put in place. */
async function endKeyless(sessions: Sessions, user: string): Promise<void> {
  for (const { id, ownKeys } of await sessions.list(user)) if (ownKeys) await sessions.end(id);
}

const TAG_BYTES = 16;

/** Of a report of so many bytes, in chunks. */
function largestCiphertext(reportBytes: number): number {
  return reportBytes + TAG_BYTES * Math.max(1, Math.ceil(reportBytes / DEFAULT_CHUNK_BYTES));
}
