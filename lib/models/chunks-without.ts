import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { blotOwnSecrets, createSecretStream, type SecretStream } from '../secrets.ts';
import { Logprobs } from './logprobs-without.ts';

/** The texts of a delta that come whole. All others come in pieces. */
const WHOLE = new Set(['role', 'id', 'type', 'name']);

/**
 * The chunks of a completion [OpenAI chat.completion.chunk] without these secrets, also where one is split over several chunks. The end
 * of a text waits for the next chunk while it may begin a secret. The texts that wait come in a chunk of their own before the chunk
 * with the `finish_reason`, or at the end.
 */
export async function* chunksWithout(
  secrets: readonly string[],
  chunks: AsyncIterable<JsonObject>,
): AsyncGenerator<JsonObject> {
  const choices = new Map<JsonValue, DeltaTexts>();
  let last: JsonObject | undefined;
  for await (const chunk of chunks) {
    const rests: JsonObject[] = [];
    const parts = Array.isArray(chunk['choices']) ? chunk['choices'] : [];
    const clean = parts.map((choice) => {
      if (!isObject(choice)) return choice;
      const index = choice['index'] ?? 0;
      const texts = choices.get(index) ?? new DeltaTexts(secrets);
      choices.set(index, texts);
      const delta = texts.push(choice['delta'] ?? null);
      const logprobs = texts.logprobs.push(choice['logprobs'] ?? null);
      if (choice['finish_reason'] && texts.isWaiting) rests.push({ index, ...texts.end(delta) });
      return {
        ...choice,
        ...('delta' in choice && { delta: rests.at(-1)?.['index'] === index ? {} : delta }),
        ...('logprobs' in choice && { logprobs }),
      };
    });
    last = chunk;
    if (rests.length > 0) yield blotOwnSecrets({ ...chunk, choices: rests }, secrets);
    yield blotOwnSecrets({ ...chunk, ...(parts.length > 0 && { choices: clean }) }, secrets);
  }
  const rests = [...choices].flatMap(([index, texts]) =>
    texts.isWaiting ? [{ index, ...texts.end({}) }] : [],
  );
  if (last && rests.length > 0) yield { ...last, choices: rests };
}

/** A text of a delta, by the names that lead to it; the items of a list have their `index` for a name. */
type Place = readonly (string | number)[];

/** The texts of one choice, each a stream of its own. */
class DeltaTexts {
  readonly logprobs: Logprobs;
  readonly #secrets: readonly string[];
  readonly #streams = new Map<string, { place: Place; stream: SecretStream; isWaiting: boolean }>();

  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
    this.logprobs = new Logprobs(secrets);
  }

  get isWaiting(): boolean {
    return this.logprobs.isWaiting || [...this.#streams.values()].some(({ isWaiting }) => isWaiting);
  }

  /** A delta with the parts of its texts that are clean by now. */
  push(value: JsonValue, place: Place = []): JsonValue {
    if (typeof value === 'string')
      return WHOLE.has(String(place.at(-1))) ? value : this.#pushText(value, place);
    if (Array.isArray(value))
      return value.map((item, at) => this.push(item, [...place, indexOf(item) ?? at]));
    if (!isObject(value)) return value;
    const entries = Object.entries(value).map(([key, item]) => [
      key,
      this.push(item ?? null, [...place, key]),
    ]);
    return Object.fromEntries(entries) as JsonObject;
  }

  /** A choice that goes on: a delta with the texts that waited behind those that it has, and the tokens that waited. */
  end(delta: JsonValue): JsonObject {
    const whole: JsonObject = isObject(delta) ? delta : {};
    for (const text of this.#streams.values()) {
      if (text.isWaiting) append(whole, text.place, text.stream.end());
      text.isWaiting = false;
    }
    const logprobs = this.logprobs.end();
    return { delta: whole, finish_reason: null, ...(logprobs && { logprobs }) };
  }

  #pushText(piece: string, place: Place): string {
    const key = JSON.stringify(place);
    const text = this.#streams.get(key) ?? {
      place,
      stream: createSecretStream(this.#secrets),
      isWaiting: false,
    };
    this.#streams.set(key, text);
    const clean = text.stream.push(piece);
    text.isWaiting = text.stream.isWaiting;
    return clean;
  }
}

function indexOf(item: JsonValue): number | undefined {
  return isObject(item) && typeof item['index'] === 'number' ? item['index'] : undefined;
}

/** Appends to the text at a place, and makes what leads to it where that is missing. */
function append(delta: JsonObject, [name, ...rest]: Place, text: string): void {
  if (name === undefined) return;
  const [next] = rest;
  if (next === undefined) {
    const before = delta[name];
    delta[name] = `${typeof before === 'string' ? before : ''}${text}`;
  } else if (typeof next === 'number') {
    const list = Array.isArray(delta[name]) ? delta[name] : (delta[name] = []);
    let item = list.find((one) => indexOf(one) === next);
    if (!isObject(item)) list.push((item = { index: next }));
    append(item, rest.slice(1), text);
  } else {
    const inner = isObject(delta[name]) ? delta[name] : (delta[name] = {});
    append(inner, rest, text);
  }
}
