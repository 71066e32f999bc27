import { isObject, type JsonValue } from '../common/json.ts';
import type { Connection } from '../core/tool.ts';
import { AppError, messageOf } from '../errors.ts';

/** The form of `--credentials`, for `--help`: by the name of the document's security scheme (core/tool.ts, `Credential`), and further origins. */
export const credentialsShape =
  '{"<scheme>": "token" | {"username","password"} | {"clientId","clientSecret"}, "credentialOrigins": ["https://…"]}';

/** Parses `--credentials`, also the seed's `{"type","apiKey"}`. Throws an AppError without any secret. */
export function credentialsOf(json: string | undefined): Connection {
  if (json === undefined) return {};
  let value: JsonValue;
  try {
    value = JSON.parse(json) as JsonValue;
  } catch (error) {
    throw new AppError('invalid_request', `--credentials is no JSON: ${reasonOf(error)}`, { cause: error });
  }
  if (!isObject(value)) throw new AppError('invalid_request', '--credentials has to be a JSON object');
  // The seed's form: one key for the whole document.
  const { type, apiKey } = value;
  if ((type === 'basic' || type === 'bearer') && typeof apiKey === 'string')
    return { apiKey: { type, apiKey } };
  const { credentialOrigins, ...credentials } = value;
  const origins = Array.isArray(credentialOrigins) ? credentialOrigins : [];
  if (
    credentialOrigins !== undefined &&
    !(origins.length > 0 && origins.every((one) => typeof one === 'string'))
  )
    throw new AppError('invalid_request', '--credentials: "credentialOrigins" has to be a list of origins');
  for (const [scheme, credential] of Object.entries(credentials)) {
    if (!isCredential(credential)) {
      const shapes = 'a text, {"username","password"} or {"clientId","clientSecret"}';
      throw new AppError('invalid_request', `--credentials: "${scheme}" has to be ${shapes}`);
    }
  }
  return {
    credentials: credentials as NonNullable<Connection['credentials']>,
    ...(origins.length > 0 && { credentialOrigins: origins as string[] }),
  };
}

/** Whether a value has one of the three shapes of a credential. */
function isCredential(value: JsonValue | undefined): boolean {
  if (typeof value === 'string') return true;
  if (!isObject(value)) return false;
  const has = (...keys: string[]): boolean => keys.every((key) => typeof value[key] === 'string');
  return has('username', 'password') || has('clientId', 'clientSecret');
}

/** The parser's message, without the text itself, which holds a secret. */
function reasonOf(error: unknown): string {
  return /at position \d+/.exec(messageOf(error))?.[0] ?? 'it does not parse';
}
