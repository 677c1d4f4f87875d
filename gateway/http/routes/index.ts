// Every route of the API.

import type { Services } from '../../services/index.js';
import type { Route, SocketRoute } from '../base/index.js';
import { accessRoutes } from './accesses.js';
import { accountRoutes } from './accounts.js';
import { acquisitionRoutes } from './acquisition.js';
import { cloudRoutes } from './clouds.js';
import { consentRoutes } from './consents.js';
import { consultationSocket } from './consultation-socket.js';
import { consultationRoutes } from './consultations.js';
import { erasureRoutes } from './erasures.js';
import { exportRoutes } from './exports.js';
import { fhirRoutes } from './fhir.js';
import { hospitalRoutes } from './hospitals.js';
import { keyRoutes } from './keys.js';
import { ledgerRoutes } from './ledger.js';
import { appointmentRoutes } from './meetings.js';
import { operationRoutes } from './operations.js';
import { ownKeyRoutes } from './own-keys.js';
import { relationRoutes } from './relations.js';
import { reportRoutes } from './reports.js';
import { sealedUploadRoutes } from './sealed-uploads.js';
import { sealedRoutes } from './sealed.js';
import { serviceRoutes } from './services.js';
import { signInRoutes } from './sign-in.js';

export const routes: readonly Route<Services>[] = [
  ...accountRoutes,
  ...signInRoutes,
  ...keyRoutes,
  // Before the ledger's: `/operations/schema` is no operation's id.
  ...ownKeyRoutes,
  ...hospitalRoutes,
  ...relationRoutes,
  ...consentRoutes,
  ...reportRoutes,
  ...serviceRoutes,
  ...acquisitionRoutes,
  ...fhirRoutes,
  ...accessRoutes,
  ...exportRoutes,
  ...erasureRoutes,
  ...sealedRoutes,
  ...sealedUploadRoutes,
  ...appointmentRoutes,
  ...consultationRoutes,
  ...cloudRoutes,
  ...ledgerRoutes,
  ...operationRoutes,
];

/** Every WebSocket of the API. */
export const sockets: readonly SocketRoute<Services>[] = [consultationSocket];
