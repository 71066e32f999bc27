import type { JsonValue } from '../common/json.ts';
import type { ToolResult } from './message.ts';

/** The text cut to `maxBytes` of UTF-8 with a marker that gives its full size; the same text when it fits. */
export function clipText(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes) return text;
  const kept = Buffer.from(text).subarray(0, maxBytes).toString('utf8').replace(/�$/, '');
  return `${kept}\n[cut: ${maxBytes} of ${bytes} bytes shown]`;
}

/**
 * A result no larger than about `maxBytes`: a long `body` is cut with a marker; of a result that is long elsewhere the
 * largest members are replaced by their cut JSON text, `error` and `statusCode` last.
 */
export function clip(result: ToolResult, maxBytes: number): ToolResult {
  const { body } = result;
  const short = typeof body === 'string' ? { ...result, body: clipText(body, maxBytes) } : result;
  const rest = typeof body === 'string' ? { ...short, body: '' } : short;
  if (sizeOf(rest) <= maxBytes) return short;
  const budget = Math.floor(maxBytes / 2);
  const cut: ToolResult = {};
  for (const [key, value] of Object.entries(short)) {
    if (value === undefined || key === 'body' || sizeOf(value) <= budget) cut[key] = value;
    else cut[key] = clipText(typeof value === 'string' ? value : JSON.stringify(value), budget);
  }
  return cut;
}

function sizeOf(value: JsonValue): number {
  return JSON.stringify(value).length;
}
