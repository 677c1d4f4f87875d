// What travels between the pool and its workers. Errors cross as plain data: a structured clone
// would lose their class and code.
import type { Analysis } from '../steganalysis/index.js';
import type {
  HideCiphertextRequest,
  HideRequest,
  HideResult,
  RevealRequest,
} from '../container/index.js';
import type { Cover, ReadCoverOptions, SyntheticCoverRequest } from '../cover/index.js';
import type { PartKeys } from '../cipher/index.js';
import type { StegoErrorCode, StegoErrorIds } from '../errors.js';
import type { DecodeOptions, RgbImage } from '../png/index.js';

/** Each job's request and answer. */
export interface Jobs {
  readonly hide: { request: HideRequest; answer: HideResult };
  readonly hideCiphertext: { request: HideCiphertextRequest; answer: HideResult };
  readonly reveal: { request: RevealRequest; answer: Uint8Array };
  readonly extract: {
    request: {
      images: readonly Uint8Array[];
      partKeys: readonly PartKeys[];
      options: DecodeOptions;
    };
    answer: Uint8Array;
  };
  readonly readCover: {
    request: { bytes: Uint8Array; options: ReadCoverOptions };
    answer: Cover;
  };
  readonly synthesiseCover: { request: SyntheticCoverRequest; answer: Cover };
  readonly analyse: { request: RgbImage; answer: Analysis };
}

/** A job's name. */
export type JobName = keyof Jobs;

/** One job on its way to a worker. */
export type Task = { [J in JobName]: { job: J; request: Jobs[J]['request'] } }[JobName];

/** A worker's reply. */
export type Reply =
  | { ok: true; answer: unknown }
  | { ok: false; code: StegoErrorCode; message: string; ids: StegoErrorIds };
