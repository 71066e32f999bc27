import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';

/** `base` with the properties of `over` that it has, too. A property of another type keeps its value. */
export function overlay(base: JsonValue, over: JsonValue | undefined): JsonValue {
  if (!isObject(base) || !isObject(over)) return base;
  const entries = Object.entries(base).map(([key, value]) => {
    const other = Object.hasOwn(over, key) ? over[key] : undefined;
    if (other === undefined || value === undefined || !isAlike(value, other)) return [key, value];
    return [key, isObject(value) && isObject(other) ? { ...value, ...other } : other];
  });
  return Object.fromEntries(entries) as JsonObject;
}

/**
 * The value of a getter after its setter was called: properties of the same name are set; a value that is alone
 * on both sides is set under any name. Undefined when nothing fits.
 */
export function applySetter(value: JsonValue, given: JsonValue): JsonValue | undefined {
  if (isObject(value)) {
    if (!isObject(given)) return wrapped(value, given);
    const shared = overlay(value, given);
    if (JSON.stringify(shared) !== JSON.stringify(value)) return shared;
    const known = Object.keys(given).some((key) => Object.hasOwn(value, key));
    const [only, ...others] = Object.values(given);
    return known || only === undefined || others.length > 0
      ? known
        ? value
        : undefined
      : wrapped(value, only);
  }
  if (!isObject(given)) return isAlike(value, given) ? given : undefined;
  const fitting = Object.values(given).filter((one) => one !== undefined && isAlike(value, one));
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** An object with one property that a lone value fits. */
function wrapped(value: JsonObject, given: JsonValue): JsonValue | undefined {
  const [only, ...others] = Object.entries(value);
  if (only === undefined || others.length > 0 || only[1] === undefined) return undefined;
  return isAlike(only[1], given) ? { [only[0]]: given } : undefined;
}

function isAlike(a: JsonValue, b: JsonValue): boolean {
  if (a === null || b === null) return true;
  return typeof a === typeof b && Array.isArray(a) === Array.isArray(b);
}
