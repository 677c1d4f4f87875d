// The door of the platforms: which there are. Each is loaded only when it is asked for.
import { BenchError } from '../errors.js';
import type { Platform } from './platform.js';

export type * from './platform.js';
export { CallError } from './platform.js';

/** Modules that export a `Platform` named `platform`. */
const MODULES: Readonly<Record<string, string>> = {
  embedded: new URL('./embedded/index.js', import.meta.url).href,
  null: new URL('./null.js', import.meta.url).href,
};

export const PLATFORM_NAMES: readonly string[] = Object.keys(MODULES);

/** Where a platform's module lies: a name from the list above, or a module's address as it is. */
export function platformModule(name: string): string {
  const known = MODULES[name];
  if (known !== undefined) return known;
  if (name.startsWith('file:')) return name;
  const message = `there is no platform "${name}": ${PLATFORM_NAMES.join(', ')}`;
  throw new BenchError('USAGE', message);
}

/** @throws BenchError USAGE | PLATFORM */
export async function loadPlatform(name: string): Promise<Platform> {
  const module: unknown = await import(platformModule(name));
  if (typeof module === 'object' && module !== null && 'platform' in module)
    return module.platform as Platform;
  throw new BenchError('PLATFORM', `${name} exports no platform`);
}
