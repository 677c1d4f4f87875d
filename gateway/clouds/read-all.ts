// Reads a whole object into memory and believes it only when its checksum fits.
import { createHash } from 'node:crypto';
import { CloudError } from './cloud.js';
import type { CallOptions, Cloud } from './cloud.js';

/**
 * The whole object, checked.
 * @param options.sha256 64 hex digits
 * @throws CloudError CHECKSUM when the bytes are others or more than `maxBytes`; what `get` throws
 */
export async function readAll(
  cloud: Cloud,
  objectName: string,
  options: CallOptions & { readonly sha256: string; readonly maxBytes: number },
): Promise<Uint8Array> {
  const { sha256, maxBytes, ...call } = options;
  const { body } = await cloud.get(objectName, call);
  const chunks: Uint8Array[] = [];
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    // A hostile cloud may send without end: stop at the size that the caller can believe.
    if (length > maxBytes) throw mismatch(cloud, objectName);
    chunks.push(chunk);
    hash.update(chunk);
  }
  if (hash.digest('hex') !== sha256) throw mismatch(cloud, objectName);
  return Buffer.concat(chunks, length);
}

const mismatch = (cloud: Cloud, objectName: string): CloudError =>
  new CloudError('CHECKSUM', 'The object is not what its checksum names: read another copy.', {
    cloud: cloud.name,
    object: objectName,
  });
