import { isObject, type JsonObject } from '../common/json.ts';
import type { Model, ModelMessage, ModelReply } from '../core/model.ts';
import { answerOf, introduction, type Outcome } from './demo/answer.ts';
import { planOf } from './demo/plan.ts';

/**
 * A model for trying things out, offline and without a key: no language model, and it says so. It matches the words of a
 * sentence (English or Chinese) with those of the tools, does what was asked outright, in the order of the words, and
 * answers from the results. The same conversation always gets the same reply. It changes something only when it is told to.
 */
export function createDemoModel(): Model {
  return {
    async reply({ messages, tools }, { signal, onDelta }) {
      if (signal.aborted) throw signal.reason;
      const at = messages.findLastIndex(({ role }) => role === 'user');
      const sentence = textOf(messages[at]);
      const plan = planOf(sentence, tools, earlierArguments(messages.slice(0, Math.max(0, at))));
      const results = messages
        .slice(at + 1)
        .flatMap((message) => (message.role === 'tool' ? [message.result] : []));

      const planned = plan.rounds.flat();
      const outcomes = results.flatMap((result, index): Outcome[] => {
        const call = planned[index];
        return call === undefined ? [] : [{ call, result }];
      });
      const next = plan.rounds.find(
        (_, index) => plan.rounds.slice(0, index).flat().length === results.length,
      );
      if (next !== undefined && !outcomes.some(({ result }) => hasFailed(result))) {
        const calls = next.map(({ entry, args }, index) => ({
          callId: `call_demo_${messages.length}_${index + 1}`,
          name: entry.tool.name,
          arguments: args,
        }));
        return { text: '', calls, ...completionOf(messages) };
      }
      const understood = planned.length > 0 || plan.notes.some(({ why }) => why !== 'unknown');
      const text = understood
        ? answerOf(outcomes, plan.notes, planned.length - outcomes.length, sentence)
        : introduction(tools, sentence);
      if (onDelta !== undefined) for (const piece of piecesOf(text)) onDelta(piece);
      return { text, calls: [], ...completionOf(messages) };
    },
  };
}

/** Nothing was read by a model, so no tokens are claimed. */
function completionOf(messages: readonly ModelMessage[]): Pick<ModelReply, 'completion'> {
  const usage = { promptTokens: 0, completionTokens: 0, totalTokens: 0 };
  return { completion: { id: `demo-${messages.length}`, model: 'demo', usage } };
}

function textOf(message: ModelMessage | undefined): string {
  if (message?.role !== 'user') return '';
  return message.content.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n');
}

/** The arguments of the calls made so far, the latest of each name. */
function earlierArguments(messages: readonly ModelMessage[]): JsonObject {
  const known: JsonObject = {};
  for (const message of messages)
    if (message.role === 'assistant')
      for (const call of message.calls) if (isObject(call.arguments)) Object.assign(known, call.arguments);
  return known;
}

function hasFailed(result: JsonObject): boolean {
  const status = result['statusCode'];
  return result['error'] !== undefined || (typeof status === 'number' && status >= 400);
}

/** Words with their spaces; Chinese in pairs of characters. */
function piecesOf(text: string): string[] {
  return text.match(/\p{Script=Han}{1,2}|\s*[^\s\p{Script=Han}]+\s*|\s+/gu) ?? [];
}
