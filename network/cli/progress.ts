// One line on a terminal that tells how far a walk along the chain has come, written over and over.
const WIPE = '\r\u001b[K';
const EVERY_MS = 100;

export class ProgressLine {
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly write: (text: string) => void,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Ten times a second is enough for eyes, and costs the walk nothing; the last block is always shown. */
  readonly show = ({ block, height }: { block: number; height: number }): void => {
    const last = height - 1;
    const nowMs = this.nowMs();
    if (block !== last && nowMs - this.#shownAt < EVERY_MS) return;
    this.#shownAt = nowMs;
    const percent = Math.floor((block / last) * 100);
    const words = block === last ? ', comparing the state' : '';
    this.write(`${WIPE}block ${block} of ${last} (${percent} %)${words}`);
  };

  wipe(): void {
    this.write(WIPE);
  }
}
