import { isObject, type JsonObject } from '../common/json.ts';
import type { Model, ModelMessage, ModelReply } from '../core/model.ts';
import { ModelError } from '../errors.ts';
import { answerOf, hasFailed, introduction, type MadeCall } from './demo/answer.ts';
import { planOf } from './demo/plan.ts';

/** Nobody counts tokens here. */
const USAGE = { promptTokens: 0, completionTokens: 0, totalTokens: 0 };

/**
 * A model for trying things out, offline and without a key. It is no language model, and says so. It matches the words of
 * a sentence (English or Chinese) with those of the tools, makes the calls in the order of the words, and answers from
 * their results. The same conversation always gets the same reply. It changes something only when the sentence says so outright.
 */
export function createDemoModel(): Model {
  return {
    async reply({ messages, tools }, { signal, onDelta }) {
      if (signal.aborted) throw signal.reason;
      const at = messages.findLastIndex(({ role }) => role === 'user');
      refuseSound(messages[at]);
      const sentence = textOf(messages[at]);
      const { rounds, notes } = planOf(sentence, tools, earlierArguments(messages.slice(0, Math.max(0, at))));
      // The results say how far the plan has come: it is made anew for each round, and is the same each time.
      const results = messages
        .slice(at + 1)
        .flatMap((message) => (message.role === 'tool' ? [message.result] : []));
      const planned = rounds.flat();
      const made = planned
        .slice(0, results.length)
        .map((call, index): MadeCall => ({ call, result: results[index]! }));
      const completion = { id: `demo-${messages.length}`, model: 'demo', usage: USAGE };
      const next = rounds.find((_, index) => rounds.slice(0, index).flat().length === results.length);
      if (next && !results.some(hasFailed))
        return { text: '', calls: callsOf(next, messages.length), completion };
      const understood = planned.length > 0 || notes.some(({ why }) => why !== 'unknown');
      const text = understood
        ? answerOf(made, notes, planned.length - made.length, sentence)
        : introduction(tools, sentence, notes);
      // Words with their spaces; Chinese in pairs of characters.
      for (const piece of text.match(/\p{Script=Han}{1,2}|\s*[^\s\p{Script=Han}]+\s*|\s+/gu) ?? [])
        onDelta?.(piece);
      return { text, calls: [], completion };
    },
  };
}

/** The calls of a round. The length of the conversation keeps their ids unique. */
function callsOf(round: MadeCall['call'][], length: number): ModelReply['calls'] {
  return round.map(({ tool, args }, index) => ({
    callId: `call_demo_${length}_${index + 1}`,
    name: tool.offer.name,
    arguments: args,
  }));
}

/** An answer to words beside a sound would look as if the sound had been heard. */
function refuseSound(message: ModelMessage | undefined): void {
  if (message?.role === 'user' && message.content.some(({ type }) => type === 'audio'))
    throw new ModelError(
      'the offline demo model cannot hear: send text, or set baseUrl, apiKey and a model that takes sound',
    );
}

/** The words of a user's message; empty for any other one. */
function textOf(message: ModelMessage | undefined): string {
  if (message?.role !== 'user') return '';
  return message.content.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n');
}

/** The arguments of all calls so far; of two with one name the later. */
function earlierArguments(messages: readonly ModelMessage[]): JsonObject {
  const calls = messages.flatMap((message) => (message.role === 'assistant' ? message.calls : []));
  return Object.assign({}, ...calls.map(({ arguments: args }) => (isObject(args) ? args : {}))) as JsonObject;
}
