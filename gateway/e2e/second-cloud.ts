// Settings of a gateway whose second cloud is the S3 fake, in no hurry to rest and scrubbed without waiting.
import { FAKE_CREDENTIALS, type S3Fake } from '../clouds/testing/s3-fake.js';

export const secondCloudEnv = (server: S3Fake) => ({
  PRMS_CLOUD_SECOND: 's3',
  PRMS_CLOUD_SECOND_NAME: 'north-s3',
  PRMS_CLOUD_SECOND_ENDPOINT: server.endpoint,
  PRMS_CLOUD_SECOND_REGION: server.region,
  PRMS_CLOUD_SECOND_BUCKET: server.bucket,
  PRMS_CLOUD_SECOND_PREFIX: 'prms/',
  PRMS_CLOUD_SECOND_ACCOUNT: FAKE_CREDENTIALS.accessKeyId,
  PRMS_CLOUD_SECOND_SECRET: FAKE_CREDENTIALS.secretAccessKey,
  PRMS_CLOUD_ATTEMPTS: '2',
  PRMS_CLOUD_REST_MS: '0',
  PRMS_STEGO_LIMIT_BYTES: '50000',
  PRMS_SCRUB_COPIES_PER_SECOND: '100000',
  PRMS_SCRUB_BYTES_PER_SECOND: '1000000000',
});
