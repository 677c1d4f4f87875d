// One snapshot of the committed state per height, shared by every simulation that begins at it.
import type { Block } from './block.js';
import { StateView } from './state.js';
import type { Store, StoreSnapshot } from './store.js';

interface Shared {
  readonly height: number;
  readonly snapshot: StoreSnapshot;
  readonly view: StateView;
  users: number;
}

export class Snapshots {
  #current: Shared;
  readonly #inUse = new Set<Shared>();

  constructor(
    private readonly store: Store,
    height: number,
    private readonly readBlock: (number: number) => Promise<Block>,
  ) {
    this.#current = this.#take(height);
  }

  /** The state has moved on: later simulations see `height` blocks. */
  advance(height: number): void {
    const before = this.#current;
    this.#current = this.#take(height);
    if (before.users === 0) this.#drop(before);
  }

  /** Every running simulation, and every one to come, has seen all blocks below this. */
  get oldestHeight(): number {
    let oldest = this.#current.height;
    for (const { height } of this.#inUse) oldest = Math.min(oldest, height);
    return oldest;
  }

  /** Lends the newest view; `release` must be called, and may be called again. */
  borrow(): { readonly view: StateView; readonly release: () => void } {
    const shared = this.#current;
    shared.users++;
    this.#inUse.add(shared);
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      shared.users--;
      if (shared.users > 0) return;
      this.#inUse.delete(shared);
      if (shared !== this.#current) this.#drop(shared);
    };
    return { view: shared.view, release };
  }

  async close(): Promise<void> {
    await this.#current.snapshot.close();
  }

  #take(height: number): Shared {
    const snapshot = this.store.snapshot();
    const view = new StateView(height, snapshot, this.readBlock);
    return { height, snapshot, view, users: 0 };
  }

  #drop(shared: Shared): void {
    // Closing frees memory only; should it fail, closing the store frees it, too.
    shared.snapshot.close().catch(() => undefined);
  }
}
