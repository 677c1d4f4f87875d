// The S3 adapter over the fake that checks its signatures: the conformance suite.
import { cloudConformance } from './conformance/index.js';
import { openS3Cloud } from './s3.js';
import { S3Fake, s3OptionsFor } from './testing/s3-fake.js';

cloudConformance('s3, over the fake', async () => {
  const fake = await S3Fake.start();
  return { cloud: openS3Cloud(s3OptionsFor(fake)), dispose: () => fake.stop() };
});
