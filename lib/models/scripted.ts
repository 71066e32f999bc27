import type { JsonValue } from '../common/json.ts';
import type { Model, ModelReply, ModelRequest, ReplyOptions } from '../core/model.ts';
import { ModelError } from '../errors.ts';

/** One reply of a script. */
export type ScriptedStep =
  | { text: string }
  | { calls: { name: string; arguments: JsonValue; callId?: string }[]; text?: string }
  /** Fails with a ModelError; with a status it is a refusal of the endpoint. */
  | { error: string; status?: number }
  /** Never replies: waits for the signal. */
  | { hang: true }
  | ((request: ModelRequest, options: ReplyOptions) => ScriptedStep | Promise<ScriptedStep>);

/** A model that replies from a list, for specs. */
export interface ScriptedModel extends Model {
  /** The requests so far, oldest first, each with the messages of that moment. */
  readonly requests: ModelRequest[];
  /** Throws when there were too many requests, or when steps are left. */
  expectDone(): void;
}

const USAGE = { promptTokens: 100, completionTokens: 20, totalTokens: 120 };

/**
 * A model that takes one step for each request. After the last step it fails with a ModelError. Call ids are `call_1`…,
 * reply ids `scripted-1`…, and text comes word by word through `onDelta`.
 */
export function createScriptedModel(steps: readonly ScriptedStep[]): ScriptedModel {
  const requests: ModelRequest[] = [];
  let callCount = 0;

  const play = async (step: ScriptedStep, options: ReplyOptions, number: number): Promise<ModelReply> => {
    const { signal, onDelta } = options;
    if (typeof step === 'function') {
      const next = await step(requests[number - 1]!, options);
      if (signal.aborted) throw signal.reason;
      return play(next, options, number);
    }
    if ('hang' in step) return untilAborted(signal);
    if ('error' in step)
      throw new ModelError(
        step.error,
        step.status === undefined ? {} : { refusal: { status: step.status, words: step.error } },
      );
    const text = step.text ?? '';
    if (onDelta !== undefined && text !== '') for (const piece of text.split(/(?<= )/)) onDelta(piece);
    const calls = 'calls' in step ? step.calls : [];
    return {
      text,
      calls: calls.map(({ name, arguments: args, callId }) => {
        callCount++;
        return { callId: callId ?? `call_${callCount}`, name, arguments: args };
      }),
      completion: { id: `scripted-${number}`, model: 'scripted', usage: USAGE },
    };
  };

  return {
    requests,
    async reply(request, options) {
      if (options.signal.aborted) throw options.signal.reason;
      const number = requests.push({ messages: [...request.messages], tools: request.tools });
      const step = steps[number - 1];
      if (step === undefined)
        throw new ModelError(`the script is over: it has ${steps.length} steps, this is request ${number}`);
      return play(step, options, number);
    },
    expectDone() {
      if (requests.length !== steps.length)
        throw new Error(`the model was asked ${requests.length} times, the script has ${steps.length} steps`);
    },
  };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
