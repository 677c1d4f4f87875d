// Bodies that let go of what they hold even when they are returned from before the first chunk: a generator that
// was never started skips its `finally`.

/** `chunks` as a body; `release` runs when the reader leaves early, started or not. It may run more than once. */
export function releasing(
  chunks: AsyncGenerator<Uint8Array, void, undefined>,
  release: () => Promise<void>,
): AsyncIterable<Uint8Array> {
  const iterator: AsyncIterator<Uint8Array, void, undefined> = {
    next: () => chunks.next(),
    return: async () => {
      await chunks.return();
      await release();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/** Ends a body that is not read further, without waiting for a cloud that may be silent. */
export function letGo(chunks: AsyncIterator<Uint8Array>): void {
  chunks.return?.().catch(() => undefined);
}
