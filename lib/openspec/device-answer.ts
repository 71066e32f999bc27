import { mapBigints, parseExactly } from '../common/exact-numbers.ts';
import { isObject, type JsonValue } from '../common/json.ts';
import type { ToolResult } from '../core/message.ts';

/**
 * The answer of a device inside a result: a Modbus or MCP value, an HTTP body, a JSON-RPC result. Undefined where there is none. Whole
 * numbers that a JavaScript number cannot hold are texts in it.
 */
export function deviceAnswer({ body, value }: ToolResult): JsonValue | undefined {
  if (value !== undefined) return value;
  const inner = typeof body === 'string' ? parsed(body) : body;
  return isObject(inner) && inner['jsonrpc'] !== undefined ? (inner['result'] ?? null) : inner;
}

function parsed(body: string): JsonValue | undefined {
  if (body === '') return null;
  const value = parseExactly(body);
  return value === undefined ? body : mapBigints(value, String); // one that is no JSON, or was cut, stays as it is
}
