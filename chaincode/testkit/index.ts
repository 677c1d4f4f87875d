// The kit that this package's own tests are built with. Nothing outside the package imports it.

export { certificateOf } from './certificate.js';
export { MemoryLedger, MemoryStub, dump, type Creator } from './memory-ledger.js';
export {
  keyPairFrom,
  newKeyPair,
  nextId,
  otherTwin,
  Person,
  signText,
  TEN_MINUTES_MS,
  type KeyPair,
  type Twist,
} from './person.js';
export { fateIn, HOUR_MS, Scene, START_MS } from './scene.js';
export {
  authorisation,
  DAY_MS,
  digest,
  EVERYBODY,
  permit,
  reportTerms,
  stage,
  tag,
  type Cast,
  type Props,
  type Role,
  type Stage,
} from './stage.js';
