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

/** A tool's name [a-zA-Z0-9_-]{1,64}: what is not allowed replaced by `_`; a text without such characters gets a hash. */
export function nameOf(text: string): string {
  return legal(text, /[^a-zA-Z0-9_-]+/g, 'tool');
}

/** An argument's key [a-zA-Z0-9_.-]{1,64}: the wire's name with what is not allowed replaced. */
export function keyOf(wireName: string): string {
  return legal(wireName, /[^a-zA-Z0-9_.-]+/g, 'arg');
}

/**
 * A key inside an argument: as it is where a model API takes it, else with what is not allowed replaced and a hash, so
 * that no other key becomes the same.
 */
export function innerKeyOf(wireName: string): string {
  if (/^[a-zA-Z0-9_.-]{1,64}$/.test(wireName)) return wireName;
  const plain = wireName.replaceAll(/[^a-zA-Z0-9_.-]+/g, '_').slice(0, LENGTH_MAX - 7);
  return `${plain}_${hashOf(wireName)}`;
}

function legal(text: string, others: RegExp, fallback: string): string {
  const plain = text.trim().replaceAll(others, '_');
  if (plain === text && plain.length > 0 && plain.length <= LENGTH_MAX) return plain;
  const bare = plain.replaceAll(/^_+(?=[^_])|(?<=[^_])_+$/g, '');
  if (!/[a-zA-Z0-9]/.test(bare)) return `${fallback}_${hashOf(text)}`;
  // Too long a name keeps its beginning, and a hash of the whole that tells it from its like.
  return bare.length <= LENGTH_MAX ? bare : `${bare.slice(0, LENGTH_MAX - 7)}_${hashOf(text)}`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 6);
}
