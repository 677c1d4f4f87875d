export { shownProgressSchema } from './progress.js';
export type { ScrubProgress } from './progress.js';
export { Scrubber } from './scrubber.js';
export type { ScrubberParts } from './scrubber.js';
