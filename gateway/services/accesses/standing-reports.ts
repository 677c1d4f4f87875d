// A report may be erased while it is being read: what was opened before ends, and what a cloud has already lost is then
// no damage.
import type { Report } from '@prms/chaincode';
import { GatewayError } from '../../errors.js';
import type { Records } from '../records.js';
import type { Erasures } from '../reports/index.js';

export class StandingReports {
  constructor(
    private readonly records: Records,
    private readonly erasures: Pick<Erasures, 'gone'>,
  ) {}

  /** What `read` gives, if the report still stands afterwards. @throws GatewayError GONE */
  async while<T>(report: Report, read: () => Promise<T>): Promise<T> {
    try {
      const value = await read();
      await this.#mustStand(report);
      return value;
    } catch (error) {
      await this.#mustStand(report);
      throw error;
    }
  }

  /** Chunk by chunk, each only while the report stands. */
  async *stream(report: Report, source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    const chunks = source[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.while<IteratorResult<Uint8Array, unknown>>(report, () =>
          chunks.next(),
        );
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await chunks.return?.();
    }
  }

  async #mustStand({ patient, id }: Report): Promise<void> {
    const now = await this.records.report(patient, id).catch(nothingKnown);
    if (now?.status === 'erased') throw await this.erasures.gone(now);
  }
}

/** A ledger that does not answer is in nobody's way, least of all in an emergency. */
function nothingKnown(error: unknown): undefined {
  if (error instanceof GatewayError) return undefined;
  throw error;
}
