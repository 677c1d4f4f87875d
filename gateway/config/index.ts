// The gateway's settings: table, loading, and what is in force.
export { settings } from './settings.js';
export type { Config, Setting, SettingName } from './settings.js';
export { configAsJson, describeConfig, expectation, loadConfig, settingNames } from './load.js';
export type { LoadedConfig, SettingSource } from './load.js';
