import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import type { ModelMessage, ModelReply, ReplyOptions, ToolOffer } from '../core/model.ts';
import { createDemoModel } from './demo.ts';
import { tryParseJson } from './parse-json.ts';

/** The demo model's reply to a chat completion request. Fields that it does not know are ignored. */
export function askDemo(request: JsonObject, options: ReplyOptions): Promise<ModelReply> {
  const messages = objectsIn(request['messages']).map(readMessage);
  const offered = request['tool_choice'] === 'none' ? [] : objectsIn(request['tools']);
  const tools = offered.flatMap(({ function: offered }) => readOffer(offered));
  return createDemoModel().reply({ messages, tools }, options);
}

function readMessage({ role, content, tool_calls: calls, tool_call_id: callId }: JsonObject): ModelMessage {
  const text = textOf(content);
  // The demo model answers to a sound that it cannot hear. It needs no data for that.
  const hasSound = objectsIn(content).some(({ type }) => type === 'input_audio');
  const sound = hasSound ? [{ type: 'audio', data: '', format: 'wav' } as const] : [];
  if (role === 'user') return { role, content: [{ type: 'text', text }, ...sound] };
  if (role === 'assistant') return { role, text, calls: objectsIn(calls).map(readCall) };
  if (role !== 'tool') return { role: 'system', text };
  // A result that is no object is the text that a device has sent.
  const result = tryParseJson(text);
  return { role, callId: textOf(callId), result: isObject(result) ? result : { body: text } };
}

function readCall({ id, function: called }: JsonObject) {
  const { name, arguments: args } = isObject(called) ? called : {};
  // Arguments that are no JSON stay a text, as in the log.
  return { callId: textOf(id), name: textOf(name), arguments: tryParseJson(textOf(args)) ?? textOf(args) };
}

function readOffer(offered: JsonValue | undefined): ToolOffer[] {
  const { name, description, parameters } = isObject(offered) ? offered : {};
  if (typeof name !== 'string') return [];
  return [{ name, description: textOf(description), parameters: isObject(parameters) ? parameters : {} }];
}

function objectsIn(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** A text, or the texts of its parts. */
function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string'
    ? value
    : objectsIn(value)
        .map(({ text }) => textOf(text))
        .join('\n');
}
