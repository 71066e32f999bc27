import { isObject, type JsonObject } from '../../common/json.ts';

/** A shorter secret may be a common word. To black it out would hide the device's own words. */
const SECRET_MIN_LENGTH = 6;

/** A result without the secrets that a device sent back: the model and the log see results. */
export function redacted(result: JsonObject, secrets: readonly string[]): JsonObject {
  const hidden = secrets.filter((secret) => secret.length >= SECRET_MIN_LENGTH);
  if (hidden.length === 0) return result;
  const forms = hidden.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
  ]);
  const clean = (value: JsonObject): JsonObject => {
    let changed: JsonObject | undefined;
    for (const [key, field] of Object.entries(value)) {
      const next = typeof field === 'string' ? black(field, forms) : isObject(field) ? clean(field) : field;
      if (next !== field) (changed ??= { ...value })[key] = next;
    }
    return changed ?? value;
  };
  return clean(result);
}

/** A text without these secrets. */
function black(text: string, secrets: readonly string[]): string {
  return secrets.reduce(
    (rest, secret) => (rest.includes(secret) ? rest.replaceAll(secret, '[redacted]') : rest),
    text,
  );
}
