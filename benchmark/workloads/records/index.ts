// Records: the project's own operations, each signed by its own user's key, about patients chosen by Zipf's law.
import { join } from 'node:path';
import { RECORDS } from '@prms/chaincode';
import { z } from 'zod';
import { BenchError } from '../../errors.js';
import type { Share, Stream, Workload, WorkloadSetting } from '../workload.js';
import {
  firstObjects,
  type FirstObjects,
  firstReports,
  FullPath,
  REPORT_BYTES,
} from './full-path.js';
import { callOf, Generator } from './generator.js';
import { numbersOf } from './people.js';
import { firstReportNowhere, phasesOf } from './preparation.js';
import { presign } from './presigned.js';
import { Scene } from './scene.js';
import { Signer } from './signing.js';
import { type Clocks, FullPathStream, lineOf, SigningStream } from './streams.js';
import { verifyRecords } from './verify.js';

export interface RecordsOptions extends Clocks {
  /** Of the full path's reports. */
  readonly reportBytes: number;
}

/** What streams have to know of the preparation. */
interface World {
  /** Of everything that was prepared. */
  readonly issuedAt: number;
  /** The full path's first reports. */
  readonly first: readonly FirstObjects[];
}

const bytesSchema = z.instanceof(Uint8Array);
const worldSchema = z.strictObject({
  issuedAt: z.int(),
  first: z.array(z.strictObject({ image: bytesSchema, label: bytesSchema })),
});

export function recordsWorkload(options: RecordsOptions): Workload {
  const { now, reportBytes } = options;
  return {
    name: 'records',
    summary: 'operations on patients’ records, each signed by its own user’s key',
    chaincode: RECORDS,
    variants: {
      ledger: 'signed operations through the ledger',
      full: 'each report encrypted, hidden, stored and anchored; each access fetches and reveals it',
    },
    signs: true,
    prepare: (setting) => {
      const first = setting.variant === 'full' ? firstObjects(setting.seed, reportBytes) : [];
      const world: World = { issuedAt: now(), first };
      const firstReport =
        first.length > 0 ? firstReports(setting.seed, reportBytes, first) : firstReportNowhere;
      const scene = sceneOf(setting, world);
      const phases = phasesOf(scene, new Signer(setting.channel), firstReport);
      return { phases, world: () => world };
    },
    open: (setting, world, share) => open(setting, worldSchema.parse(world), share, options),
    verify: (setting, world, applied, order, connection) =>
      verifyRecords(sceneOf(setting, worldSchema.parse(world)), applied, order, connection),
  };
}

export const records = recordsWorkload({
  now: () => Date.now(),
  elapsedMs: () => performance.now(),
  reportBytes: REPORT_BYTES,
});

const sceneOf = (setting: WorkloadSetting, { issuedAt }: World): Scene =>
  new Scene(setting.seed, numbersOf(setting), issuedAt);

async function open(
  setting: WorkloadSetting,
  world: World,
  share: Share,
  options: RecordsOptions,
): Promise<Stream> {
  const full = setting.variant === 'full';
  const { presigned, channel } = setting;
  if (full && presigned)
    throw new BenchError(
      'USAGE',
      'on the full path calls can’t be signed before reports are stored',
    );
  const scene = sceneOf(setting, world);
  const generator = new Generator(scene, new Signer(channel), share, full);
  if (full) return openFullPath(setting, world, generator, options);
  if (!presigned) return new SigningStream(generator, options);
  return presign({
    share,
    now: options.now,
    laneOf: (patient) => scene.cast.patient(patient).id,
    make: (issuedAt) => {
      const made = generator.make(issuedAt);
      const { record, stamp } = made;
      const call = callOf(made, lineOf(made), {});
      return { call, patient: record.patient, expiresAt: stamp.expiresAt };
    },
  });
}

async function openFullPath(
  setting: WorkloadSetting,
  { first }: World,
  generator: Generator,
  options: RecordsOptions,
): Promise<Stream> {
  const cloudDir = join(setting.dir, 'cloud');
  const path = await FullPath.open({ ...options, seed: setting.seed, cloudDir });
  await path.begin(first, generator.firstReports());
  return new FullPathStream(generator, path, options);
}
