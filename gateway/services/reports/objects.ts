// Objects in the clouds: names that say nothing, checked hashes, and no byte believed before its hash fits.

import { createHash } from 'node:crypto';
import type { StoredObject } from '@prms/chaincode';
import { readAll, type Cloud, type CloudBody } from '../../clouds/index.js';
import { GatewayError } from '../../errors.js';
import { cloudTrouble } from '../vaults.js';

/**
 * An object's name: SHA-256("PRMS-object-v1" NUL report id NUL place), base64url. To the cloud it is random, since the id
 * is; and it belongs to one report, so that erasing a report can't destroy what another one is made of.
 */
export function objectName(report: string, place: string): string {
  const name = `PRMS-object-v1\0${report}\0${place}`;
  return createHash('sha256').update(name, 'utf8').digest('base64url');
}

export class Objects {
  constructor(
    private readonly clouds: ReadonlyMap<string, Cloud>,
    private readonly home: Cloud,
  ) {}

  /** @param place which of the report's objects this is */
  async put(report: string, place: string, bytes: Uint8Array): Promise<StoredObject> {
    return this.putStream(report, place, bytes, createHash('sha256').update(bytes).digest());
  }

  /** @param sha256 of everything that the body gives */
  async putStream(
    report: string,
    place: string,
    body: CloudBody,
    sha256: Uint8Array,
  ): Promise<StoredObject> {
    const object = objectName(report, place);
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

  /** Where an object of a report lies, or would. Without a hash: for deleting. */
  at(report: string, place: string): StoredObject {
    return { cloud: this.home.name, object: objectName(report, place), sha256: '' };
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

  /**
   * Reads an object through without keeping it, and notes the hash of each piece of `pieceBytes`.
   * @throws GatewayError REPORT_DAMAGED when the whole is not what was anchored
   */
  async digestPieces(stored: StoredObject, pieceBytes: number): Promise<readonly Buffer[]> {
    const whole = createHash('sha256');
    const pieces: Buffer[] = [];
    let [piece, room] = [createHash('sha256'), pieceBytes];
    try {
      const { body } = await this.cloudOf(stored).get(stored.object);
      for await (const chunk of body) {
        whole.update(chunk);
        for (let at = 0; at < chunk.length;) {
          const part = chunk.subarray(at, at + room);
          piece.update(part);
          at += part.length;
          room -= part.length;
          if (room === 0) {
            pieces.push(piece.digest());
            [piece, room] = [createHash('sha256'), pieceBytes];
          }
        }
      }
    } catch (error) {
      throw cloudTrouble(error);
    }
    if (room < pieceBytes) pieces.push(piece.digest());
    if (whole.digest('base64url') !== stored.sha256) {
      throw new GatewayError('REPORT_DAMAGED', 'The copy in the cloud is not what was anchored.');
    }
    return pieces;
  }
}
