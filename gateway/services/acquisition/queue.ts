// The queue of documents from hospitals' systems: accepted once they are on disk, whatever cloud and ledger do; bounded in
// number and bytes; each of them in the end exactly one report, or a failure that the hospital's office is shown.

import { addAbortSignal, Readable } from 'node:stream';
import type { Page } from '@prms/chaincode';
import type { Clock } from '../../ambient.js';
import { GatewayError } from '../../errors.js';
import { KeyedLock } from '../../store/index.js';
import { wipe } from '../../vault/index.js';
import type { Actor } from '../actor.js';
import { sniffMediaType } from '../media-type.js';
import type { PageRequest } from '../records.js';
import type { KnownService } from './accounts.js';
import { keyOf, type Binary, type Entries, type Entry } from './entries.js';
import type { Kept, Shelf } from './shelf.js';

/** What a system says of a document. */
export interface Wanted {
  readonly patient: string;
  readonly title: string;
  readonly category: string;
  readonly month?: string | undefined;
  readonly fileName: string;
  /** The sender's own name for it: what makes sending it twice harmless. */
  readonly identifier?: string | undefined;
  /** The identifier of the one that it replaces. */
  readonly replaces?: string | undefined;
}

/** The fate of a document, as its sender and its hospital's office are shown it. */
export interface ShownEntry {
  readonly id: string;
  readonly service: string;
  readonly patient: string;
  readonly state: Entry['state'];
  readonly acceptedAt: number;
  readonly bytes: number;
  readonly attempts: number;
  readonly report?: string;
  /** Why it failed, or why the last attempt did. */
  readonly code?: string;
  readonly reason?: string;
}

export interface QueueLimits {
  readonly documents: number;
  readonly bytes: number;
  readonly receptions: number;
  readonly reportBytes: number;
  readonly keepMs: number;
  readonly binaryMs: number;
  /** When to come back to a queue that is full. */
  readonly fullRetryMs: number;
  /** Of a page whose length nobody names. */
  readonly pageItems: number;
}

/** A body that is on disk, and how to be rid of it when nothing comes of it. */
export type Received = Kept | Binary;

export class Queue {
  readonly #locks = new KeyedLock();
  /** Files on the shelf by name, with their length: what the bounds count. */
  readonly #onDisk = new Map<string, number>();
  readonly #receiving = new Map<string, number>();
  #bytes = 0;

  constructor(
    private readonly parts: {
      readonly entries: Entries;
      readonly shelf: Shelf;
      readonly clock: Clock;
      readonly newId: () => string;
      readonly limits: QueueLimits;
      /** A document has become due. */
      readonly onDue: (key: string, nextAt: number) => void;
    },
  ) {}

  get length(): number {
    return this.#onDisk.size;
  }

  /** Finds what is there after a start, and puts away what nobody was told of. */
  async resume(): Promise<void> {
    const { entries, shelf, onDue } = this.parts;
    for await (const { value } of entries.binaries.list()) this.#count(value.id, value.bytes);
    for await (const { key, value } of entries.documents.list()) {
      if (value.file !== undefined) this.#count(value.file, value.bytes);
      if (value.state === 'waiting') onDue(key, value.nextAt);
    }
    await shelf.sweep(new Set(this.#onDisk.keys()));
  }

  /**
   * Takes a body to disk.
   * @param signal ends a stream that will say nothing any more
   * @throws GatewayError TOO_MANY when this system sends too many at once | BUSY when the queue is full | TOO_LARGE
   */
  async receive(
    { id: service }: KnownService,
    stream: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<Kept> {
    if (signal && stream instanceof Readable) addAbortSignal(signal, stream);
    const { shelf, limits, newId } = this.parts;
    const receiving = this.#receiving.get(service) ?? 0;
    if (receiving >= limits.receptions)
      throw new GatewayError('TOO_MANY', 'This system is sending too many documents at once.');
    const file = newId();
    this.#mustHaveRoom();
    this.#receiving.set(service, receiving + 1);
    this.#count(file, 0);
    try {
      const grow = (bytes: number) => {
        this.#count(file, (this.#onDisk.get(file) ?? 0) + bytes);
        if (this.#bytes > limits.bytes) throw this.#full();
      };
      return await shelf.keep(file, stream, { maxBytes: limits.reportBytes, grow });
    } catch (error) {
      this.#forget(file);
      throw error;
    } finally {
      const left = (this.#receiving.get(service) ?? 1) - 1;
      if (left > 0) this.#receiving.set(service, left);
      else this.#receiving.delete(service);
    }
  }

  async #dropAny(received: Received): Promise<void> {
    if ('file' in received) return this.drop(received);
    await this.parts.entries.binaries.delete(received.id, { sync: true });
    this.#forget(received.id);
    await this.parts.shelf.remove(received.id);
  }

  /** Puts a body away of which nothing came. */
  async drop({ file, key }: Kept): Promise<void> {
    wipe(key);
    this.#forget(file);
    await this.parts.shelf.remove(file);
  }

  /**
   * Makes a document of a body. The same one twice is one: it gets the first one's fate, and if that was a failure, it is
   * tried again.
   * @throws GatewayError CONFLICT (another content under this identifier, or the Binary has become another document, or was
   *   forgotten, meanwhile) | VALIDATION (nothing to replace)
   */
  accept(caller: KnownService, wanted: Wanted, received: Received): Promise<ShownEntry> {
    const { entries } = this.parts;
    const name =
      wanted.identifier === undefined ? undefined : entries.nameOf(caller.id, wanted.identifier);
    // A body is one document's: several may name the same Binary at once, each with an identifier of its own.
    return this.#locks.run([bodyLock(bodyOf(received)), ...(name ? [name] : [])], async () => {
      const binary = 'file' in received ? undefined : await entries.binaries.find(received.id);
      if (!('file' in received) && !binary) throw taken(received);
      const existing = name === undefined ? undefined : await this.#named(name);
      const replaced = await this.#replaced(caller, wanted);
      const entry = this.#entry(caller, wanted, received, name, replaced);
      if (existing?.mark === entry.mark) {
        await this.#dropAny(received);
        return shown(existing.state === 'failed' ? await this.#again(existing) : existing);
      }
      if (existing && existing.id !== replaced?.id)
        throw new GatewayError('CONFLICT', 'Another document has this identifier.', {
          ids: { document: existing.id },
        });
      const writes = [
        entries.documents.write(keyOf(entry), entry),
        ...(name === undefined ? [] : [entries.names.write(name, { key: keyOf(entry) })]),
        ...('file' in received ? [] : [entries.binaries.write(received.id, undefined)]),
      ];
      const expect = binary ? [binary.unchanged] : [];
      if (!(await entries.store.commit(writes, { sync: true, expect }))) throw taken(received);
      this.parts.onDue(keyOf(entry), entry.nextAt);
      return shown(entry);
    });
  }

  /** Keeps a FHIR Binary until a DocumentReference names it. */
  async keepBinary(caller: KnownService, kept: Kept, contentType: string): Promise<Binary> {
    const { entries, clock } = this.parts;
    const binary: Binary = {
      id: kept.file,
      service: caller.id,
      hospital: caller.hospital,
      receivedAt: clock.now(),
      bytes: kept.bytes,
      contentType,
      mediaType: sniffMediaType(kept.head, kept.head.length === kept.bytes),
      sha1: entries.digestMark(kept.sha1),
      sha256: entries.digestMark(kept.sha256),
      sealedKey: entries.sealKey(kept.file, kept.key),
    };
    wipe(kept.key);
    await entries.binaries.put(binary.id, binary, { sync: true });
    return binary;
  }

  /** One's own Binary. */
  async binary(caller: KnownService, id: string): Promise<Binary | undefined> {
    const binary = await this.parts.entries.binaries.get(id);
    return binary?.service === caller.id ? binary : undefined;
  }

  /** Has a Binary this SHA-1? */
  isOf(binary: Binary, sha1: Buffer): boolean {
    return this.parts.entries.digestMark(sha1) === binary.sha1;
  }

  /** @throws GatewayError NOT_FOUND */
  async fate(caller: KnownService, id: string): Promise<ShownEntry> {
    const entry = await this.parts.entries.documents.get(keyOf({ hospital: caller.hospital, id }));
    if (entry?.service !== caller.id) throw noSuchDocument(id);
    return shown(entry);
  }

  /** For a hospital's office, oldest first. A page may hold fewer than were asked for. */
  async list(
    office: Actor,
    { limit = this.parts.limits.pageItems, bookmark = '' }: PageRequest,
    state?: Entry['state'],
  ): Promise<Page<ShownEntry>> {
    const prefix = `${office.userId}/`;
    const items: ShownEntry[] = [];
    let last = '';
    let count = 0;
    const after = bookmark === '' ? {} : { after: prefix + bookmark };
    for await (const { value } of this.parts.entries.documents.list({ prefix, limit, ...after })) {
      count++;
      last = value.id;
      if (state === undefined || value.state === state) items.push(shown(value));
    }
    return { items, bookmark: count === limit ? last : '' };
  }

  /** Tries a failed document again. @throws GatewayError NOT_FOUND | CONFLICT */
  retry(office: Actor, id: string): Promise<ShownEntry> {
    return this.#locks.run([id], async () => {
      const entry = await this.parts.entries.documents.get(keyOf({ hospital: office.userId, id }));
      if (!entry) throw noSuchDocument(id);
      if (entry.state !== 'failed')
        throw new GatewayError('CONFLICT', 'Only what has failed is tried again.');
      return shown(await this.#again(entry));
    });
  }

  /** Forgets what is over for long, and Binaries that nothing named. */
  async sweep(): Promise<void> {
    const { entries, clock, limits } = this.parts;
    const now = clock.now();
    for await (const { value } of entries.binaries.list()) {
      if (now < value.receivedAt + limits.binaryMs) continue;
      await this.#locks.run([bodyLock(value.id)], async () => {
        // It may have become a document since it was listed.
        if (await entries.binaries.get(value.id)) await this.#dropAny(value);
      });
    }
    for await (const { key, value } of entries.documents.list()) {
      if (value.endedAt === undefined || now < value.endedAt + limits.keepMs) continue;
      const named = value.name !== undefined && (await entries.names.get(value.name))?.key === key;
      const writes = [
        entries.documents.write(key, undefined),
        ...(named && value.name !== undefined ? [entries.names.write(value.name, undefined)] : []),
      ];
      await entries.store.commit(writes, { sync: true });
      await this.letGo(value);
    }
  }

  /** The body of a document is of no more use. */
  async letGo({ file }: Entry): Promise<void> {
    if (file === undefined) return;
    this.#forget(file);
    await this.parts.shelf.remove(file);
  }

  #entry(
    caller: KnownService,
    wanted: Wanted,
    received: Received,
    name: string | undefined,
    replaced: Entry | undefined,
  ): Entry {
    const { entries, clock, newId } = this.parts;
    const id = newId();
    const now = clock.now();
    const { title, category, month, fileName } = wanted;
    const isKept = 'file' in received;
    const bodyKey = isKept ? received.key : entries.openKey(received);
    const key = Buffer.from(bodyKey).toString('base64url');
    const digest = isKept ? entries.digestMark(received.sha256) : received.sha256;
    return {
      id,
      service: caller.id,
      hospital: caller.hospital,
      patient: wanted.patient,
      acceptedAt: now,
      state: 'waiting',
      bytes: received.bytes,
      file: bodyOf(received),
      sealed: entries.seal(id, { title, category, fileName, key, ...(month && { month }) }),
      mark: entries.markOf(wanted.patient, digest),
      ...(name !== undefined && { name }),
      ...(replaced && { replaces: replaced.id }),
      attempts: 0,
      triedSince: now,
      nextAt: now,
    };
  }

  async #named(name: string): Promise<Entry | undefined> {
    const found = await this.parts.entries.names.get(name);
    return found && this.parts.entries.documents.get(found.key);
  }

  /** @throws GatewayError VALIDATION */
  async #replaced(caller: KnownService, { replaces, patient }: Wanted): Promise<Entry | undefined> {
    if (replaces === undefined) return undefined;
    const earlier = await this.#named(this.parts.entries.nameOf(caller.id, replaces));
    if (earlier?.patient === patient) return earlier;
    const message = 'names no document of this patient that this system has sent';
    const fields = [{ path: 'body.replaces', message }];
    throw new GatewayError('VALIDATION', `What it replaces ${message}.`, { fields });
  }

  async #again(entry: Entry): Promise<Entry> {
    const { entries, clock, onDue } = this.parts;
    const { code: _code, reason: _reason, endedAt: _endedAt, ...rest } = entry;
    const now = clock.now();
    const after: Entry = { ...rest, state: 'waiting', attempts: 0, triedSince: now, nextAt: now };
    await entries.documents.put(keyOf(entry), after, { sync: true });
    onDue(keyOf(entry), now);
    return after;
  }

  #full(): GatewayError {
    return new GatewayError('BUSY', 'Too many documents wait for cloud and ledger.', {
      retryAfterMs: this.parts.limits.fullRetryMs,
    });
  }

  #mustHaveRoom(): void {
    const { documents, bytes } = this.parts.limits;
    if (this.#onDisk.size >= documents || this.#bytes >= bytes) throw this.#full();
  }

  #count(file: string, bytes: number): void {
    this.#bytes += bytes - (this.#onDisk.get(file) ?? 0);
    this.#onDisk.set(file, bytes);
  }

  #forget(file: string): void {
    this.#bytes -= this.#onDisk.get(file) ?? 0;
    this.#onDisk.delete(file);
  }
}

const bodyOf = (received: Received): string => ('file' in received ? received.file : received.id);

const bodyLock = (file: string): string => `body/${file}`;

function taken(received: Received): GatewayError {
  return new GatewayError('CONFLICT', 'This body has become a document, or was forgotten.', {
    ids: { body: bodyOf(received) },
  });
}

function shown(entry: Entry): ShownEntry {
  const { id, service, patient, state, acceptedAt, bytes, attempts, report, code, reason } = entry;
  return {
    id,
    service,
    patient,
    state,
    acceptedAt,
    bytes,
    attempts,
    ...(report !== undefined && { report }),
    ...(code !== undefined && { code }),
    ...(reason !== undefined && { reason }),
  };
}

function noSuchDocument(id: string): GatewayError {
  return new GatewayError('NOT_FOUND', 'There is no such document.', { ids: { document: id } });
}
