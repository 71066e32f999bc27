import { createHash } from 'node:crypto';
import { withoutEnd } from '../common/without-end.ts';

const LENGTH_MAX = 64;
const NO_NAME = /[^a-zA-Z0-9_-]+/g;
const NO_KEY = /[^a-zA-Z0-9_.-]+/g;

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

/** A tool's name [a-zA-Z0-9_-]{1,64}: other characters become `_`. A text without any allowed character becomes a hash. */
export function toolNameOf(text: string): string {
  return legal(text, NO_NAME) ?? `tool_${hashOf(text)}`;
}

/** The name of an HTTP operation's tool: its operationId as `toolNameOf` has it, else `POST-AUT`, `GET-rooms-id-light`. */
export function operationToolName(operationId: string | undefined, method: string, path: string): string {
  const id = operationId === undefined ? undefined : legal(operationId, NO_NAME);
  if (id !== undefined && /[a-zA-Z0-9]/.test(id)) return id;
  const words = withoutEnd(path.replace(/[^a-zA-Z0-9_-]+/g, '-').replace(/^-+/, ''), '-');
  return shortened(words === '' ? method : `${method}-${words}`, `${method} ${path}`);
}

/** An argument's key [a-zA-Z0-9_.-]{1,64}: the name on the wire, with `_` for other characters. */
export function argumentKeyOf(wireName: string): string {
  return legal(wireName, NO_KEY) ?? `arg_${hashOf(wireName)}`;
}

/** Whether model APIs take a name as the key of an argument or of a member. */
export function isKey(name: string): boolean {
  return /^[a-zA-Z0-9_.-]{1,64}$/.test(name);
}

/**
 * A key inside an argument: as it is where a model API takes it, else with what is not allowed replaced and a hash, so
 * that no other key becomes the same.
 */
export function innerKeyOf(wireName: string): string {
  if (isKey(wireName)) return wireName;
  const plain = wireName.replaceAll(/[^a-zA-Z0-9_.-]+/g, '_').slice(0, LENGTH_MAX - 7);
  return `${plain}_${hashOf(wireName)}`;
}

/** A text with `_` for the other characters, but not at its ends; undefined when nothing is left of it. */
function legal(text: string, others: RegExp): string | undefined {
  const plain = text.trim().replaceAll(others, '_');
  if (plain === text && plain !== '') return shortened(plain, text);
  const bare = plain.replaceAll(/^_+(?=[^_])|(?<=[^_])_+$/g, '');
  return /[a-zA-Z0-9]/.test(bare) ? shortened(bare, text) : undefined;
}

/** A name that is too long keeps its beginning, and a hash of the whole makes it different from similar names. */
function shortened(name: string, whole: string): string {
  return name.length <= LENGTH_MAX ? name : `${name.slice(0, LENGTH_MAX - 7)}_${hashOf(whole)}`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 6);
}
