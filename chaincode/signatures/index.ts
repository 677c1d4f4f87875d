export {
  hashText,
  isPoint,
  isSignedBy,
  kidOf,
  lowS,
  possessionText,
  signedText,
  userIdOf,
  type SignatureCheck,
} from './verify.js';
export { inlineVerifier, ThreadedVerifier, type SignatureVerifier } from './pool.js';
export { SignaturesAhead, type CheckThreads } from './ahead.js';
