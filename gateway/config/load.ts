// Reads the settings: environment before file before default. Bad values stop the start with a message that names all of
// them, each with its fault and where it came from: whoever sets up a gateway mends them in one go.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { GatewayError, type FieldFault } from '../errors.js';
import { brokenAgreements } from './agreements.js';
import { settings, topics } from './settings.js';
import type { Setting } from './kinds.js';
import type { Config, SettingName } from './settings.js';

/** Where a value came from. */
export type SettingSource = 'environment' | 'file' | 'default';

export interface LoadedConfig {
  readonly config: Config;
  readonly sources: Readonly<Record<SettingName, SettingSource>>;
  /** `PRMS_*` variables that no setting of the gateway has: likely spelling mistakes. */
  readonly unknownVariables: readonly string[];
  /** The file that was read, if there was one. */
  readonly file?: string;
}

/**
 * Loads the configuration.
 * @param env the environment, usually `process.env`. `PRMS_CONFIG` names another file than `./prms.config.json`.
 * @throws GatewayError CONFIG naming every setting that does not fit, and every two that don't go together, with their
 *   sources; its `fields` hold them one by one
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): LoadedConfig {
  const named = env['PRMS_CONFIG'];
  const file = readConfigFile(named ?? 'prms.config.json', named !== undefined);
  const faults: FieldFault[] = [];
  for (const path of Object.keys(file?.values ?? {}))
    if (!isSettingName(path))
      faults.push({ path, message: `“${path}” in ${file?.path ?? ''}: there is no such setting` });

  const values: Record<string, string | number> = {};
  const sources: Partial<Record<SettingName, SettingSource>> = {};
  for (const name of settingNames) {
    const picked = pick(name, env, file);
    sources[name] = picked.source;
    if (picked.fault !== undefined) faults.push({ path: name, message: picked.fault });
    // In place of a bad value, so that the others can be held against each other.
    values[name] = picked.fault === undefined ? picked.value : settings[name].default;
  }
  const config = configSchema.parse(values);
  const from = sourcesSchema.parse(sources);
  const bad = new Set(faults.map(({ path }) => path));
  faults.push(
    ...disagreements(config, from).filter(({ paths }) => !paths.some((each) => bad.has(each))),
  );
  if (faults.length > 0) throw configError(faults);
  const known = new Set<string>(settingNames.map((name) => settings[name].env)).add('PRMS_CONFIG');
  return {
    config,
    sources: from,
    unknownVariables: Object.keys(env)
      .filter((key) => key.startsWith('PRMS_') && !known.has(key))
      .sort(),
    ...(file === undefined ? {} : { file: file.path }),
  };
}

/** Every setting under its topic, one line each: its name, its value in force, where from. Secrets are never shown. */
export function describeConfig(loaded: LoadedConfig): string {
  const width = Math.max(...settingNames.map((name) => name.length));
  const line = (name: SettingName): string => {
    const setting: Setting = settings[name];
    const value = shownValue(setting, loaded.config[name]);
    const shown = value === '' ? '(empty)' : String(value);
    const unit = setting.unit === '' || setting.unit === 'port' ? '' : ` ${setting.unit}`;
    const source = loaded.sources[name];
    const from =
      source === 'environment' ? setting.env : source === 'file' ? (loaded.file ?? source) : source;
    return `${name.padEnd(width)}  ${shown}${unit}  [${from}]`;
  };
  const lines = topics.flatMap(({ title, rows }) => [
    `# ${title}`,
    ...Object.keys(rows).filter(isSettingName).map(line),
    '',
  ]);
  const warnings = loaded.unknownVariables.map(
    (name) => `warning: ${name} is set, but no setting has that name`,
  );
  return [...lines, ...warnings].join('\n');
}

/** Every setting with its value and where it came from, for programs. A secret is only said to be there or not. */
export function configAsJson(
  loaded: LoadedConfig,
): Readonly<Record<string, { readonly value: string | number; readonly source: SettingSource }>> {
  return Object.fromEntries(
    settingNames.map((name) => [
      name,
      { value: shownValue(settings[name], loaded.config[name]), source: loaded.sources[name] },
    ]),
  );
}

function shownValue(setting: Setting, value: string | number): string | number {
  if (setting.kind !== 'text' || setting.secret !== true) return value;
  return value === '' ? '(none)' : '(set)';
}

const isSettingName = (name: string): name is SettingName => Object.hasOwn(settings, name);

/** Every setting's name, in the table's order. */
export const settingNames: readonly SettingName[] = Object.keys(settings).filter(isSettingName);

const configSchema = z.custom<Config>(
  (value) =>
    typeof value === 'object' && value !== null && settingNames.every((name) => name in value),
);
const sourcesSchema = z.custom<Record<SettingName, SettingSource>>(
  (value) =>
    typeof value === 'object' && value !== null && settingNames.every((name) => name in value),
);

interface ConfigFile {
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

type Picked = { readonly source: SettingSource } & (
  { readonly value: string | number; readonly fault?: undefined } | { readonly fault: string }
);

function pick(
  name: SettingName,
  env: Readonly<Record<string, string | undefined>>,
  file: ConfigFile | undefined,
): Picked {
  const setting: Setting = settings[name];
  const variable = env[setting.env];
  if (variable !== undefined) {
    const value =
      setting.kind === 'integer' || setting.kind === 'number' ? toNumber(variable) : variable;
    return { source: 'environment', ...check(setting, value, setting.env, ' (environment)') };
  }
  if (file !== undefined && name in file.values)
    return { source: 'file', ...check(setting, file.values[name], `“${name}” in ${file.path}`) };
  return { source: 'default', value: setting.default };
}

/** Decimal only: `1e3`, `0x10` and ` 5` are more often mistakes than wishes. */
const toNumber = (text: string): unknown => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text);

function check(
  setting: Setting,
  value: unknown,
  place: string,
  source = '',
): { readonly value: string | number } | { readonly fault: string } {
  const result = schemaOf(setting).safeParse(value);
  if (result.success) return { value: result.data };
  const secret = setting.kind === 'text' && setting.secret === true;
  const given = secret ? 'its value' : JSON.stringify(value);
  return { fault: `${place}: ${given}${source} is not ${expectation(setting)}` };
}

/** Settings that fit their own bounds and make no sense together. */
function disagreements(
  config: Config,
  sources: LoadedConfig['sources'],
): (FieldFault & { readonly paths: readonly string[] })[] {
  return brokenAgreements(config).map(({ names, because }) => {
    const [small, large] = names.map((name) => {
      const { env, unit } = settings[name];
      return `${env} (${config[name]} ${unit}, ${sources[name]})`;
    });
    const message = `${small ?? ''} must not be above ${large ?? ''}: ${because}`;
    return { path: names[0], paths: names, message };
  });
}

function schemaOf(setting: Setting): z.ZodType<string | number> {
  switch (setting.kind) {
    case 'integer':
      return z.int().min(setting.min).max(setting.max);
    case 'number':
      return z.number().min(setting.min).max(setting.max);
    case 'choice':
      return z.enum(setting.choices);
    case 'text':
      return z.string().max(4096).regex(setting.pattern);
  }
}

/** What a setting's value has to be, in words. */
export function expectation(setting: Setting): string {
  switch (setting.kind) {
    case 'integer':
      return `a whole number from ${setting.min} to ${setting.max}`;
    case 'number':
      return `a number from ${setting.min} to ${setting.max}`;
    case 'choice':
      return `one of ${setting.choices.join(', ')}`;
    case 'text':
      return setting.shape;
  }
}

function readConfigFile(path: string, required: boolean): ConfigFile | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    if (missing && !required) return undefined;
    throw new GatewayError('CONFIG', `The configuration file ${path} can't be read`, { cause });
  }
  try {
    return { path, values: z.record(z.string(), z.unknown()).parse(JSON.parse(text)) };
  } catch (cause) {
    throw new GatewayError('CONFIG', `The configuration file ${path} is not a JSON object`, {
      cause,
    });
  }
}

function configError(faults: readonly FieldFault[]): GatewayError {
  const told = faults.map(({ message }) => message);
  const text =
    told.length === 1
      ? `${told.join('')}.`
      : `${told.length} settings do not fit:${told.map((each) => `\n- ${each}`).join('')}`;
  const [first] = faults;
  const fields = faults.map(({ path, message }) => ({ path, message }));
  return new GatewayError('CONFIG', text, { fields, ids: { setting: first?.path ?? '' } });
}
