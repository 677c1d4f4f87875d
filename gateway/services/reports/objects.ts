// Objects in the clouds: random names, checked hashes, and no byte believed before its hash fits.

import { createHash } from 'node:crypto';
import type { StoredObject } from '@prms/chaincode';
import type { RandomBytes } from '../../ambient.js';
import { readAll, type Cloud, type CloudBody } from '../../clouds/index.js';
import { GatewayError } from '../../errors.js';
import { cloudTrouble } from '../vaults.js';

export class Objects {
  constructor(
    private readonly clouds: ReadonlyMap<string, Cloud>,
    private readonly home: Cloud,
    private readonly random: RandomBytes,
  ) {}

  async put(bytes: Uint8Array): Promise<StoredObject> {
    return this.putStream(bytes, createHash('sha256').update(bytes).digest());
  }

  /** @param sha256 of everything that the body gives */
  async putStream(body: CloudBody, sha256: Uint8Array): Promise<StoredObject> {
    const object = Buffer.from(this.random(32)).toString('base64url').replace(/^-/, '_');
    try {
      await this.home.putIfAbsent(object, body, { sha256: Buffer.from(sha256).toString('hex') });
    } catch (error) {
      throw cloudTrouble(error);
    }
    return { cloud: this.home.name, object, sha256: Buffer.from(sha256).toString('base64url') };
  }

  /** The whole object. @throws GatewayError REPORT_DAMAGED | CLOUD_UNAVAILABLE */
  async get(stored: StoredObject, maxBytes: number): Promise<Uint8Array> {
    const sha256 = Buffer.from(stored.sha256, 'base64url').toString('hex');
    try {
      return await readAll(this.cloudOf(stored), stored.object, { sha256, maxBytes });
    } catch (error) {
      throw cloudTrouble(error);
    }
  }

  async delete(stored: StoredObject): Promise<void> {
    try {
      await this.cloudOf(stored).delete(stored.object);
    } catch (error) {
      throw cloudTrouble(error);
    }
  }

  cloudOf(stored: StoredObject): Cloud {
    const cloud = this.clouds.get(stored.cloud);
    if (cloud) return cloud;
    throw new GatewayError(
      'CLOUD_UNAVAILABLE',
      'The report lies in a cloud that this gateway does not know.',
      { ids: { cloud: stored.cloud } },
    );
  }
}
