// Makes the services around reports for people who keep their own keys.

import type { StegoPool } from '@prms/stego';
import type { Config } from '../../config/index.js';
import type { Store } from '../../store/index.js';
import type { AccessLog } from '../accesses/index.js';
import type { Circle } from '../circle.js';
import { EpochKeys } from '../epoch-keys.js';
import type { HospitalKeys } from '../hospital-keys.js';
import type { Records } from '../records.js';
import type { Objects } from '../reports/index.js';
import type { Vaults } from '../vaults.js';
import { ClientWraps } from './client-wraps.js';
import { OwnReads } from './reading.js';
import { SealedBytes } from './sealed-bytes.js';

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
}

export function makeOwnKeys(parts: OwnKeyParts): {
  readonly clientWraps: ClientWraps;
  readonly ownReads: OwnReads;
} {
  const { records, vaults, hospitalKeys, log, config } = parts;
  const clientWraps = new ClientWraps({ ...parts, authorOf: () => Promise.resolve(undefined) });
  const ownReads = new OwnReads({
    records,
    vaults,
    hospitalKeys,
    log,
    wraps: clientWraps,
    epochKeys: new EpochKeys(records, parts.store),
    bytes: new SealedBytes(parts.objects, parts.pool),
    lifeMs: config.accessTicketSeconds * 1000,
  });
  return { clientWraps, ownReads };
}
