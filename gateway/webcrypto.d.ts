// WebCrypto's global type names, which @hpke/core's declarations use and which @types/node keeps in a namespace.
// Declared here so that server code is not given the whole browser's DOM types.
import type { JsonWebKey as NodeJsonWebKey, webcrypto } from 'node:crypto';

declare global {
  type Crypto = webcrypto.Crypto;
  type CryptoKey = webcrypto.CryptoKey;
  type CryptoKeyPair = webcrypto.CryptoKeyPair;
  type HmacKeyGenParams = webcrypto.HmacKeyGenParams;
  type JsonWebKey = NodeJsonWebKey;
  type KeyAlgorithm = webcrypto.KeyAlgorithm;
  type KeyUsage = webcrypto.KeyUsage;
  type SubtleCrypto = webcrypto.SubtleCrypto;
}
