// Lets one caller at a time hold a set of keys; others wait in turn. No key is held while another is waited for
// out of order, so two callers never wait for each other.

/** Runs tasks that name the keys they need, one at a time per key. */
export class KeyedLock {
  private readonly tails = new Map<string, Promise<void>>();

  async run<T>(keys: readonly string[], task: () => Promise<T>): Promise<T> {
    const distinct = [...new Set(keys)];
    // All tails are taken in one synchronous step: the order of arrival is the same on every key.
    const before = distinct.map((key) => this.tails.get(key) ?? Promise.resolve());
    let release = (): void => undefined;
    const mine = new Promise<void>((resolve) => (release = resolve));
    for (const key of distinct) this.tails.set(key, mine);
    try {
      await Promise.all(before);
      return await task();
    } finally {
      for (const key of distinct) if (this.tails.get(key) === mine) this.tails.delete(key);
      release();
    }
  }
}
