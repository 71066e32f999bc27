import { cutWords } from '../../common/cut-words.ts';
import { isDeepStrictEqual } from 'node:util';
import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { createPauses } from '../../common/pauses.ts';
import { stringifyInSlices } from '../../common/write-json-slices.ts';
import type { ToolResult } from '../../core/message.ts';
import { failed, type Effect } from '../../core/tool.ts';
import type { McpAnswer } from './link.ts';

/** The codes by which a server says that it has not executed a request [JSON-RPC 2.0 5.1]. */
const NOT_EXECUTED = new Set<JsonValue | undefined>([-32_700, -32_600, -32_601, -32_602]);
/** Names and addresses in the words about a block, and the words of an error, are cut to this. */
const NAME_MAX_CHARS = 300;
const WORDS_MAX_BYTES = 2000;
/** A mark that stands for the part that was cut is shorter than this. */
const MARKS_BYTES = 100;
/** A longer text is not compared with the structured content. */
const COMPARED_MAX_CHARS = 64 * 1024;

/**
 * The answer to `tools/call` as a tool's result: the structured content as `value`, all other content as the text `body`, each of at
 * most `maxBytes`. A model cannot look at pictures and sounds in a result, so that they are described.
 */
export async function mcpResult(answer: McpAnswer, effect: Effect, maxBytes: number): Promise<ToolResult> {
  if ('failure' in answer) {
    const { code, message, effect: fate } = answer.failure;
    return failed(code, message, fate);
  }
  if ('error' in answer) return errorResult(answer.error, effect, maxBytes);
  const { content, structuredContent, isError } = answer.result;
  const blocks = Array.isArray(content) ? content : [];
  const value = isObject(structuredContent) ? await cutValue(structuredContent, maxBytes) : undefined;
  const body = await bodyOf(blocks, value, maxBytes);
  const isBare = body === '' && value !== undefined;
  const result = { ...(value !== undefined && { value }), ...(!isBare && { body }) };
  if (isError !== true) return result;
  const words = cutText(body === '' ? 'The tool failed' : body, WORDS_MAX_BYTES);
  return failed('tool_error', words, effect === 'write' ? 'unknown' : 'none', result);
}

/** The pictures, sounds and resources of an answer, as the server has sent them. */
export function mcpParts(answer: McpAnswer): JsonObject[] {
  const content = 'result' in answer ? answer.result['content'] : undefined;
  return Array.isArray(content)
    ? content.filter((block): block is JsonObject => isObject(block) && isPart(block))
    : [];
}

function isPart({ type, data, mimeType, resource, uri, name }: JsonObject): boolean {
  const isText = (value: JsonValue | undefined): boolean => typeof value === 'string';
  if (type === 'image' || type === 'audio') return isText(data) && isText(mimeType);
  if (type === 'resource_link') return isText(uri) && isText(name);
  return (
    type === 'resource' &&
    isObject(resource) &&
    isText(resource['uri']) &&
    (isText(resource['text']) || isText(resource['blob']))
  );
}

/** The server's own error. */
async function errorResult(
  { code, message, data }: JsonObject,
  effect: Effect,
  maxBytes: number,
): Promise<ToolResult> {
  const isUnknown = effect === 'write' && !NOT_EXECUTED.has(code);
  const words = typeof message === 'string' ? message : 'The server answered with an error';
  return {
    error: {
      code: typeof code === 'number' || typeof code === 'string' ? code : 'device_error',
      message: cutText(words, WORDS_MAX_BYTES),
      ...(data !== undefined && data !== null && { data: await cutValue(data, maxBytes) }),
      effect: isUnknown ? 'unknown' : 'none',
    },
  };
}

/** The value, or the beginning of its JSON text when it is too long. */
async function cutValue(value: JsonValue, maxBytes: number): Promise<JsonValue> {
  const text = await stringifyInSlices(value);
  const shown = cutText(text, maxBytes);
  return shown === text ? value : shown;
}

/** The blocks as one text. A block that repeats `value` is left out, as servers repeat it for older clients. */
async function bodyOf(
  blocks: readonly (JsonValue | undefined)[],
  value: JsonValue | undefined,
  maxBytes: number,
): Promise<string> {
  const pause = createPauses();
  const texts: string[] = [];
  let chars = 0;
  for (const [index, block] of blocks.entries()) {
    await pause();
    if (isSameValue(block, value)) continue;
    const text = await textOf(block);
    texts.push(text);
    chars += text.length;
    if (chars <= maxBytes || index + 1 === blocks.length) continue;
    const more = `\n[cut: ${blocks.length - index - 1} more parts]`;
    return beginningOf(texts.join('\n'), maxBytes) + more;
  }
  return cutText(texts.join('\n'), maxBytes);
}

/** The text, or a beginning of it with the size of the whole, of at most `maxBytes`. A long text is not measured in bytes: that takes time. */
function cutText(text: string, maxBytes: number): string {
  const isShort =
    text.length <= maxBytes && (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes);
  if (isShort) return text;
  return `${beginningOf(text, maxBytes)}\n[cut: the whole has ${text.length} characters]`;
}

/** The beginning that leaves room for a mark. */
function beginningOf(text: string, maxBytes: number): string {
  const room = Math.max(0, maxBytes - MARKS_BYTES);
  const kept = Buffer.from(text.slice(0, room)).subarray(0, room).toString('utf8');
  return kept.replace(/\uFFFD$/, ''); // a character that the cut has split
}

function isSameValue(block: JsonValue | undefined, value: JsonValue | undefined): boolean {
  if (value === undefined || !isObject(block) || block['type'] !== 'text') return false;
  const { text } = block;
  if (typeof text !== 'string' || text.length > COMPARED_MAX_CHARS) return false;
  try {
    return isDeepStrictEqual(JSON.parse(text), value);
  } catch {
    return false; // words of its own
  }
}

/** A block of content as text [MCP 2025-11-25, Tool Result]. */
async function textOf(block: JsonValue | undefined): Promise<string> {
  if (!isObject(block)) return stringifyInSlices(block ?? null);
  const { type, text, data, mimeType, resource } = block;
  if (type === 'text' && typeof text === 'string') return text;
  if ((type === 'image' || type === 'audio') && typeof data === 'string')
    return `[${type}: ${facts(sizeOf(data), mimeType)}]`;
  if (type === 'resource_link') return linkText(block);
  if (type === 'resource' && isObject(resource)) return resourceText(resource);
  return stringifyInSlices(block);
}

function linkText({ uri, name, mimeType, description }: JsonObject): string {
  const words = typeof description === 'string' && description !== '' ? ` ${description}` : '';
  return `[resource: ${facts(uri, name, mimeType)}]${words}`;
}

function resourceText({ uri, mimeType, text, blob }: JsonObject): string {
  const size = typeof blob === 'string' ? sizeOf(blob) : undefined;
  const head = `[resource: ${facts(uri, size, mimeType)}]`;
  return typeof text === 'string' ? `${head}\n${text}` : head;
}

/** The size of base64 in words. */
function sizeOf(base64: string): string {
  const padding = /=*$/.exec(base64.slice(-2))?.[0].length ?? 0;
  return `${Math.floor((base64.length * 3) / 4) - padding} bytes`;
}

function facts(...values: (JsonValue | undefined)[]): string {
  return values
    .flatMap((value) => (typeof value === 'string' && value !== '' ? [cutWords(value, NAME_MAX_CHARS)] : []))
    .join(', ');
}
