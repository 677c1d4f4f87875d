// The cipher room's door: suites, key derivation, AES-GCM, and chunked encryption of large reports.
export { DATA_KEY_BYTES, DEFAULT_SUITE, TAG_BYTES, isSuite, requireDataKey } from './suite.js';
export type { Suite } from './suite.js';
export { MAX_PARTS, deriveKey, derivePartKeys, deriveSignKey } from './keys.js';
export type { PartKeys } from './keys.js';
export { gcmOpen, gcmSeal, openBlob, openCiphertext, sealBlob, sealReport } from './gcm.js';
export {
  DEFAULT_CHUNK_BYTES,
  chunkDecryptor,
  chunkLayout,
  decryptChunk,
  decryptChunks,
  encryptChunks,
} from './chunks.js';
export type { ChunkDecryptor, ChunkLayout, ChunkOptions } from './chunks.js';
export { WordStream, keystreamBytes } from './keystream.js';
