// The S3 adapter over the fake that checks its signatures: the conformance suite.
import { cloudConformance } from './conformance/index.js';
import { openS3Cloud, type S3CloudOptions } from './s3.js';
import { FAKE_CREDENTIALS, S3Fake } from './testing/s3-fake.js';

export const optionsFor = (fake: S3Fake): S3CloudOptions => ({
  name: 's3',
  endpoint: fake.endpoint,
  region: fake.region,
  bucket: fake.bucket,
  prefix: 'prms/',
  pathStyle: true,
  credentials: FAKE_CREDENTIALS,
  connectTimeoutMs: 5000,
  partBytes: 300_000,
  settings: 'PRMS_CLOUD',
});

cloudConformance('s3, over the fake', async () => {
  const fake = await S3Fake.start();
  return { cloud: openS3Cloud(optionsFor(fake)), dispose: () => fake.stop() };
});
