import type { JsonValue } from '../common/json.ts';
import type { ToolResult } from './message.ts';

/** UTF-8 needs at most three bytes for one UTF-16 unit, so that a short text fits without being measured. */
const BYTES_A_UNIT = 3;

/** The text, cut to `maxBytes` of UTF-8 when it is longer, with a marker that gives its full size. */
export function clipText(text: string, maxBytes: number): string {
  if (text.length * BYTES_A_UNIT <= maxBytes) return text;
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes) return text;
  // A character that the cut has split decodes to U+FFFD.
  const kept = Buffer.from(text)
    .subarray(0, maxBytes)
    .toString('utf8')
    .replace(/\uFFFD$/, '');
  return `${kept}\n[cut: ${maxBytes} of ${bytes} bytes shown]`;
}

/**
 * A result of about `maxBytes` at most. A long `body` is cut with a marker. When the rest is too long, its largest members
 * are replaced by the cut text of their JSON; `error` and `statusCode` are short, and so they stay.
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
