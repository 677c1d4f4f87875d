// The reference pages under docs/ that are made from the code's own tables.
import { configurationPage } from './configuration-page.js';
import { errorsPage } from './errors-page.js';
import { framesPage } from './frames-page.js';

/** File name under `docs/` and the text it must have. */
export const referencePages: Readonly<Record<string, () => string>> = {
  'configuration.md': configurationPage,
  'consultation-frames.md': framesPage,
  'errors.md': errorsPage,
};

/** Where the pages live, seen from the built code. */
export const docsFolder = new URL('../../../docs/', import.meta.url);
