import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import type { Content } from '../core/message.ts';
import type { ModelMessage, ModelReply, ReplyOptions, ToolOffer } from '../core/model.ts';
import { createDemoModel } from './demo.ts';
import { parseJson } from './reply.ts';

/** The demo model's reply to a request as OpenAI's endpoint takes it; what it has no use for is ignored. */
export function askDemo(request: JsonObject, options: ReplyOptions): Promise<ModelReply> {
  const messages = objectsIn(request['messages']).map(messageOf);
  const tools = objectsIn(request['tools']).flatMap((tool) => offerOf(tool['function']));
  return createDemoModel().reply({ messages, tools }, options);
}

function messageOf(message: JsonObject): ModelMessage {
  const { role, content } = message;
  if (role === 'user') return { role, content: contentOf(content) };
  const text = textOf(content);
  if (role === 'assistant') {
    const calls = objectsIn(message['tool_calls']).map((call) => {
      const asked = isObject(call['function']) ? call['function'] : {};
      const args = textOf(asked['arguments']);
      return { callId: textOf(call['id']), name: textOf(asked['name']), arguments: parseJson(args) ?? args };
    });
    return { role, text, calls };
  }
  if (role !== 'tool') return { role: 'system', text };
  const result = parseJson(text);
  return {
    role,
    callId: textOf(message['tool_call_id']),
    result: isObject(result) ? result : { body: text },
  };
}

function contentOf(content: JsonValue | undefined): Content[] {
  if (!Array.isArray(content)) return [{ type: 'text', text: textOf(content) }];
  return objectsIn(content).map((part) => ({ type: 'text', text: textOf(part['text']) }));
}

function offerOf(tool: JsonValue | undefined): ToolOffer[] {
  if (!isObject(tool) || typeof tool['name'] !== 'string') return [];
  const parameters = isObject(tool['parameters']) ? tool['parameters'] : { type: 'object', properties: {} };
  return [{ name: tool['name'], description: textOf(tool['description']), parameters }];
}

function objectsIn(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** A text, or the texts of its parts. */
function textOf(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value;
  return objectsIn(value)
    .map((part) => (typeof part['text'] === 'string' ? part['text'] : ''))
    .join('');
}
