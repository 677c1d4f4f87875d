// The one error class of the benchmark.

/** Closed union: a new code is a change of the interface. */
export type BenchErrorCode =
  /** Words or options that can't be used. */
  | 'USAGE'
  /** The platform is not installed, did not start, or ended by itself. */
  | 'PLATFORM'
  /** The workload's state could not be brought onto the ledger. */
  | 'PREPARATION'
  /** A result folder is missing, unreadable or not one. */
  | 'RESULTS'
  /** A generator's thread ended by itself. */
  | 'GENERATOR';

export class BenchError extends Error {
  override readonly name = 'BenchError';
  constructor(
    readonly code: BenchErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
