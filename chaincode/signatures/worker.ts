// The thread's side of ThreadedVerifier.

import { parentPort } from 'node:worker_threads';
import { isSignedBy, type SignatureCheck } from './verify.js';

parentPort?.on('message', ({ ticket, checks }: { ticket: number; checks: SignatureCheck[] }) => {
  parentPort?.postMessage({ ticket, answers: checks.map(isSignedBy) });
});
