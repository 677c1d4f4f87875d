// Which clouds the settings ask for. The vendors' SDKs are large: each is loaded when its cloud is configured, not before.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openFilesystemCloud, type Cloud } from '../clouds/index.js';
import type { Config } from '../config/index.js';
import { GatewayError } from '../errors.js';
import { z } from 'zod';

/** One cloud as the settings describe it. */
export interface CloudPlan {
  readonly kind: Config['cloud'];
  readonly name: string;
  readonly root: string;
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly prefix: string;
  readonly pathStyle: boolean;
  readonly account: string;
  readonly secret: string;
  /** What its settings begin with, in the environment and in the file. */
  readonly settings: 'PRMS_CLOUD' | 'PRMS_CLOUD_SECOND';
  readonly key: 'cloud' | 'cloudSecond';
}

export function firstPlan(config: Config): CloudPlan {
  const { cloud: kind, cloudName, cloudDir, dataDir } = config;
  return {
    kind,
    name: cloudName === '' ? kind : cloudName,
    root: cloudDir === '' ? join(dataDir, 'clouds') : cloudDir,
    endpoint: config.cloudEndpoint,
    region: config.cloudRegion,
    bucket: config.cloudBucket,
    prefix: config.cloudPrefix,
    pathStyle: config.cloudPathStyle === 'yes',
    account: config.cloudAccount,
    secret: config.cloudSecret,
    settings: 'PRMS_CLOUD',
    key: 'cloud',
  };
}

/** @throws GatewayError CONFIG when both clouds would have one name, or lie in one place */
export function secondPlan(config: Config, first: string): CloudPlan | undefined {
  const { cloudSecond: kind, cloudSecondName, cloudSecondDir, dataDir } = config;
  if (kind === 'none') return undefined;
  const preset = kind === first ? `${kind}-2` : kind;
  const name = cloudSecondName === '' ? preset : cloudSecondName;
  const plan: CloudPlan = {
    kind,
    name,
    root: cloudSecondDir === '' ? join(dataDir, 'clouds-second') : cloudSecondDir,
    endpoint: config.cloudSecondEndpoint,
    region: config.cloudSecondRegion,
    bucket: config.cloudSecondBucket,
    prefix: config.cloudSecondPrefix,
    pathStyle: config.cloudSecondPathStyle === 'yes',
    account: config.cloudSecondAccount,
    secret: config.cloudSecondSecret,
    settings: 'PRMS_CLOUD_SECOND',
    key: 'cloudSecond',
  };
  if (name === first) throw wrong(plan, 'NAME', `both clouds would be named “${name}”`);
  if (placeOf(plan) === placeOf(firstPlan(config)))
    throw wrong(plan, kind === 'filesystem' ? 'DIR' : 'BUCKET', ONE_PLACE);
  return plan;
}

/** @throws GatewayError CONFIG naming the setting that is missing or wrong */
export async function openPlanned(plan: CloudPlan, config: Config): Promise<Cloud> {
  const { kind, name, root, bucket, prefix, account, secret, settings } = plan;
  if (kind === 'filesystem')
    return openFilesystemCloud({ name, root, staleAfterMs: config.cloudDraftMinutes * 60_000 });
  if (bucket === '') throw wrong(plan, 'BUCKET', `a cloud of kind ${kind} needs one`);
  const partBytes = config.cloudPartBytes;
  const endpoint = plan.endpoint === '' ? {} : { endpoint: plan.endpoint };
  switch (kind) {
    case 's3': {
      if ((account === '') !== (secret === ''))
        throw wrong(
          plan,
          account === '' ? 'ACCOUNT' : 'SECRET',
          'of these two, both or none are set',
        );
      const { openS3Cloud } = await import('../clouds/s3.js');
      return openS3Cloud({
        ...{ name, bucket, prefix, partBytes, settings, ...endpoint },
        region: plan.region,
        pathStyle: plan.pathStyle,
        connectTimeoutMs: config.cloudTimeoutMs,
        contestedAttempts: config.cloudContestedAttempts,
        contestedPauseMs: config.cloudContestedPauseMs,
        ...(account !== '' && {
          credentials: { accessKeyId: account, secretAccessKey: secret },
        }),
      });
    }
    case 'azure': {
      if (account === '') throw wrong(plan, 'ACCOUNT', 'a cloud of kind azure needs one');
      if (!secret.startsWith('?') && !/^[A-Za-z0-9+/]+={0,2}$/.test(secret))
        throw wrong(plan, 'SECRET', 'it is neither an account’s key nor a shared access signature');
      const { openAzureCloud } = await import('../clouds/azure.js');
      const own = `https://${account}.blob.core.windows.net`;
      return openAzureCloud({
        ...{ name, container: bucket, prefix, account, secret, partBytes, settings },
        endpoint: plan.endpoint === '' ? own : plan.endpoint,
      });
    }
    case 'gcs': {
      if (account === '') throw wrong(plan, 'ACCOUNT', 'a cloud of kind gcs needs the project');
      const credentials = secret === '' ? {} : { credentials: serviceAccount(plan) };
      const { openGcsCloud } = await import('../clouds/gcs.js');
      return openGcsCloud({
        ...{ name, bucket, prefix, partBytes, settings, ...endpoint, ...credentials },
        project: account,
      });
    }
  }
}

/**
 * Whether two clouds that have been opened are folders on one disk.
 * @param deviceOf a folder's device and inode
 * @throws GatewayError CONFIG when they are one folder under two names
 */
export async function onOneDisk(
  first: CloudPlan,
  second: CloudPlan,
  deviceOf: (root: string) => Promise<{ readonly dev: number; readonly ino: number }> = stat,
): Promise<boolean> {
  if (first.kind !== 'filesystem' || second.kind !== 'filesystem') return false;
  const [a, b] = [await deviceOf(first.root), await deviceOf(second.root)];
  if (a.dev === b.dev && a.ino === b.ino) throw wrong(second, 'DIR', ONE_PLACE);
  return a.dev === b.dev;
}

const ONE_PLACE = 'both clouds would be one place';

const serviceAccountSchema = z.object({ client_email: z.string(), private_key: z.string() });

function serviceAccount(plan: CloudPlan): z.infer<typeof serviceAccountSchema> {
  try {
    return serviceAccountSchema.parse(JSON.parse(plan.secret));
  } catch {
    // Nothing of the value goes into the message.
    throw wrong(plan, 'SECRET', 'it is no service account’s key in JSON');
  }
}

function placeOf({ kind, root, endpoint, bucket, prefix }: CloudPlan): string {
  return kind === 'filesystem' ? root : [kind, endpoint, bucket, prefix].join(' ');
}

function wrong(plan: CloudPlan, setting: string, why: string): GatewayError {
  const name = setting.charAt(0) + setting.slice(1).toLowerCase();
  return new GatewayError('CONFIG', `${plan.settings}_${setting}: ${why}.`, {
    ids: { setting: `${plan.key}${name}` },
  });
}
