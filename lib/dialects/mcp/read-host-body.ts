import { isObject, type JsonObject } from '../../common/json.ts';
import { AppError } from '../../errors.ts';

/** The last version of the protocol with batches [MCP 2025-06-18, Key Changes]. A host that names no version speaks it. */
const LAST_WITH_BATCHES = '2025-03-26';

/**
 * The body of a request of a host as the SDK reads it: one message, or a batch of an older version. As everywhere, a field that is null
 * counts as missing, because several hosts send all their fields: the parameters, and each of them. Throws `invalid_request` for a batch
 * of a version that has none.
 */
export function readHostBody(
  body: JsonObject | JsonObject[],
  version: string | string[] = LAST_WITH_BATCHES,
): JsonObject | JsonObject[] {
  if (!Array.isArray(body)) return readMessage(body);
  if (version <= LAST_WITH_BATCHES) return body.map(readMessage);
  throw new AppError(
    'invalid_request',
    `MCP ${String(version)} has no batches: send each message in a request of its own.`,
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
