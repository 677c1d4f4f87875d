// Third-party clouds: the port, its implementations, and what makes any of them patient.
export { checkObjectName, CloudError } from './cloud.js';
export type {
  ByteRange,
  CallOptions,
  Cloud,
  CloudBody,
  CloudErrorCode,
  CloudObject,
  CloudPage,
  CloudRead,
} from './cloud.js';
export { Copies } from './copies.js';
export { faultOf, hashOf } from './copy-faults.js';
export type { CopiesOptions, CopyEvent, GoodCopy, MissingPolicy, Placement } from './copies.js';
export { CopyNotes } from './copy-notes.js';
export type { CopyFault, CopyNote, HealedCopy } from './copy-notes.js';
export { openFilesystemCloud } from './filesystem.js';
export type { FileOperations, FilesystemCloudOptions } from './filesystem.js';
export { readAll } from './read-all.js';
export { resilient } from './resilient.js';
export type { ResiliencePolicy } from './resilient.js';
