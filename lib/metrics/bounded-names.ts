/** How many names a label may have. Each is a row of every metric with that label, at the server and in Prometheus. */
const NAMES_MAX_COUNT = 200;

/** The label of all names past the bound. No device or model has such a name. */
export const OTHER = '(other)';

/** Bounds the values of one label: the first names keep their own, and the rest share one. */
export function boundNames(most = NAMES_MAX_COUNT): (name: string) => string {
  const known = new Set<string>();
  return (name) => {
    if (known.has(name)) return name;
    if (known.size >= most) return OTHER;
    known.add(name);
    return name;
  };
}
