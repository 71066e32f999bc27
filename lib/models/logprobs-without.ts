import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import { createSecretStream, type SecretStream } from '../secrets.ts';

/** The lists of tokens that a choice may have [OpenAI API, `logprobs` of a choice]. */
const lists = ['content', 'refusal'] as const;

/** The log probabilities of one choice, without these secrets, which are split over tokens. */
export class Logprobs {
  readonly #lists: Record<(typeof lists)[number], TokenList>;

  constructor(secrets: readonly string[]) {
    this.#lists = { content: new TokenList(secrets), refusal: new TokenList(secrets) };
  }

  get isWaiting(): boolean {
    return lists.some((name) => this.#lists[name].isWaiting);
  }

  /** The tokens that are clean by now. Another shape than OpenAI's is left out: it may hold the secret in pieces. */
  push(value: JsonValue): JsonObject | null {
    if (!isObject(value)) return null;
    const cleanOf = (tokens: JsonValue | undefined, list: TokenList): JsonValue =>
      Array.isArray(tokens) ? list.push(tokens.filter(isObject)) : null;
    return Object.fromEntries(lists.map((name) => [name, cleanOf(value[name], this.#lists[name])]));
  }

  /** The tokens that wait, at the end; null when none does. */
  end(): JsonObject | null {
    if (!this.isWaiting) return null;
    return Object.fromEntries(
      lists.map((name) => [name, this.#lists[name].isWaiting ? this.#lists[name].end() : null]),
    );
  }
}

/** The log probabilities of a whole answer, without these secrets. */
export function logprobsWithout(secrets: readonly string[], value: JsonValue): JsonObject | null {
  const logprobs = new Logprobs(secrets);
  const clean = logprobs.push(value);
  const rest = logprobs.end();
  if (clean === null || rest === null) return clean;
  for (const name of lists)
    if (Array.isArray(rest[name]))
      clean[name] = [...((clean[name] as JsonValue[] | null) ?? []), ...rest[name]];
  return clean;
}

/** Tokens that come one after the other. Those that may begin a secret wait; those of a secret become one. */
class TokenList {
  readonly #stream: SecretStream;
  #waiting: JsonObject[] = [];
  #clean = '';

  constructor(secrets: readonly string[]) {
    this.#stream = createSecretStream(secrets);
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  push(tokens: readonly JsonObject[]): JsonObject[] {
    return tokens.flatMap((entry) => {
      this.#waiting.push(entry);
      this.#clean += this.#stream.push(textOf(entry));
      return this.#stream.isWaiting ? [] : this.#take();
    });
  }

  end(): JsonObject[] {
    this.#clean += this.#stream.end();
    return this.#take();
  }

  #take(): JsonObject[] {
    const [taken, token] = [this.#waiting, this.#clean];
    this.#waiting = [];
    this.#clean = '';
    // The texts differ where a secret was replaced. Its tokens become one, because bytes and alternatives would show it, too.
    if (taken.map(textOf).join('') === token) return taken;
    return [{ token, logprob: 0, bytes: null, top_logprobs: [] }];
  }
}

function textOf({ token }: JsonObject): string {
  return typeof token === 'string' ? token : '';
}
