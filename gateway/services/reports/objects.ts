// Objects in the clouds: names that say nothing, checked hashes, and no byte believed before its hash fits.

import { createHash } from 'node:crypto';
import type { ReportTerms, StoredObject } from '@prms/chaincode';
import {
  CloudError,
  readAll,
  type Cloud,
  type CloudBody,
  type Copies,
  type Placement,
} from '../../clouds/index.js';
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
  constructor(private readonly copies: Copies) {}

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
    const { object, ...clouds } = this.at(report, place);
    try {
      await this.copies.put(object, body, { sha256: Buffer.from(sha256).toString('hex'), report });
    } catch (error) {
      throw cloudTrouble(error);
    }
    return { ...clouds, object, sha256: Buffer.from(sha256).toString('base64url') };
  }

  /** The whole object, from the first copy that is good. @throws GatewayError REPORT_DAMAGED | CLOUD_UNAVAILABLE */
  get(report: string, stored: StoredObject, maxBytes: number): Promise<Uint8Array> {
    const sha256 = Buffer.from(stored.sha256, 'base64url').toString('hex');
    return this.read(report, stored, (cloud) =>
      readAll(cloud, stored.object, { sha256, maxBytes }),
    );
  }

  /**
   * What `attempt` reads from the first copy that is good.
   * @param attempt throws CloudError CHECKSUM when the copy is not what was anchored
   * @throws GatewayError REPORT_DAMAGED | CLOUD_UNAVAILABLE
   */
  async read<T>(
    report: string,
    stored: StoredObject,
    attempt: (cloud: Cloud) => Promise<T>,
  ): Promise<T> {
    const sha256 = Buffer.from(stored.sha256, 'base64url').toString('hex');
    try {
      return await this.copies.read({ ...placementOf(stored), sha256, report }, async (cloud) => ({
        value: await attempt(cloud),
        sha256,
      }));
    } catch (error) {
      throw cloudTrouble(error);
    }
  }

  /** Where an object of a report lies, or would. Without a hash: for deleting. */
  at(report: string, place: string): StoredObject {
    const [cloud = '', ...also] = this.copies.names;
    const where = also.length > 0 ? { cloud, also } : { cloud };
    return { ...where, object: objectName(report, place), sha256: '' };
  }

  /** From every cloud that holds a copy. @throws GatewayError CLOUD_UNAVAILABLE when one of them did not agree */
  async delete(stored: StoredObject): Promise<void> {
    try {
      await this.copies.delete(placementOf(stored));
    } catch (error) {
      throw cloudTrouble(error);
    }
  }

  /**
   * Reads an object through without keeping it, and notes the hash of each piece of `pieceBytes`.
   * @throws GatewayError REPORT_DAMAGED when the whole is not what was anchored
   */
  digestPieces(
    report: string,
    stored: StoredObject,
    pieceBytes: number,
  ): Promise<readonly Buffer[]> {
    return this.read(report, stored, (cloud) => digestPieces(cloud, stored, pieceBytes));
  }
}

/** What a report is made of, less what only claims to be: objects whose names are another report's. */
export function ownObjects(report: string, { parts, label }: ReportTerms): StoredObject[] {
  const own = parts.filter(({ object }, i) => object === objectName(report, String(i)));
  return label.object === objectName(report, 'label') ? [...own, label] : own;
}

/** The copies that the ledger names. */
export function placementOf({ cloud, also = [], object }: StoredObject): Placement {
  return { objectName: object, clouds: [cloud, ...also] };
}

/** @throws CloudError CHECKSUM when the whole is not what was anchored */
async function digestPieces(
  cloud: Cloud,
  stored: StoredObject,
  pieceBytes: number,
): Promise<readonly Buffer[]> {
  const whole = createHash('sha256');
  const pieces: Buffer[] = [];
  let [piece, room] = [createHash('sha256'), pieceBytes];
  const { body } = await cloud.get(stored.object);
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
  if (room < pieceBytes) pieces.push(piece.digest());
  if (whole.digest('base64url') !== stored.sha256) {
    throw new CloudError('CHECKSUM', 'The copy in the cloud is not what was anchored.', {
      cloud: cloud.name,
      object: stored.object,
    });
  }
  return pieces;
}
