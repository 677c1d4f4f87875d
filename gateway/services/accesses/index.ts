export { AccessLog, type ShownAccess } from './access-log.js';
export { Emergencies } from './emergencies.js';
export { LateAnchor } from './late-anchor.js';
export { Accesses, type Content, type Opened, type OpenRequest } from './reads.js';
export { refused } from './refusal.js';
export { StandingAccesses, type Permit } from './standing-accesses.js';
export { SealedTexts } from './sealed-texts.js';
