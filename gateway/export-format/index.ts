// The form of an exported record: what the gateway that writes one and the verifier that reads one agree on.
export * from './manifest.js';
export * from './names.js';
export * from './zip-layout.js';
