// Makes the services from what they stand on.

import { join } from 'node:path';
import type { AccessOutcome, Receipt } from '@prms/chaincode';
import type { EmbeddedLedger, GroupCommit } from '@prms/network';
import type { StegoPool } from '@prms/stego';
import type { Accounts, Sessions } from '../accounts/index.js';
import type { Clock, RandomBytes } from '../ambient.js';
import type { Copies } from '../clouds/index.js';
import type { Config } from '../config/index.js';
import type { Log } from '../logging.js';
import type { Metrics } from '../metrics.js';
import { KeyedLock, type Store } from '../store/index.js';
import type { KeyRing, MasterKey } from '../vault/index.js';
import {
  Accesses,
  AccessLog,
  Emergencies,
  LateAnchor,
  SealedTexts,
  StandingAccesses,
} from './accesses/index.js';
import { openAcquisition } from './acquisition/index.js';
import { Affiliations } from './affiliations.js';
import { Aftermath } from './aftermath.js';
import { Appointments } from './appointments.js';
import { Bulk, type BulkLimits } from './bulk.js';
import { CareRelations } from './care.js';
import { makeCloudCare } from './cloud-care.js';
import { Circle } from './circle.js';
import { Consents } from './consents.js';
import { makeConsultations } from './consultations/index.js';
import { Covers } from './covers.js';
import { Escrow } from './escrow.js';
import { Exports } from './export/index.js';
import { HospitalKeys } from './hospital-keys.js';
import { Hospitals } from './hospitals.js';
import type { Services } from './index.js';
import { Intake } from './intake.js';
import { followRotation, Keys } from './keys.js';
import { Kin } from './kin.js';
import { Logins } from './logins.js';
import { makeSignIn } from './make-sign-in.js';
import { Notices } from './notices.js';
import { Outbox } from './outbox.js';
import {
  ExportTraces,
  KeyHandOver,
  KeyLogins,
  makeOwnKeys,
  OwnKeysRegistration,
} from './own-keys/index.js';
import { PatientFiles } from './patient-files.js';
import { Records } from './records.js';
import { Recoveries } from './recoveries.js';
import { Registration } from './registration.js';
import { Erasures, Objects, Reports, SealedReports, Uploads } from './reports/index.js';
import { Tickets } from './tickets.js';
import { Vaults } from './vaults.js';
import { WrapNotes } from './wrap-notes.js';

const DAY_MS = 24 * 60 * 60_000;

/** What has to be open before there can be services. */
export interface Foundations {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly ledger: EmbeddedLedger;
  readonly commit: GroupCommit<Receipt>;
  readonly store: Store;
  readonly master: MasterKey;
  readonly pool: StegoPool;
  readonly copies: Copies;
  readonly keyRing: KeyRing;
  readonly accounts: Accounts;
  readonly sessions: Sessions;
}

export function makeServices(
  base: Foundations,
  setupCode: () => Promise<string | undefined>,
): Services {
  const { config, clock, random, ledger, store, master, accounts, sessions, keyRing } = base;
  const core = makeCore(base);
  const { records, vaults, circle, hospitalKeys, outbox } = core;
  const registration = new Registration({
    records,
    ledger,
    accounts,
    hospitalKeys,
    vaults,
    random,
    setupCode,
    genesis: {
      recoveryNoticeMs: config.recoveryNoticeDays * DAY_MS,
      emergencyWindowMs: config.emergencyWindowMinutes * 60_000,
    },
  });
  const parts = {
    records,
    vaults,
    circle,
    store,
    master,
    clock,
    random,
    hospitalKeys,
    accounts,
    keyRing,
    sessions,
    outbox,
    notices: core.notices,
    traces: core.traces,
    aftermath: core.aftermath,
    keyLocks: new KeyedLock(),
    log: base.log,
    files: new PatientFiles({ records, accounts }),
  };
  const signIn = makeSignIn(base, records);
  const recoveries = new Recoveries({
    ...parts,
    ...signIn,
    lifeMs: config.keyRequestDays * DAY_MS,
    mostPerUser: config.keyRequestsPerAccount,
  });
  const ownKeys = new OwnKeysRegistration({ records, outbox, accounts, registration });
  const appointments = new Appointments(parts);
  const reporting = makeReported(base, core);
  const consultations = makeConsultations({ ...base, ...core, accesses: reporting.accesses });
  return {
    config,
    sessions,
    ledger,
    records,
    outbox,
    aftermath: core.aftermath,
    notices: core.notices,
    intake: core.intake,
    bulk: core.bulk,
    registration,
    ownKeys,
    keyLogins: new KeyLogins({
      records,
      accounts,
      clock,
      random,
      lifeMs: config.keyLoginSeconds * 1000,
    }),
    keyHandOver: new KeyHandOver(parts),
    logins: new Logins({ ...parts, ...signIn, registration, recoveries, ownKeys }),
    secondFactors: signIn.secondFactors,
    signInPolicies: signIn.signInPolicies,
    pendingLogIns: signIn.pending,
    files: parts.files,
    care: new CareRelations(parts),
    kin: new Kin({ ...parts, consultations }),
    consents: new Consents(parts),
    hospitals: new Hospitals(parts),
    escrow: new Escrow(parts),
    affiliations: new Affiliations(parts),
    appointments,
    consultations,
    keys: new Keys(parts),
    recoveries,
    ...reporting,
    ...makeCloudCare(base, records),
    exports: new Exports({
      ...reporting,
      records,
      ledger,
      appointments,
      files: parts.files,
      transcripts: { of: (actor, which) => consultations.transcriptIfHere(actor, which) },
      maxAtOnce: config.maxExportsAtOnce,
      maxReportFiles: config.exportReportFiles,
    }),
  };
}

/** What makes reports, and what is made into reports by itself. */
function makeReported(base: Foundations, core: Core) {
  const reporting = makeReporting(base, core);
  const { records, outbox } = core;
  const { uploads } = reporting;
  return { ...reporting, acquisition: openAcquisition({ ...base, records, outbox, uploads }) };
}

type Core = ReturnType<typeof makeCore>;

function makeCore({
  config,
  clock,
  random,
  metrics,
  ledger,
  commit,
  store,
  master,
  copies,
  sessions,
  keyRing,
}: Foundations) {
  const aftermath = new Aftermath(store);
  const outbox: Outbox = new Outbox({
    store,
    commit,
    clock,
    aftermath,
    maxUnderWay: config.outboxOperations,
    retryEveryMs: config.outboxRetryMs,
    longestPauseMs: config.outboxLongestPauseMs,
    resendTogether: config.outboxResendOperations,
    rememberMs: config.fateDays * DAY_MS,
    onSettled: ({ status }, waitedMs) => metrics.ledgerCommit(status, waitedMs),
    // An operation is settled long after everything here is made.
    onApplied: async (line) => {
      await erasures.noteApplied(line);
      followRotation(line, keyRing);
      notices.applied(line);
    },
  });
  const records = new Records({
    ...{ ledger, outbox, clock, random },
    commitWaitMs: config.commitWaitMs,
    pageItems: config.pageItems,
  });
  const traces = new ExportTraces(store);
  const notices = new Notices(records, config.noticeCheckSeconds * 1000, config.noticesRemembered, {
    traces,
    tellMs: config.keyExportNoticeDays * DAY_MS,
  });
  const vaults = new Vaults(ledger.channel, copies, new WrapNotes(store));
  const circle = new Circle({ records, vaults, random });
  const intake = new Intake({
    ...{ outbox, records, clock, sessions },
    mostRemembered: config.admissionsRemembered,
  });
  const bulk = new Bulk({ intake, outbox, sessions, limits: bulkLimits(config) });
  const hospitalKeys = new HospitalKeys(store, master, records);
  const tickets = new Tickets(clock, random, {
    lifeMs: config.accessTicketSeconds * 1000,
    most: config.maxTickets,
  });
  const onErased = (report: string) => tickets.endOf(report);
  const erasures = new Erasures({
    ...{ records, ledger, vaults, copies, store, onErased },
    mostFailuresTold: config.erasureFailuresTold,
    lookMs: config.erasureLookMinutes * 60_000,
  });
  return {
    outbox,
    aftermath,
    notices,
    traces,
    records,
    intake,
    bulk,
    vaults,
    circle,
    hospitalKeys,
    tickets,
    erasures,
  };
}

function bulkLimits(config: Config): BulkLimits {
  return {
    requests: config.bulkRequests,
    requestsPerAccount: config.bulkRequestsPerAccount,
    window: config.bulkWindowOperations,
    unread: config.bulkUnreadReceipts,
    stallMs: config.bulkStallMs,
    junkLines: config.bulkJunkLines,
    turnMs: config.bulkTurnMs,
    spare: Math.min(config.outboxSpareOperations, Math.floor(config.outboxOperations / 2)),
    commitWaitMs: config.commitWaitMs,
  };
}

function makeReporting(
  base: Foundations,
  { records, vaults, circle, hospitalKeys, outbox, tickets, erasures, aftermath }: Core,
): Pick<
  Services,
  | 'covers'
  | 'uploads'
  | 'reports'
  | 'erasures'
  | 'accesses'
  | 'accessLog'
  | 'emergencies'
  | 'clientWraps'
  | 'ownReads'
  | 'ownUploads'
> {
  const { config, clock, random, store, master, pool, copies } = base;
  const { maxBitsPerSample: maxRate, stegoLimitBytes } = config;
  const objects = new Objects(copies);
  const sealed = new SealedReports(objects, pool, maxRate);
  const { standing, ...reading } = makeAccesses(
    base,
    { records, vaults, hospitalKeys, outbox, tickets, erasures },
    sealed,
  );
  const covers = new Covers({
    store,
    pool,
    master,
    clock,
    random,
    maxRate,
    perAccount: config.coversPerAccount,
    bytesPerAccount: config.coverBytesPerAccount,
    maxPixels: config.maxCoverPixels,
  });
  const reports = new Reports({ records, vaults, sealed, copies, erasures });
  return {
    covers,
    uploads: new Uploads({
      records,
      vaults,
      circle,
      covers,
      hospitalKeys,
      sealed,
      random,
      stegoLimitBytes,
      maxRate,
      maxReportBytes: config.maxReportBytes,
      maxAtOnce: config.maxUploadsAtOnce,
      tempDir: join(config.dataDir, 'uploads'),
    }),
    reports,
    erasures,
    ...reading,
    ...makeOwnKeys({
      config,
      records,
      vaults,
      circle,
      hospitalKeys,
      store,
      pool,
      objects,
      log: reading.accessLog,
      standing,
      outbox,
      covers,
      sealed,
      aftermath,
      sessions: base.sessions,
    }),
  };
}

function makeAccesses(
  base: Foundations,
  {
    records,
    vaults,
    hospitalKeys,
    outbox,
    tickets,
    erasures,
  }: Pick<Core, 'records' | 'vaults' | 'hospitalKeys' | 'outbox' | 'tickets' | 'erasures'>,
  sealed: SealedReports,
): Pick<Services, 'accesses' | 'accessLog' | 'emergencies'> & { standing: StandingAccesses } {
  const { config, metrics, random, store, master } = base;
  const { emergencyCommitWaitMs } = config;
  const onLate = () => metrics.access('late');
  const late = new LateAnchor({ records, outbox, emergencyCommitWaitMs, onLate });
  const texts = new SealedTexts(store, master, random);
  const log = new AccessLog(records, outbox, texts, store, base.log);
  const standing = new StandingAccesses({ records, late, log, erasures });
  const emergencyWindowMs = config.emergencyWindowMinutes * 60_000;
  const onOutcome = (outcome: AccessOutcome) => {
    const glass = outcome.decision === 'permit' && outcome.basis === 'emergency';
    metrics.access(glass ? 'emergency' : outcome.decision);
  };
  return {
    standing,
    accessLog: log,
    accesses: new Accesses({
      records,
      late,
      log,
      vaults,
      hospitalKeys,
      sealed,
      tickets,
      erasures,
      standing,
      onOutcome,
    }),
    emergencies: new Emergencies({
      records,
      late,
      log,
      hospitalKeys,
      texts,
      emergencyWindowMs,
      onOutcome,
    }),
  };
}
