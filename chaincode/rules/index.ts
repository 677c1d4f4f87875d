// The rules: who may do what. Pure functions of what is asked and what is known; no I/O, no clock, no Fabric.

export {
  decideAccess,
  decideEmergency,
  covers,
  applies,
  type AccessFacts,
  type AccessRequest,
} from './access.js';
export { PERMIT, refuse, all, type Ruling } from './decision.js';
export {
  activeKin,
  actsForPatient,
  holdsVault,
  mayManageKin,
  soundRights,
  withinOwnEnd,
} from './kin.js';
export { holdsEpoch, mayAnchor, mayConsent, mayCorrect, mayErase, mayTakeBack } from './records.js';
export {
  hasCare,
  hasCareAt,
  isActingHospital,
  isAdmitted,
  standsFor,
  type StandingFacts,
} from './standing.js';
