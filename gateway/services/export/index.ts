export { Exports, type ExportedRecord } from './exports.js';
