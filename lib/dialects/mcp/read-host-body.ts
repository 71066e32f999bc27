import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { AppError } from '../../errors.ts';

/** The last version of the protocol with batches [MCP 2025-06-18, Key Changes]. A host that names no version speaks it. */
const LAST_WITH_BATCHES = '2025-03-26';

/**
 * The body of a request of a host as the SDK reads it: one message, or a batch of an older version. As everywhere, a field that is null
 * counts as missing, because several hosts send all their fields: the parameters, and each of them. Throws `invalid_request` for a batch
 * of a version that has none, and for one with two requests of one id.
 */
export function readHostBody(
  body: JsonObject | JsonObject[],
  version: string | string[] = LAST_WITH_BATCHES,
): JsonObject | JsonObject[] {
  if (!Array.isArray(body)) return readMessage(body);
  if (version <= LAST_WITH_BATCHES) {
    const messages = body.map(readMessage);
    checkIds(messages);
    return messages;
  }
  throw new AppError(
    'invalid_request',
    `MCP ${String(version)} has no batches: send each message in a request of its own.`,
  );
}

/** Throws `invalid_request` for requests of one id: there would be one answer to all of them [MCP 2025-11-25, Requests]. */
function checkIds(messages: readonly JsonObject[]): void {
  const ids = new Set<JsonValue>();
  for (const { method, id } of messages) {
    if (method === undefined || id === undefined) continue;
    if (ids.has(id)) throw sameId(id);
    ids.add(id);
  }
}

/** The error for an id that is there twice. The id is any JSON value, so that only its beginning is shown. */
function sameId(id: JsonValue): AppError {
  const named = JSON.stringify(id).slice(0, 100);
  return new AppError(
    'invalid_request',
    `Each request of a list needs an id of its own: ${named} is there twice.`,
  );
}

/** A host that names no capabilities has none. */
function readMessage(sent: JsonObject): JsonObject {
  const { params, ...message } = withoutNulls(sent);
  if (params === undefined) return message;
  if (!isObject(params)) return { ...message, params };
  const given = withoutNulls(params);
  return {
    ...message,
    params: message['method'] === 'initialize' ? { capabilities: {}, ...given } : given,
  };
}

function withoutNulls(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}
