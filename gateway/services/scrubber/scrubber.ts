// Walks every copy of every report that the ledger knows, at a set pace, and goes on where it was after a restart: copies
// are read through and held against the ledger's hash, wraps against what was written here or against each other, what is
// wrong is noted and healed. Objects that nobody references are told and never deleted: they may be of an upload under
// way, of another gateway's consultation, or of a ledger that shares the bucket.
import type { Patient, Report, StoredObject } from '@prms/chaincode';
import type { Clock } from '../../ambient.js';
import {
  CloudError,
  faultOf,
  hashOf,
  type Cloud,
  type Copies,
  type Placement,
} from '../../clouds/index.js';
import { Documents, type Store } from '../../store/index.js';
import type { Records } from '../records.js';
import { ownObjects, placementOf } from '../reports/index.js';
import {
  newRound,
  progressSchema,
  type ScrubCounts,
  type ScrubProgress,
  type ScrubRound,
} from './progress.js';
import { Strays } from './strays.js';
import { judgeWrap } from './wrap-copies.js';
import { circleOf, reportWraps, vaultWraps, type Circle } from './wraps.js';

export interface ScrubberParts {
  readonly records: Records;
  readonly copies: Copies;
  readonly store: Store;
  readonly clock: Clock;
  readonly pace: { readonly copiesPerSecond: number; readonly bytesPerSecond: number };
  /** From one round's beginning to the next one's, at least. */
  readonly roundMs: number;
  /** Waits; ends early, in silence, when the scrubber is closed. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onRound?: (round: ScrubRound) => void;
  readonly onFailure?: (error: unknown) => void;
}

const KEY = 'progress';
const REPORTS_A_PAGE = 20;

export class Scrubber {
  readonly #progress: Documents<ScrubProgress>;
  readonly #strays: Strays;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(private readonly parts: ScrubberParts) {
    this.#progress = new Documents(parts.store, 'scrubber', progressSchema);
    this.#strays = new Strays(parts.store);
  }

  /** Where it is, and what the last round found. `undefined` before the first. */
  progress(): Promise<ScrubProgress | undefined> {
    return this.#progress.get(KEY);
  }

  /** Begins after `idleMs`, and scrubs until closed: every `idleMs` what is owed, and piece by piece the round. */
  start(idleMs: number): void {
    this.#running = this.#run(idleMs);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Does what open notes ask for. @returns how many could not be done */
  async payNotes(): Promise<number> {
    let unpaid = 0;
    for await (const note of this.parts.copies.notes.open()) {
      if (this.#stop.signal.aborted) break;
      await this.parts.copies.pay(note).catch(() => (unpaid += 1));
    }
    return unpaid;
  }

  /** The next piece of work, after which its progress is on disk. @returns false when the round is over and the next not due */
  async step(): Promise<boolean> {
    const { clock } = this.parts;
    const progress = (await this.progress()) ?? newRound(clock.now(), undefined);
    switch (progress.phase) {
      case 'listing':
        await this.#save(await this.#list(progress));
        return true;
      case 'walking':
        await this.#save(await this.#walk(progress));
        return true;
      case 'resting':
        if (clock.now() < progress.startedAt + this.parts.roundMs) return false;
        await this.#save(newRound(clock.now(), progress.last));
        return true;
    }
  }

  /** A whole round from where it is. For tests, and whoever can't wait. */
  async round(): Promise<ScrubProgress> {
    for (;;) {
      await this.step();
      const progress = await this.progress();
      if (progress?.phase === 'resting') return progress;
    }
  }

  async #run(idleMs: number): Promise<void> {
    const { signal } = this.#stop;
    await this.parts.pause(idleMs, signal);
    let lookedAt = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      try {
        if (performance.now() - lookedAt >= idleMs) {
          lookedAt = performance.now();
          await this.payNotes();
        }
        if (!(await this.step())) await this.parts.pause(idleMs, signal);
      } catch (error) {
        if (this.#closed()) return;
        this.parts.onFailure?.(error);
        await this.parts.pause(idleMs, signal);
      }
    }
  }

  #closed(): boolean {
    return this.#stop.signal.aborted;
  }

  async #save(progress: ScrubProgress): Promise<void> {
    await this.#progress.put(KEY, progress, { sync: true });
  }

  /** One page of one cloud: everything is a stray until the walk meets it. */
  async #list(progress: ScrubProgress): Promise<ScrubProgress> {
    const { cloud: index, cursor } = progress.listing;
    if (index === 0 && cursor === '') await this.#strays.clear();
    const cloud = this.parts.copies.cloud(this.parts.copies.names[index] ?? '');
    if (!cloud) return { ...progress, phase: 'walking' };
    const next = { ...progress, listing: { cloud: index + 1, cursor: '' } };
    try {
      const page = await cloud.list('', cursor === '' ? {} : { cursor });
      await this.#strays.add(cloud.name, page.objects);
      await this.#pace(1, 0);
      if (page.cursor === undefined) return next;
      return { ...progress, listing: { cloud: index, cursor: page.cursor } };
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      // A cloud that does not answer is not listed in this round.
      return next;
    }
  }

  /** One page of one patient's reports. */
  async #walk(progress: ScrubProgress): Promise<ScrubProgress> {
    const { records } = this.parts;
    const { patients, reports } = progress.walking;
    const { items, bookmark } = await records.users('patient', { limit: 1, bookmark: patients });
    const [user] = items;
    const counts = { ...progress.counts };
    const ended = { ...progress, counts, walking: { patients: bookmark, reports: '' } };
    if (user?.role !== 'patient') return this.#ended(ended);
    const next = await this.#walkPatient(user, reports, counts);
    if (next !== '') return { ...progress, counts, walking: { patients, reports: next } };
    return bookmark === '' ? this.#ended(ended) : ended;
  }

  async #ended(progress: ScrubProgress): Promise<ScrubProgress> {
    const { startedAt, counts } = progress;
    const strays = await this.#strays.tell();
    const finishedAt = this.parts.clock.now();
    const last = { startedAt, finishedAt, counts, strays };
    this.parts.onRound?.(last);
    return { ...progress, phase: 'resting', last };
  }

  /** @returns the bookmark of the next page of reports, empty after the last */
  async #walkPatient(patient: Patient, from: string, counts: ScrubCounts): Promise<string> {
    const { records } = this.parts;
    const circle = await circleOf(records, patient);
    if (from === '') {
      const { due, known } = vaultWraps(circle);
      await this.#wraps(due, known, counts);
    }
    const page = { limit: REPORTS_A_PAGE, bookmark: from };
    const { items, bookmark } = await records.reports(patient.id, page);
    for (const report of items) {
      if (this.#stop.signal.aborted) throw new Error('the scrubber is being closed');
      await this.#report(circle, report, counts);
    }
    return bookmark;
  }

  async #report(circle: Circle, report: Report, counts: ScrubCounts): Promise<void> {
    counts.reports += 1;
    const { due, known } = reportWraps(circle, report);
    const { parts, label } = report.terms;
    await this.#strays.remove([...parts, label].map(({ object }) => object));
    if (report.status === 'erased') {
      for (const object of ownObjects(report.id, report.terms)) await this.#gone(object, counts);
      await this.#wraps([], known, counts);
      return;
    }
    for (const object of [...parts, label]) await this.#object(report, object, counts);
    await this.#wraps(due, known, counts, report.id);
  }

  /** An erased report's object: a cloud that kept it, or was healed at the wrong moment, is told again. */
  async #gone(object: StoredObject, counts: ScrubCounts): Promise<void> {
    const placement = placementOf(object);
    for (const name of placement.clouds) {
      const found = await this.parts.copies
        .cloud(name)
        ?.head(object.object)
        .catch(() => undefined);
      await this.#pace(1, 0);
      if (!found) continue;
      counts.erasedFound += 1;
      await this.parts.copies.delete({ ...placement, clouds: [name] }).catch(() => undefined);
    }
  }

  async #object(report: Report, object: StoredObject, counts: ScrubCounts): Promise<void> {
    const sha256 = Buffer.from(object.sha256, 'base64url').toString('hex');
    const placement = { ...placementOf(object), sha256, report: report.id };
    for (const name of placement.clouds) {
      const cloud = this.parts.copies.cloud(name);
      if (!cloud) {
        counts.elsewhere += 1;
        continue;
      }
      try {
        const found = await this.#readThrough(cloud, object.object, counts);
        if (found === sha256) continue;
        await this.#heal(placement, name, found === undefined ? 'missing' : 'bad', counts);
      } catch (error) {
        if (faultOf(error) === undefined) throw error;
        counts.unanswered += 1;
      }
    }
  }

  async #readThrough(
    cloud: Cloud,
    objectName: string,
    counts: ScrubCounts,
  ): Promise<string | undefined> {
    let bytes = 0;
    const found = await hashOf(cloud, objectName, (length) => (bytes += length));
    counts.copies += 1;
    counts.bytes += bytes;
    await this.#pace(1, bytes);
    return found;
  }

  async #heal(
    placement: Placement,
    cloud: string,
    fault: 'missing' | 'bad',
    counts: ScrubCounts,
    options: Parameters<Copies['report']>[3] = {},
  ): Promise<void> {
    counts[fault] += 1;
    const done = await this.parts.copies.report(placement, cloud, fault, options);
    if (done !== undefined) counts[done] += 1;
  }

  /** Those that are due, and of the others those that were given here and not taken away here. */
  async #wraps(
    due: readonly string[],
    known: readonly string[],
    counts: ScrubCounts,
    report?: string,
  ): Promise<void> {
    await this.#strays.remove([...due, ...known]);
    const others = known.filter((objectName) => !due.includes(objectName));
    const about = report === undefined ? {} : { report };
    for (const objectName of due) await this.#wrap(objectName, 'due', counts, about);
    for (const objectName of await this.parts.copies.notes.digests.known(others))
      await this.#wrap(objectName, 'known', counts, about);
  }

  async #wrap(
    objectName: string,
    whose: 'due' | 'known',
    counts: ScrubCounts,
    about: Pick<Placement, 'report'>,
  ): Promise<void> {
    const { copies } = this.parts;
    const { digests } = copies.notes;
    const written = await digests.of(objectName);
    if (written === undefined && copies.names.length === 1) return;
    const found = await this.#wrapCopies(objectName, counts);
    // Stored anew or taken away since: what was found says nothing.
    if ((await digests.of(objectName)) !== written) return;
    const { faults, sha256, unproven, agreed, gone } = judgeWrap(found, written);
    if (agreed !== undefined) await digests.note(objectName, agreed);
    if (whose === 'known' && gone && found.size === copies.names.length)
      await digests.forget(objectName); // taken away by another gateway
    const placement = copies.placement(objectName, { ...about, ...(sha256 && { sha256 }) });
    const options = {
      anchored: whose === 'due' && sha256 !== undefined,
      ...(unproven && { unproven }),
    };
    for (const { cloud, fault } of faults) {
      // One that another gateway is taking away must not come back.
      if (whose === 'known' && fault === 'missing') continue;
      await this.#heal(placement, cloud, fault, counts, options);
    }
  }

  /** Hashes by cloud, of those that answer. */
  async #wrapCopies(
    objectName: string,
    counts: ScrubCounts,
  ): Promise<Map<string, string | undefined>> {
    const found = new Map<string, string | undefined>();
    for (const name of this.parts.copies.names) {
      const cloud = this.parts.copies.cloud(name);
      if (!cloud) continue;
      let bytes = 0;
      try {
        found.set(name, await hashOf(cloud, objectName, (length) => (bytes += length)));
      } catch (error) {
        if (faultOf(error) === undefined) throw error;
        counts.unanswered += 1;
      }
      counts.wraps += 1;
      await this.#pace(1, bytes);
    }
    return found;
  }

  async #pace(copies: number, bytes: number): Promise<void> {
    const { copiesPerSecond, bytesPerSecond } = this.parts.pace;
    const ms = Math.max(copies / copiesPerSecond, bytes / bytesPerSecond) * 1000;
    await this.parts.pause(ms, this.#stop.signal);
  }
}
