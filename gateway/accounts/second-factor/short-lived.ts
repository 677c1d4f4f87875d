// Things that are remembered for minutes, in memory: challenges, secrets that are offered, log-ins that wait for their
// second step. Bounded: when full, what waits longest goes first. A restart forgets them all.
import type { Clock } from '../../ambient.js';

interface Entry<T> {
  readonly value: T;
  readonly expiresAt: number;
}

export class ShortLived<T> {
  private readonly entries = new Map<string, Entry<T>>();

  constructor(
    private readonly parts: {
      readonly clock: Clock;
      readonly lifeMs: number;
      readonly most: number;
      /** Called once for each value that was not taken: to wipe it. */
      readonly onDrop?: (value: T) => void;
    },
  ) {}

  get size(): number {
    return this.entries.size;
  }

  /** Puts a value in the place of the key's earlier one. @returns when it will be forgotten */
  put(key: string, value: T): number {
    this.drop(key);
    this.sweep();
    const [oldest] = this.entries.keys();
    if (this.entries.size >= this.parts.most && oldest !== undefined) this.drop(oldest);
    const expiresAt = this.parts.clock.now() + this.parts.lifeMs;
    this.entries.set(key, { value, expiresAt });
    return expiresAt;
  }

  get(key: string): T | undefined {
    const entry = this.entries.get(key);
    if (entry !== undefined && !this.isOver(entry)) return entry.value;
    this.drop(key);
    return undefined;
  }

  /** The value, once: whoever asks next finds nothing. */
  take(key: string): T | undefined {
    const value = this.get(key);
    this.entries.delete(key);
    return value;
  }

  drop(key: string): void {
    const entry = this.entries.get(key);
    this.entries.delete(key);
    if (entry !== undefined) this.parts.onDrop?.(entry.value);
  }

  /** Keys whose values are of a kind, longest waiting first. */
  keysWhere(fits: (value: T) => boolean): string[] {
    return [...this.entries].filter(([, { value }]) => fits(value)).map(([key]) => key);
  }

  /** Drops what is over. They stand in the order of their ends. Call it now and then. */
  sweep(): void {
    for (const [key, entry] of this.entries) {
      if (!this.isOver(entry)) return;
      this.drop(key);
    }
  }

  dropAll(): void {
    for (const key of [...this.entries.keys()]) this.drop(key);
  }

  private isOver({ expiresAt }: Entry<T>): boolean {
    return this.parts.clock.now() >= expiresAt;
  }
}
