import type { CompileOptions } from './kind.ts';

/** The properties by which an operation is chosen. */
interface Choosable {
  tags: readonly string[];
  /** `GET`, or an RPC method's name. */
  method: string;
  /** `/rooms/{id}`, or an RPC method's name. */
  path: string;
}

/**
 * Whether an entry wants an operation: `include` asks for one match in each list that it gives, `exclude` drops what
 * matches any of its lists; an empty list says nothing. Methods and paths match whole, or by a prefix ending in `*`.
 */
export function isSelected(operation: Choosable, { include, exclude, within }: CompileOptions): boolean {
  if (within !== undefined && !isSelected(operation, within)) return false;
  const { tags, method, path } = operation;
  const has = {
    tags: (tag: string) => tags.includes(tag),
    methods: (pattern: string) => matches(method.toUpperCase(), pattern.toUpperCase()),
    paths: (pattern: string) => matches(path, pattern),
  };
  for (const key of ['tags', 'methods', 'paths'] as const) {
    const wanted = include?.[key] ?? [];
    if (wanted.length > 0 && !wanted.some(has[key])) return false;
    if ((exclude?.[key] ?? []).some(has[key])) return false;
  }
  return true;
}

function matches(name: string, pattern: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
