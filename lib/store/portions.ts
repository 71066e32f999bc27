/** Well below the limits of both engines, as other parameters may come along. */
const PORTION = 1000;

/** A list in portions that a statement can name: SQLite takes 32,766 parameters, PostgreSQL 65,535. */
export function inPortions<T>(list: readonly T[]): T[][] {
  const portions: T[][] = [];
  for (let from = 0; from < list.length; from += PORTION) portions.push(list.slice(from, from + PORTION));
  return portions;
}
