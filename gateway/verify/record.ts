// The record's documents against the operations: each must be, field by field, what the ledger's own rules make of the proven
// operations, and each that they make must be there.
import type { Retraced } from '@prms/chaincode';
import { z } from 'zod';
import { FILES } from '../export-format/index.js';
import { differences } from './differences.js';
import {
  accessSchema,
  appointmentSchema,
  careSchema,
  consentSchema,
  consultationSchema,
  kinSchema,
  patientSchema,
  readAs,
  reportSchema,
} from './documents.js';
import { NotProven } from './findings.js';

type Document = Readonly<Record<string, unknown>> & { readonly id: string };

interface RecordFile {
  readonly schema: z.ZodType<Document>;
  /** One line that holds a list, or one document a line. */
  readonly form: 'list' | 'lines';
  /** What a gateway adds: no operation says it, so it may say anything. */
  readonly told: readonly string[];
  /** The file's documents as the operations leave them. */
  readonly made: (record: Retraced) => Iterable<Readonly<{ id: string }>>;
}

/** Every file of the record. */
const RECORD_FILES: Readonly<Record<string, RecordFile>> = {
  [FILES.patient]: {
    schema: patientSchema,
    form: 'lines',
    told: ['details'],
    made: ({ patient }) => {
      if (!patient) return [];
      const { consents: _consents, kin: _kin, care: _care, ...policy } = patient;
      return [policy];
    },
  },
  [FILES.consents]: {
    schema: consentSchema,
    form: 'list',
    told: [],
    made: ({ patient }) => patient?.consents ?? [],
  },
  [FILES.kin]: {
    schema: kinSchema,
    form: 'list',
    told: [],
    made: ({ patient }) => patient?.kin ?? [],
  },
  [FILES.care]: {
    schema: careSchema,
    form: 'list',
    told: [],
    made: ({ patient }) => patient?.care ?? [],
  },
  [FILES.reports]: {
    schema: reportSchema,
    form: 'lines',
    told: [],
    made: ({ reports }) => reports.values(),
  },
  [FILES.accesses]: {
    schema: accessSchema,
    form: 'lines',
    told: ['anchoredLate', 'damaged', 'reasonText', 'reviewNote', 'objectionNote'],
    made: ({ accesses }) => accesses.values(),
  },
  [FILES.appointments]: {
    schema: appointmentSchema,
    form: 'lines',
    told: ['startsAt', 'minutes'],
    made: ({ appointments }) => appointments.values(),
  },
  [FILES.consultations]: {
    schema: consultationSchema,
    form: 'lines',
    told: [],
    made: ({ consultations }) => consultations.values(),
  },
};
export const CHECKED_FILES = Object.keys(RECORD_FILES);

/** By file, the fields of its documents that no operation says: nothing of them is proven. */
export const NOT_SAID: readonly { readonly file: string; readonly fields: readonly string[] }[] = [
  ...Object.entries(RECORD_FILES).map(([file, { told }]) => ({ file, fields: told })),
].filter(({ fields }) => fields.length > 0);

/** One file of the record, while its documents pass. */
export class RecordCheck {
  readonly #made: ReadonlyMap<string, unknown>;
  readonly #kind: RecordFile;
  readonly #met = new Set<string>();
  #count = 0;

  constructor(
    private readonly file: string,
    record: Retraced,
  ) {
    const kind = RECORD_FILES[file];
    if (!kind) throw new RangeError(`${file} is no file of a record`);
    this.#kind = kind;
    this.#made = new Map([...kind.made(record)].map((document) => [document.id, document]));
  }

  get count(): number {
    return this.#count;
  }

  /** The documents of a line of the file. @throws NotProven */
  documentsOf(line: unknown): readonly unknown[] {
    if (this.#kind.form === 'lines') return [line];
    if (Array.isArray(line)) return line;
    throw new NotProven(this.file, 'is no list');
  }

  /** @throws NotProven naming file, document and fields */
  check(document: unknown): void {
    const { file } = this;
    this.#count++;
    const name = z.looseObject({ id: z.string() }).safeParse(document).data?.id;
    if (name !== undefined && this.#met.has(name) && this.#made.has(name))
      throw new NotProven(file, `has ${name} twice`);
    // Whatever is wrong with it: it is not left out.
    if (name !== undefined) this.#met.add(name);
    const what = `entry ${this.#count}`;
    const read = readAs(this.#kind.schema, document, { file, what });
    const { id } = read;
    const made = this.#made.get(id);
    if (made === undefined)
      throw new NotProven(file, `${id} was not made by an operation shown here`);
    const told = new Set(this.#kind.told);
    const said = Object.fromEntries(Object.entries(read).filter(([name]) => !told.has(name)));
    const wrong = differences(said, made);
    if (wrong.length > 0)
      throw new NotProven(
        file,
        `${id} says something else than the operations made of it, in ${wrong.join(', ')}`,
      );
  }

  /** What the operations made and the file doesn't have. */
  leftOut(): string[] {
    return [...this.#made.keys()].filter((id) => !this.#met.has(id));
  }
}
