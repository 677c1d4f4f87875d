// The whole table: every route that is mounted, one row each. How a row is added: ../row.ts.
import type { Rows } from '../row.js';
import { accessRows } from './accesses.js';
import { accountRows } from './accounts.js';
import { consentRows } from './consents.js';
import { consultationRows } from './consultations.js';
import { hospitalRows } from './hospitals.js';
import { keyRows } from './keys.js';
import { cloudRows } from './clouds.js';
import { ledgerRows } from './ledger.js';
import { meetingRows } from './meetings.js';
import { ownKeyRows } from './own-keys.js';
import { relationRows } from './relations.js';
import { reportRows } from './reports.js';
import { sealedRows } from './sealed.js';
import { signInRows } from './sign-in.js';
import { systemRows } from './systems.js';

export const rows: Rows = {
  ...accountRows,
  ...hospitalRows,
  ...relationRows,
  ...consentRows,
  ...reportRows,
  ...accessRows,
  ...meetingRows,
  ...consultationRows,
  ...cloudRows,
  ...ledgerRows,
  ...ownKeyRows,
  ...signInRows,
  ...systemRows,
  ...sealedRows,
  // Last: time goes by in them.
  ...keyRows,
};
