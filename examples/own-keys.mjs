// A patient who keeps their own keys, with what a browser has (fetch, WebCrypto): registers, logs in with a signature, adds a report that the
// gateway can't read, and reads it back (docs/own-keys.md). node examples/own-keys.mjs http://127.0.0.1:8080 [login] [report's text]
const args = globalThis.process?.argv.slice(2) ?? [globalThis.location?.origin]; // in a page: the gateway that it came from
const [origin = 'http://127.0.0.1:8080', login = `own-${Date.now()}`, report = 'Blood count: haemoglobin 13.1'] = args;
const [{ subtle }, ECDH, ZERO] = [crypto, { name: 'ECDH', namedCurve: 'P-256' }, new Uint8Array(32)];
const [random, utf8] = [(length) => crypto.getRandomValues(new Uint8Array(length)), (text) => new TextEncoder().encode(text)];
const b64 = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const bytesOf = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));
const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const join = (...parts) => new Uint8Array(parts.flatMap((part) => [...part]));
const sha256 = async (...parts) => new Uint8Array(await subtle.digest('SHA-256', join(...parts)));
const [secretKey, HMAC] = [(raw, algorithm, use) => subtle.importKey('raw', raw, algorithm, false, [use]), { name: 'HMAC', hash: 'SHA-256' }];
const hmac = async (key, ...parts) => new Uint8Array(await subtle.sign('HMAC', await secretKey(key, HMAC, 'sign'), join(...parts)));
const hkdf = async (key, info, length = 32) => (await hmac(await hmac(ZERO, key), info, [1])).slice(0, length);
const derive = (key, label, context, length) => hkdf(key, join(utf8(`PRMS-stego-v1 ${label}\0`), context), length);
const gcm = async (way, key, iv, additionalData, data) =>
  new Uint8Array(await subtle[way]({ name: 'AES-GCM', iv, additionalData }, await secretKey(key, 'AES-GCM', way), data));
const [KEM, HPKE] = [join(utf8('KEM'), [0, 16]), join(utf8('HPKE'), [0, 16, 0, 1, 0, 2])]; // RFC 9180, base mode
const extract = (suite, salt, label, ikm) => hmac(salt, utf8('HPKE-v1'), suite, utf8(label), ikm);
const expand = async (suite, key, label, info, length) => (await hmac(key, [0, length], utf8('HPKE-v1'), suite, utf8(label), info, [1])).slice(0, length);
async function hpke(way, privateKey, other, enc, recipient, { info, aad }, data) {
  const dh = new Uint8Array(await subtle.deriveBits({ ...ECDH, public: await subtle.importKey('raw', other, ECDH, true, []) }, privateKey, 256));
  const shared = await expand(KEM, await extract(KEM, ZERO, 'eae_prk', dh), 'shared_secret', join(enc, recipient), 32);
  const context = join([0], await extract(HPKE, ZERO, 'psk_id_hash', []), await extract(HPKE, ZERO, 'info_hash', info));
  const secret = await extract(HPKE, shared, 'secret', []);
  const [key, nonce] = [await expand(HPKE, secret, 'key', context, 32), await expand(HPKE, secret, 'base_nonce', context, 12)];
  return gcm(way, key, nonce, aad, data);
}
async function newPair(name, uses) {
  const { privateKey, publicKey } = await subtle.generateKey({ ...ECDH, name }, true, uses);
  const [raw, { d }] = [new Uint8Array(await subtle.exportKey('raw', publicKey)), await subtle.exportKey('jwk', privateKey)];
  return { privateKey, raw, scalar: bytesOf(d), kid: b64((await sha256(utf8('PRMS-kid-v1\0'), raw)).slice(0, 16)) };
}
const lp = (text) => join([utf8(text).length >> 8, utf8(text).length & 255], utf8(text));
const bound = (w) => ({ info: join(lp('PRMS-wrap-v1'), lp(w.purpose), lp(ledger)), aad: join(lp(w.subject), lp(w.recipient), lp(w.kid)) });
async function wrap(purpose, subject, { raw, kid }, secret) {
  const [binding, { privateKey, raw: enc }] = [{ purpose, subject, recipient: actor, kid }, await newPair('ECDH', ['deriveBits'])];
  return { ...binding, wrap: b64(join([1], enc, await hpke('encrypt', privateKey, raw, enc, raw, bound(binding), secret))) };
}
async function unwrap(scalar, { wrap: text, ...binding }) {
  const privateKey = await subtle.importKey('pkcs8', join(bytesOf('MEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCA'), scalar), ECDH, true, ['deriveBits']);
  const [{ x, y }, enc, sealed] = [await subtle.exportKey('jwk', privateKey), bytesOf(text).slice(1, 66), bytesOf(text).slice(66)];
  return hpke('decrypt', privateKey, enc, enc, join([4], bytesOf(x), bytesOf(y)), bound(binding), sealed);
}
const [ORDER, DIGITS] = [0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n, '0123456789ABCDEFGHJKMNPQRSTVWXYZ'];
const members = (v) => Object.keys(v).sort().map((name) => `${JSON.stringify(name)}:${canonical(v[name])}`);
const canonical = (v) => (Array.isArray(v) ? `[${v.map(canonical)}]` : v && typeof v === 'object' ? `{${members(v)}}` : JSON.stringify(v));
const number = (bytes) => BigInt(`0x${hexOf(bytes)}`);
const bigEndian = (n, length) => Uint8Array.from({ length }, (_, i) => Number((n >> BigInt(8 * (length - 1 - i))) & 255n));
const lowS = (raw, s = number(raw.slice(32))) => join(raw.slice(0, 32), bigEndian(s > ORDER / 2n ? ORDER - s : s, 32));
const sign = async (text) => b64(lowS(new Uint8Array(await subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, signing.privateKey, utf8(text)))));
async function line(type, args, id = ulid(Date.now() + published.now - started)) {
  const issuedAt = [...id.slice(0, 10)].reduce((ms, digit) => ms * 32 + DIGITS.indexOf(digit), 0);
  const bytes = canonical({ v: 1, ledger, type, actor, kid: signing.kid, id, issuedAt, expiresAt: issuedAt + published.livesMs[type], args });
  return `{"operation":${bytes},"signature":"${await sign(published.signing.prefix + bytes)}"}`;
}
const ulid = (ms, n = (BigInt(ms) << 80n) | number(random(10))) => Array.from({ length: 26 }, (_, i) => DIGITS[Number((n >> BigInt(125 - 5 * i)) & 31n)]).join('');
async function call(method, path, body) {
  const [plain, type] = [typeof body === 'string' || body instanceof FormData, typeof body === 'string' ? 'application/x-ndjson' : 'application/json'];
  const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(body && !(body instanceof FormData) && { 'content-type': type }) };
  const answer = await fetch(`${origin}/api/v1${path}`, { method, headers, body: plain ? body : JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
  return answer.headers.get('content-type')?.includes('json') ? JSON.parse(await answer.text()) : new Uint8Array(await answer.arrayBuffer());
}
const applied = (receipt) => (receipt.status === 'applied' ? receipt : Promise.reject(new Error(JSON.stringify(receipt))));
const act = async (type, args, id) => applied(await call('POST', '/operations', await line(type, args, id)));
// Registered and logged in; the private keys never leave this process
let token = '';
const [started, published] = [Date.now(), await call('GET', '/operations/schema')];
const [signing, sealing, epoch] = [await newPair('ECDSA', ['sign']), await newPair('ECDH', ['deriveBits']), await newPair('ECDH', ['deriveBits'])];
const [ledger, actor, tagKey, dataKey] = [published.ledger, b64(await sha256(utf8('PRMS-user-v1\0'), signing.raw)), random(32), random(32)];
const me = { role: 'patient', keys: { sign: b64(signing.raw), seal: b64(sealing.raw) }, epoch: { number: 1, key: b64(epoch.raw) }, escrow: null };
await call('POST', '/register/own-keys', { login, password: b64(random(16)), line: await line('user:register', me), details: { name: login } });
const { challenge } = await call('POST', '/key-logins/challenges', { userId: actor });
const signature = await sign([`PRMS-login-v1`, new URL(origin).origin, ledger, actor, challenge].join('\0'));
token = (await call('POST', '/key-logins', { userId: actor, challenge, signature, kind: 'bearer' })).token;
const ownWraps = [await wrap('epoch', `${actor}.1.${epoch.kid}`, sealing, epoch.scalar), await wrap('tags', actor, sealing, tagKey)];
const { id } = await call('POST', `/patients/${actor}/sealed-reports`, {});
const [suite, aad, plain, nonce] = [utf8('A256GCM'), utf8(`PRMS-report-v1\0${id}`), utf8(report), random(12)];
const committed = async (key, bytes) => b64(await hmac(await hkdf(key, utf8('PRMS-commit-v1')), utf8(`${id}\0`), await sha256(bytes)));
const cipher = async (way, key, data) => gcm(way, await derive(key, 'cipher', suite, 32), await derive(key, 'nonce', suite, 12), suite, data);
const part = async (key, label) => b64(await derive(key, label, join(suite, [0, 0, 1]), 32));
const partsOf = async (key) => [{ position: await part(key, 'position'), whitening: await part(key, 'whitening') }];
const about = { title: 'My own report', fileName: 'own.txt', mediaType: 'text/plain', bytes: plain.length, category: 'own' };
const title = utf8(JSON.stringify({ ...about, sha256: hexOf(await sha256(plain)) }));
const label = b64(join(nonce, await gcm('encrypt', await derive(dataKey, 'blob', []), nonce, aad, title)));
const tag = b64((await hmac(tagKey, utf8('PRMS-tag-v1\0own'))).slice(0, 16));
const [form, month, commitment] = [new FormData(), new Date().toISOString().slice(0, 7), await committed(dataKey, plain)];
form.append('meta', JSON.stringify({ parts: await partsOf(dataKey), label, commitment, tag, month }));
form.append('ciphertext', new Blob([await cipher('encrypt', dataKey, plain)]));
const { terms } = await call('PUT', `/patients/${actor}/sealed-reports/${id}`, form);
await call('PUT', `/patients/${actor}/wraps`, { wraps: [...ownWraps, await wrap('report', id, epoch, dataKey)] });
await act('report:anchor', { patient: actor, report: terms }, id);
// Read back: an access on the ledger, the wraps on the way, the ciphertext for its part keys
const { id: access } = await act('access:request', { patient: actor, report: id, action: 'view', purpose: 'treatment' });
const opening = await call('POST', `/patients/${actor}/reports/${id}/sealed`, { access });
const secret = await opening.wraps.reduce(async (key, each) => unwrap(await key, each), sealing.scalar);
const read = await cipher('decrypt', secret, await call('POST', `/patients/${actor}/reports/${id}/ciphertext`, { access, parts: await partsOf(secret) }));
if ((await committed(secret, read)) !== opening.terms.commitment) throw new Error('this is not what was anchored');
console.log(`SHA-256 ${hexOf(await sha256(read))} fits the commitment on ledger ${ledger}: ${new TextDecoder().decode(read)}`);
