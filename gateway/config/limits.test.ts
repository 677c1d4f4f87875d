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
/** Names that say what they bound. */
const BOUND =
  /^(?:export )?const ((?:[A-Z0-9_]+_)?(?:MS|BYTES|LIMIT|MINUTES|SECONDS|DAYS)|(?:MAX|MOST|LONGEST|LARGEST)(?:_[A-Z0-9_]+)?)(?:: \w+)? = [\d(]/gm;

const FORMAT = 'a length that a format, a standard or an algorithm says';
const UNIT = 'how much of one unit another is';
const BUFFER = 'how much is read at a time: changes no answer';
const GUARD = 'above what can be written: whatever is larger is damaged';

const MAY_STAY: Readonly<Record<string, string>> = {
  'accounts/second-factor/pending-log-ins.ts MOST_PER_USER': 'log-ins half done by one person',
  'accounts/second-factor/recovery-codes.ts BYTES': FORMAT,
  'accounts/second-factor/totp.ts TOTP_STEP_MS': FORMAT,
  'accounts/throttle/devices.ts MAC_BYTES': FORMAT,
  'accounts/throttle/devices.ts NONCE_BYTES': FORMAT,
  'accounts/throttle/devices.ts TIME_BYTES': FORMAT,
  'accounts/throttle/known-addresses.ts MOST': 'addresses remembered for one person',
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
  'services/acquisition/fhir.ts MAX_DEPTH': 'how deep a document may nest: the reader’s own stack',
  'services/acquisition/open.ts HOUR_MS': UNIT,
  'services/acquisition/queue.ts RETRY_AFTER_MS': 'advice to a client',
  'services/acquisition/shelf.ts HEAD_BYTES': BUFFER,
  'services/acquisition/shelf.ts TAG_BYTES': FORMAT,
  'services/acquisition/worker.ts LONGEST_PAUSE_MS': 'top of a pause that doubles',
  'services/cloud-care.ts HOUR_MS': UNIT,
  'services/consultations/pace.ts MINUTE_MS': UNIT,
  'services/export/exports.ts MAX_REPORTS': 'what the archive’s directory is laid out for',
  'services/intake.ts MAX_REMEMBERED': 'a cache: the ledger is asked again',
  'services/make.ts DAY_MS': UNIT,
  'services/own-keys/key-logins.ts MAC_BYTES': FORMAT,
  'services/own-keys/key-logins.ts NONCE_BYTES': FORMAT,
  'services/own-keys/key-logins.ts TIME_BYTES': FORMAT,
  'services/own-keys/make.ts TAG_BYTES': FORMAT,
  'services/own-keys/reading.ts MAX_REMEMBERED': 'a cache: the ledger is asked again',
  'services/own-keys/uploading.ts PREPARED_MS':
    'the longest life of an operation, which anchors it',
  'services/own-keys/uploading.ts TAG_BYTES': FORMAT,
  'services/reports/draft.ts HEAD_BYTES': BUFFER,
  'services/reports/erasures.ts AT_ONCE_MS':
    'what was on its way when a report was erased has arrived',
  'services/reports/erasures.ts MAX_FAILED_TOLD': 'names in one answer',
  'services/reports/sealed-report.ts CHUNK_TAG_BYTES': FORMAT,
  'services/reports/sealed-report.ts MAX_IMAGE_BYTES': GUARD,
  'services/reports/sealed-report.ts MAX_LABEL_BYTES': GUARD,
  'services/vaults.ts MAX_WRAP_BYTES': GUARD,
  'store/level.ts MAX_TOGETHER': 'commits in one write to disk; the rest goes with the next',
  'vault/box.ts NONCE_BYTES': FORMAT,
  'vault/box.ts TAG_BYTES': FORMAT,
  'vault/message-box.ts MESSAGE_OVERHEAD_BYTES': FORMAT,
  'vault/recovery-code.ts CODE_BYTES': FORMAT,
  'vault/wrap.ts ENC_BYTES': FORMAT,
  'vault/wrap.ts MAX_SECRET_BYTES': FORMAT,
  'vault/wrap.ts TAG_BYTES': FORMAT,
};

function boundsIn(text: string): string[] {
  return [...text.matchAll(BOUND)].map(([, name]) => name ?? '');
}

describe('limits', () => {
  const folder = fileURLToPath(source);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(folder, `${entry.parentPath}/${entry.name}`))
    .filter((path) => !ELSEWHERE.test(path));

  it('the search finds what it is for', () => {
    const text = 'const RETRY_EVERY_MS = 2000;\nexport const MAX_THINGS = 7;\nconst a = MAX_B;';
    expect(boundsIn(text)).to.deep.equal(['RETRY_EVERY_MS', 'MAX_THINGS']);
    expect(files).to.include('runtime/open.ts');
  });

  it('stand in the table of settings, but for those listed here with their reason', () => {
    const found = files.flatMap((path) =>
      boundsIn(readFileSync(new URL(path, source), 'utf8')).map((name) => `${path} ${name}`),
    );
    const listed = Object.keys(MAY_STAY);
    const hidden = found.filter((each) => !listed.includes(each));
    expect(hidden, 'put it into gateway/config/topics/, or say here why not').to.deep.equal([]);
    const gone = listed.filter((each) => !found.includes(each));
    expect(gone, 'these are no longer there: remove them').to.deep.equal([]);
  });

  it('of routes come from the settings: none names a time of its own', () => {
    const routes = files.filter((path) => path.startsWith('http/routes/'));
    for (const path of routes)
      expect(readFileSync(new URL(path, source), 'utf8'), path).to.not.match(/timeoutMs: \d/);
  });
});
