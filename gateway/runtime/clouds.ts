// Opens the configured clouds and puts them behind one object: each made patient, all copies of an object together.
import type { Clock } from '../ambient.js';
import { Copies, CopyNotes, resilient, type Cloud, type CopyEvent } from '../clouds/index.js';
import type { Config } from '../config/index.js';
import type { Log } from '../logging.js';
import type { Metrics } from '../metrics.js';
import type { Store } from '../store/index.js';
import { firstPlan, onOneDisk, openPlanned, secondPlan, type CloudPlan } from './cloud-plan.js';

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
  const plan = firstPlan(config);
  const first = await openCloud(parts, plan);
  const second = secondPlan(config, first.name);
  const others = second === undefined ? [] : [await openCloud(parts, second)];
  if (second && (await onOneDisk(plan, second))) {
    // Against a spoilt file two copies help here, too; against the loss of the disk they are one.
    const setting = `${second.settings}_DIR`;
    parts.log.warn('cloud.same-disk', { cloud: second.name, code: 'SAME_DISK', setting });
  }
  return new Copies({
    clouds: [first, ...others],
    notes: new CopyNotes(store),
    clock,
    whenMissing: config.cloudWhenMissing,
    queue: config.cloudHealQueue,
    restMs: config.cloudRestMs,
    onEvent: (event) => tell(parts, event),
  });
}

async function openCloud(
  { config, log, metrics, wrapCloud }: CloudParts,
  plan: CloudPlan,
): Promise<Cloud> {
  const plain = await openPlanned(plan, config);
  return resilient(wrapCloud ? wrapCloud(plain) : plain, {
    attempts: config.cloudAttempts,
    timeoutMs: config.cloudTimeoutMs,
    backoffMs: config.cloudBackoffMs,
    maxBackoffMs: config.cloudMaxBackoffMs,
    minBytesPerSecond: config.cloudMinBytesPerSecond,
    onFailure: ({ code, ids: { setting } }, cloudOperation) => {
      metrics.cloudError(plain.name, cloudOperation, code);
      log.warn('cloud.failed', { cloud: plain.name, cloudOperation, code, setting });
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
  else if (event.kind === 'healed' || event.kind === 'copied')
    log.info(`copy.${event.kind}`, fields);
  else log.warn(`copy.${event.kind}`, fields);
}
