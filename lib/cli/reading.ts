import { isObject, type JsonObject, type JsonValue } from '../core/json.ts';
import type { ToolResult } from '../core/message.ts';

/** What a tool's result says, for people: a value with its unit, or why there is none. */
export type Reading = { value: JsonValue; unit?: string } | { error: string };

/** Reads a result of any kind: a Modbus value, an HTTP body, a JSON-RPC result. */
export function readingOf(result: ToolResult): Reading {
  const { error, body, value, uom } = result;
  if (isObject(error)) return { error: wordsOf(error) };
  if (value !== undefined) return { value, ...(typeof uom === 'string' ? { unit: uom } : {}) };
  const inner = typeof body === 'string' ? parsed(body) : body;
  if (inner === undefined) return { value: result };
  return { value: isObject(inner) && inner['jsonrpc'] !== undefined ? (inner['result'] ?? null) : inner };
}

/** A part of a value: what it is called inside it (nothing for the whole), and its text. */
export interface Part {
  name: string;
  text: string;
}

/** A value in parts: each leaf of an object by its path, all else as a whole. */
export function partsOf(value: JsonValue, name = ''): Part[] {
  if (isObject(value) && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([key, inner]) =>
      inner === undefined ? [] : partsOf(inner, name === '' ? key : `${name}.${key}`),
    );
  }
  return [{ name, text: typeof value === 'string' ? value : JSON.stringify(value) }];
}

/** An error in plain words, its code with it. */
function wordsOf({ code, message, detail, data }: JsonObject): string {
  const why = message ?? detail ?? 'it failed';
  const text = typeof why === 'string' ? why : JSON.stringify(why);
  const more = data === undefined ? '' : ` ${JSON.stringify(data)}`;
  return `${text}${more}${code === undefined ? '' : ` (${typeof code === 'string' ? code : JSON.stringify(code)})`}`;
}

function parsed(body: string): JsonValue | undefined {
  if (body === '') return null;
  try {
    return JSON.parse(body) as JsonValue;
  } catch {
    // Not JSON, or cut: as it came.
    return body;
  }
}
