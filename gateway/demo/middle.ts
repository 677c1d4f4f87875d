// Act two: reports are hidden, anchored, asked for, refused, allowed, opened, and taken back.

import { createHash } from 'node:crypto';
import { sample, type Cast, type SampleFile } from './cast.js';
import type { Person, UploadParts } from './client.js';
import { check, short, type Stage } from './stage.js';

export interface UploadAnswer {
  readonly receipt: { readonly id: string };
  readonly report: {
    readonly id: string;
    readonly mediaType: string;
    readonly sha256: string;
    readonly notice?: string;
    readonly images: readonly {
      readonly cloud: string;
      readonly object: string;
      readonly width: number;
      readonly height: number;
      readonly psnrDb: number;
      readonly synthesised: boolean;
    }[];
  };
}

interface Opened {
  readonly ticket: string;
  readonly access: string;
  readonly sha256: string;
  readonly label: { readonly title: string };
}

/** What later acts need to know. */
export interface Reports {
  readonly lab: UploadAnswer['report'];
  readonly ct: UploadAnswer['report'];
  readonly photo: UploadAnswer['report'];
}

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

/** Asks for a report and fetches it. */
export async function read(
  reader: Person,
  patient: Person,
  report: string,
  wish: Readonly<Record<string, unknown>>,
): Promise<{ bytes: Uint8Array; opened: Opened }> {
  const opened = await reader.post<Opened>(`/patients/${patient.userId}/reports/${report}/access`, {
    action: 'view',
    ...wish,
  });
  const { bytes } = await reader.download(`/tickets/${opened.ticket}/content`);
  return { bytes, opened };
}

export async function middle(stage: Stage, cast: Cast): Promise<Reports> {
  const files = {
    pdf: await sample('reports', 'lab-report.pdf'),
    dicom: await sample('reports', 'CT_small.dcm'),
    photo: await sample('covers', 'rocket.jpg'),
  };
  const reports = await uploads(stage, cast, files);
  await fullConsent(stage, cast, reports, files.pdf);
  await partialConsent(stage, cast, reports, files.dicom);
  await selectiveConsent(stage, cast, reports, files.photo);
  return reports;
}

async function upload(
  who: Person,
  patient: Person,
  parts: UploadParts,
): Promise<UploadAnswer['report']> {
  const { report } = await who.upload<UploadAnswer>(`/patients/${patient.userId}/reports`, parts);
  check(report.sha256 === sha256(parts.report.bytes), 'the gateway has received the very bytes');
  return report;
}

function told({ mediaType, images, id }: UploadAnswer['report']): string {
  const pictures = images.map(
    (image) =>
      `${image.width}×${image.height}, PSNR ${image.psnrDb} dB${image.synthesised ? ', synthetic' : ''}`,
  );
  return `${mediaType} in ${images.length} image(s) [${pictures.join('; ')}], anchored as ${id}`;
}

async function uploads(
  stage: Stage,
  { north, drAdeyemi, drBruun, maria }: Cast,
  files: { pdf: SampleFile; dicom: SampleFile; photo: SampleFile },
): Promise<Reports> {
  stage.act(
    'Reports are encrypted, hidden in photos, stored in a cloud that is not trusted, and anchored',
  );
  const lab = await upload(drAdeyemi, maria, {
    meta: { title: 'Blood count', category: 'laboratory', actingFor: north.userId },
    report: files.pdf,
    covers: [await sample('covers', 'coffee.png')],
  });
  stage.tell(
    'Dr Adeyemi files a laboratory report (PDF) in Maria’s record, in a photo of a coffee cup.',
    told(lab),
  );
  const ct = await upload(maria, maria, {
    meta: { title: 'CT slice', category: 'imaging' },
    report: files.dicom,
    covers: [await sample('covers', 'retina.jpg'), await sample('covers', 'chelsea.png')],
  });
  stage.tell('Maria adds a CT slice (DICOM), in photos of her own.', told(ct));
  const photo = await upload(maria, maria, {
    meta: { title: 'Rash on the arm', category: 'photo' },
    report: files.photo,
  });
  stage.tell(
    'Maria adds a photo, and has no cover left: one is made, and she is told.',
    `${told(photo)}; “${photo.notice ?? ''}”`,
  );
  const used = await sample('covers', 'coffee.png');
  const again = await maria.refused((m) =>
    m.upload(`/patients/${maria.userId}/reports`, {
      meta: { title: 'Again', category: 'photo' },
      report: files.pdf,
      covers: [used],
    }),
  );
  check(again.code === 'CONFLICT', 'a cover is never used twice');
  stage.tell(
    'Maria tries a photo that has carried a report before.',
    `${again.status} ${again.code}: a cover is never used twice, by anybody`,
  );
  const stranger = await drBruun.refused((d) =>
    d.upload(`/patients/${maria.userId}/reports`, {
      meta: { title: 'Unasked', category: 'laboratory', actingFor: north.userId },
      report: files.pdf,
    }),
  );
  check(stranger.code === 'REFUSED', 'a doctor without care relation may not add');
  stage.tell(
    'Dr Bruun, who has nothing to do with Maria, tries to add a report.',
    `${stranger.status} ${stranger.reason ?? ''}`,
  );
  return { lab, ct, photo };
}

async function fullConsent(
  stage: Stage,
  { north, drAdeyemi, maria }: Cast,
  { lab, ct }: Reports,
  pdf: SampleFile,
): Promise<void> {
  stage.act('Full consent, and its end');
  const wish = { purpose: 'treatment', actingFor: north.userId };
  const before = await drAdeyemi.refused((d) => read(d, maria, lab.id, wish));
  check(before.reason === 'NO_CONSENT', 'no consent, no reading, not even for the author');
  stage.tell(
    'Dr Adeyemi asks for the report without consent.',
    `${before.status} ${before.reason ?? ''}, and the attempt is on the ledger`,
  );
  const terms = {
    effect: 'permit',
    grantee: { kind: 'user', id: drAdeyemi.userId },
    scope: { kind: 'full' },
    actions: ['view', 'download'],
    purposes: ['treatment'],
  };
  const { id } = await maria.post<{ id: string }>(`/patients/${maria.userId}/consents`, { terms });
  stage.tell(
    'Maria gives Dr Adeyemi full access for treatment.',
    `consent ${id}: one wrapped key opens all, present and future`,
  );
  const { bytes, opened } = await read(drAdeyemi, maria, lab.id, wish);
  check(sha256(bytes) === sha256(pdf.bytes), 'the identical bytes come back');
  stage.tell(
    'Dr Adeyemi opens the PDF.',
    `“${opened.label.title}”, ${bytes.length} bytes, SHA-256 ${short(sha256(bytes))} = the original’s`,
  );
  const part = await drAdeyemi.download(`/tickets/${opened.ticket}/content`, {
    range: 'bytes=0-7',
  });
  check(
    part.status === 206 && Buffer.from(part.bytes).toString('latin1').startsWith('%PDF'),
    'ranges work',
  );
  stage.tell(
    'The same ticket gives byte ranges.',
    `206, bytes 0–7: ${JSON.stringify(Buffer.from(part.bytes).toString('latin1'))}`,
  );
  await maria.post(`/patients/${maria.userId}/consents/${id}/revoke`, { replaces: 1 });
  const after = await drAdeyemi.refused((d) => read(d, maria, ct.id, wish));
  check(after.reason === 'NO_CONSENT', 'a revoked consent opens nothing');
  stage.tell(
    'Maria takes it back: a new vault epoch begins, and the doctor is refused.',
    `${after.status} ${after.reason ?? ''} (what was read before can’t be unread)`,
  );
}

async function partialConsent(
  stage: Stage,
  { south, drBruun, maria }: Cast,
  { lab, ct }: Reports,
  dicom: SampleFile,
): Promise<void> {
  stage.act('Partial consent: a category, to a hospital');
  const wish = { purpose: 'research', actingFor: south.userId };
  const terms = {
    effect: 'permit',
    grantee: { kind: 'hospital', id: south.userId },
    scope: { kind: 'partial', categories: ['imaging'] },
    actions: ['view'],
    purposes: ['research'],
  };
  await maria.post(`/patients/${maria.userId}/consents`, { terms });
  const { bytes } = await read(drBruun, maria, ct.id, wish);
  check(sha256(bytes) === sha256(dicom.bytes), 'the identical DICOM bytes come back');
  stage.tell(
    'Maria lets South Clinic see imaging, for research; Dr Bruun opens the CT slice for it.',
    `${bytes.length} bytes, SHA-256 ${short(sha256(bytes))} = the original’s`,
  );
  const other = await drBruun.refused((d) => read(d, maria, lab.id, wish));
  const purpose = await drBruun.refused((d) =>
    read(d, maria, ct.id, { ...wish, purpose: 'treatment' }),
  );
  check(other.reason === 'NO_CONSENT' && purpose.reason === 'NO_CONSENT', 'partial means partial');
  stage.tell(
    'Not the laboratory report, and not for another purpose.',
    `${other.reason ?? ''}, ${purpose.reason ?? ''}`,
  );
}

async function selectiveConsent(
  stage: Stage,
  { maria, lena }: Cast,
  { lab, photo }: Reports,
  file: SampleFile,
): Promise<void> {
  stage.act('Selective consent: one report, to a relative');
  const link = { relative: lena.userId, rights: ['view'] };
  await maria.post(`/patients/${maria.userId}/kin`, link);
  const { items } = await lena.get<{ items: { patient: string }[] }>('/kin');
  check(
    items.length === 1 && items[0]?.patient === maria.userId,
    'the relative sees whose relative they are',
  );
  const hidden = await lena.refused((l) => read(l, maria, photo.id, { purpose: 'family' }));
  const picture = await lena.download(`/patients/${maria.userId}/reports/${photo.id}/stego/0`);
  check(
    Buffer.from(picture.bytes).subarray(1, 4).toString() === 'PNG',
    'the encrypted view is a picture',
  );
  stage.tell(
    'Lena, Maria’s sister, may see that reports exist; she sees this one encrypted.',
    `${hidden.reason ?? ''}; the stored picture, ${picture.bytes.length} bytes of PNG`,
  );
  const terms = {
    effect: 'permit',
    grantee: { kind: 'user', id: lena.userId },
    scope: { kind: 'selective', reports: [photo.id] },
    actions: ['view'],
    purposes: ['family'],
  };
  await maria.post(`/patients/${maria.userId}/consents`, { terms });
  const { bytes } = await read(lena, maria, photo.id, { purpose: 'family' });
  check(sha256(bytes) === sha256(file.bytes), 'the identical photo comes back');
  const other = await lena.refused((l) => read(l, maria, lab.id, { purpose: 'family' }));
  check(other.reason === 'NO_CONSENT', 'selective means selective');
  stage.tell(
    'Maria names that one report for Lena, who opens it, and no other.',
    `SHA-256 ${short(sha256(bytes))} = the original’s; the other: ${other.reason ?? ''}`,
  );
}
