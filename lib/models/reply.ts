import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';
import type { Usage } from '../core/message.ts';
import type { ModelReply } from '../core/model.ts';
import { ModelError } from '../errors.ts';
import { addContent, addMessageAdditions, boundedAdditions, type Additions } from './additions.ts';
import { CallPieces, type IsTool } from './call-pieces.ts';
import { reportedError } from './failure.ts';
import { answerTextOf, createThinkingSplitter, reasoningOf } from './thinking.ts';

/** Puts a reply together from a whole chat completion or from its chunks. */
export interface ReplyBuilder {
  /** Takes a `chat.completion` or a `chat.completion.chunk`; returns the part of the answer that it adds. Throws a ModelError. */
  add(json: JsonValue): string;
  /** True once the reply has a reason for its end. */
  readonly finished: boolean;
  /** The reply. Throws a ModelError when there is none, when it is cut off in a call, or when the provider withheld it. */
  build(): ModelReply;
}

/** The circumstances of a reply. */
interface ReplyBuilderOptions {
  /** Where the reply comes from. With it the reply has the endpoint's additions (`ModelReply.provider`). */
  origin?: string;
  /** Whether a tool was offered under a name: it tells a name in pieces from two names. */
  isTool?: IsTool;
  /** Receives thinking text, which is no part of the answer. */
  onReasoning?: ((text: string) => void) | undefined;
}

/** The reasons of an end by a limit of tokens: OpenAI's, Anthropic's and Gemini's behind proxies, Mistral's. */
const CUT_OFF = /^(?:length|max_tokens|max_output_tokens|model_length)$/i;
/** The reasons of an end by a filter: OpenAI's, and Gemini's behind proxies. */
const WITHHELD = /^(?:content_filter|safety|prohibited_content|blocklist|recitation)$/i;
/** The reasons of an end by a failure: OpenRouter's and Mistral's, DeepSeek's, vLLM's. */
const BROKEN_OFF = /^(?:error|insufficient_system_resource|abort)$/i;

/** A builder for one reply. `model` is the name in the request, for an endpoint that names none. */
export function createReplyBuilder(model: string, options: ReplyBuilderOptions = {}): ReplyBuilder {
  return new ReplyParts(model, options);
}

class ReplyParts implements ReplyBuilder {
  readonly #origin: string | undefined;
  readonly #completion;
  readonly #calls: CallPieces;
  readonly #onReasoning: (text: string) => void;
  readonly #splitter;
  /** The answer so far, without thinking text. */
  #text = '';
  /** The content as the endpoint sent it: a text, and a list once one has come. */
  #rawText = '';
  #parts: JsonValue[] | undefined;
  #additions: JsonObject = {};
  /** The `finish_reason`; undefined until it has come. */
  #finish: string | undefined;
  /** Whether any chunk had a choice. */
  #isAnswered = false;

  constructor(model: string, { origin, isTool, onReasoning }: ReplyBuilderOptions) {
    this.#origin = origin;
    this.#completion = { id: '', model, usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0 } };
    this.#calls = new CallPieces(isTool);
    this.#onReasoning = (text) => onReasoning?.(text);
    this.#splitter = createThinkingSplitter(this.#onReasoning);
  }

  get finished(): boolean {
    return this.#finish !== undefined;
  }

  add(json: JsonValue): string {
    if (!isObject(json)) throw new ModelError('the model endpoint sent JSON that is no chat completion');
    const { error, id, model, usage, choices } = json;
    // The name of the model follows the address, which may have no path.
    const address = this.#origin?.split(' ', 1)[0];
    if (error)
      throw reportedError(describe(error), address === undefined ? undefined : new URL(address).host);
    if (typeof id === 'string' && id !== '') this.#completion.id = id;
    if (typeof model === 'string' && model !== '') this.#completion.model = model;
    // Before the choice: the usage often comes in a last chunk that has none.
    if (isObject(usage)) this.#completion.usage = usageOf(usage);
    const choice = Array.isArray(choices) ? choices[0] : undefined;
    if (!isObject(choice)) return '';
    this.#isAnswered = true;
    const { finish_reason: finish, delta, message } = choice;
    if (typeof finish === 'string' && finish !== '') this.#finish = finish;
    if (isObject(delta)) return this.#addMessage(delta, true);
    return isObject(message) ? this.#addMessage(message, false) : '';
  }

  build(): ModelReply {
    this.#text += this.#splitter.end();
    this.#checkEnd();
    const { calls, additions } = this.#calls.finish();
    const isCut = this.#finish !== undefined && CUT_OFF.test(this.#finish);
    const text = this.#text + (isCut ? '\n[cut off at maxTokens]' : '');
    const data = this.#origin === undefined ? undefined : this.#additionsWith(additions);
    const completion = isCut ? { ...this.#completion, isCut } : this.#completion;
    const reply = { text, calls, completion };
    return data ? { ...reply, provider: { origin: this.#origin!, data } } : reply;
  }

  #addMessage(message: JsonObject, isPiece: boolean): string {
    const { content, refusal, tool_calls: calls, function_call: call } = message;
    const reasoning = reasoningOf(message);
    if (reasoning !== '') this.#onReasoning(reasoning);
    addMessageAdditions(this.#additions, message, isPiece);
    this.#keepContent(content, isPiece);
    const added = this.#splitter.push(answerTextOf(content)) + (typeof refusal === 'string' ? refusal : '');
    this.#text += added;
    if (Array.isArray(calls)) this.#calls.add(calls, !isPiece);
    // The older form, from before there were tools. A few servers send both.
    else if (isObject(call)) this.#calls.add([{ index: 0, function: call }], !isPiece);
    return added;
  }

  /** Keeps the content as it came, because an endpoint that puts thinking into it may want it back. */
  #keepContent(content: JsonValue | undefined, isPiece: boolean): void {
    if (Array.isArray(content) && this.#parts === undefined) {
      this.#parts = [];
      addContent(this.#parts, this.#rawText, isPiece);
    }
    if (this.#parts) addContent(this.#parts, content, isPiece);
    else if (typeof content === 'string') this.#rawText += content;
  }

  /** Throws a ModelError for an end that is none of an answer or of whole calls. */
  #checkEnd(): void {
    if (!this.#isAnswered) throw new ModelError('the model endpoint answered without a reply (no choices)');
    const finish = this.#finish ?? '';
    if (WITHHELD.test(finish))
      throw new ModelError("the model's reply was withheld by the provider's content filter");
    if (BROKEN_OFF.test(finish))
      throw new ModelError(`the model endpoint broke off its reply (finish_reason "${finish}"); try again`);
    if (!CUT_OFF.test(finish)) return;
    // The arguments of the last call may be cut off and still be valid, such as none at all. So none of the calls is made.
    if (this.#calls.count > 0)
      throw new ModelError(
        'the model used up maxTokens in the middle of its tool calls, so that none of them was made; raise maxTokens',
      );
    if (this.#text === '')
      throw new ModelError('the model used up maxTokens before it said anything; raise maxTokens');
  }

  #additionsWith(calls: (JsonObject | null)[]): Additions | undefined {
    const isPlain = (part: JsonValue): boolean => isObject(part) && part['type'] === 'text';
    const listed = this.#parts?.every(isPlain) === false ? this.#parts : undefined;
    const content = listed ?? (this.#splitter.hasThinking && !this.#parts ? this.#rawText : undefined);
    return boundedAdditions({
      message: this.#additions,
      calls,
      ...(content !== undefined && { content }),
    });
  }
}

/** The tokens as the endpoint counts them; 0 for a number that is missing, the sum for a missing total. */
function usageOf(usage: JsonObject): Usage {
  const count = (name: string): number => {
    const value = usage[name];
    return typeof value === 'number' && value >= 0 ? value : 0;
  };
  const promptTokens = count('prompt_tokens');
  const completionTokens = count('completion_tokens');
  return {
    promptTokens,
    completionTokens,
    totalTokens: count('total_tokens') || promptTokens + completionTokens,
  };
}

/** The message in an endpoint's error object. */
function describe(error: JsonValue): string {
  const message = isObject(error) ? error['message'] : error;
  return typeof message === 'string' ? message : JSON.stringify(message ?? error);
}
