export { Draft, type ReceivedReport } from './draft.js';
export { Erasures, type ErasureState, type RecordErased } from './erasures.js';
export { Objects, ownObjects, placementOf } from './objects.js';
export { Reports, type ListedReport, type ListQuery } from './reports.js';
export {
  labelSchema,
  SealedReports,
  type ChunkDigests,
  type Label,
  type StoredImage,
} from './sealed-report.js';
export { Uploads, type Uploaded, type UploadMeta } from './uploads.js';
