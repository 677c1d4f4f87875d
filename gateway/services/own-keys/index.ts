// For people who keep their own keys.
export { clientPurposes, ClientWraps, type ClientWrap } from './client-wraps.js';
export { ExportTraces } from './export-traces.js';
export { KeyHandOver } from './hand-over.js';
export { KeyLogins, loginText, type Challenge } from './key-logins.js';
export { published, publishedSchema } from './published.js';
export { makeOwnKeys } from './make.js';
export { OwnReads, type StoredReport } from './reading.js';
export { OwnKeysRegistration } from './registration.js';
export { OwnUploads } from './uploading.js';
export { SealedBytes } from './sealed-bytes.js';
