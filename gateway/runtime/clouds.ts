// Opens the configured clouds and puts them behind one object: each made patient, all copies of an object together.
import { join } from 'node:path';
import type { Clock } from '../ambient.js';
import {
  Copies,
  CopyNotes,
  openFilesystemCloud,
  resilient,
  type Cloud,
  type CopyEvent,
} from '../clouds/index.js';
import type { Config } from '../config/index.js';
import { GatewayError } from '../errors.js';
import type { Log } from '../logging.js';
import type { Metrics } from '../metrics.js';
import type { Store } from '../store/index.js';

export interface CloudParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly store: Store;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Stands before each cloud: a test's way to break it. */
  readonly wrapCloud?: ((cloud: Cloud) => Cloud) | undefined;
}

/** @throws GatewayError CONFIG naming the setting that does not fit */
export async function openCopies(parts: CloudParts): Promise<Copies> {
  const { config, clock, store } = parts;
  const first = await openCloud(parts, firstCloud(config));
  const second = secondCloud(config, first.name);
  return new Copies({
    clouds: second === undefined ? [first] : [first, await openCloud(parts, second)],
    notes: new CopyNotes(store),
    clock,
    whenMissing: config.cloudWhenMissing,
    queue: config.cloudHealQueue,
    restMs: config.cloudRestMs,
    onEvent: (event) => tell(parts, event),
  });
}

interface CloudPlan {
  readonly name: string;
  readonly root: string;
}

function firstCloud({ cloudName, cloudDir, dataDir }: Config): CloudPlan {
  return {
    name: cloudName === '' ? 'filesystem' : cloudName,
    root: cloudDir === '' ? join(dataDir, 'clouds') : cloudDir,
  };
}

function secondCloud(config: Config, first: string): CloudPlan | undefined {
  const { cloudSecond, cloudSecondName, cloudSecondDir, dataDir } = config;
  if (cloudSecond === 'none') return undefined;
  const preset = cloudSecond === first ? `${cloudSecond}-2` : cloudSecond;
  const name = cloudSecondName === '' ? preset : cloudSecondName;
  if (name === first) {
    throw new GatewayError(
      'CONFIG',
      `PRMS_CLOUD_SECOND_NAME: both clouds would be named “${name}”.`,
      { ids: { setting: 'cloudSecondName' } },
    );
  }
  return { name, root: cloudSecondDir === '' ? join(dataDir, 'clouds-second') : cloudSecondDir };
}

async function openCloud(
  { config, log, metrics, wrapCloud }: CloudParts,
  plan: CloudPlan,
): Promise<Cloud> {
  const plain = await openFilesystemCloud(plan);
  return resilient(wrapCloud ? wrapCloud(plain) : plain, {
    attempts: config.cloudAttempts,
    timeoutMs: config.cloudTimeoutMs,
    backoffMs: config.cloudBackoffMs,
    maxBackoffMs: 10_000,
    onFailure: ({ code }, cloudOperation) => {
      metrics.cloudError(plain.name, cloudOperation, code);
      log.warn('cloud.failed', { cloud: plain.name, cloudOperation, code });
    },
  });
}

function tell({ log, metrics }: CloudParts, event: CopyEvent): void {
  const { cloud, objectName, report, fault } = event.note;
  const fields = { cloud, objectName, reportId: report, reason: fault };
  const outcome =
    event.kind === 'found' && fault !== 'unanswered'
      ? fault
      : event.kind === 'found'
        ? 'owed'
        : event.kind;
  metrics.cloudCopy(cloud, outcome);
  if (event.kind === 'failed') log.error('copy.failed', { ...fields, error: event.error });
  else if (event.kind === 'healed') log.info('copy.healed', fields);
  else log.warn(`copy.${event.kind}`, fields);
}
