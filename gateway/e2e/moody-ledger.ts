// A ledger that can stop answering: it hangs, is slow, or says that it can't be reached. Reading goes on, as on a peer whose
// orderers are away; unless it has fallen silent altogether.
import { setTimeout as sleep } from 'node:timers/promises';
import { RECORDS, recordsChaincode } from '@prms/chaincode';
import { LedgerError, openEmbeddedLedger, type EmbeddedLedger } from '@prms/network';
import type { Clock } from '../ambient.js';
import { temporaryFolder } from '../testing/index.js';

export class MoodyLedger {
  #mood: 'works' | 'hangs' | 'unreachable' | 'silent' | { readonly delayMs: number } = 'works';
  #waiting: (() => void)[] = [];

  private constructor(
    readonly ledger: EmbeddedLedger,
    readonly close: () => Promise<void>,
  ) {}

  static async open(clock: Clock): Promise<MoodyLedger> {
    const folder = await temporaryFolder();
    return MoodyLedger.openIn(folder.path, clock, () => folder.remove());
  }

  static async openIn(
    dir: string,
    clock: Clock,
    remove: () => Promise<void> = () => Promise.resolve(),
  ): Promise<MoodyLedger> {
    const inner = await openEmbeddedLedger({
      dir,
      channel: 'records',
      chaincodes: { [RECORDS]: recordsChaincode },
      clock: () => clock.now(),
    });
    const moody: MoodyLedger = new MoodyLedger(
      {
        channel: inner.channel,
        identity: inner.identity,
        nodeCertificate: inner.nodeCertificate,
        get inFlight() {
          return inner.inFlight;
        },
        get accepting() {
          return inner.accepting;
        },
        as: (identity) => inner.as(identity),
        block: (number) => inner.block(number),
        verify: (options) => inner.verify(options),
        evaluate: async (...call) => {
          if (moody.#mood === 'silent') throw new LedgerError('TIMEOUT', 'nobody answers');
          return inner.evaluate(...call);
        },
        events: (options) => inner.events(options),
        blocks: (options) => inner.blocks(options),
        height: () => inner.height(),
        evidence: () => inner.evidence(),
        close: () => inner.close(),
        submit: async (...call) => {
          await moody.#pass();
          return inner.submit(...call);
        },
      },
      async () => {
        moody.works();
        await inner.close();
        await remove();
      },
    );
    return moody;
  }

  hangs(): void {
    this.#mood = 'hangs';
  }

  /** Every transaction takes so long before it begins. */
  slow(delayMs: number): void {
    this.#mood = { delayMs };
  }

  unreachable(): void {
    this.#mood = 'unreachable';
  }

  /** It can't even be read. */
  silent(): void {
    this.#mood = 'silent';
  }

  /** What hung goes on. */
  works(): void {
    this.#mood = 'works';
    for (const go of this.#waiting.splice(0)) go();
  }

  async #pass(): Promise<void> {
    if (this.#mood === 'unreachable' || this.#mood === 'silent')
      throw new LedgerError('UNAVAILABLE', 'nobody orders');
    if (typeof this.#mood === 'object') await sleep(this.#mood.delayMs);
    if (this.#mood === 'hangs') await new Promise<void>((go) => this.#waiting.push(go));
  }
}
