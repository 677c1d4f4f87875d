// Runs schemathesis (PyPI) against the OpenAPI document of a real gateway: generated requests, well-formed and not, as
// several identities. No answer may be a 5xx, and none undocumented in status, media type, headers or body.
// Usage: node scripts/api-cases.mjs [folder for the tool]. With CI_RESULTS, the counts go to that file.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const VERSION = '4.32.5';
const SEED = 20_301;
const LEAST_CASES = 5000;
/** For each identity; the whole stays below six minutes on two cores. */
const LONGEST_S = 36;
const EXAMPLES = 12;
const scripts = fileURLToPath(new URL('.', import.meta.url));
const SETUP_CODE = 'set-up-code-for-cases';
const DAY_MS = 86_400_000;
const PASSWORD = 'a long walk by the sea';

const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method',
  'allow_header_conformance',
];

/** What ends or spoils the session of whoever calls it: each is asked by somebody of its own, who does nothing else. */
const ENDS_THE_SESSION = [
  'DELETE /sessions',
  'DELETE /sessions/current',
  'POST /sessions/current/fresh',
  'PUT /me/password',
  'POST /me/keys/rotate',
];

/** Quick on passwords, and not in the way of many requests from one address. */
const SETTINGS = {
  PRMS_PORT: '0',
  PRMS_SETUP_CODE: SETUP_CODE,
  PRMS_LOG_LEVEL: 'error',
  PRMS_ARGON2_PASSES: '1',
  PRMS_ARGON2_MEMORY_KIB: '64',
  PRMS_ARGON2_LANES: '1',
  PRMS_FRESH_LOGIN_MINUTES: '60',
  PRMS_SESSION_IDLE_MINUTES: '120',
  PRMS_LOGIN_ATTEMPTS_PER_MINUTE: '1000',
  PRMS_LOGIN_ATTEMPTS_PER_HOUR: '10000',
  PRMS_STRANGER_ATTEMPTS_PER_HOUR: '100000',
  PRMS_ADDRESS_ATTEMPTS_PER_MINUTE: '10000',
  PRMS_REGISTRATIONS_PER_HOUR: '100000',
  PRMS_SHUTDOWN_GRACE_MS: '500',
};

/** @returns how many cases a JSON report of schemathesis tells of, and how many of them went wrong */
export function countsOf(report) {
  const { generated, with_failures: failed, errored } = report.test_cases;
  return { cases: generated, wrong: failed + errored };
}

/** @returns the sum of all runs, each case counted; too few cases are one failure, for they show nothing */
export function verdict(runs) {
  const cases = runs.reduce((sum, run) => sum + run.cases, 0);
  const wrong = runs.reduce((sum, run) => sum + Math.max(run.wrong, run.status === 0 ? 0 : 1), 0);
  const failed = wrong + (cases < LEAST_CASES ? 1 : 0);
  return { cases, passed: Math.max(0, cases - wrong), failed };
}

function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
    child.once('error', reject);
    child.once('exit', (status) => resolve(status ?? 1));
  });
}

async function install(folder) {
  const tool = join(folder, 'bin', 'schemathesis');
  if (existsSync(tool)) return tool;
  if ((await run('python3', ['-m', 'venv', folder])) !== 0) throw new Error('no Python venv');
  const pip = ['-m', 'pip', 'install', '--quiet', `schemathesis==${VERSION}`];
  if ((await run(join(folder, 'bin', 'python'), pip)) !== 0) throw new Error('pip failed');
  return tool;
}

/** A gateway of its own, on a free port; its errors go to this process's standard error. */
function startGateway(dataDir) {
  const env = { ...process.env, ...SETTINGS, PRMS_DATA: dataDir };
  const child = spawn(process.execPath, ['bin/prms.mjs', 'serve'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = new Promise((resolve, reject) => {
    let told = '';
    child.stdout.on('data', (chunk) => {
      told += String(chunk);
      const found = /at (http:\/\/\S+)/.exec(told)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', (status) => reject(new Error(`the gateway ended with ${String(status)}`)));
  });
  const stop = () =>
    new Promise((resolve) => {
      if (child.exitCode !== null) return resolve(child.exitCode);
      child.once('exit', resolve);
      child.kill('SIGTERM');
    });
  return { url, stop, alive: () => child.exitCode === null };
}

async function post(url, path, body, token) {
  const response = await fetch(`${url}/api/v1${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  if (!response.ok)
    throw new Error(`${path} was answered ${response.status}: ${await response.text()}`);
  return response.json();
}

async function registerAt(url, role, login, body) {
  await post(url, `/register/${role}`, { login, password: PASSWORD, ...body });
  return post(url, '/sessions', { login, password: PASSWORD, kind: 'bearer' });
}

/** Registers everybody who will ask, one of each kind. @returns name and token of each */
async function people(url) {
  const register = (role, login, body) => registerAt(url, role, login, body);
  const profile = { name: 'Somebody' };
  const hospital = await register('hospital', 'hospital', { profile, setupCode: SETUP_CODE });
  const doctor = await register('doctor', 'doctor', { profile });
  const details = { name: 'Somebody' };
  const patient = await register('patient', 'patient', { details, escrow: hospital.userId });
  const asked = await post(url, '/affiliations', { hospital: hospital.userId }, doctor.token);
  const replaces = asked.receipt.version;
  await post(url, `/affiliations/${doctor.userId}/authorise`, { replaces }, hospital.token);
  const relative = await register('relative', 'relative', { details });
  const guardian = await register('relative', 'guardian', { details });
  const notAfter = Date.now() + DAY_MS;
  const link = { relative: guardian.userId, rights: ['guardian'], notAfter };
  await post(url, `/patients/${patient.userId}/kin`, link, patient.token);
  const auditor = await register('auditor', 'auditor', { profile });
  await post(url, `/hospitals/${auditor.userId}/vote`, undefined, hospital.token);
  const service = await post(url, '/services', { profile }, hospital.token);
  return {
    anonymous: undefined,
    patient: patient.token,
    doctor: doctor.token,
    hospital: hospital.token,
    relative: relative.token,
    guardian: guardian.token,
    auditor: auditor.token,
    service: service.token,
  };
}

/** @param chosen words that say which operations are asked */
async function ask(
  tool,
  url,
  { name, token, chosen, phases = 'examples,coverage,fuzzing' },
  folder,
) {
  const report = join(folder, `${name}.json`);
  const options = {
    // What it leaves in its working folder goes with the folder.
    cwd: folder,
    env: { ...process.env, PYTHONPATH: scripts, SCHEMATHESIS_HOOKS: 'api_cases_hooks' },
  };
  const words = [
    'run',
    `${url}/api/v1/openapi.json`,
    ...['--url', `${url}/api/v1`, '--phases', phases, '--checks', CHECKS.join(',')],
    ...[
      '--max-examples',
      String(EXAMPLES),
      '--seed',
      String(SEED),
      '--max-time',
      String(LONGEST_S),
    ],
    ...[
      '--generation-database',
      'none',
      '--no-shrink',
      '--continue-on-failure',
      '--warnings',
      'off',
    ],
    ...['--suppress-health-check', 'all', '--request-timeout', '30', '--no-color'],
    ...['--report', 'json', '--report-json-path', report],
    ...(token === undefined ? [] : ['--header', `Authorization:Bearer ${token}`]),
    ...chosen,
  ];
  const status = await run(tool, words, options);
  return { name, status, ...countsOf(JSON.parse(readFileSync(report, 'utf8'))) };
}

/** Everybody, and what each of them asks. */
async function callers(url) {
  const others = ENDS_THE_SESSION.flatMap((each) => ['--exclude-name', each]);
  const all = Object.entries(await people(url)).map(([name, token]) => ({
    name,
    token,
    chosen: token === undefined ? [] : others,
  }));
  for (const [at, operation] of ENDS_THE_SESSION.entries()) {
    const name = `leaver-${at + 1}`;
    const { token } = await registerAt(url, 'relative', name, { details: { name: 'Somebody' } });
    // Few cases: after one that succeeds there is nobody left to ask.
    const phases = 'examples,coverage';
    all.push({ name, token, phases, chosen: ['--include-name', operation] });
  }
  return all;
}

async function main([toolFolder]) {
  const folder = mkdtempSync(join(tmpdir(), 'prms-cases-'));
  const gateway = startGateway(join(folder, 'data'));
  const runs = [];
  try {
    const tool = await install(toolFolder ?? join(folder, 'venv'));
    const url = await gateway.url;
    for (const caller of await callers(url)) runs.push(await ask(tool, url, caller, folder));
    if (!gateway.alive()) throw new Error('the gateway did not outlive its cases');
  } finally {
    await gateway.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  for (const { name, cases, status } of runs)
    console.log(`${name}: ${cases} cases, ${status === 0 ? 'ok' : 'FAILED'}`);
  const { cases, passed, failed } = verdict(runs);
  console.log(
    `schemathesis ${VERSION}, seed ${SEED}: ${cases} cases (at least ${LEAST_CASES} wanted)`,
  );
  const results = process.env.CI_RESULTS;
  if (results !== undefined) writeFileSync(results, JSON.stringify({ passed, failed, pending: 0 }));
  return failed === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = await main(process.argv.slice(2));
