// What a failure at one cloud says of the copy there, and a copy's own hash.
import { createHash } from 'node:crypto';
import { CloudError, type Cloud } from './cloud.js';
import type { CopyFault } from './copy-notes.js';

/** What an error says of the copy; `undefined` when it says nothing of it. */
export function faultOf(error: unknown): CopyFault | undefined {
  if (!(error instanceof CloudError)) return undefined;
  switch (error.code) {
    case 'NOT_FOUND':
      return 'missing';
    case 'CHECKSUM':
    case 'INVALID': // a range that a whole copy would have
    case 'EXISTS':
      return 'bad';
    case 'UNAVAILABLE':
    case 'TIMEOUT':
    case 'FULL':
    case 'DENIED':
      return 'unanswered';
    case 'ABORTED':
      return undefined;
  }
}

/** SHA-256 of an object, 64 hex digits; `undefined` when it is not there. `onBytes` hears of each chunk. @throws CloudError */
export async function hashOf(
  cloud: Cloud,
  objectName: string,
  onBytes?: (length: number) => void,
): Promise<string | undefined> {
  try {
    const hash = createHash('sha256');
    for await (const chunk of bodyOf(cloud, objectName)) {
      hash.update(chunk);
      onBytes?.(chunk.length);
    }
    return hash.digest('hex');
  } catch (error) {
    if (error instanceof CloudError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

export async function* bodyOf(cloud: Cloud, objectName: string): AsyncIterable<Uint8Array> {
  yield* (await cloud.get(objectName)).body;
}

export function mostHopeful(errors: readonly unknown[]): unknown {
  const order: readonly (CopyFault | undefined)[] = ['unanswered', 'bad', 'missing'];
  return errors.toSorted((a, b) => order.indexOf(faultOf(a)) - order.indexOf(faultOf(b)))[0];
}

export function unknownCloud(cloud: string): CloudError {
  return new CloudError('UNAVAILABLE', 'This gateway is not set up for this cloud.', { cloud });
}

export function unanswered(cloud: string): CloudError {
  return new CloudError('UNAVAILABLE', 'The cloud did not answer a moment ago.', { cloud });
}

export function notHealed(cloud: string, object: string): CloudError {
  return new CloudError('UNAVAILABLE', 'No good copy is at hand to heal this one from.', {
    cloud,
    object,
  });
}
