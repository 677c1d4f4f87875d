export { below, indexes, keys, THERE, type Key, type Pointer } from './keys.js';
export { World, type StateStub } from './world.js';
