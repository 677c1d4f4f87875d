// @prms/stego: hides encrypted reports in images. Stands alone: no ledger, no HTTP.
export { STEGO_ERROR_CODES, StegoError } from './errors.js';
export type { StegoErrorCode, StegoErrorIds } from './errors.js';
export {
  DATA_KEY_BYTES,
  DEFAULT_CHUNK_BYTES,
  DEFAULT_SUITE,
  MAX_PARTS,
  chunkDecryptor,
  chunkLayout,
  decryptChunk,
  decryptChunks,
  derivePartKeys,
  encryptChunks,
  isSuite,
  openBlob,
  openCiphertext,
  sealBlob,
} from './cipher/index.js';
export type { ChunkDecryptor, ChunkLayout, ChunkOptions, PartKeys, Suite } from './cipher/index.js';
export {
  DEFAULT_MAX_RATE,
  MAX_PAYLOAD_BYTES,
  capacityBytes,
  extractCiphertext,
  hide,
  hideCiphertext,
  hidePixels,
  paperCapacityBytes,
  paperHide,
  paperHidePixels,
  paperReveal,
  plan,
  reveal,
} from './container/index.js';
export type {
  Dimensions,
  HiddenPart,
  HiddenPixels,
  HideCiphertextRequest,
  HideFigures,
  HideRequest,
  HideResult,
  PaperHideRequest,
  Plan,
  PlannedPart,
  RevealRequest,
} from './container/index.js';
export { coverFingerprint, readCover, synthesiseCover } from './cover/index.js';
export type {
  Cover,
  CoverFingerprint,
  CoverSource,
  ReadCoverOptions,
  SyntheticCoverRequest,
} from './cover/index.js';
export { DEFAULT_MAX_PIXELS, PNG_FILTERS, decodePng, encodePng } from './png/index.js';
export type { DecodeOptions, PngDecoder, PngFilter, PngOptions, RgbImage } from './png/index.js';
export { analyse, changeRate, psnr, ssim } from './steganalysis/index.js';
export type { Analysis, ChannelAnalysis, ChiSquareResult } from './steganalysis/index.js';
export { StegoPool } from './pool/index.js';
export type { StegoPoolOptions } from './pool/index.js';
