// Who can open what: the keys of patients' vaults and of reports, wrapped for their readers and kept beside the images
// in the clouds. The ledger says who may; here lies what it takes.
//
// A patient's vault has one key pair per epoch. Each report's data key is wrapped once for the epoch; whoever may read
// everything (the patient, full grantees, guardians, the escrow hospital) gets the epoch's private key instead, and each
// epoch's key opens the one before it. So a full grant costs one wrap, whatever the history.

import { createHash } from 'node:crypto';
import {
  canonicalise,
  kidOf,
  type Epoch,
  type Patient,
  type Report,
  type User,
} from '@prms/chaincode';
import { CloudError, type Cloud, type Copies, type Placement } from '../clouds/index.js';
import { GatewayError } from '../errors.js';
import {
  decodePublicKey,
  encodePublicKey,
  publicKeyOf,
  unwrapKey,
  wrapKey,
  type WrapBinding,
  type WrapPurpose,
} from '../vault/index.js';
import { kidOfPrivate, type Unsealer } from './actor.js';
import type { WrapNotes } from './wrap-notes.js';

/** Somebody to wrap for. */
export interface Recipient {
  readonly id: string;
  /** Their public key for wraps, base64url. */
  readonly sealKey: string;
}

export function recipientOf(user: User): Recipient {
  return { id: user.id, sealKey: user.keys.seal };
}

/** An opened epoch. */
export interface OpenEpoch {
  readonly number: number;
  readonly privateKey: Uint8Array;
}

/** What a wrap holds, without the recipient. */
interface Wrapped {
  readonly purpose: WrapPurpose;
  readonly subject: string;
}

/** A wrap's secret is at most 4096 bytes, so the object is not much longer. */
const MAX_WRAP_BYTES = 8192;

export class Vaults {
  constructor(
    private readonly channel: string,
    private readonly copies: Copies,
    private readonly notes?: WrapNotes,
  ) {}

  // --- epochs

  /** Gives somebody the key to everything. */
  async giveEpoch(
    patient: Pick<Patient, 'id' | 'epoch'>,
    epoch: OpenEpoch,
    recipient: Recipient,
    purpose: 'epoch' | 'escrow' = 'epoch',
  ): Promise<void> {
    await this.#put({ purpose, subject: epochSubject(patient) }, recipient, epoch.privateKey);
  }

  async takeEpoch(
    patient: Pick<Patient, 'id' | 'epoch'>,
    recipient: Recipient,
    purpose: 'epoch' | 'escrow' = 'epoch',
  ): Promise<void> {
    await this.#delete({ purpose, subject: epochSubject(patient) }, recipient);
  }

  /** The link of the chain: the next epoch's key opens this one's. */
  async linkEpoch(patient: Pick<Patient, 'id'>, previous: OpenEpoch, next: Epoch): Promise<void> {
    const subject = `${patient.id}.${previous.number}`;
    await this.#put(
      { purpose: 'epoch', subject },
      { id: patient.id, sealKey: next.key },
      previous.privateKey,
    );
  }

  /**
   * The present epoch's key, for somebody to whom it was given.
   * @throws GatewayError WRAP_DAMAGED | NOT_FOUND | CLOUD_UNAVAILABLE
   */
  async openEpoch(
    patient: Pick<Patient, 'id' | 'epoch'>,
    reader: Unsealer,
    purpose: 'epoch' | 'escrow' = 'epoch',
  ): Promise<OpenEpoch> {
    const privateKey = await this.#open({ purpose, subject: epochSubject(patient) }, reader);
    // The wrap came from a cloud: anybody can wrap something for a public key.
    if (encodePublicKey(publicKeyOf(privateKey)) !== patient.epoch.key) {
      throw new GatewayError(
        'WRAP_DAMAGED',
        'The wrap holds another key than the patient’s epoch.',
        { ids: { patient: patient.id } },
      );
    }
    return { number: patient.epoch.number, privateKey };
  }

  /** Goes back along the chain to an earlier epoch. */
  async earlierEpoch(
    patient: Pick<Patient, 'id'>,
    from: OpenEpoch,
    number: number,
  ): Promise<OpenEpoch> {
    let epoch = from;
    while (epoch.number > number) {
      const previous = epoch.number - 1;
      const privateKey = await this.#open(
        { purpose: 'epoch', subject: `${patient.id}.${previous}` },
        asUnsealer(patient.id, epoch),
      );
      epoch = { number: previous, privateKey };
    }
    return epoch;
  }

  // --- reports

  /** Wraps a new report's data key for the patient's epoch. */
  async storeDataKey(
    patient: Pick<Patient, 'id' | 'epoch'>,
    report: string,
    dataKey: Uint8Array,
  ): Promise<void> {
    await this.#put(reportWrap(report), { id: patient.id, sealKey: patient.epoch.key }, dataKey);
  }

  /** Wraps a report's data key for one reader of this report. */
  async giveReport(report: string, dataKey: Uint8Array, recipient: Recipient): Promise<void> {
    await this.#put(reportWrap(report), recipient, dataKey);
  }

  async takeReport(report: string, recipient: Recipient): Promise<void> {
    await this.#delete(reportWrap(report), recipient);
  }

  /** The data key of a report, by the key of the vault. */
  async dataKeyByEpoch(
    patient: Pick<Patient, 'id'>,
    report: Report,
    present: OpenEpoch,
  ): Promise<Uint8Array> {
    const epoch = await this.earlierEpoch(patient, present, report.terms.epoch);
    return this.#open(reportWrap(report.id), asUnsealer(patient.id, epoch));
  }

  /** The data key of a report that was wrapped for this reader alone. */
  dataKeyByWrap(report: Report, reader: Unsealer): Promise<Uint8Array> {
    return this.#open(reportWrap(report.id), reader);
  }

  /** Where the wraps of a report's data key lie, or would. For erasing. */
  reportWraps(report: string, recipients: readonly Recipient[]): Placement[] {
    const what = reportWrap(report);
    return recipients.map(({ id, sealKey }) =>
      this.copies.placement(objectName(this.#binding(what, id, kidOf(sealKey))), { report }),
    );
  }

  /** The same for wraps that clients have stored here, whoever they were made for. */
  async notedReportWraps(report: string): Promise<Placement[]> {
    const noted = (await this.notes?.ofReport(report)) ?? [];
    return noted.map(({ recipient, kid }) =>
      this.copies.placement(objectName(this.#binding(reportWrap(report), recipient, kid)), {
        report,
      }),
    );
  }

  // --- categories

  /** The key that makes a patient's categories opaque, for whoever adds to the record. */
  async giveTagKey(patient: string, tagKey: Uint8Array, recipient: Recipient): Promise<void> {
    await this.#put({ purpose: 'tags', subject: patient }, recipient, tagKey);
  }

  openTagKey(patient: string, reader: Unsealer): Promise<Uint8Array> {
    return this.#open({ purpose: 'tags', subject: patient }, reader);
  }

  // --- wraps that their makers and readers open themselves

  /**
   * Keeps a wrap as it came.
   * @param trusted made by the patient or a guardian: replaces what none of them has made
   * @returns false when there is one of this name already, which stays
   */
  async keep(
    named: Omit<WrapBinding, 'ledger'>,
    wrapped: Uint8Array,
    trusted: boolean,
  ): Promise<boolean> {
    const binding = { ...named, ledger: this.channel };
    const present = await this.find(named);
    if (present) {
      const note = await this.notes?.of(named);
      const theirs = note?.trusted === true && note.sha256 === sha256Of(present);
      if (!trusted || theirs) return false;
      await this.#remove(binding);
    }
    await this.notes?.put(named, sha256Of(wrapped), trusted);
    await this.#store(binding, wrapped);
    return true;
  }

  /** A wrap as it lies in the first cloud that has one. Whether it opens, only its recipient can tell. */
  async find(binding: Omit<WrapBinding, 'ledger'>): Promise<Uint8Array | undefined> {
    const name = objectName({ ...binding, ledger: this.channel });
    try {
      return await this.copies.read(
        this.copies.placement(name, aboutReport(binding)),
        async (cloud) => {
          const value = await readWrap(cloud, name);
          return { value, sha256: sha256Of(value) };
        },
      );
    } catch (error) {
      if (error instanceof CloudError && error.code === 'NOT_FOUND') return undefined;
      throw cloudTrouble(error);
    }
  }

  /** A wrap that is handed over and kept nowhere. */
  async handOver(
    what: Pick<WrapBinding, 'purpose' | 'subject'>,
    recipient: Recipient,
    secret: Uint8Array,
  ): Promise<WrapBinding & { readonly wrapped: Uint8Array }> {
    const recipientPublicKey = decodePublicKey(recipient.sealKey);
    if (!recipientPublicKey)
      throw new GatewayError('WRAP_DAMAGED', 'The recipient’s key on the ledger is not a key.', {
        ids: { user: recipient.id },
      });
    const binding = this.#binding(what, recipient.id, kidOf(recipient.sealKey));
    return { ...binding, wrapped: await wrapKey({ ...binding, recipientPublicKey, secret }) };
  }

  // --- objects

  async #put(what: Wrapped, recipient: Recipient, secret: Uint8Array): Promise<void> {
    const { wrapped, ...binding } = await this.handOver(what, recipient, secret);
    // What an author or a relative has put there may hold anything.
    if ((await this.notes?.of(binding))?.trusted === false) {
      await this.#remove(binding);
      await this.notes?.put(binding, sha256Of(wrapped), true);
    }
    await this.#store(binding, wrapped);
  }

  async #store(binding: WrapBinding, wrapped: Uint8Array): Promise<void> {
    const sha256 = sha256Of(wrapped);
    try {
      // One that is there already holds the same secret for the same key.
      await this.copies.put(objectName(binding), wrapped, {
        sha256,
        existing: 'fine',
        ...aboutReport(binding),
      });
    } catch (error) {
      throw cloudTrouble(error);
    }
  }

  async #delete(what: Wrapped, recipient: Recipient): Promise<void> {
    await this.#remove(this.#binding(what, recipient.id, kidOf(recipient.sealKey)));
  }

  async #remove(binding: WrapBinding): Promise<void> {
    try {
      await this.copies.delete(this.copies.placement(objectName(binding), aboutReport(binding)));
    } catch (error) {
      throw cloudTrouble(error);
    }
  }

  /** Tries each key that the reader has had, newest first. */
  async #open(what: Wrapped, reader: Unsealer): Promise<Uint8Array> {
    let trouble: GatewayError | undefined;
    for (const { privateKey } of reader.unsealing.toReversed()) {
      const binding = this.#binding(what, reader.userId, kidOfPrivate(privateKey));
      try {
        const secret = await this.#unwrapped(what, binding, privateKey);
        if (secret) return secret;
      } catch (error) {
        // A cloud that is down may hold this one; another that answers may hold an older one.
        if (!(error instanceof GatewayError && error.code === 'CLOUD_UNAVAILABLE')) throw error;
        trouble ??= error;
      }
    }
    if (trouble) throw trouble;
    throw new GatewayError(
      'NOT_FOUND',
      `No key for this ${what.purpose} has been wrapped for this reader.`,
      { ids: { subject: what.subject, reader: reader.userId } },
    );
  }

  /** The secret in the first copy that opens: the ledger holds no hash of a wrap. `undefined` when there is none. */
  async #unwrapped(
    what: Wrapped,
    binding: WrapBinding,
    recipientPrivateKey: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    const placement = this.copies.placement(objectName(binding), aboutReport(what));
    try {
      return await this.copies.read(placement, async (cloud) => {
        const wrapped = await readWrap(cloud, placement.objectName);
        const value = await unwrapKey({ ...binding, recipientPrivateKey, wrapped }).catch(
          (cause: unknown) => {
            throw new CloudError('CHECKSUM', 'The wrap does not open.', {}, { cause });
          },
        );
        return { value, sha256: sha256Of(wrapped) };
      });
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      if (error.code === 'NOT_FOUND') return undefined;
      throw error.cause instanceof GatewayError ? error.cause : cloudTrouble(error);
    }
  }

  #binding({ purpose, subject }: Wrapped, recipient: string, kid: string): WrapBinding {
    return { purpose, subject, ledger: this.channel, recipient, kid };
  }
}

export function epochSubject({ id, epoch }: Pick<Patient, 'id' | 'epoch'>): string {
  return `${id}.${epoch.number}.${kidOf(epoch.key)}`;
}

function reportWrap(report: string): Wrapped {
  return { purpose: 'report', subject: report };
}

/** The name under which a wrap lies, from public facts alone. */
export function wrapName(
  ledger: string,
  what: { readonly purpose: WrapPurpose; readonly subject: string },
  { id: recipient, sealKey }: Recipient,
): string {
  return objectName({ ...what, ledger, recipient, kid: kidOf(sealKey) });
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** With a report's wraps, so that what happens to them is told with the report. */
function aboutReport({ purpose, subject }: Wrapped): { readonly report?: string } {
  return purpose === 'report' ? { report: subject } : {};
}

/** @throws CloudError, CHECKSUM caused by a GatewayError when it is too long to be a wrap */
async function readWrap(cloud: Cloud, name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const { body } = await cloud.get(name);
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_WRAP_BYTES) {
      const cause = new GatewayError('WRAP_DAMAGED', 'A stored key wrap is far too long.');
      throw new CloudError('CHECKSUM', cause.message, {}, { cause });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function asUnsealer(patient: string, { privateKey }: OpenEpoch): Unsealer {
  return {
    userId: patient,
    unsealing: [{ use: 'unseal', kid: kidOfPrivate(privateKey), privateKey }],
  };
}

/** A wrap's place says nothing to whoever does not know all that it is bound to. */
function objectName(binding: WrapBinding): string {
  return createHash('sha256')
    .update(`PRMS-wrap-name-v1\0${canonicalise({ ...binding })}`)
    .digest('base64url');
}

export function cloudTrouble(error: unknown): unknown {
  if (!(error instanceof CloudError)) return error;
  if (error.code === 'CHECKSUM')
    return new GatewayError(
      'REPORT_DAMAGED',
      'What the cloud gave back is not what was anchored.',
      { cause: error },
    );
  if (error.code === 'NOT_FOUND')
    return new GatewayError('REPORT_DAMAGED', 'The cloud no longer has what was anchored.', {
      cause: error,
    });
  return new GatewayError('CLOUD_UNAVAILABLE', 'The cloud does not answer.', { cause: error });
}
