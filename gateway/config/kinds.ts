// What a setting may be, and the makers of rows. Units stand last in the names.

/** What a value may be. A whole number has bounds, a choice has its words, a text has a pattern. */
export type SettingKind =
  | {
      readonly kind: 'integer';
      readonly default: number;
      readonly min: number;
      readonly max: number;
    }
  | {
      readonly kind: 'number';
      readonly default: number;
      readonly min: number;
      readonly max: number;
    }
  | {
      readonly kind: 'text';
      readonly default: string;
      readonly pattern: RegExp;
      readonly shape: string;
      /** Never printed. */
      readonly secret?: true;
    }
  | { readonly kind: 'choice'; readonly default: string; readonly choices: readonly string[] };

export type Setting = SettingKind & {
  readonly env: `PRMS_${string}`;
  readonly unit: string;
  readonly doc: string;
};

export const MiB = 1024 * 1024;

export const integer = (
  env: `PRMS_${string}`,
  preset: number,
  [min, max]: readonly [number, number],
  unit: string,
  doc: string,
) => ({ kind: 'integer', env, default: preset, min, max, unit, doc }) as const;

export const text = (
  env: `PRMS_${string}`,
  preset: string,
  pattern: RegExp,
  shape: string,
  doc: string,
) => ({ kind: 'text', env, default: preset, pattern, shape, unit: '', doc }) as const;

export const secret = (env: `PRMS_${string}`, pattern: RegExp, shape: string, doc: string) =>
  ({ kind: 'text', env, default: '', pattern, shape, unit: '', doc, secret: true }) as const;

export const choice = <const C extends readonly [string, ...string[]]>(
  env: `PRMS_${string}`,
  preset: C[number],
  choices: C,
  doc: string,
) => ({ kind: 'choice', env, default: preset, choices, unit: '', doc }) as const;

export const number = (
  env: `PRMS_${string}`,
  preset: number,
  [min, max]: readonly [number, number],
  unit: string,
  doc: string,
) => ({ kind: 'number', env, default: preset, min, max, unit, doc }) as const;

export const path = /^[^\0]+$/;
export const optionalPath = /^[^\0]*$/;
