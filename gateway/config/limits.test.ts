// Sizes, counts and times belong into the table of settings, where whoever runs a gateway finds them. What may stay in the
// code is listed here, with the reason.
import { readdirSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const source = new URL('../../', import.meta.url);
/** No part of a running gateway: its tests and story, the table itself, and what verifies an export elsewhere. */
const ELSEWHERE =
  /\.(test|check|child|d)\.ts$|\/testing[^/]*$|\/testing\/|^(e2e|demo|bench|testing|config|verify|clouds\/real|dist|node_modules)\/|\/conformance\//;
/** Whatever is a number for the whole of a file, and what is built into a schema or an answer. */
const CONSTANT = /^(?:export )?const (\w+)(?:: \w+)? = (?:[-(]*(?:0x[\da-f_]+|\d[\d_]*)n?\b)/gm;
const INLINE = /\.(?:max|default)\((?:[2-9]|\d[\d_]+)\)|\bretryAfterMs: \d[\d_]*/g;

const FORMAT = 'a length that a format, a standard or an algorithm says';
const UNIT = 'how much of one unit another is';
const BUFFER = 'how much is read at a time: changes no answer';
const GUARD = 'above what can be written: whatever is larger is damaged';

const MAY_STAY: Readonly<Record<string, string>> = {
  'accounts/second-factor/recovery-codes.ts BYTES': FORMAT,
  'accounts/second-factor/totp.ts TOTP_STEP_MS': FORMAT,
  'accounts/throttle/devices.ts MAC_BYTES': FORMAT,
  'accounts/throttle/devices.ts NONCE_BYTES': FORMAT,
  'accounts/throttle/devices.ts TIME_BYTES': FORMAT,
  'accounts/throttle/known-addresses.ts NOTE_EVERY_MS': 'spares writes; known for days anyway',
  'clouds/filesystem.ts READ_CHUNK_BYTES': BUFFER,
  'clouds/resilient.ts LONGEST_MS': 'what a timer of the runtime can hold',
  'export-format/names.ts LONGEST_NAME': FORMAT,
  'export-format/names.ts LONGEST_TITLE': FORMAT,
  'export-format/zip-layout.ts END_BYTES': FORMAT,
  'export-format/zip-layout.ts ZIP64_END_BYTES': FORMAT,
  'http/base/cookies.ts DEVICE_COOKIE_MS':
    'the longest that browsers keep; the token inside ends earlier',
  'http/base/cookies.ts MOST_DEVICE_TOKENS': 'what fits into one cookie',
  'http/base/socket-channel.ts DRAIN_LOOK_MS': 'how often a queue is looked at',
  'http/routes/sealed.ts WRAP_BYTES': FORMAT,
  'logging.ts MAX_TEXT': 'longest value in a log line',
  'runtime/open.ts MINUTE_MS': UNIT,
  'services/acquisition/open.ts HOUR_MS': UNIT,
  'services/acquisition/shelf.ts HEAD_BYTES': BUFFER,
  'services/acquisition/shelf.ts TAG_BYTES': FORMAT,
  'services/cloud-care.ts HOUR_MS': UNIT,
  'services/consultations/pace.ts MINUTE_MS': UNIT,
  'services/make.ts DAY_MS': UNIT,
  'services/own-keys/key-logins.ts MAC_BYTES': FORMAT,
  'services/own-keys/key-logins.ts NONCE_BYTES': FORMAT,
  'services/own-keys/key-logins.ts TIME_BYTES': FORMAT,
  'services/own-keys/make.ts TAG_BYTES': FORMAT,
  'services/own-keys/uploading.ts TAG_BYTES': FORMAT,
  'services/reports/draft.ts HEAD_BYTES': BUFFER,
  'services/reports/erasures.ts AT_ONCE_MS':
    'what was on its way when a report was erased has arrived',
  'services/reports/sealed-report.ts CHUNK_TAG_BYTES': FORMAT,
  'services/reports/sealed-report.ts MAX_IMAGE_BYTES': GUARD,
  'services/reports/sealed-report.ts MAX_LABEL_BYTES': GUARD,
  'services/vaults.ts MAX_WRAP_BYTES': GUARD,
  'store/level.ts MAX_TOGETHER': 'commits in one write to disk; the rest goes with the next',
  'vault/box.ts NONCE_BYTES': FORMAT,
  'vault/key-file.ts VERSION': FORMAT,
  'vault/box.ts TAG_BYTES': FORMAT,
  'vault/message-box.ts MESSAGE_OVERHEAD_BYTES': FORMAT,
  'vault/recovery-code.ts CODE_BYTES': FORMAT,
  'vault/wrap.ts ENC_BYTES': FORMAT,
  'vault/wrap.ts MAX_SECRET_BYTES': FORMAT,
  'vault/wrap.ts TAG_BYTES': FORMAT,
  'accounts/second-factor/recovery-codes.ts COUNT': 'codes of one sheet',
  'accounts/second-factor/totp.ts DIGITS': FORMAT,
  'accounts/throttle/throttle.ts MINUTE': UNIT,
  'accounts/throttle/throttle.ts HOUR': UNIT,
  'clouds/filesystem.ts DEFAULT_PAGE': BUFFER,
  'export-format/zip-layout.ts DOS_DATE': FORMAT,
  'export-format/zip-layout.ts LIMIT_32': FORMAT,
  'export-format/zip-layout.ts LIMIT_16': FORMAT,
  'export-format/zip-layout.ts VERSION': FORMAT,
  'export-format/zip-layout.ts UNIX': FORMAT,
  'export-format/zip-layout.ts FLAGS': FORMAT,
  'http/base/lines.ts LINE_FEED': FORMAT,
  'http/base/lines.ts CARRIAGE_RETURN': FORMAT,
  'http/routes/sealed-uploads.ts LABEL_CHARACTERS': GUARD,
  'services/circle.ts ATTEMPTS':
    'each failure is another’s success: five losses in a row are no accident',
  'services/consultations/pace.ts TIDY_ABOVE': 'when what is over is forgotten: changes no answer',
  'services/consultations/rooms.ts BATCH': BUFFER,
  'services/consultations/transcripts.ts PAGE': BUFFER,
  'services/reports/erasures.ts UNANSWERED': 'no count at all',
  'services/scrubber/scrubber.ts REPORTS_A_PAGE': BUFFER,
  'services/scrubber/strays.ts SAMPLE': 'names in a report, of all that are counted',
  'vault/p256.ts ORDER': FORMAT,
  'vault/recovery-code.ts CHECK_CHARACTERS': FORMAT,
  'vault/wrap.ts WRAP_VERSION': FORMAT,
};

const ARGUMENT = 'what a field of the interface may hold: a client is written against it';
const LEDGER = 'what the ledger takes: the chaincode refuses more, on every gateway alike';
const FILE = 'what a document at rest may hold: above what is written there';
const SPECIFIED = 'what a standard or a format allows';
const ADVICE = 'advice when to come back, no bound';

/** Numbers inside of schemas and answers, a file a line. */
const MAY_STAY_INLINE: Readonly<Record<string, readonly [why: string, numbers: string]>> = {
  'accounts/login-name.ts': [
    'names and passwords: what rests under them is found and opened on every gateway',
    '.max(512) .max(128) .max(256)',
  ],
  'accounts/second-factor/passkeys.ts': [
    SPECIFIED,
    '.max(16_384) .max(1400) .max(20) .max(10) .max(128)',
  ],
  'accounts/throttle/known-addresses.ts': [FILE, '.max(100)'],
  'export-format/manifest.ts': [SPECIFIED, '.max(240) .max(32) .max(8)'],
  'http/base/admission.ts': [ADVICE, 'retryAfterMs: 1000'],
  'http/base/sockets.ts': [ADVICE, 'retryAfterMs: 5000'],
  'http/routes/accesses.ts': [ARGUMENT, '.max(2000)'],
  'http/routes/accounts.ts': [
    ARGUMENT,
    '.max(512) .max(1024) .max(128) .max(120) .max(64) .max(256)',
  ],
  'http/routes/acquisition.ts': [ARGUMENT, '.max(512) .max(200) .max(60)'],
  'http/routes/consents.ts': [LEDGER, '.max(60) .max(32) .max(64)'],
  'http/routes/consultations.ts': [
    ARGUMENT,
    '.max(40) .max(8192) .max(15_000) .max(100_000) .max(1000) .default(500)',
  ],
  'http/routes/keys.ts': [ARGUMENT, '.max(1024) .max(512)'],
  'http/routes/meetings.ts': [LEDGER, '.max(480) .max(64)'],
  'http/routes/own-keys.ts': [ARGUMENT, '.max(32_768) .max(128)'],
  'http/routes/reports.ts': [ARGUMENT, '.max(200) .max(60) .max(63)'],
  'http/routes/schemas.ts': [ARGUMENT, '.max(120) .max(60) .max(500) .default(50)'],
  'http/routes/sealed.ts': [ARGUMENT, '.max(128)'],
  'http/routes/services.ts': [ARGUMENT, '.max(120)'],
  'http/routes/sign-in.ts': [ARGUMENT, '.max(64) .max(256) .max(60)'],
  'runtime/translate.ts': [ADVICE, 'retryAfterMs: 5000 retryAfterMs: 2000'],
  'services/acquisition/fhir.ts': [ARGUMENT, '.max(250) .max(20) .max(200) .max(10)'],
  'services/acquisition/queue.ts': [ADVICE, 'retryAfterMs: 1000'],
  'services/bulk.ts': [ADVICE, 'retryAfterMs: 1000'],
  'services/consultations/frames.ts': [ARGUMENT, '.max(8192)'],
  'services/consultations/transcript-format.ts': [SPECIFIED, '.max(4_000_000)'],
  'services/export/exports.ts': [ADVICE, 'retryAfterMs: 5000'],
  'services/ledger-trouble.ts': [ADVICE, 'retryAfterMs: 1000'],
  'services/outbox.ts': [ADVICE, 'retryAfterMs: 1000'],
  'services/own-keys/uploading.ts': [ADVICE, 'retryAfterMs: 60_000 retryAfterMs: 2000'],
  'services/patient-files.ts': [ARGUMENT, '.max(200) .max(50) .max(400)'],
  'services/reports/sealed-report.ts': [SPECIFIED, '.max(200) .max(255) .max(100) .max(60)'],
  'services/reports/uploads.ts': [ADVICE, 'retryAfterMs: 2000'],
  'services/tickets.ts': [ADVICE, 'retryAfterMs: 10_000'],
  'vault/fair-turns.ts': [ADVICE, 'retryAfterMs: 1000'],
  'vault/key-bundle.ts': [FILE, '.max(20) .max(2_097_152) .max(16)'],
};

const constantsIn = (text: string): string[] =>
  [...text.matchAll(CONSTANT)].map(([, name]) => name ?? '');

/** Each once, in the order of the text. */
const numbersIn = (text: string): string =>
  [...new Set([...text.matchAll(INLINE)].map(([number]) => number))].join(' ');

describe('limits', () => {
  const folder = fileURLToPath(source);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(folder, `${entry.parentPath}/${entry.name}`))
    .filter((path) => !ELSEWHERE.test(path));

  const read = (path: string): string => readFileSync(new URL(path, source), 'utf8');

  it('the search finds what it is for', () => {
    const text =
      'const TRIES = 5;\nexport const MAX_THINGS: number = (7);\nconst a = MAX_B;\nconst b = -1;';
    expect(constantsIn(text)).to.deep.equal(['TRIES', 'MAX_THINGS', 'b']);
    const inline = 'z.max(2).max(10_000).max(1) retryAfterMs: 500, .max(limit) .default(50).max(2)';
    expect(numbersIn(inline)).to.equal('.max(2) .max(10_000) retryAfterMs: 500 .default(50)');
    expect(files).to.include('runtime/open.ts');
  });

  it('stand in the table of settings, but for those listed here with their reason', () => {
    const found = files.flatMap((path) => constantsIn(read(path)).map((name) => `${path} ${name}`));
    const listed = Object.keys(MAY_STAY);
    const hidden = found.filter((each) => !listed.includes(each));
    expect(hidden, 'put it into gateway/config/topics/, or say here why not').to.deep.equal([]);
    const gone = listed.filter((each) => !found.includes(each));
    expect(gone, 'these are no longer there: remove them').to.deep.equal([]);
  });

  it('are not written into schemas and answers, but for those listed here with their reason', () => {
    const found = files.flatMap((path) => {
      const numbers = numbersIn(read(path));
      return numbers === '' ? [] : [[path, numbers] as const];
    });
    const listed = Object.entries(MAY_STAY_INLINE).map(([path, [, numbers]]) => [path, numbers]);
    expect(Object.fromEntries(found)).to.deep.equal(Object.fromEntries(listed));
  });

  it('of routes come from the settings: none names a time of its own', () => {
    const routes = files.filter((path) => path.startsWith('http/routes/'));
    for (const path of routes)
      expect(readFileSync(new URL(path, source), 'utf8'), path).to.not.match(/timeoutMs: \d/);
  });
});
