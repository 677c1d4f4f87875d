// Keys: wrapping them for others, keeping users' own under password and recovery code, holding them unlocked,
// signing, and the gateway's master key.
export { wipe } from './bytes.js';
export { commitment, commitmentKey, commitmentUnder } from './commitment.js';
export { ANYBODY } from './fair-turns.js';
export type { Party } from './fair-turns.js';
export { KeyBundles, keyBundleSchema } from './key-bundle.js';
export type { KeyBundle, OpenedBundle, PrivateKeyEntry } from './key-bundle.js';
export { keyFileSchema } from './key-file.js';
export type { KeyFile, KeyFileOwner } from './key-file.js';
export { KeyRing, UnlockedKeys } from './key-ring.js';
export { loadMasterKey, MasterKey } from './master-key.js';
export { MESSAGE_OVERHEAD_BYTES, openMessage, sealMessage } from './message-box.js';
export {
  decodePublicKey,
  encodePublicKey,
  generateKeyPair,
  publicKeyOf,
  signP256,
  verifyP256,
} from './p256.js';
export type { KeyPair } from './p256.js';
export { PasswordDeriver } from './password.js';
export type { Argon2Cost } from './password.js';
export { generateRecoveryCode, parseRecoveryCode } from './recovery-code.js';
export { unwrapKey, wrapKey, wrapPurposes } from './wrap.js';
export type { WrapBinding, WrapPurpose } from './wrap.js';
