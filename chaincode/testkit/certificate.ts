// A self-signed X.509 certificate in the fewest fields that parsers take (RFC 5280 §4.1), over any key of node:crypto.

import { sign, type KeyObject } from 'node:crypto';

const node = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  if (body.length < 128) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length = Buffer.of(body.length >> 8, body.length & 255);
  return Buffer.concat([Buffer.of(tag, 0x82), length, body]);
};
const sequence = (...parts: readonly Uint8Array[]) => node(0x30, ...parts);
const text = (tag: number, value: string) => node(tag, Buffer.from(value, 'ascii'));

const ECDSA_WITH_SHA256 = sequence(Buffer.from('06082a8648ce3d040302', 'hex'));
const RSA_WITH_SHA256 = sequence(Buffer.from('06092a864886f70d01010b0500', 'hex'));
const COMMON_NAME = Buffer.from('0603550403', 'hex');

/** The certificate, PEM. */
export function certificateOf(publicKey: KeyObject, privateKey: KeyObject): string {
  const algorithm = privateKey.asymmetricKeyType === 'rsa' ? RSA_WITH_SHA256 : ECDSA_WITH_SHA256;
  const name = sequence(node(0x31, sequence(COMMON_NAME, text(0x0c, 'somebody'))));
  const body = sequence(
    node(0xa0, Buffer.of(2, 1, 2)),
    Buffer.of(2, 1, 1),
    algorithm,
    name,
    sequence(text(0x17, '260101000000Z'), text(0x17, '460101000000Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = node(0x03, Buffer.of(0), sign('sha256', body, privateKey));
  const lines =
    sequence(body, algorithm, signature)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
