// The cover room's door: photos in, 8-bit RGB covers out, and the marks by which they are remembered.
export { coverFingerprint, pixelsSha256 } from './cover.js';
export type { Cover, CoverFingerprint, CoverSource } from './cover.js';
export { readCover } from './read.js';
export type { ReadCoverOptions } from './read.js';
export { synthesiseCover } from './synthesise.js';
export type { SyntheticCoverRequest } from './synthesise.js';
