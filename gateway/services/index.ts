// The use cases, as the routes see them.

import type { EmbeddedLedger } from '@prms/network';
import type { Config } from '../config/index.js';
import type { PendingLogIns, SecondFactors, Sessions, SignInPolicies } from '../accounts/index.js';
import type { Accesses, AccessLog, Emergencies } from './accesses/index.js';
import type { Acquisition } from './acquisition/index.js';
import type { Affiliations } from './affiliations.js';
import type { Appointments } from './appointments.js';
import type { Bulk } from './bulk.js';
import type { CareRelations } from './care.js';
import type { CloudHealthList } from './cloud-health.js';
import type { Consents } from './consents.js';
import type { Consultations } from './consultations/index.js';
import type { Covers } from './covers.js';
import type { Escrow } from './escrow.js';
import type { Exports } from './export/index.js';
import type { Hospitals } from './hospitals.js';
import type { Intake } from './intake.js';
import type { Keys } from './keys.js';
import type { Kin } from './kin.js';
import type { Logins } from './logins.js';
import type { Aftermath } from './aftermath.js';
import type { Notices } from './notices.js';
import type { Outbox } from './outbox.js';
import type {
  ClientWraps,
  KeyHandOver,
  KeyLogins,
  OwnKeysRegistration,
  OwnReads,
  OwnUploads,
} from './own-keys/index.js';
import type { PatientFiles } from './patient-files.js';
import type { Records } from './records.js';
import type { Recoveries } from './recoveries.js';
import type { Registration } from './registration.js';
import type { Scrubber } from './scrubber/index.js';
import type { Erasures, Reports, Uploads } from './reports/index.js';

/** Everything that a route may call. */
export interface Services {
  readonly config: Config;
  readonly sessions: Sessions;
  readonly logins: Logins;
  readonly secondFactors: SecondFactors;
  readonly signInPolicies: SignInPolicies;
  readonly pendingLogIns: Pick<PendingLogIns<unknown>, 'size' | 'sweep' | 'dropAll'>;
  readonly registration: Registration;
  readonly ownKeys: OwnKeysRegistration;
  readonly keyLogins: KeyLogins;
  readonly keyHandOver: KeyHandOver;
  readonly clientWraps: ClientWraps;
  readonly ownReads: OwnReads;
  readonly ownUploads: OwnUploads;
  readonly ledger: Pick<EmbeddedLedger, 'height' | 'verify' | 'blocks' | 'channel'>;
  readonly records: Records;
  readonly outbox: Outbox;
  readonly aftermath: Aftermath;
  readonly notices: Notices;
  readonly intake: Intake;
  readonly bulk: Bulk;
  readonly hospitals: Hospitals;
  readonly escrow: Escrow;
  readonly affiliations: Affiliations;
  readonly files: PatientFiles;
  readonly care: CareRelations;
  readonly kin: Kin;
  readonly consents: Consents;
  readonly covers: Covers;
  readonly uploads: Uploads;
  readonly acquisition: Acquisition;
  readonly reports: Reports;
  readonly erasures: Erasures;
  readonly accesses: Accesses;
  readonly accessLog: AccessLog;
  readonly emergencies: Emergencies;
  readonly exports: Exports;
  readonly appointments: Appointments;
  readonly consultations: Consultations;
  readonly keys: Keys;
  readonly recoveries: Recoveries;
  readonly cloudHealth: CloudHealthList;
  readonly scrubber: Scrubber;
}
