// Iterators in the shape that Fabric's shim hands to contracts: `next()` with { value, done }, `close()`, and the
// promise of one can itself be walked with `for await`.

export interface KeyValue {
  readonly namespace: string;
  readonly key: string;
  readonly value: Buffer;
}

export interface FabricIterator<T> {
  next(): Promise<{ value?: T; done: boolean }>;
  close(): Promise<void>;
}

export class StubIterator<T> implements FabricIterator<T> {
  constructor(
    private readonly source: AsyncGenerator<T, void, undefined>,
    private readonly onEnd: () => void,
  ) {}

  async next(): Promise<{ value?: T; done: boolean }> {
    const step = await this.source.next();
    if (step.done !== true) return { value: step.value, done: false };
    this.onEnd();
    return { done: true };
  }

  async close(): Promise<void> {
    this.onEnd();
    await this.source.return();
  }
}

type Holder<T> = FabricIterator<T> | { readonly iterator: FabricIterator<T> };

/** Makes the promise of an iterator (or of a page that holds one) walkable itself, as the shim does. */
export function iterable<T, H extends Holder<T>>(
  promise: Promise<H & Holder<T>>,
): Promise<H> & AsyncIterable<T> {
  async function* walk(): AsyncGenerator<T, void, undefined> {
    const holder: Holder<T> = await promise;
    const iterator = 'iterator' in holder ? holder.iterator : holder;
    try {
      for (;;) {
        const { value, done } = await iterator.next();
        if (done || value === undefined) return;
        yield value;
      }
    } finally {
      await iterator.close();
    }
  }
  return Object.assign(promise, { [Symbol.asyncIterator]: walk });
}
