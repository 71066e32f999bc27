import { isObject, type JsonValue } from '../common/json.ts';
import type { ToolResult } from '../core/message.ts';

/** The answer of a device inside a result: a Modbus or MCP value, an HTTP body, a JSON-RPC result. Undefined where there is none. */
export function deviceAnswer({ body, value }: ToolResult): JsonValue | undefined {
  if (value !== undefined) return value;
  const inner = typeof body === 'string' ? parsed(body) : body;
  return isObject(inner) && inner['jsonrpc'] !== undefined ? (inner['result'] ?? null) : inner;
}

function parsed(body: string): JsonValue | undefined {
  if (body === '') return null;
  try {
    return JSON.parse(body) as JsonValue;
  } catch {
    // It is not JSON, or was cut: shown unchanged.
    return body;
  }
}
