// The pool room's door.
export { StegoPool } from './pool.js';
export type { StegoPoolOptions } from './pool.js';
