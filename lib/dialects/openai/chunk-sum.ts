import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';

/** The `chat.completion` that the chunks of a stream make together. */
export interface ChunkSum {
  /** Adds a chunk as an endpoint sent it. A part that is no object is left out. */
  add(chunk: JsonObject): void;
  answer(): JsonObject;
}

/** One choice, as far as its chunks were added. */
interface ChoiceSum {
  message: JsonObject;
  /** By the index of the call in its message. */
  calls: Map<number, JsonObject>;
  /** The `finish_reason`; null until a chunk has one. */
  finish: JsonValue;
}

/** The sum of no chunks. */
export function createChunkSum(): ChunkSum {
  const head: JsonObject = {};
  const choices = new Map<number, ChoiceSum>();

  function addChoice({ index, delta, finish_reason: finish }: JsonObject): void {
    const at = typeof index === 'number' ? index : 0;
    const sum = choices.get(at) ?? { message: {}, calls: new Map(), finish: null };
    choices.set(at, sum);
    if (finish !== null && finish !== undefined) sum.finish = finish;
    if (!isObject(delta)) return;
    const { tool_calls: calls, ...texts } = delta;
    join(sum.message, texts);
    for (const call of Array.isArray(calls) ? calls.filter(isObject) : []) {
      const { index: place, ...rest } = call;
      // A call without an index is taken as a whole one.
      const key = typeof place === 'number' ? place : sum.calls.size;
      const known = sum.calls.get(key) ?? {};
      sum.calls.set(key, known);
      join(known, rest);
    }
  }

  return {
    add({ choices: some, ...rest }) {
      for (const [name, value] of Object.entries(rest))
        if (value !== null && value !== undefined) head[name] = value;
      for (const choice of Array.isArray(some) ? some.filter(isObject) : []) addChoice(choice);
    },
    answer: () => ({
      ...head,
      choices: [...choices].map(([index, { message, calls, finish }]) => ({
        index,
        message: { ...message, ...(calls.size > 0 && { tool_calls: [...calls.values()] }) },
        finish_reason: finish,
        logprobs: null,
      })),
    }),
  };
}

/** These texts come whole in one piece, or again in each. */
const whole = new Set(['role', 'id', 'type']);

/** Adds a piece to a sum: texts grow, objects are joined, everything else is replaced. */
function join(sum: JsonObject, piece: JsonObject): void {
  for (const [name, value] of Object.entries(piece)) {
    const known = sum[name];
    if (value === null || value === undefined) continue;
    if (isObject(value)) join((sum[name] = isObject(known) ? known : {}), value);
    else if (typeof value === 'string' && typeof known === 'string' && !whole.has(name))
      sum[name] = known + value;
    else sum[name] = value;
  }
}
