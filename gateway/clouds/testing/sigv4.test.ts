// The signature check against the examples that the vendor published, and against a request changed in any part.
import { expect } from 'chai';
import { isSigned, readAuthorization, signatureOf, type SignedRequest } from './sigv4.js';

// Amazon S3 API reference, "Authenticating Requests: Using the Authorization Header", four examples, one key.
const ACCESS_KEY_ID = 'AKIAIOSFODNN7EXAMPLE';
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const scope = '20130524/us-east-1/s3/aws4_request';
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const common = { host: 'examplebucket.s3.amazonaws.com', 'x-amz-date': '20130524T000000Z' };

const examples: readonly {
  readonly name: string;
  readonly request: SignedRequest;
  readonly signature: string;
}[] = [
  {
    name: 'GET object',
    request: {
      method: 'GET',
      target: '/test.txt',
      headers: { ...common, range: 'bytes=0-9', 'x-amz-content-sha256': EMPTY },
    },
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  {
    name: 'PUT object',
    request: {
      method: 'PUT',
      target: '/test%24file.text',
      headers: {
        ...common,
        date: 'Fri, 24 May 2013 00:00:00 GMT',
        'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      },
    },
    signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  },
  {
    name: 'GET bucket lifecycle',
    request: {
      method: 'GET',
      target: '/?lifecycle',
      headers: { ...common, 'x-amz-content-sha256': EMPTY },
    },
    signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  },
  {
    name: 'GET bucket (list objects)',
    request: {
      method: 'GET',
      target: '/?max-keys=2&prefix=J',
      headers: { ...common, 'x-amz-content-sha256': EMPTY },
    },
    signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  },
];

describe('checking AWS Signature Version 4', () => {
  for (const { name, request, signature } of examples) {
    const signedHeaders = Object.keys(request.headers).sort();
    it(`gives the published signature: ${name}`, () => {
      expect(signatureOf(request, { scope, signedHeaders }, SECRET)).to.equal(signature);
    });

    it(`sees any change: ${name}`, () => {
      const authorization = {
        accessKeyId: ACCESS_KEY_ID,
        scope,
        region: 'us-east-1',
        signedHeaders,
        signature,
      };
      expect(isSigned(request, authorization, SECRET)).to.equal(true);
      const changed: SignedRequest[] = [
        { ...request, method: 'DELETE' },
        { ...request, target: `/other${request.target}` },
        { ...request, target: `${request.target}${request.target.includes('?') ? '&' : '?'}x=1` },
        ...signedHeaders.map((header) => ({
          ...request,
          headers: { ...request.headers, [header]: 'another' },
        })),
      ];
      for (const one of changed) expect(isSigned(one, authorization, SECRET)).to.equal(false);
      expect(isSigned(request, authorization, `${SECRET}x`)).to.equal(false);
      const elsewhere = { ...authorization, scope: scope.replace('us-east-1', 'eu-west-1') };
      expect(isSigned(request, elsewhere, SECRET)).to.equal(false);
    });
  }

  it('reads the header, and nothing that merely resembles it', () => {
    const header = `AWS4-HMAC-SHA256 Credential=${ACCESS_KEY_ID}/${scope},SignedHeaders=host;x-amz-date,Signature=${EMPTY}`;
    expect(readAuthorization(header)).to.deep.equal({
      accessKeyId: ACCESS_KEY_ID,
      scope,
      region: 'us-east-1',
      signedHeaders: ['host', 'x-amz-date'],
      signature: EMPTY,
    });
    for (const bad of [
      undefined,
      '',
      header.replace('AWS4-HMAC-SHA256', 'AWS4-HMAC-SHA1'),
      header.replace('/s3/', '/ec2/'),
      header.slice(0, -1),
      `${header} `,
    ]) {
      expect(readAuthorization(bad)).to.equal(undefined);
    }
  });
});
