import { formatExactly, hasBigint, parseExactly } from '../common/exact-numbers.ts';
import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import type { Content } from './message.ts';
import type { Model, ModelMessage, ModelReply } from './model.ts';
import type { Framing } from './transcript.ts';

/** A direct call needs no earlier ones: their session grows with each. */
export const directFraming: Framing = { system: '', turnsMaxCount: 0 };

/** One call that somebody makes himself. */
export interface DirectCall {
  name: string;
  arguments: JsonObject;
}

/** The ids of calls: this, and their number from 1. */
const CALL = 'call_';

const completion = {
  id: 'direct',
  model: 'direct',
  usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0 },
};

/** The content of a message that says these calls. They are made in order, each after the one before it. */
export function directContent(calls: readonly DirectCall[]): Content[] {
  return [{ type: 'text', text: formatExactly({ calls: calls.map((call) => ({ ...call })) }) }];
}

/**
 * The model of a session that carries calls which nobody has to think about: it decides on the calls that the message says. So
 * such calls go through the same steps, the same journal and the same log as those of a language model.
 */
export const directModel: Model = {
  async reply({ messages }): Promise<ModelReply> {
    const from = messages.findLastIndex(({ role }) => role === 'user');
    const made = madeCount(messages.slice(from + 1));
    const said = messages[from];
    const call = callsIn(said?.role === 'user' ? said.content : [])[made];
    return call ? decisionOf(call, made + 1) : { text: 'Done.', calls: [], completion };
  },
};

/** The call in the form of the log. JSON.parse reads the log and would round large whole numbers: arguments with one stay a text. */
function decisionOf({ name, arguments: args }: DirectCall, number: number): ModelReply {
  const exact = hasBigint(args) ? formatExactly(args) : args;
  return { text: '', calls: [{ callId: CALL + number, name, arguments: exact }], completion };
}

/** The first decision of a task whose message says its calls: it is known before anybody is asked. Undefined when it says none. */
export function directDecision(content: readonly Content[]): ModelReply | undefined {
  const [call] = callsIn(content);
  return call && decisionOf(call, 1);
}

/** How many calls were made. The last one says it: those before it may have left the view, and none is made twice. */
function madeCount(messages: readonly ModelMessage[]): number {
  const last = messages.findLast((message) => message.role === 'assistant' && message.calls.length > 0);
  return last?.role === 'assistant' ? Number(last.calls[0]!.callId.slice(CALL.length)) : 0;
}

function callsIn([content]: readonly Content[]): DirectCall[] {
  const said = content?.type === 'text' ? parseExactly(content.text) : undefined;
  const calls: JsonValue | undefined = isObject(said) ? said['calls'] : undefined;
  return Array.isArray(calls) ? (calls as unknown as DirectCall[]) : [];
}
