// What the adapters share when a call goes wrong: whatever their SDK throws comes out as the port's error, naming cloud,
// object and, where only another setting helps, that setting. Each adapter says only how its service puts things.
import { CloudError } from './cloud.js';
import type { CloudErrorCode } from './cloud.js';

/** What a service's error means: the port's code with a message, or the setting that must be wrong. */
export type CloudFault =
  | readonly [CloudErrorCode, string]
  /** `setting` is its last word (`BUCKET`); `said` is the service's own name for the error. */
  | { readonly setting: string; readonly said: string };

/** Calls of one cloud. */
export class Calls {
  /**
   * @param cloud its name
   * @param settings what its settings are called: `PRMS_CLOUD` or `PRMS_CLOUD_SECOND`
   * @param faultOf reads the SDK's error; `undefined` when it is no answer of the service. `objectName` is empty for a list.
   */
  constructor(
    private readonly cloud: string,
    private readonly settings: string,
    private readonly faultOf: (cause: unknown, objectName: string) => CloudFault | undefined,
  ) {}

  /** @throws CloudError whatever `work` throws, as `toError` reads it */
  async attempt<T>(objectName: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.toError(error, objectName);
    }
  }

  toError(cause: unknown, objectName: string): CloudError {
    const ids = { cloud: this.cloud, ...(objectName !== '' && { object: objectName }) };
    if (cause instanceof CloudError) {
      return new CloudError(cause.code, cause.message, { ...ids, ...cause.ids }, { cause });
    }
    if (cause instanceof Error && cause.name === 'AbortError') {
      return new CloudError('ABORTED', 'The caller gave up.', ids, { cause });
    }
    const fault = this.faultOf(cause, objectName) ?? UNREACHABLE;
    if (!('setting' in fault)) return new CloudError(fault[0], fault[1], ids, { cause });
    const setting = `${this.settings}_${fault.setting}`;
    const message = `The service refuses this gateway (${fault.said}): check ${setting}.`;
    return new CloudError('DENIED', message, { ...ids, setting }, { cause });
  }
}

const UNREACHABLE = ['UNAVAILABLE', 'The service can’t be reached.'] as const;
