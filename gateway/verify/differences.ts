// Where two JSON values differ.
import { canonicalise } from '@prms/chaincode';

/** The paths at which they do, joined by dots; empty when they are the same to the canonical byte. */
export function differences(a: unknown, b: unknown, path = ''): string[] {
  if (!isPlain(a) || !isPlain(b)) return canonical(a) === canonical(b) ? [] : [path];
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names]
    .sort()
    .flatMap((name) => differences(a[name], b[name], path === '' ? name : `${path}.${name}`));
}

function canonical(value: unknown): string | undefined {
  return value === undefined ? undefined : canonicalise(value);
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
