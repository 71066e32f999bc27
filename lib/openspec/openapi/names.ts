import { createHash } from 'node:crypto';

const LENGTH_MAX = 64;

/** Gives each name once: the second of the same name gets `_2`, the third `_3`. */
export function uniqueNames(): (name: string) => string {
  const taken = new Set<string>();
  const counts = new Map<string, number>();
  return (name) => {
    let unique = name;
    for (let n = (counts.get(name) ?? 1) + 1; taken.has(unique); n += 1) {
      unique = `${name.slice(0, LENGTH_MAX - 1 - String(n).length)}_${n}`;
      counts.set(name, n);
    }
    taken.add(unique);
    return unique;
  };
}

/** A tool's name: the operationId with what is not allowed replaced, else `POST-AUT`, `GET-rooms-id-light`. */
export function toolName(operationId: string | undefined, method: string, path: string): string {
  const id = replaced(operationId?.trim() ?? '', /[^a-zA-Z0-9_-]+/g);
  if (/[a-zA-Z0-9]/.test(id)) return shortened(id, operationId ?? id);
  const words = path.replace(/[^a-zA-Z0-9_-]+/g, '-').replace(/^-+|-+$/g, '');
  return shortened(words === '' ? method : `${method}-${words}`, `${method} ${path}`);
}

/** An argument's key: the wire's name with what is not allowed replaced. */
export function argumentKey(wireName: string): string {
  const key = replaced(wireName, /[^a-zA-Z0-9_.-]+/g);
  if (key === wireName && key !== '') return shortened(key, wireName);
  return /[a-zA-Z0-9]/.test(key) ? shortened(key, wireName) : `arg_${hashOf(wireName)}`;
}

/** A name with `_` for what is not allowed, but not at its ends; one that is allowed stays as it is. */
function replaced(name: string, illegal: RegExp): string {
  const text = name.replace(illegal, '_');
  return text === name ? name : text.replace(/^_+(?=[^_])|(?<=[^_])_+$/g, '');
}

/** Too long a name keeps its beginning, and a hash of the whole that tells it from its like. */
function shortened(name: string, whole: string): string {
  return name.length <= LENGTH_MAX ? name : `${name.slice(0, LENGTH_MAX - 7)}_${hashOf(whole)}`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 6);
}
