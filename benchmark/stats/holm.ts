// Several tests at once, without more false alarms than one: Holm's step-down procedure (Holm 1979).

/**
 * Adjusted p-values in the order of what is given: an effect is shown at level α where the adjusted p is at most α, and the
 * probability that any one of them is shown wrongly is then at most α, however the tests hang together.
 * @param ps each from 0 to 1
 */
export function holm(ps: readonly number[]): number[] {
  const rising = ps.map((p, at) => ({ p, at })).sort((a, b) => a.p - b.p);
  const adjusted = new Array<number>(ps.length);
  let least = 0;
  rising.forEach(({ p, at }, before) => {
    least = Math.max(least, Math.min(1, (ps.length - before) * p));
    adjusted[at] = least;
  });
  return adjusted;
}
