// The door of group commit.
export {
  GroupCommit,
  type GroupCommitBounds,
  type GroupCommitOptions,
  type Located,
} from './group-commit.js';
export { parseReceipts, type Receipt } from './receipts.js';
