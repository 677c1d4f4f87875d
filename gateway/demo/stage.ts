// Where the story is told: numbered lines, what happened and the proof.

export class Stage {
  #step = 0;

  constructor(
    private readonly out: (line: string) => void,
    /** Ends the story between two steps. */
    private readonly signal: AbortSignal,
  ) {}

  act(title: string): void {
    this.signal.throwIfAborted();
    this.out(`\n${title}`);
  }

  /** One step that went well. */
  tell(what: string, proof: string): void {
    this.signal.throwIfAborted();
    this.#step++;
    this.out(`${String(this.#step).padStart(3)}. ${what}\n     ${proof}`);
  }

  get steps(): number {
    return this.#step;
  }
}

/** @throws Error: the demo fails when what it promises is not so */
export function check(condition: boolean, promise: string): void {
  if (!condition) throw new Error(`the demo expected: ${promise}`);
}

/** Ids and hashes are long: their beginnings are enough to follow the story. */
export function short(text: string): string {
  return text.length > 14 ? `${text.slice(0, 12)}…` : text;
}
