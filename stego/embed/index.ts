// The embedding room's door: the keyed walk, and writing and reading bits along it.
export { HEADER_BITS, Walk, bodyCapacityBits } from './walk.js';
export type { PositionVisitor } from './walk.js';
export { embedBits, extractBody, extractHeader } from './matching.js';
export type { Bits } from './matching.js';
