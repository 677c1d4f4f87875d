// Where key wraps lie and how they are used: the wraps of docs/key-wraps.md, put into a cloud under their published
// names, serve a vault; and what a vault stores lies under those names.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect } from 'chai';
import { Copies, CopyNotes, openFilesystemCloud, type Cloud } from '../clouds/index.js';
import { GatewayError } from '../errors.js';
import { openStore, type Store } from '../store/index.js';
import { failure, ManualClock, temporaryFolder, type TemporaryFolder } from '../testing/index.js';
import { encodePublicKey, publicKeyOf, type WrapPurpose } from '../vault/index.js';
import { wrapVectors } from '../vault/vectors/index.js';
import { Vaults } from './vaults.js';

const { recipientPrivateKey, recipientPublicKey, wraps } = wrapVectors;

function vector(purpose: WrapPurpose, subject = '') {
  const found = wraps.find((w) => w.purpose === purpose && w.subject.endsWith(subject));
  if (!found) throw new Error(`no vector of ${purpose}`);
  return found;
}

const onlyCopies = (cloud: Cloud, store: Store): Copies =>
  new Copies({
    clouds: [cloud],
    notes: new CopyNotes(store),
    clock: new ManualClock(),
    whenMissing: 'owe',
    queue: 10,
    restMs: 0,
  });

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('names of key wraps', () => {
  const tags = vector('tags');
  const epoch = vector('epoch', vector('escrow').subject);
  const link = vector('epoch', '.1');
  const patient = {
    id: tags.subject,
    epoch: { number: 2, key: encodePublicKey(publicKeyOf(epoch.secret)) },
  };
  const reader = {
    userId: tags.recipient,
    unsealing: [{ use: 'unseal' as const, kid: tags.kid, privateKey: recipientPrivateKey }],
  };
  const recipient = { id: tags.recipient, sealKey: encodePublicKey(recipientPublicKey) };
  let folder: TemporaryFolder;
  let cloud: Cloud;
  let copies: Copies;
  let store: Store;
  let vaults: Vaults;

  beforeEach(async () => {
    folder = await temporaryFolder();
    cloud = await openFilesystemCloud({ name: 'filesystem', root: join(folder.path, 'cloud') });
    store = await openStore(join(folder.path, 'store'));
    copies = onlyCopies(cloud, store);
    vaults = new Vaults(tags.ledger, copies);
  });
  afterEach(async () => {
    await store.close();
    await folder.remove();
  });

  const stock = async () => {
    for (const { object, wrapped } of wraps) {
      const sha256 = createHash('sha256').update(wrapped).digest('hex');
      await cloud.putIfAbsent(object, wrapped, { sha256 });
    }
  };

  it('a vault opens the published wraps where they lie', async () => {
    await stock();
    expect(hexOf(await vaults.openTagKey(patient.id, reader))).to.equal(hexOf(tags.secret));
    for (const purpose of ['epoch', 'escrow'] as const) {
      const { privateKey } = await vaults.openEpoch(patient, reader, purpose);
      expect(hexOf(privateKey), purpose).to.equal(hexOf(epoch.secret));
    }
  });

  it('an epoch opens the one before it', async () => {
    await stock();
    const present = { number: 2, privateKey: recipientPrivateKey };
    const earlier = await vaults.earlierEpoch(patient, present, 1);
    expect(hexOf(earlier.privateKey)).to.equal(hexOf(link.secret));
  });

  it('a vault of another ledger finds none of them', async () => {
    await stock();
    const other = new Vaults('other', copies);
    const error = await failure(GatewayError, () => other.openTagKey(patient.id, reader));
    expect(error.code).to.equal('NOT_FOUND');
  });

  it('what a vault stores lies under the published names', async () => {
    const opened = { number: 2, privateKey: epoch.secret };
    const report = vector('report');
    await vaults.giveTagKey(patient.id, tags.secret, recipient);
    await vaults.giveEpoch(patient, opened, recipient);
    await vaults.giveEpoch(patient, opened, recipient, 'escrow');
    await vaults.giveReport(report.subject, report.secret, recipient);
    await vaults.linkEpoch(
      patient,
      { number: 1, privateKey: link.secret },
      { number: 2, key: recipient.sealKey },
    );
    for (const { object, wrapped } of [tags, epoch, vector('escrow'), report, link])
      expect((await cloud.head(object)).sizeBytes).to.equal(wrapped.length);
  });

  it('refuses a planted wrap that holds another key than the epoch’s', async () => {
    const wrong = { ...patient, epoch: { number: 2, key: encodePublicKey(recipientPublicKey) } };
    await vaults.giveEpoch(wrong, { number: 2, privateKey: epoch.secret }, recipient);
    const error = await failure(GatewayError, () => vaults.openEpoch(wrong, reader));
    expect(error.code).to.equal('WRAP_DAMAGED');
  });
});
