// The container room's door: planning, hiding, revealing, and the paper's own profile.
export {
  DEFAULT_MAX_RATE,
  MAX_PAYLOAD_BYTES,
  bodyCapacityBytes,
  capacityBytes,
  plan,
} from './plan.js';
export type { Dimensions, Plan, PlannedPart } from './plan.js';
export { hide, hideCiphertext, hidePixels } from './hide.js';
export type {
  HiddenPart,
  HiddenPixels,
  HideCiphertextRequest,
  HideFigures,
  HideRequest,
  HideResult,
} from './hide.js';
export { extractCiphertext, reveal } from './reveal.js';
export type { RevealRequest } from './reveal.js';
export { paperCapacityBytes, paperHide, paperHidePixels, paperReveal } from './paper.js';
export type { PaperHideRequest } from './paper.js';
