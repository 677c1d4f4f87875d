// What the entries of an exported record say is what the signed operations made of them: every field of every kind, however
// often it was changed, taken back or ended.
import { canonicalise, retrace, type Retraced } from '@prms/chaincode';
import { checkChain } from '@prms/network';
import { expect } from 'chai';
import { FILES } from '../export-format/index.js';
import { proveOperations, readProof } from '../verify/operations.js';
import { CHECKED_FILES, NOT_SAID, RecordCheck } from '../verify/record.js';
import { documentsIn, manifestOf, piecesOf, withContent, type File } from './exported-record.js';
import { livedRecord, type LivedRecord } from './lived-record.js';

type Json = Readonly<Record<string, unknown>>;

describe('the entries of an exported record', function () {
  this.timeout(240_000);
  let lived: LivedRecord;
  let files: File[] = [];
  let held: ReadonlyMap<string, Buffer> = new Map();

  before(async () => {
    lived = await livedRecord();
    files = await lived.record.unpack(await lived.record.take(lived.record.maria));
    held = new Map(files);
  });
  after(() => lived.record.close());

  const entries = (file: string): Json[] => documentsIn(held, file) as Json[];
  const entry = (file: string, id: string): Json => {
    const found = entries(file).find((each) => each['id'] === id);
    if (!found) throw new Error(`${file} has no ${id}`);
    return found;
  };
  /** The archive with this file's entries changed, hashed as if by somebody honest. */
  const withEntries = (file: string, change: (entries: Json[]) => unknown[]): Promise<Buffer> => {
    const changed = change(entries(file));
    const isList = file.endsWith('.json') && file !== FILES.patient;
    const lines = isList ? [changed] : changed;
    return withContent(files, file, lines.map((line) => `${canonical(line)}\n`).join(''));
  };
  const found = async (archive: Buffer, file: string): Promise<string> => {
    const verdict = await lived.record.check(archive);
    expect(verdict.ok).to.equal(false);
    const here = verdict.problems.filter((problem) => problem.file === file);
    return here.map(({ message }) => message).join('\n');
  };
  const retraced = async (): Promise<Retraced> => {
    const { chain: anchor, ledger, patient } = manifestOf(held);
    const proofs = documentsIn(held, FILES.operations).map(readProof);
    const keep = new Set(proofs.map(({ block }) => block));
    const pieces = piecesOf(held.get(FILES.chain) ?? Buffer.alloc(0));
    const { dataHashes } = await checkChain(anchor, pieces, { keep });
    const { applied, genesis } = proveOperations(proofs, ledger, dataHashes);
    return retrace([...applied.values()], { genesis, patient });
  };

  it('hold, for the patient and for a guardian, whatever became of them', async () => {
    const { record, guardian, ids } = lived;
    for (const who of [record.maria, guardian]) {
      const verdict = await record.check(await record.take(who));
      expect(verdict.problems, who.login).to.deep.equal([]);
    }
    const states: [file: string, what: string, expected: object][] = [
      [FILES.consents, 'amended', { version: 2, status: 'active' }],
      [FILES.consents, 'expired', { version: 1, status: 'active' }],
      [FILES.consents, 'on behalf', { by: guardian.userId }],
      [FILES.consents, 'taken back', { version: 2, status: 'revoked' }],
      [FILES.kin, 'ended link', { version: 3, status: 'ended', rights: ['view'] }],
      [FILES.care, 'ended care', { status: 'ended' }],
      [FILES.care, 'refused care', { status: 'refused' }],
      [FILES.reports, 'erased', { status: 'erased' }],
      [FILES.reports, 'withdrawn', { status: 'withdrawn' }],
      [FILES.reports, 'superseded', { supersededBy: ids['superseding'] }],
      [FILES.appointments, 'cancelled', { version: 3, status: 'cancelled' }],
      [FILES.accesses, 'emergency', { version: 3, kind: 'emergency' }],
      [FILES.consultations, 'closed', { status: 'closed', count: 1 }],
    ];
    for (const [file, what, expected] of states)
      expect(entry(file, ids[what] ?? ''), what).to.deep.include(expected);
  });

  it('another value of any field that an operation says is found, and entry and field are named', async () => {
    const { record, guardian, ids } = lived;
    const lie = record.lena.userId;
    const later = 2_000_000_000_000;
    const edits: [file: string, what: string, field: string, value: unknown][] = [
      [FILES.consents, 'taken back', 'status', 'active'],
      [FILES.consents, 'amended', 'status', 'revoked'],
      [FILES.consents, 'amended', 'terms.effect', 'deny'],
      [FILES.consents, 'amended', 'terms.grantee.id', lie],
      [FILES.consents, 'amended', 'terms.scope', { kind: 'full' }],
      [FILES.consents, 'amended', 'terms.scope.fromMonth', '2019-01'],
      [FILES.consents, 'amended', 'terms.actions', ['view', 'download', 'share']],
      [FILES.consents, 'amended', 'terms.purposes', ['treatment']],
      [FILES.consents, 'expired', 'terms.notBefore', 1],
      [FILES.consents, 'expired', 'terms.notAfter', later],
      [FILES.consents, 'on behalf', 'by', record.maria.userId],
      [FILES.consents, 'amended', 'until', later],
      [FILES.consents, 'amended', 'version', 1],
      [FILES.consents, 'amended', 'created', lie],
      [FILES.consents, 'amended', 'last.id', ids['expired']],
      [FILES.consents, 'amended', 'last.hash', lie],
      [FILES.consents, 'amended', 'last.at', later],
      [FILES.kin, 'ended link', 'status', 'active'],
      [FILES.kin, 'ended link', 'rights', ['guardian']],
      [FILES.kin, 'ended link', 'relative', lie],
      [FILES.kin, 'guardian', 'notAfter', later],
      [FILES.kin, 'guardian', 'notAfter', undefined],
      [FILES.kin, 'guardian', 'by', guardian.userId],
      [FILES.care, 'refused care', 'status', 'approved'],
      [FILES.care, 'ended care', 'doctor', record.doctor.userId],
      [FILES.care, 'ended care', 'hospital', lie],
      [FILES.reports, 'erased', 'status', 'active'],
      [FILES.reports, 'withdrawn', 'status', 'active'],
      [FILES.reports, 'superseded', 'supersededBy', undefined],
      [FILES.reports, 'superseding', 'supersedes', ids['erased']],
      [FILES.reports, 'from a system', 'actingFor', lie],
      [FILES.reports, 'from a system', 'author', lie],
      [FILES.reports, 'erased', 'anchoredAt', later],
      [FILES.reports, 'erased', 'patient', lie],
      [FILES.reports, 'erased', 'terms.month', '1999-01'],
      [FILES.accesses, 'emergency', 'endsAt', later],
      [FILES.accesses, 'emergency', 'actingFor', lie],
      [FILES.accesses, 'emergency', 'issuedAt', later],
      [FILES.accesses, 'emergency', 'actor', lie],
      [FILES.accesses, 'emergency', 'reason', lie],
      [FILES.accesses, 'emergency', 'outcome.basis', 'self'],
      [FILES.accesses, 'emergency', 'review', undefined],
      [FILES.accesses, 'emergency', 'review.verdict', 'unjustified'],
      [FILES.accesses, 'emergency', 'review.by', lie],
      [FILES.accesses, 'emergency', 'review.at', later],
      [FILES.accesses, 'emergency', 'objection', undefined],
      [FILES.accesses, 'emergency', 'objection.at', later],
      [FILES.appointments, 'cancelled', 'status', 'booked'],
      [FILES.appointments, 'cancelled', 'slot', ids['emergency']],
      [FILES.appointments, 'cancelled', 'offer', ids['emergency']],
      [FILES.appointments, 'cancelled', 'doctor', lie],
      [FILES.appointments, 'cancelled', 'hospital', lie],
      [FILES.consultations, 'closed', 'status', 'open'],
      [FILES.consultations, 'closed', 'openedAt', later],
      [FILES.consultations, 'closed', 'count', 2],
      [FILES.consultations, 'closed', 'head', lie],
      [FILES.consultations, 'closed', 'doctor', lie],
      [FILES.consultations, 'closed', 'hospital', lie],
      [FILES.patient, 'patient', 'escrow', record.north.userId],
      [FILES.patient, 'patient', 'epoch.number', 99],
      [FILES.patient, 'patient', 'kid', 'A'.repeat(22)],
      [FILES.patient, 'patient', 'registeredAt', later],
    ];
    for (const [file, what, field, value] of edits) {
      const id = what === 'patient' ? record.maria.userId : (ids[what] ?? '');
      expect(canonical(at(entry(file, id), field)), field).not.to.equal(canonical(value));
      const archive = await withEntries(file, (all) =>
        all.map((each) => (each['id'] === id ? put(each, field, value) : each)),
      );
      const message = await found(archive, file);
      const named = message.split(', in ')[1]?.split(', ') ?? [];
      expect(message, `${what} ${field}`).to.include(id);
      const isNamed = named.some((name) => name === field || name.startsWith(`${field}.`));
      expect(isNamed, `${what} ${field}: ${message}`).to.equal(true);
    }
  });

  it('whatever an operation says in any entry can not be another value; what it doesn’t say is named', async () => {
    const record = await retraced();
    const { notProven } = await lived.record.check(await lived.record.take(lived.record.maria));
    const told = new Map(NOT_SAID.map(({ file, fields }) => [file, new Set(fields)]));
    let refused = 0;
    for (const file of CHECKED_FILES) {
      const said = notProven.find((line) => line.startsWith(`${file}: `)) ?? '';
      for (const field of told.get(file) ?? []) expect(said, file).to.include(field);
      for (const document of entries(file)) {
        new RecordCheck(file, record).check(document);
        for (const field of [...Object.keys(document), 'planted']) {
          if (told.get(file)?.has(field) === true) continue;
          for (const lie of [undefined, another(document[field])]) {
            if (canonical(lie) === canonical(document[field])) continue;
            refused++;
            const check = (): void => {
              new RecordCheck(file, record).check(put(document, field, lie));
            };
            expect(check, `${file} ${field}`).to.throw(/something else|form|not made by/);
          }
        }
      }
    }
    expect(refused).to.be.greaterThan(500);
  });

  it('an entry left out, there twice, or invented', async () => {
    for (const file of CHECKED_FILES.filter((name) => name !== FILES.patient)) {
      const [first, ...others] = entries(file);
      const id = String(first?.['id']);
      const without = await found(await withEntries(file, () => others), file);
      expect(without, file).to.include(`leaves out ${id}`);
      const twice = await found(await withEntries(file, (all) => [...all, first]), file);
      expect(twice, file).to.include(`has ${id} twice`);
      const invented = { ...first, id: '7ZZZZZZZZZZZZZZZZZZZZZZZZZ' };
      const more = await found(await withEntries(file, (all) => [...all, invented]), file);
      expect(more, file).to.match(/7Z+ was not made by an operation shown here/);
    }
    const nobody = await found(await withEntries(FILES.patient, () => []), FILES.patient);
    expect(nobody).to.include(`leaves out ${lived.record.maria.userId}`);
  });

  it('an operation left out of the evidence breaks those that follow it', async () => {
    const { ids } = lived;
    const lines = held.get(FILES.operations)?.toString().trimEnd().split('\n') ?? [];
    for (const what of ['amended', 'guardian', 'ended care', 'cancelled', 'closed']) {
      const gone = lines.filter(
        (line) => !line.includes(`\\"id\\":\\"${ids[what] ?? ''}\\",\\"issuedAt`),
      );
      expect(gone.length, what).to.be.lessThan(lines.length);
      const archive = await withContent(files, FILES.operations, `${gone.join('\n')}\n`);
      expect(await found(archive, FILES.operations), what).to.match(/does not follow|is not shown/);
    }
    const founding = lines.filter((line) => !line.includes('emergencyWindowMs'));
    const archive = await withContent(files, FILES.operations, `${founding.join('\n')}\n`);
    expect(await found(archive, FILES.operations)).to.match(/how the ledger was founded/);
  });

  it('forms: a field too many, another type or a huge number is refused by its name, in any file', async () => {
    const lies: [field: string, value: unknown, words: RegExp][] = [
      ['planted', 1, /has a field "planted"/],
      ['__proto__x', {}, /has a field "__proto__x"/],
      ['version', 'one', /field "version"/],
      ['version', -1, /field "version"/],
      ['last', { id: 1 }, /field "last\.id"/],
      ['last', [], /field "last"/],
      ['id', 'x'.repeat(5000), /field "id"/],
      ['id', null, /field "id"/],
    ];
    for (const file of CHECKED_FILES)
      for (const [field, value, words] of lies) {
        const archive = await withEntries(file, ([first, ...rest]) => [
          { ...first, [field]: value },
          ...rest,
        ]);
        const message = await found(archive, file);
        expect(message.split('\n')[0], `${file} ${field}`)
          .to.match(/^entry 1 does not have its form/)
          .and.to.match(words);
        expect(message.length, file).to.be.lessThan(2000);
      }
    for (const [file, content] of [
      [FILES.consents, '{}\n'],
      [FILES.consents, 'null\n'],
      [FILES.patient, '[]\n'],
      [FILES.accesses, '7\n'],
      [FILES.operations, '{"kind":"embedded"}\n'],
      [FILES.operations, '[]\n'],
      [FILES.reports, `${'['.repeat(100_000)}${']'.repeat(100_000)}\n`],
      [FILES.reports, '{"a":1e999}\n'],
      [FILES.reports, '{"version":9007199254740993}\n'],
      [FILES.reports, '{"a":1,"a":2}\n'],
    ] as const) {
      const message = await found(await withContent(files, file, content), file);
      expect(message, content.slice(0, 20)).to.match(/form|is no list|canonical/);
    }
  });
});

const canonical = (value: unknown): string => (value === undefined ? '' : canonicalise(value));

/** The value at a path joined by dots. */
function at(document: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce((value, name) => (isObject(value) ? value[name] : undefined), document);
}

/** The document with another value there, or with none. */
function put(document: Json, path: string, value: unknown): Json {
  const [name = '', ...rest] = path.split('.');
  const { [name]: before, ...others } = document;
  if (rest.length > 0 && isObject(before))
    return { ...others, [name]: put(before, rest.join('.'), value) };
  return value === undefined ? others : { ...others, [name]: value };
}

/** Something else that looks alike. */
function another(value: unknown): unknown {
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'string') return `${value.startsWith('A') ? 'B' : 'A'}${value.slice(1)}`;
  if (Array.isArray(value)) return value.slice(1);
  if (!isObject(value)) return 'A'.repeat(43);
  const [name = ''] = Object.keys(value);
  return { ...value, [name]: another(value[name]) };
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
