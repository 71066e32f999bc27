import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { deviceAnswer } from '../openspec/device-answer.ts';
import type { ToolResult } from '../core/message.ts';

/** The value in a tool's result, with its unit; or the error, when there is no value. */
export type Reading = { value: JsonValue; unit?: string } | { error: string; code?: string };

/** Reads a result of any kind: a Modbus value, an HTTP body, a JSON-RPC result. */
export function readingOf(result: ToolResult): Reading {
  const { error, value, uom } = result;
  if (isObject(error)) return failureOf(error);
  const unit = value !== undefined && typeof uom === 'string' ? { unit: uom } : {};
  const answer = deviceAnswer(result);
  // A result of no known form is shown as a whole.
  return { value: answer === undefined ? result : answer, ...unit };
}

/** A part of a value: its path in the value (empty for the whole), and its text. */
export interface Part {
  name: string;
  text: string;
}

/** The parts of a value: each leaf of an object, or any other value as a whole. */
export function partsOf(value: JsonValue, name = ''): Part[] {
  if (isObject(value) && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([key, inner]) =>
      inner === undefined ? [] : partsOf(inner, name === '' ? key : `${name}.${key}`),
    );
  }
  return [{ name, text: typeof value === 'string' ? value : JSON.stringify(value) }];
}

/** An error in plain words. Its text is in `message`, over Modbus in `detail`. */
function failureOf({ code, message, detail, data }: JsonObject): Reading {
  const text = (value: JsonValue): string => (typeof value === 'string' ? value : JSON.stringify(value));
  const error = text(message ?? detail ?? 'it failed') + (data === undefined ? '' : ` ${text(data)}`);
  return { error, ...(code === undefined ? {} : { code: text(code) }) };
}

/** A failure in one text. The code comes first, because the end may be cut. */
export function failureText({ error, code }: { error: string; code?: string }): string {
  return code === undefined ? error : `${code}: ${error}`;
}
