import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import type { ModelReply } from '../core/model.ts';
import type { Additions } from './additions.ts';

/** A reply as a `chat.completion` [OpenAI API, the chat completion object], with the additions of its endpoint. */
export function completionOf({ text, calls, completion, provider }: ModelReply): JsonObject {
  const additions: Additions = provider?.data ?? {};
  const { id, model, usage } = completion;
  const toolCalls = calls.map(({ callId, name, arguments: args }, at) => ({
    ...additions.calls?.[at],
    id: callId,
    type: 'function',
    function: { name, arguments: typeof args === 'string' ? args : JSON.stringify(args) },
  }));
  const asks = toolCalls.length > 0;
  // A message that only calls has a null content [OpenAI API, the chat completion object].
  const content = additions.content ?? (asks && text === '' ? null : text);
  const message = { ...additions.message, role: 'assistant', content, refusal: null };
  return {
    id,
    object: 'chat.completion',
    // Seconds since the epoch, of this moment: a reply does not keep the endpoint's.
    created: Math.floor(Date.now() / 1000),
    model,
    choices: [
      {
        index: 0,
        message: asks ? { ...message, tool_calls: toolCalls } : message,
        finish_reason: asks ? 'tool_calls' : completion.isCut ? 'length' : 'stop',
        logprobs: null,
      },
    ],
    usage: {
      prompt_tokens: usage.promptTokens,
      completion_tokens: usage.completionTokens,
      total_tokens: usage.totalTokens,
    },
  };
}

/** A whole `chat.completion` as the chunks of a stream: the text word by word, then the reason of its end. */
export function* chunksOf(completion: JsonObject): Generator<JsonObject> {
  const { choices, usage, ...head } = completion;
  const chunk = (index: JsonValue, delta: JsonObject, finish: JsonValue): JsonObject => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index, delta, finish_reason: finish }],
  });
  for (const choice of Array.isArray(choices) ? choices.filter(isObject) : []) {
    const { index = 0, finish_reason: finish = 'stop' } = choice;
    const message = isObject(choice['message']) ? choice['message'] : {};
    const { content, tool_calls: calls, role: _role, refusal: _refusal, ...added } = message;
    yield chunk(index, { role: 'assistant', content: '', ...added }, null);
    const words = typeof content === 'string' ? (content.match(/\s*\S+\s*|\s+/g) ?? []) : [];
    for (const word of words) yield chunk(index, { content: word }, null);
    // Clients put the pieces of a call together by `index`, which a whole message does not have.
    if (Array.isArray(calls)) {
      const pieces = calls.filter(isObject).map((call, at) => ({ index: at, ...call }));
      yield chunk(index, { tool_calls: pieces }, null);
    }
    yield chunk(index, {}, finish);
  }
  // The usage comes last, in a chunk without choices, as with `stream_options.include_usage` [OpenAI API].
  if (isObject(usage)) yield { ...head, object: 'chat.completion.chunk', choices: [], usage };
}
