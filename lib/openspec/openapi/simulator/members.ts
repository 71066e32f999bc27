import { isObject, type JsonObject, type JsonValue } from '../../../common/json.ts';
import { pathVariable } from '../request-shape.ts';
import type { Variables } from './resources.ts';

/** The members of a list, and the list's whole value with others in it. */
export interface Members {
  items: readonly JsonValue[];
  with(items: readonly JsonValue[]): JsonValue;
}

/** The names under which APIs wrap a list, apart from the name of its path. */
const usualNames = new Set(['items', 'data', 'results', 'values', 'content', 'records', 'entries']);

/** The list that a value is, or that it wraps (`{"items": […], "total": 1}`). */
export function listIn(value: JsonValue, template: string): Members | undefined {
  if (Array.isArray(value)) return { items: value, with: (items) => [...items] };
  if (!isObject(value)) return undefined;
  const named = template.split('/').at(-1) ?? '';
  const lists = Object.entries(value).filter((entry): entry is [string, JsonValue[]] =>
    Array.isArray(entry[1]),
  );
  const usual = lists.find(([key]) => key === named || usualNames.has(key));
  const [key, items] = usual ?? (lists.length === 1 ? lists[0] : undefined) ?? [];
  if (key === undefined || items === undefined) return undefined;
  return { items, with: (others) => ({ ...value, [key]: [...others] }) };
}

/** The index of the member that a path variable names; -1 for no such member. */
export function findMember(items: readonly JsonValue[], variable: string, text: string | undefined): number {
  return items.findIndex((item) => {
    const key = isObject(item) ? identityOf(item, variable) : undefined;
    const value = key === undefined ? item : isObject(item) ? item[key] : undefined;
    return (typeof value === 'string' || typeof value === 'number') && String(value) === text;
  });
}

/** The property by which a path variable names an object: for `petId` that is `petId`, `pet_id`, `id` and so on. */
export function identityOf(item: JsonObject, variable: string): string | undefined {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const wanted = plain(variable);
  const keys = Object.keys(item).filter(
    (key) => typeof item[key] === 'string' || typeof item[key] === 'number',
  );
  const same = keys.find((key) => plain(key) === wanted);
  if (same !== undefined) return same;
  // `petId` may be the `id` of the pet.
  const ending = keys.find((key) => plain(key) !== '' && wanted.endsWith(plain(key)));
  return ending ?? keys.find((key) => ['id', 'uuid', 'name', 'key'].includes(plain(key)));
}

/** A value as the one that the last variable of its path names. */
export function identified(value: JsonValue, template: string, variables: Variables): JsonValue {
  const last = /\{([^{}]*)\}$/.exec(template)?.[1];
  if (last === undefined || !isObject(value)) return value;
  const name = pathVariable(last);
  const key = identityOf(value, name);
  const text = variables[name];
  return key === undefined || text === undefined ? value : { ...value, [key]: idLike(value[key], text) };
}

/** A text as the kind of identity that another one is. */
export function idLike(like: JsonValue | undefined, text: string): string | number {
  return typeof like === 'number' && text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** An identity that no member has: the next number, or a text of the same form. */
export function nextId(
  ids: readonly (JsonValue | undefined)[],
  like: JsonValue | undefined,
): string | number {
  const taken = new Set(ids.map(String));
  const numbers = ids.map(Number).filter((id) => Number.isSafeInteger(id));
  const next = Math.max(0, ...numbers) + 1;
  if (typeof like === 'number') return next;
  const text = typeof like === 'string' ? like : '';
  if (/^\d+$/.test(text)) return String(next);
  for (let n = 2; ; n++) {
    const candidate = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i.test(text)
      ? text.slice(0, 24) + String(n).padStart(12, '0')
      : `${text === '' ? 'id' : text}-${n}`;
    if (!taken.has(candidate)) return candidate;
  }
}
