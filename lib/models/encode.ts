import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import type { Content, ToolCall } from '../core/message.ts';
import type { ModelMessage, ModelRequest, ToolOffer } from '../core/model.ts';

const encodedMessages = new WeakMap<ModelMessage, string>();
const encodedTools = new WeakMap<readonly ToolOffer[], string>();

/**
 * A chat completion request as JSON text [OpenAI API, POST /chat/completions]. `head` holds the fields except messages and
 * tools. Each message object and each tools array is encoded once, so a round of a long conversation costs one concatenation.
 * System messages come first, because some endpoints ask for that.
 */
export function encodeRequest(request: ModelRequest, head: Record<string, JsonValue | undefined>): string {
  let system = '';
  let others = '';
  for (const message of request.messages) {
    const text = once(encodedMessages, message, encodeMessage);
    if (text === '') continue;
    if (message.role === 'system') system += system === '' ? text : `,${text}`;
    else others += others === '' ? text : `,${text}`;
  }
  const messages = system === '' || others === '' ? system + others : `${system},${others}`;
  const tools =
    request.tools.length === 0 ? '' : `,"tools":${once(encodedTools, request.tools, encodeTools)}`;
  return `${JSON.stringify(head).slice(0, -1)},"messages":[${messages}]${tools}}`;
}

function once<K extends object>(cache: WeakMap<K, string>, key: K, encode: (key: K) => string): string {
  let text = cache.get(key);
  if (text === undefined) {
    text = encode(key);
    cache.set(key, text);
  }
  return text;
}

function encodeTools(tools: readonly ToolOffer[]): string {
  return JSON.stringify(
    tools.map(({ name, description, parameters }) => ({
      type: 'function',
      function: { name, description, parameters },
    })),
  );
}

/** A message as JSON text; empty for a message without content, which endpoints refuse. */
function encodeMessage(message: ModelMessage): string {
  const wire = wireMessage(message);
  return wire === undefined ? '' : JSON.stringify(wire);
}

function wireMessage(message: ModelMessage): JsonObject | undefined {
  const { role } = message;
  if (role === 'user') return { role, content: userContent(message.content) };
  if (role === 'tool') return { role, tool_call_id: message.callId, content: JSON.stringify(message.result) };
  if (role === 'assistant' && message.calls.length > 0) {
    const content = message.text === '' ? null : message.text;
    return { role, content, tool_calls: message.calls.map(assistantCall) };
  }
  return message.text === '' ? undefined : { role, content: message.text };
}

function userContent(content: Content[]): JsonValue {
  const parts = content.filter((part) => part.type !== 'text' || part.text.trim() !== '');
  const [first] = parts;
  if (first === undefined) return '(empty message)';
  if (parts.length === 1 && first.type === 'text') return first.text;
  return parts.map(wirePart);
}

function wirePart(part: Content): JsonValue {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'image':
      return { type: 'image_url', image_url: { url: part.url, ...(part.detail && { detail: part.detail }) } };
    case 'audio':
      return { type: 'input_audio', input_audio: { data: part.data, format: part.format } };
    case 'file': // its content was not loaded
      return { type: 'text', text: `[file ${part.fileId}]` };
  }
}

/** A past call in a form that every endpoint accepts, even if the model's own form was wrong. */
function assistantCall(call: ToolCall): JsonValue {
  const name = call.name.replaceAll(/[^a-zA-Z0-9_-]/g, '_').slice(0, 64) || '_';
  const args = isObject(call.arguments) ? call.arguments : { not_an_object: call.arguments };
  return { id: call.callId, type: 'function', function: { name, arguments: JSON.stringify(args) } };
}
