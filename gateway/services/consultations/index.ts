// Consultations: opened by the doctor, a waiting room, messages in one order, closed by either side.
export { Consultations } from './consultations.js';
export { clientFrameSchema, serverFrameSchema } from './frames.js';
export { makeConsultations } from './make.js';
export {
  messageIdSchema,
  sealedSchema,
  commitToKey,
  firstHead,
  headsOf,
  openText,
  sealText,
  shownSchema,
} from './chain.js';
export type { Line, Seat } from './rooms.js';
export { transcriptSchema, type Transcript } from './transcript-format.js';
