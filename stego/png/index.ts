// The PNG room's door: a strict reader and a fast writer.
export { looksLikePng, parsePng } from './chunks.js';
export type { PngFile, PngHeader } from './chunks.js';
export { PNG_FILTERS } from './filters.js';
export type { PngFilter } from './filters.js';
export { encodePng, requireRgbImage } from './encode.js';
export type { PngOptions, RgbImage } from './encode.js';
export { DEFAULT_MAX_PIXELS, decodePlainRgb, decodePng, isPlainRgb } from './decode.js';
export type { DecodeOptions, PngDecoder } from './decode.js';
export { crc32, tableCrc32 } from './crc.js';
