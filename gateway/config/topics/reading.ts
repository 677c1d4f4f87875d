// Settings of reading: tickets, emergencies.
import { integer } from '../kinds.js';
import type { Setting } from '../kinds.js';

export const reading = {
  accessTicketSeconds: integer(
    'PRMS_ACCESS_TICKET_SECONDS',
    300,
    [10, 3600],
    's',
    'How long a committed access allows range requests.',
  ),
  emergencyWindowMinutes: integer(
    'PRMS_EMERGENCY_WINDOW_MINUTES',
    60,
    [5, 1440],
    'min',
    'How long an emergency access lasts. The ledger keeps what it was founded with; set the same at every gateway on it.',
  ),
  recoveryNoticeDays: integer(
    'PRMS_RECOVERY_NOTICE_DAYS',
    7,
    [1, 90],
    'days',
    'How long a user can object before two hospitals replace their keys. It counts where the ledger is founded: afterwards the ledger keeps what it was founded with.',
  ),
  emergencyCommitWaitMs: integer(
    'PRMS_EMERGENCY_COMMIT_WAIT_MS',
    3000,
    [100, 60_000],
    'ms',
    'In an emergency the report opens after so long even if the ledger has not answered; the access is anchored late.',
  ),
  maxTickets: integer(
    'PRMS_MAX_TICKETS',
    10_000,
    [10, 1_000_000],
    'tickets',
    'Reports open at one time; beyond that the answer is BUSY.',
  ),
  noticesRemembered: integer(
    'PRMS_NOTICES_REMEMBERED',
    10_000,
    [100, 1_000_000],
    'users',
    'Users of whom it is remembered whether a re-keying runs; of others the ledger is asked.',
  ),
  noticeCheckSeconds: integer(
    'PRMS_NOTICE_CHECK_SECONDS',
    5,
    [1, 300],
    's',
    'How long a re-keying that another gateway has begun may go unseen by its user.',
  ),
  keyExportNoticeDays: integer(
    'PRMS_KEY_EXPORT_NOTICE_DAYS',
    7,
    [1, 365],
    'days',
    'How long a user is told, wherever they are, that their private keys were exported.',
  ),
  piecesRemembered: integer(
    'PRMS_PIECES_REMEMBERED',
    1000,
    [1, 100_000],
    'accesses',
    'Accesses of people who keep their own keys of which it is remembered how the report is cut; of others it is read again.',
  ),
} as const satisfies Record<string, Setting>;
