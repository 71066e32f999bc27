import type { JsonObject } from '../common/json.ts';
import type { HttpRequest } from '../drivers/http.ts';

/** How much of a body is shown, in characters. */
const BODY_SHOWN = 65_536;

/** A request for people: method, URL, headers and body. A body that is no text is shown by its size. */
export function describeHttpRequest({ method, origin, path, headers, body }: HttpRequest): JsonObject {
  return {
    method,
    url: origin + path,
    headers,
    ...(body !== undefined && { body: shownBody(body) }),
  };
}

function shownBody(body: string | Uint8Array): string {
  const text = typeof body === 'string' ? body : textOf(body);
  if (text === undefined) return `(${body.length} bytes that are no text)`;
  return text.length > BODY_SHOWN ? `${text.slice(0, BODY_SHOWN)}… (${text.length} characters)` : text;
}

/** The text of bytes; undefined for bytes that are no UTF-8. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
