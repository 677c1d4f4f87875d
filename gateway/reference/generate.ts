// Writes the generated pages of docs/: `npm run reference -w gateway`.
import { writeFileSync } from 'node:fs';
import { docsFolder, referencePages } from './index.js';

for (const [name, page] of Object.entries(referencePages)) {
  writeFileSync(new URL(name, docsFolder), page());
}
