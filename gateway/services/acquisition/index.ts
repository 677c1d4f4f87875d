// Data acquisition: hospitals' systems, what they hand in, and how it becomes reports.
export { ServiceAccounts, type KnownService, type ShownService } from './accounts.js';
export type { Binary } from './entries.js';
export { checkAttachment, readBinary, readDocumentReference, unfit } from './fhir.js';
export { openAcquisition, type Acquisition } from './open.js';
export { Queue, type ShownEntry, type Wanted } from './queue.js';
export type { Kept } from './shelf.js';
