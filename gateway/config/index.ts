// The gateway's settings: table, loading, and what is in force.
export { agreements } from './agreements.js';
export type { Setting } from './kinds.js';
export { settings, topics } from './settings.js';
export type { Config, SettingName } from './settings.js';
export { configAsJson, describeConfig, expectation, loadConfig, settingNames } from './load.js';
export type { LoadedConfig, SettingSource } from './load.js';
