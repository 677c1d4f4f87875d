// One object over the configured clouds: put to all of them, read from the first whose copy is good, deleted from all.
// A copy that is missing or bad is noted on disk, and healed from a good one. Clouds hold objects that never change, so
// healing deletes and puts anew.
import type { Clock } from '../ambient.js';
import { KeyedLock } from '../store/index.js';
import { CloudError, type Cloud, type CloudBody } from './cloud.js';
import {
  bodyOf,
  faultOf,
  hashOf,
  mostHopeful,
  notHealed,
  unanswered,
  unknownCloud,
} from './copy-faults.js';
import type { CopyFault, CopyNote, CopyNotes } from './copy-notes.js';

/** Where an object's copies lie. */
export interface Placement {
  readonly objectName: string;
  /** Names of clouds, in the order in which they are asked. */
  readonly clouds: readonly string[];
  /** What each copy must hash to, 64 hex digits. Without it, whoever reads says what is good. */
  readonly sha256?: string;
  /** The report that the object belongs to. */
  readonly report?: string;
}

/** What was read of a copy that is good. */
export interface GoodCopy<T> {
  readonly value: T;
  /** Of the whole object, 64 hex digits: what another copy is healed to. */
  readonly sha256: string;
}

/** `healed`: from a copy that is known to be good. `copied`: where none was, from one of which nothing tells whether it is. */
export type Mended = 'healed' | 'copied';

/** What happens when a put reaches some of the clouds only: the rest is owed, or nothing is kept. */
export type MissingPolicy = 'owe' | 'refuse';

export type CopyEvent =
  | { readonly kind: 'found' | 'healed' | 'copied' | 'owed'; readonly note: CopyNote }
  | { readonly kind: 'failed'; readonly note: CopyNote; readonly error: unknown };

export interface CopiesOptions {
  /** The configured clouds, the home first. */
  readonly clouds: readonly [Cloud, ...Cloud[]];
  readonly notes: CopyNotes;
  readonly clock: Clock;
  readonly whenMissing: MissingPolicy;
  /** Notes that wait to be paid in the background; beyond that they wait for the scrubber. */
  readonly queue: number;
  /** A cloud that has not answered is asked last, and owed new copies unasked, for so long. */
  readonly restMs: number;
  readonly onEvent?: (event: CopyEvent) => void;
}

export class Copies {
  readonly #clouds: ReadonlyMap<string, Cloud>;
  /** One at a time per object: what is deleted must not be healed at the same moment. */
  readonly #lock = new KeyedLock();
  readonly #restingUntil = new Map<string, number>();
  #paying: Promise<void> = Promise.resolve();
  #queued = 0;
  #closed = false;

  constructor(private readonly options: CopiesOptions) {
    this.#clouds = new Map(options.clouds.map((cloud) => [cloud.name, cloud]));
  }

  /** Names of the configured clouds, the home first. */
  get names(): readonly string[] {
    return [...this.#clouds.keys()];
  }

  get notes(): CopyNotes {
    return this.options.notes;
  }

  cloud(name: string): Cloud | undefined {
    return this.#clouds.get(name);
  }

  /** Whether a cloud answered when it was last asked, as far as is known. */
  answers(name: string): boolean {
    return !this.#resting(name);
  }

  /** Where a new object goes. */
  placement(objectName: string, more: Pick<Placement, 'sha256' | 'report'> = {}): Placement {
    return { objectName, clouds: this.names, ...more };
  }

  /**
   * Stores an object in every configured cloud.
   * @param options.existing `fine` when whatever lies there under this name does as well; no hash is on the ledger then, and
   *   what was written is noted here
   * @throws CloudError of the first cloud that failed: none took it, or `whenMissing` refuses
   */
  async put(
    objectName: string,
    body: CloudBody,
    options: {
      readonly sha256: string;
      readonly report?: string;
      readonly existing?: 'fine';
      readonly signal?: AbortSignal;
    },
  ): Promise<void> {
    const { sha256, report, existing, signal } = options;
    const call = { sha256, ...(signal !== undefined && { signal }) };
    await this.#lock.run([objectName], async () => {
      const outcomes = await Promise.all(
        this.options.clouds.map(async (cloud) => {
          try {
            if (this.#maySkip(cloud)) throw unanswered(cloud.name);
            await cloud.putIfAbsent(objectName, body, call);
            return { cloud, wrote: true };
          } catch (error) {
            this.#rest(cloud.name, error);
            const taken = error instanceof CloudError && error.code === 'EXISTS';
            return taken && existing === 'fine' ? { cloud, wrote: false } : { cloud, error };
          }
        }),
      );
      const good = outcomes.filter((outcome) => !('error' in outcome));
      const failed = outcomes.filter((outcome) => 'error' in outcome);
      const [first] = failed;
      const owed =
        this.options.whenMissing === 'owe' &&
        good.length > 0 &&
        failed.every(({ error }) => faultOf(error) === 'unanswered');
      if (first && !owed) {
        const written = good.filter(({ wrote }) => wrote === true);
        await Promise.allSettled(written.map(({ cloud }) => cloud.delete(objectName)));
        throw first.error;
      }
      const wrote = good.some((outcome) => outcome.wrote === true);
      if (wrote && existing === 'fine') await this.notes.digests.note(objectName, sha256);
      for (const { cloud } of good) await this.notes.clear({ objectName, cloud: cloud.name });
      // Of two puts that found one there already, neither stored these bytes: it is that one which is owed.
      const due = wrote ? sha256 : await this.notes.digests.of(objectName);
      for (const { cloud } of failed) {
        const from = good.map((outcome) => outcome.cloud.name);
        const anchored = existing !== 'fine';
        await this.#note(
          'owed',
          {
            objectName,
            clouds: [],
            ...(due !== undefined && { sha256: due }),
            ...(report !== undefined && { report }),
          },
          { cloud: cloud.name, wish: 'store', fault: 'unanswered', from, anchored },
        );
      }
    });
  }

  /**
   * Reads from the first copy that is good, and has those before it healed that are not.
   * @param attempt reads one copy and checks it; throws CloudError CHECKSUM when it is not what it should be
   * @throws CloudError the one that leaves most hope: a cloud that did not answer, then CHECKSUM, then NOT_FOUND
   */
  async read<T>(placement: Placement, attempt: (cloud: Cloud) => Promise<GoodCopy<T>>): Promise<T> {
    const faults: { readonly cloud: string; readonly error: unknown }[] = [];
    for (const name of this.#awakeFirst(placement.clouds)) {
      const cloud = this.#clouds.get(name);
      try {
        if (!cloud) throw unknownCloud(name);
        const { value, sha256 } = await attempt(cloud);
        const anchored = placement.sha256 !== undefined;
        await this.#noteFaults({ sha256, ...placement }, anchored, faults, [name]);
        return value;
      } catch (error) {
        if (faultOf(error) === undefined) throw error;
        this.#rest(name, error);
        faults.push({ cloud: name, error });
      }
    }
    const silent = faults.filter(({ error }) => faultOf(error) === 'unanswered');
    const hope = silent.map(({ cloud }) => cloud);
    await this.#noteFaults(placement, true, faults, hope);
    throw mostHopeful(faults.map(({ error }) => error));
  }

  /**
   * Deletes from every cloud that the placement names. A cloud that does not answer is noted, so that it is told again.
   * @throws CloudError when any cloud did not agree
   */
  async delete({ objectName, clouds, report }: Placement): Promise<void> {
    await this.#lock.run([objectName], async () => {
      await this.notes.digests.forget(objectName);
      const failures: unknown[] = [];
      for (const name of clouds) {
        const cloud = this.#clouds.get(name);
        try {
          if (!cloud) throw unknownCloud(name);
          await cloud.delete(objectName);
          await this.notes.clear({ objectName, cloud: name });
        } catch (error) {
          failures.push(error);
          if (!cloud) continue;
          await this.#note(
            'owed',
            { objectName, clouds, ...(report !== undefined && { report }) },
            { cloud: name, wish: 'delete', fault: 'unanswered', from: [], anchored: false },
          );
        }
      }
      if (failures.length > 0) throw failures[0];
    });
  }

  /**
   * Does what a note asks for, if it still stands.
   * @returns what was done about the copy, if anything had to be
   * @throws CloudError when it can't be done now; the note stays
   */
  async pay({
    objectName,
    cloud: name,
  }: Pick<CopyNote, 'objectName' | 'cloud'>): Promise<Mended | undefined> {
    return this.#lock.run([objectName], async () => {
      const note = await this.notes.get(objectName, name);
      const cloud = this.#clouds.get(name);
      if (!note || !cloud) return undefined;
      try {
        if (note.wish === 'delete') {
          await this.notes.digests.forget(objectName);
          await cloud.delete(objectName);
          await this.notes.clear(note);
          return undefined;
        }
        const outcome = await this.#restore(cloud, note);
        if (outcome === 'healed') await this.notes.close(note, this.options.clock.now());
        else await this.notes.clear(note);
        if (outcome !== 'healed' && outcome !== 'copied') return undefined;
        this.options.onEvent?.({ kind: outcome, note });
        return outcome;
      } catch (error) {
        this.options.onEvent?.({ kind: 'failed', note, error });
        throw error;
      }
    });
  }

  /**
   * Notes that a copy is missing or bad, and heals it. For whoever looks at copies by themselves.
   * @param options.anchored default: whether the placement has a hash
   * @returns what was done; `undefined`: nothing had to be or could be, and then the note stands
   */
  async report(
    placement: Placement,
    cloud: string,
    fault: CopyFault,
    options: Partial<Pick<CopyNote, 'anchored' | 'unproven'>> = {},
  ): Promise<Mended | undefined> {
    const from = placement.clouds.filter((name) => name !== cloud);
    const anchored = placement.sha256 !== undefined;
    const what = { cloud, wish: 'store', fault, from, anchored, ...options } as const;
    if (!(await this.#note('found', placement, what, 'now'))) return undefined;
    const { objectName } = placement;
    return this.pay({ objectName, cloud }).catch(() => undefined); // told to `onEvent`
  }

  /** Waits for the healing that is under way. */
  async settled(): Promise<void> {
    await this.#paying;
  }

  /** Begins no more healing, and waits for what is under way: notes stay for the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#paying;
  }

  async #noteFaults(
    placement: Placement,
    anchored: boolean,
    faults: readonly { readonly cloud: string; readonly error: unknown }[],
    from: readonly string[],
  ): Promise<void> {
    if (placement.sha256 === undefined) return;
    for (const { cloud, error } of faults) {
      const fault = faultOf(error);
      if (fault === undefined || fault === 'unanswered') continue;
      const what = { cloud, wish: 'store', fault, from, anchored } as const;
      await this.#note('found', placement, what);
    }
  }

  /** @returns false when it is being deleted, and nothing is noted */
  async #note(
    kind: 'found' | 'owed',
    { objectName, clouds, sha256, report }: Placement,
    what: Pick<CopyNote, 'cloud' | 'wish' | 'fault' | 'from' | 'anchored' | 'unproven'>,
    pay: 'now' | 'later' = 'later',
  ): Promise<boolean> {
    // Something that is being deleted is not brought back from the cloud that has not done so yet.
    for (const name of clouds) {
      if (what.wish === 'store' && (await this.notes.get(objectName, name))?.wish === 'delete')
        return false;
    }
    const note: CopyNote = {
      ...what,
      objectName,
      foundAt: this.options.clock.now(),
      ...(sha256 !== undefined && { sha256 }),
      ...(report !== undefined && { report }),
    };
    if (await this.notes.add(note)) this.options.onEvent?.({ kind, note });
    if (kind === 'found' && pay === 'later' && note.from.length > 0) this.#payLater(note);
    return true;
  }

  #payLater(note: CopyNote): void {
    if (this.#closed || this.#queued >= this.options.queue) return;
    this.#queued += 1;
    this.#paying = this.#paying.then(async () => {
      // A failure has been told to `onEvent`, and the note waits for the scrubber.
      if (!this.#closed) await this.pay(note).catch(() => undefined);
      this.#queued -= 1;
    });
  }

  /** `good`: nothing had to be done; `gone`: it was taken away everywhere in between. */
  async #restore(
    cloud: Cloud,
    { objectName, sha256, from, anchored, unproven }: CopyNote,
  ): Promise<Mended | 'good' | 'gone'> {
    if (sha256 === undefined) return this.#agreed(cloud, objectName);
    const present = await hashOf(cloud, objectName);
    if (present === sha256) return 'good';
    let nowhere = present === undefined && !anchored;
    // Where it was seen first, then wherever somebody may have brought it back.
    const sources = new Set([...from, ...this.names]);
    sources.delete(cloud.name);
    for (const name of sources) {
      const source = this.#clouds.get(name);
      // Nothing is deleted before a good copy has been read through.
      const offered = source && (await hashOf(source, objectName).catch(() => 'unanswered'));
      if (source && offered === sha256) {
        // What nothing vouches for stands in for a copy that is missing, never for another one.
        if (unproven && present !== undefined) throw notHealed(cloud.name, objectName);
        if (present !== undefined) await cloud.delete(objectName);
        await cloud.putIfAbsent(objectName, () => bodyOf(source, objectName), { sha256 });
        return unproven ? 'copied' : 'healed';
      }
      if (!source || offered !== undefined) nowhere = false;
    }
    if (nowhere) return 'gone';
    throw notHealed(cloud.name, objectName);
  }

  /** Nothing tells which copy is right: good again when they do not differ any more. */
  async #agreed(cloud: Cloud, objectName: string): Promise<'good'> {
    const hashes = new Set<string | undefined>();
    for (const each of this.options.clouds) hashes.add(await hashOf(each, objectName));
    if (hashes.size > 1) throw notHealed(cloud.name, objectName);
    return 'good';
  }

  #awakeFirst(names: readonly string[]): string[] {
    const resting = (name: string) => Number(this.#resting(name));
    return names.toSorted((a, b) => resting(a) - resting(b));
  }

  /** One that has just not answered need not be waited for when another takes the object. */
  #maySkip({ name }: Cloud): boolean {
    const others = this.names.filter((other) => other !== name && !this.#resting(other));
    return this.options.whenMissing === 'owe' && others.length > 0 && this.#resting(name);
  }

  #resting(name: string): boolean {
    return (this.#restingUntil.get(name) ?? 0) > this.options.clock.now();
  }

  #rest(name: string, error: unknown): void {
    if (faultOf(error) !== 'unanswered' || this.#resting(name)) return;
    this.#restingUntil.set(name, this.options.clock.now() + this.options.restMs);
  }
}
