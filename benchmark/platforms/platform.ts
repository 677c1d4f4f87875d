// The port: what the harness may ask of a system under test. A platform is one file that exports one `Platform`;
// `index.ts` beside this names them, and nothing else in the harness knows which there are.

/** Why a call did not end in a receipt. Closed union. */
export type CallErrorCode =
  /** Others changed what it had read, each time it was tried. */
  | 'CONFLICTED'
  /** The platform took it and never said how it ended. */
  | 'LOST'
  /** The platform would not or could not do it. */
  | 'FAILED';

export class CallError extends Error {
  override readonly name = 'CallError';
  constructor(
    readonly code: CallErrorCode,
    message: string,
    /** How often it was tried. */
    readonly attempts = 1,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** One thing that a workload asks for. */
export type Call = OrderedCall | QueryCall | InvokeCall;

interface AnyCall {
  /** What it is counted as: `read`, `send-payment`, `consent:grant`. */
  readonly kind: string;
  /** The workload knows that a correct platform refuses this one. Default false. */
  readonly refusable?: boolean;
  /** Milliseconds that the workload itself spent on it, by stage: `sign`, `hide`, `store`. */
  readonly stagesMs?: Readonly<Record<string, number>>;
}

/** One line of a batch: goes through the ledger, together with others. */
export interface OrderedCall extends AnyCall {
  readonly way: 'ordered';
  /** What the chaincode's batch function takes; holds no line feed. */
  readonly line: string;
  /** Calls of one lane never overtake each other. */
  readonly lane: string;
}

/** A function run against committed state at one node; nothing is ordered. */
export interface QueryCall extends AnyCall {
  readonly way: 'query';
  readonly fn: string;
  readonly args: readonly string[];
}

/** A transaction of its own, for setting up: never part of a batch. */
export interface InvokeCall extends AnyCall {
  readonly way: 'invoke';
  readonly fn: string;
  readonly args: readonly string[];
}

/** Where on the ledger a call lies. */
export interface Place {
  readonly block: number;
  readonly transactionId: string;
  /** Its position among the transaction's operations, from 0. */
  readonly position: number;
}

/** How a call ended, durably. */
export interface Answer {
  readonly status: 'applied' | 'refused';
  /** Why it was refused. */
  readonly code?: string;
  readonly attempts: number;
  /** Ordered and invoked calls. */
  readonly place?: Place;
  /** What the function returned. */
  readonly result?: string;
  /** Milliseconds by stage, as far as the platform shows them: `check`, `order`, `commit`. */
  readonly stagesMs?: Readonly<Record<string, number>>;
}

/** One generator's way to the platform. */
export interface Connection {
  /**
   * Resolves when the platform reports the durable end of the call.
   * @throws CallError
   */
  call(call: Call): Promise<Answer>;
  /** The order of transactions on the ledger from `fromBlock` on: ids of valid ones. Undefined: it has no ledger. */
  order?(fromBlock: number): Promise<readonly string[]>;
  /** How many transactions from `fromBlock` on were ordered and then found to conflict, by the ledger's word for it. */
  conflicts?(fromBlock: number): Promise<Readonly<Record<string, number>>>;
  close(): Promise<void>;
}

/** Whom a user of the platform has to trust; charts never put two of these side by side unmarked. */
export type TrustClass = 'none' | 'one node' | 'crash-tolerant' | 'byzantine' | 'proof of work';

/** What the platform was told before it started. */
export interface PlatformSetting {
  /** A folder of its own, empty, which goes when it is stopped. */
  readonly dir: string;
  /** The chaincode that the workload runs on; deployed alone. */
  readonly chaincode: string;
  /** Operations in one transaction at most. */
  readonly batch: number;
  /** Batches that may be under way at once, for each generator. */
  readonly lanes: number;
}

export interface StartedPlatform {
  readonly version: string;
  /** How it was built or where it comes from. */
  readonly built: string;
  /** What a user might expect and that is off here: `TLS`, `fsync`. */
  readonly switchedOff: readonly string[];
  /** Processes to watch, besides the harness's own. */
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
  /** What a generator needs to connect; travels to another thread. */
  readonly address: unknown;
  /** Settles when the platform ended by itself, with why. */
  readonly ended: Promise<string>;
  /** Ends every process that was started and removes what they wrote. Idempotent. */
  stop(): Promise<void>;
}

export interface Platform {
  readonly name: string;
  /** One line for `--help`. */
  readonly summary: string;
  readonly trust: TrustClass;
  /** Calls that one run keeps under way at most, shared by its generators; the rest wait in the harness. */
  readonly window: number;
  readonly lanes: number;
  readonly batch: number;
  /** Undefined when it can run here; else how to install it. */
  missing(): Promise<string | undefined>;
  start(setting: PlatformSetting): Promise<StartedPlatform>;
  /** In the generator's thread. */
  connect(address: unknown, setting: PlatformSetting): Promise<Connection>;
}
