// What settings owe each other: values that fit their own bounds but make no sense together stop the start, too.
import type { Config, SettingName } from './settings.js';

/** The settings that are whole numbers. */
type CountName = {
  [Name in SettingName]: Config[Name] extends number ? Name : never;
}[SettingName];

interface Agreement {
  /** Both in the same unit. */
  readonly names: readonly [CountName, CountName];
  /** Why the first may not exceed the second. */
  readonly because: string;
}

/** The first setting is at most the second. The test of this file breaks each one. */
export const agreements: readonly Agreement[] = [
  {
    names: ['sessionIdleMinutes', 'sessionAbsoluteMinutes'],
    because: 'a session can’t be idle for longer than it lasts',
  },
  {
    names: ['sessionIdleMinutes', 'bearerAbsoluteMinutes'],
    because: 'a session can’t be idle for longer than it lasts',
  },
  {
    names: ['freshLoginMinutes', 'sessionAbsoluteMinutes'],
    because: 'a password can’t count as fresh after its session has ended',
  },
  {
    names: ['stegoLimitBytes', 'maxReportBytes'],
    because: 'a report that is too large to be accepted is never hidden',
  },
  {
    names: ['requestTimeoutMs', 'uploadTimeoutMs'],
    because: 'an upload may take at least as long as any other request',
  },
  {
    names: ['commitWaitMs', 'requestTimeoutMs'],
    because: 'the request would be over before COMMIT_TIMEOUT can be answered',
  },
  {
    names: ['emergencyCommitWaitMs', 'commitWaitMs'],
    because: 'an emergency waits no longer than anything else',
  },
  {
    names: ['argon2QueuePerAddress', 'argon2Queue'],
    because: 'nobody can take more places than there are',
  },
  {
    names: ['loginAttemptsPerMinute', 'loginAttemptsPerHour'],
    because: 'the hour’s limit would never let the minute’s be reached',
  },
  {
    names: ['maxRequestsAtOnce', 'maxConnections'],
    because: 'a connection carries one request at a time',
  },
  {
    names: ['outboxSpareOperations', 'outboxOperations'],
    because: 'no place would be left for a bulk request',
  },
  {
    names: ['cloudBackoffMs', 'cloudMaxBackoffMs'],
    because: 'the first wait is no longer than the longest',
  },
  {
    names: ['acquisitionBackoffMs', 'acquisitionLongestPauseMs'],
    because: 'the first wait between attempts is no longer than the longest',
  },
  {
    names: ['secondStepsPerUser', 'secondStepsWaiting'],
    because: 'one person takes no more places than there are',
  },
  {
    names: ['commitBackoffMs', 'commitLongestPauseMs'],
    because: 'the first wait is no longer than the longest',
  },
  {
    names: ['retrySoonMs', 'retryLaterMs'],
    because: 'what takes a while takes no less than what takes a moment',
  },
  {
    names: ['outboxRetryMs', 'outboxLongestPauseMs'],
    because: 'the first pause is no longer than the longest',
  },
  {
    names: ['headersTimeoutMs', 'uploadTimeoutMs'],
    because: 'the headers are a part of the request',
  },
  {
    names: ['maxCoverBytes', 'coverBytesPerAccount'],
    because: 'one cover must fit into the room for all',
  },
];

/** The agreements that these values break. */
export function brokenAgreements(config: Config): readonly Agreement[] {
  return agreements.filter(({ names: [small, large] }) => config[small] > config[large]);
}
