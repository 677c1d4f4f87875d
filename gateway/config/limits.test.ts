// Sizes, counts and times belong into the table of settings, where whoever runs a gateway finds them. What may stay in the
// code is listed here, with the reason.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  genesisSchema,
  MAX_BATCH_BYTES,
  MAX_BATCH_OPERATIONS,
  MAX_LIFE_MS,
  MAX_OPERATION_BYTES,
  MAX_PAGE_ITEMS,
} from '@prms/chaincode';
import { DEFAULT_MAX_PIXELS, MAX_PAYLOAD_BYTES } from '@prms/stego';
import { expect } from 'chai';
import type { z } from 'zod';
import { settings } from './index.js';

const repository = new URL('../../../', import.meta.url);
/** What makes up a running gateway, and `prms verify`. */
const PACKAGES = ['gateway', 'network', 'stego', 'chaincode'] as const;
/** No part of it: tests and story, the table itself, and command lines. */
const ELSEWHERE =
  /\.(test|check|child|d)\.ts$|\/testing[^/]*$|\/(testing|testkit|conformance|dist|node_modules|cli|bench)\/|^gateway\/(e2e|demo|config|clouds\/real)\//;
/** Whatever is a number for the whole of a file. */
const CONSTANT = /^(?:export )?const (\w+)(?:: \w+)? = (?:[-(]*(?:0x[\da-f_]+|\d[\d_]*)n?\b)/gm;
const UNIT_NAME = String.raw`(?:(?:DAY|HOUR|MINUTE|SECOND)(?:_MS)?|[KMG]iB)\b`;
/** A number, a unit that has a name, or a product of them. */
const NUMBER = String.raw`(?:(?:[2-9]|\d[\d_]+)\b|(?:1 \* )?${UNIT_NAME})(?: \* (?:[\d_]+\b|${UNIT_NAME}))*`;
/** A name that bounds something. */
const BOUND = String.raw`\b(?:max[A-Z]\w*|most\w*|limit|lanes|fields|files|attempts|queue|tries|pause|size|\w+(?:Ms|Seconds|Minutes|Hours|Days|Bytes|Pixels|Items|Operations|Attempts|AtOnce|Size))`;
/** What is built into a schema or an answer, what somebody who says nothing gets, and what is waited for. */
const INLINE = new RegExp(
  String.raw`\.(?:max|default)\(${NUMBER}\)|${BOUND}(?:: | = | \?\? )${NUMBER}|\b(?:sleep|setTimeout|setInterval)\([^\n;]*?\b\d[\d_]+\b`,
  'g',
);

const FORMAT = 'a length that a format, a standard or an algorithm says';
const UNIT = 'how much of one unit another is';
const BUFFER = 'how much is read at a time: changes no answer';
const GUARD = 'above what can be written: whatever is larger is damaged';

const AGREED = 'what one gateway hides another has to find: the same on all of them';
const METHOD = 'a figure of the method itself, which its tests hold it to';
const REMEMBERED = 'how much is remembered to spare work: changes no answer';
const PRESET =
  'for whoever uses the package alone: the gateway says every one of them (runtime/ledger.ts)';
const ARGUMENT = 'what a field of the interface may hold: a client is written against it';
const LEDGER = 'what the ledger takes: the chaincode refuses more, on every gateway alike';
const FILE = 'what a document at rest may hold: above what is written there';
const READER =
  'what `prms verify` takes into memory of a file that anybody may have made: far above an export, and refused by name';
const SPECIFIED = 'what a standard or a format allows';

const MAY_STAY: Readonly<Record<string, string>> = {
  'gateway/accounts/second-factor/recovery-codes.ts BYTES': FORMAT,
  'gateway/accounts/second-factor/totp.ts TOTP_STEP_MS': FORMAT,
  'gateway/accounts/throttle/devices.ts MAC_BYTES': FORMAT,
  'gateway/accounts/throttle/devices.ts NONCE_BYTES': FORMAT,
  'gateway/accounts/throttle/devices.ts TIME_BYTES': FORMAT,
  'gateway/accounts/throttle/known-addresses.ts NOTE_EVERY_MS':
    'spares writes; known for days anyway',
  'gateway/clouds/filesystem.ts READ_CHUNK_BYTES': BUFFER,
  'gateway/clouds/resilient.ts LONGEST_MS': 'what a timer of the runtime can hold',
  'gateway/export-format/manifest.ts EXPORT_VERSION': FORMAT,
  'gateway/export-format/names.ts LONGEST_NAME': FORMAT,
  'gateway/export-format/names.ts LONGEST_TITLE': FORMAT,
  'gateway/export-format/zip-layout.ts END_BYTES': FORMAT,
  'gateway/export-format/zip-layout.ts ZIP64_END_BYTES': FORMAT,
  'gateway/http/base/cookies.ts DEVICE_COOKIE_MS':
    'the longest that browsers keep; the token inside ends earlier',
  'gateway/http/base/cookies.ts MOST_DEVICE_TOKENS': 'what fits into one cookie',
  'gateway/http/base/socket-channel.ts DRAIN_LOOK_MS': 'how often a queue is looked at',
  'gateway/http/routes/sealed.ts WRAP_BYTES': FORMAT,
  'gateway/logging.ts MAX_TEXT': 'longest value in a log line',
  'gateway/reference/frames-page.ts WIDTH': 'of a line on a page of docs/',
  'gateway/runtime/open.ts MINUTE_MS': UNIT,
  'gateway/services/acquisition/open.ts HOUR_MS': UNIT,
  'gateway/services/acquisition/shelf.ts HEAD_BYTES': BUFFER,
  'gateway/services/acquisition/shelf.ts TAG_BYTES': FORMAT,
  'gateway/services/cloud-care.ts HOUR_MS': UNIT,
  'gateway/services/consultations/pace.ts MINUTE_MS': UNIT,
  'gateway/services/make.ts DAY_MS': UNIT,
  'gateway/services/own-keys/key-logins.ts MAC_BYTES': FORMAT,
  'gateway/services/own-keys/key-logins.ts NONCE_BYTES': FORMAT,
  'gateway/services/own-keys/key-logins.ts TIME_BYTES': FORMAT,
  'gateway/services/own-keys/make.ts TAG_BYTES': FORMAT,
  'gateway/services/own-keys/uploading.ts TAG_BYTES': FORMAT,
  'gateway/services/reports/draft.ts HEAD_BYTES': BUFFER,
  'gateway/services/reports/sealed-report.ts CHUNK_TAG_BYTES': FORMAT,
  'gateway/services/reports/sealed-report.ts MAX_IMAGE_BYTES': GUARD,
  'gateway/services/reports/sealed-report.ts MAX_LABEL_BYTES': GUARD,
  'gateway/services/vaults.ts MAX_WRAP_BYTES': GUARD,
  'gateway/store/level.ts MAX_TOGETHER':
    'commits in one write to disk; the rest goes with the next',
  'gateway/vault/box.ts NONCE_BYTES': FORMAT,
  'gateway/vault/key-file.ts VERSION': FORMAT,
  'gateway/vault/box.ts TAG_BYTES': FORMAT,
  'gateway/vault/message-box.ts MESSAGE_OVERHEAD_BYTES': FORMAT,
  'gateway/vault/recovery-code.ts CODE_BYTES': FORMAT,
  'gateway/vault/wrap.ts ENC_BYTES': FORMAT,
  'gateway/vault/wrap.ts MAX_SECRET_BYTES': FORMAT,
  'gateway/vault/wrap.ts TAG_BYTES': FORMAT,
  'gateway/accounts/second-factor/totp.ts DIGITS': FORMAT,
  'gateway/accounts/throttle/throttle.ts MINUTE': UNIT,
  'gateway/accounts/throttle/throttle.ts HOUR': UNIT,
  'gateway/clouds/filesystem.ts DEFAULT_PAGE': BUFFER,
  'gateway/export-format/zip-layout.ts DOS_DATE': FORMAT,
  'gateway/export-format/zip-layout.ts LIMIT_32': FORMAT,
  'gateway/export-format/zip-layout.ts LIMIT_16': FORMAT,
  'gateway/export-format/zip-layout.ts VERSION': FORMAT,
  'gateway/export-format/zip-layout.ts UNIX': FORMAT,
  'gateway/export-format/zip-layout.ts FLAGS': FORMAT,
  'gateway/http/base/lines.ts LINE_FEED': FORMAT,
  'gateway/http/base/lines.ts CARRIAGE_RETURN': FORMAT,
  'gateway/http/base/lines.ts HANDFUL_LINES':
    'how often a long chunk gives others a look in; PRMS_BULK_TURN_MS says when they have their turn',
  'gateway/services/bulk.ts HANDFUL_RECEIPTS': 'the same, for receipts that are written',
  'gateway/http/routes/sealed-uploads.ts LABEL_CHARACTERS': ARGUMENT,
  'gateway/services/circle.ts ATTEMPTS':
    'each failure is another’s success: five losses in a row are no accident',
  'gateway/services/consultations/pace.ts TIDY_ABOVE':
    'when what is over is forgotten: changes no answer',
  'gateway/services/consultations/rooms.ts BATCH': BUFFER,
  'gateway/services/consultations/transcripts.ts PAGE': BUFFER,
  'gateway/services/reports/erasures.ts UNANSWERED': 'no count at all',
  'gateway/services/scrubber/scrubber.ts REPORTS_A_PAGE': BUFFER,
  'gateway/services/scrubber/strays.ts SAMPLE': 'names in a report, of all that are counted',
  'gateway/vault/p256.ts ORDER': FORMAT,
  'gateway/vault/recovery-code.ts CHECK_CHARACTERS': FORMAT,
  'gateway/vault/wrap.ts WRAP_VERSION': FORMAT,
  'gateway/verify/export.ts MiB': UNIT,
  'gateway/verify/export.ts MAX_MANIFEST_BYTES': READER,
  'gateway/verify/export.ts MAX_TRANSCRIPT_BYTES': READER,
  'gateway/verify/export.ts MAX_SIGNATURE_BYTES': READER,
  'gateway/verify/export.ts MAX_WRAPS_BYTES': READER,
  'gateway/verify/export.ts LONGEST_NAME': 'of a name that is not ours, in a message',
  'gateway/verify/export.ts MAX_LINE_BYTES': READER,
  'gateway/verify/index.ts BEGINNING_BYTES': BUFFER,
  'gateway/verify/zip.ts LIMIT_32': FORMAT,
  'gateway/verify/zip.ts MAX_DIRECTORY_BYTES': READER,
  'gateway/verify/zip.ts READ_BYTES': BUFFER,
  'network/embedded/block-file.ts POINTER_BYTES': FORMAT,
  'network/embedded/block.ts HASH_BYTES': FORMAT,
  'network/embedded/block.ts SIGNATURE_BYTES': FORMAT,
  'network/embedded/block.ts NONCE_BYTES': FORMAT,
  'network/embedded/check-evidence.ts HASH_BYTES': FORMAT,
  'network/embedded/evidence.ts BLOCKS_PER_READ': BUFFER,
  'network/embedded/hash-tree.ts LINE_FEED': FORMAT,
  'network/embedded/hash-tree.ts SIDE_BY_SIDE_BYTES': BUFFER,
  'network/embedded/identity.ts YEARS_VALID':
    'of a certificate that nobody looks at again: its key counts',
  'network/embedded/identity.ts KNOWN_KEYS_LIMIT': REMEMBERED,
  'network/embedded/state.ts VERSION_BYTES': FORMAT,
  'network/embedded/store.ts ENTRIES_PER_READ': BUFFER,
  'stego/cipher/chunks.ts DEFAULT_CHUNK_BYTES': AGREED,
  'stego/cipher/chunks.ts MAX_CHUNK_BYTES': AGREED,
  'stego/cipher/chunks.ts MAX_CHUNKS': FORMAT,
  'stego/cipher/gcm.ts BLOB_NONCE_BYTES': FORMAT,
  'stego/cipher/keys.ts MAX_PARTS': AGREED,
  'stego/cipher/keystream.ts CHUNK_BYTES': BUFFER,
  'stego/cipher/suite.ts DATA_KEY_BYTES': FORMAT,
  'stego/cipher/suite.ts TAG_BYTES': FORMAT,
  'stego/container/paper.ts KEY_BYTES': FORMAT,
  'stego/container/paper.ts IV_BYTES': FORMAT,
  'stego/container/paper.ts BLOCK_BYTES': FORMAT,
  'stego/container/paper.ts LENGTH_BITS': FORMAT,
  'stego/container/part.ts HEADER_BYTES': FORMAT,
  'stego/container/part.ts FIELD_BYTES': FORMAT,
  'stego/container/part.ts CHECK_BYTES': FORMAT,
  'stego/container/plan.ts DEFAULT_MAX_RATE':
    'the gateway always names the rate (PRMS_MAX_BITS_PER_SAMPLE)',
  'stego/container/plan.ts MAX_PAYLOAD_BYTES': AGREED,
  'stego/cover/read.ts COMPRESSION_TAG': FORMAT,
  'stego/cover/read.ts CROP_LEFT': METHOD,
  'stego/cover/read.ts CROP_TOP': METHOD,
  'stego/cover/read.ts MIN_LOSSY_SIDE': METHOD,
  'stego/cover/synthesise.ts GAIN': METHOD,
  'stego/cover/synthesise.ts READ_VARIANCE': METHOD,
  'stego/cover/synthesise.ts MIN_SIDE': METHOD,
  'stego/cover/synthesise.ts MAX_PIXELS': AGREED,
  'stego/cover/synthesise.ts CURVE_STEPS': METHOD,
  'stego/embed/walk.ts BLOCK_SAMPLES': AGREED,
  'stego/embed/walk.ts HEADER_BITS': FORMAT,
  'stego/embed/walk.ts DOMAIN_ORDER': FORMAT,
  'stego/embed/walk.ts DOMAIN_HEADER': FORMAT,
  'stego/embed/walk.ts DOMAIN_BODY': FORMAT,
  'stego/embed/walk.ts TWO_TO_MINUS_32': UNIT,
  'stego/png/decode.ts DEFAULT_MAX_PIXELS': AGREED,
  'stego/png/filters.ts BPP': FORMAT,
  'stego/steganalysis/analyse.ts FLAG_PROBABILITY': METHOD,
  'stego/steganalysis/analyse.ts FLAG_FRACTION': METHOD,
  'stego/steganalysis/chi-square.ts MIN_EXPECTED': METHOD,
  'stego/steganalysis/chi-square.ts STEPS': METHOD,
  'stego/steganalysis/chi-square.ts FLAG_PROBABILITY': METHOD,
  'stego/steganalysis/quality.ts WINDOW': METHOD,
  'stego/steganalysis/quality.ts STRIDE': METHOD,
  'stego/steganalysis/quality.ts C1': METHOD,
  'stego/steganalysis/quality.ts C2': METHOD,
  'chaincode/contract/ledger-contract.ts DAY_MS': UNIT,
  'chaincode/contract/operations-contract.ts MAX_BATCH_OPERATIONS': LEDGER,
  'chaincode/contract/operations-contract.ts MAX_BATCH_BYTES': LEDGER,
  'chaincode/model/canonical.ts MAX_DEPTH': LEDGER,
  'chaincode/model/documents.ts MAX_PAGE_ITEMS': LEDGER,
  'chaincode/model/operation.ts MAX_LIFE_MS': LEDGER,
  'chaincode/model/operation.ts SHORT_LIFE_MS': LEDGER,
  'chaincode/model/operation.ts MAX_SKEW_MS': LEDGER,
  'chaincode/model/operation.ts MAX_OPERATION_BYTES': LEDGER,
  'chaincode/model/operation.ts SIGNATURE_LENGTH': FORMAT,
  'chaincode/operations/policy.ts REPLAY_MARGIN_MS': LEDGER,
  'chaincode/signatures/ahead.ts PIECE_CHECKS': BUFFER,
  'chaincode/signatures/ahead.ts MAX_LINES': REMEMBERED,
  'chaincode/signatures/ahead.ts MAX_KEYS': REMEMBERED,
  'chaincode/state/parsed.ts MAX_BYTES': REMEMBERED,
  'chaincode/signatures/pool.ts INLINE_UP_TO':
    'below it a thread costs more than it saves: changes no answer',
  'chaincode/signatures/verify.ts ORDER': FORMAT,
  'chaincode/signatures/verify.ts MAX_CACHED_KEYS': REMEMBERED,
};

/** Numbers inside of schemas and answers, a file a line. */
const MAY_STAY_INLINE: Readonly<Record<string, readonly [why: string, numbers: string]>> = {
  'gateway/accounts/login-name.ts': [
    'names and passwords: what rests under them is found and opened on every gateway',
    '.max(512) .max(128) .max(256)',
  ],
  'gateway/accounts/second-factor/passkeys.ts': [
    SPECIFIED,
    '.max(16_384) .max(1400) .max(20) .max(10) .max(128)',
  ],
  'gateway/accounts/throttle/known-addresses.ts': [FILE, '.max(100)'],
  'gateway/export-format/manifest.ts': [SPECIFIED, '.max(240) .max(32) .max(8)'],
  'gateway/http/routes/accesses.ts': [ARGUMENT, '.max(2000)'],
  'gateway/http/routes/accounts.ts': [
    ARGUMENT,
    '.max(512) .max(1024) .max(128) .max(120) .max(64) .max(256)',
  ],
  'gateway/http/routes/acquisition.ts': [ARGUMENT, '.max(512) .max(200) .max(60)'],
  'gateway/http/routes/consents.ts': [
    `categories’ names: ${ARGUMENT}; how many of them, authors and reports: ${LEDGER}`,
    '.max(60) .max(32) .max(64)',
  ],
  'gateway/http/routes/consultations.ts': [
    ARGUMENT,
    '.max(40) .max(8192) .max(15_000) .max(100_000) .max(1000)',
  ],
  'gateway/http/routes/keys.ts': [ARGUMENT, '.max(1024) .max(512)'],
  'gateway/http/routes/meetings.ts': [
    `a slot’s minutes, which the ledger does not see: ${ARGUMENT}; slots of one offer: ${LEDGER}`,
    '.max(480) .max(64)',
  ],
  'gateway/http/routes/own-keys.ts': [ARGUMENT, '.max(32_768) .max(128)'],
  'gateway/http/routes/reports.ts': [ARGUMENT, '.max(200) .max(60) .max(63)'],
  'gateway/http/routes/schemas.ts': [ARGUMENT, '.max(120) .max(60) .max(500)'],
  'gateway/http/routes/sealed.ts': [ARGUMENT, '.max(128)'],
  'gateway/http/routes/services.ts': [ARGUMENT, '.max(120)'],
  'gateway/http/routes/sign-in.ts': [ARGUMENT, '.max(64) .max(256) .max(60)'],
  'gateway/services/acquisition/fhir.ts': [ARGUMENT, '.max(250) .max(20) .max(200) .max(10)'],
  'gateway/services/consultations/frames.ts': [ARGUMENT, '.max(8192)'],
  'gateway/services/consultations/transcript-format.ts': [SPECIFIED, '.max(4_000_000)'],
  'gateway/services/patient-files.ts': [ARGUMENT, '.max(200) .max(50) .max(400)'],
  'gateway/services/reports/sealed-report.ts': [
    SPECIFIED,
    '.max(200) .max(255) .max(100) .max(60)',
  ],
  'gateway/store/level.ts': [
    'for whoever opens a store alone: the gateway says it (runtime/open.ts)',
    'retryMs: 5000',
  ],
  'gateway/vault/key-bundle.ts': [FILE, '.max(20) .max(2_097_152) .max(16)'],
  'gateway/clouds/azure.ts': [BUFFER, 'maxPageSize = 1000'],
  'gateway/clouds/filesystem.ts': [
    'for whoever uses the adapter alone: the gateway says it (PRMS_CLOUD_DRAFT_MINUTES)',
    'staleAfterMs = 3_600_000',
  ],
  'gateway/clouds/gcs.ts': [BUFFER, 'maxResults = 1000'],
  'gateway/clouds/s3.ts': [BUFFER, 'limit = 1000'],
  'gateway/http/base/security.ts': ['a year, as browsers ask for', 'maxAge: 31_536_000'],
  'gateway/http/base/server.ts': [
    'how often idle connections are looked for while the server stops',
    'setInterval(() => server.closeIdleConnections(), 25',
  ],
  'gateway/http/routes/operations.ts': [
    'room for as many ids as the settings may allow in one question',
    'bodyLimitBytes: 512 * 1024',
  ],
  'gateway/services/records.ts': [BUFFER, 'limit: 200'],
  'network/batching/group-commit.ts': [
    PRESET,
    'lanes: 8 maxOperations: 500 maxBytes: 256 * 1024 maxQueued: 10_000 maxAttempts: 8 firstDelayMs: 10 maxDelayMs: 2000',
  ],
  'network/embedded/bytes.ts': ['grows by itself: changes no answer', 'initialBytes = 1024'],
  'network/embedded/embedded-ledger.ts': [
    PRESET,
    'maxInFlight: 256 maxInFlightBytes: 64 * 1024 * 1024 maxQueries: 1024 deadlineMs: 30_000 maxBlockTransactions: 64 maxBlockBytes: 8 * 1024 * 1024 maxVerifications: 8',
  ],
  'network/embedded/keys.ts': [
    'what a ledger’s folder may hold, which every version that reads it has to take',
    'keyBytes: 4096 valueBytes: 4 * 1024 * 1024 argumentBytes: 16 * 1024 * 1024',
  ],
  'network/embedded/store.ts': [
    `${PRESET}; maxFileSize: how its files are cut changes no answer`,
    'cacheBytes: 32 * 1024 * 1024 writeBufferBytes: 64 * 1024 * 1024 maxFileSize: 16 * 1024 * 1024',
  ],
  'stego/cipher/suite.ts': [SPECIFIED, 'keyBytes: 32 keyBytes: 16'],
  'stego/pool/pool.ts': [
    'for whoever uses the package alone: the gateway says it (PRMS_STEGO_QUEUE)',
    'maxQueue ?? 64',
  ],
  'chaincode/contract/ledger-contract.ts': [
    `${LEDGER}; the periods: for whoever founds a ledger without a gateway, which says both (services/make.ts)`,
    '.max(64) .max(90 * DAY_MS) .default(7 * DAY_MS) .max(DAY_MS) .default(60 * 60 * 1000)',
  ],
  'chaincode/model/arguments.ts': [LEDGER, '.max(120) .max(60) .max(64)'],
  'chaincode/model/operation.ts': [LEDGER, '.max(64)'],
  'chaincode/model/vocabulary.ts': [LEDGER, '.max(3) .max(64)'],
};

const constantsIn = (text: string): string[] =>
  [...text.matchAll(CONSTANT)].map(([, name]) => name ?? '');

/** Each once, in the order of the text. */
const numbersIn = (text: string): string =>
  [...new Set([...text.matchAll(INLINE)].map(([number]) => number))].join(' ');

describe('limits', () => {
  const folder = fileURLToPath(repository);
  const files = PACKAGES.flatMap((name) =>
    readdirSync(join(folder, name), { recursive: true, withFileTypes: true }),
  )
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !ELSEWHERE.test(path));

  const read = (path: string): string => readFileSync(join(folder, path), 'utf8');

  it('the search finds what it is for', () => {
    const text =
      'const TRIES = 5;\nexport const MAX_THINGS: number = (7);\nconst a = MAX_B;\nconst b = -1;';
    expect(constantsIn(text)).to.deep.equal(['TRIES', 'MAX_THINGS', 'b']);
    const inline =
      'z.max(2).max(10_000).max(1) retryAfterMs: 500, .max(limit) .default(50).max(2) { limit = 20 } (a.maxPixels ?? 9) ' +
      '.max(90 * DAY_MS).max(DAY_MS).max(1 * MiB).default(MAX_LIFE_MS) maxBytes: 2 * MiB, maxBytes: 4 * 1024, limit: most, attempts: 1, await sleep(20 * n); setTimeout(end, 1500);';
    expect(numbersIn(inline)).to.equal(
      '.max(2) .max(10_000) retryAfterMs: 500 .default(50) limit = 20 maxPixels ?? 9 .max(90 * DAY_MS) .max(DAY_MS) .max(1 * MiB) ' +
        'maxBytes: 2 * MiB maxBytes: 4 * 1024 sleep(20 setTimeout(end, 1500',
    );
    for (const path of ['gateway/runtime/open.ts', 'network/batching/group-commit.ts'])
      expect(files).to.include(path);
    for (const path of ['stego/pool/pool.ts', 'chaincode/model/operation.ts'])
      expect(files).to.include(path);
  });

  it('stand in the table of settings, but for those listed here with their reason', () => {
    const found = files.flatMap((path) => constantsIn(read(path)).map((name) => `${path} ${name}`));
    const listed = Object.keys(MAY_STAY);
    const hidden = found.filter((each) => !listed.includes(each));
    expect(hidden, 'put it into gateway/config/topics/, or say here why not').to.deep.equal([]);
    const gone = listed.filter((each) => !found.includes(each));
    expect(gone, 'these are no longer there: remove them').to.deep.equal([]);
  });

  it('are not written into schemas, answers and presets, but for those listed here with their reason', () => {
    const found = files.flatMap((path) => {
      const numbers = numbersIn(read(path));
      return numbers === '' ? [] : [[path, numbers] as const];
    });
    const listed = Object.entries(MAY_STAY_INLINE).map(([path, [, numbers]]) => [path, numbers]);
    expect(Object.fromEntries(found)).to.deep.equal(Object.fromEntries(listed));
  });

  it('of routes come from the settings: none names a time of its own', () => {
    const routes = files.filter((path) => path.startsWith('gateway/http/routes/'));
    expect(routes).to.not.deep.equal([]);
    for (const path of routes) expect(read(path), path).to.not.match(/timeoutMs: \d/);
  });

  it('that settings may be set to go no further than ledger and format do', () => {
    expect(settings.commitBatchOperations.max).to.equal(MAX_BATCH_OPERATIONS);
    expect(settings.commitBatchBytes.max).to.equal(MAX_BATCH_BYTES);
    expect(settings.commitBatchBytes.min).to.be.above(MAX_OPERATION_BYTES + 128);
    expect(settings.pageItems.max).to.equal(MAX_PAGE_ITEMS);
    expect(settings.maxCoverPixels.max).to.equal(DEFAULT_MAX_PIXELS);
    expect(settings.stegoLimitBytes.max).to.equal(MAX_PAYLOAD_BYTES);
    const periods = genesisSchema.shape;
    const fits = (schema: z.ZodType, ms: number) => schema.safeParse(ms).success;
    const { min, max } = settings.recoveryNoticeDays;
    for (const days of [min, max])
      expect(fits(periods.recoveryNoticeMs, days * 86_400_000), `${days} days`).to.equal(true);
    expect(fits(periods.recoveryNoticeMs, (max + 1) * 86_400_000)).to.equal(false);
    const window = settings.emergencyWindowMinutes;
    for (const minutes of [window.min, window.max])
      expect(fits(periods.emergencyWindowMs, minutes * 60_000), `${minutes}`).to.equal(true);
    expect(settings.preparedHours.max * 3_600_000).to.equal(MAX_LIFE_MS);
  });
});
