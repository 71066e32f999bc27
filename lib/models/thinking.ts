import { isObject, type JsonObject, type JsonValue } from '../common/json.ts';

/** Separates thinking text between tags at the start of a reply from the answer after it. */
interface ThinkingSplitter {
  /** Takes the next piece of text, cut anywhere; returns the part of it that belongs to the answer. */
  push(text: string): string;
  /** The text that was held back because it looked like the beginning of a tag. Call it once, at the end. */
  end(): string;
  /** Whether the reply began with thinking text. */
  readonly hasThinking: boolean;
}

/**
 * The tags at the start of a reply: `<think>` of DeepSeek R1, Qwen and others behind servers without a parser for them, `<thought>`
 * of Gemini, `<thinking>` and `[THINK]` of Mistral's open models. The tag that was opened is the one that closes.
 */
const TAGS = ['<think>', '<thinking>', '<thought>', '[THINK]'];

/** A splitter for one reply. `onReasoning` gets each piece of thinking text. A tag that comes later is a part of the answer. */
export function createThinkingSplitter(onReasoning: (text: string) => void): ThinkingSplitter {
  let state: 'start' | 'thinking' | 'after' | 'answer' = 'start';
  // Empty until a tag was opened.
  let closing = '';
  let held = '';

  const atStart = (): string => {
    const text = held.trimStart();
    const tag = TAGS.find((one) => text.startsWith(one));
    if (tag !== undefined) {
      state = 'thinking';
      closing = `${tag[0]!}/${tag.slice(1)}`;
      held = text.slice(tag.length);
      return inThinking();
    }
    if (TAGS.some((one) => one.startsWith(text))) return ''; // it may become a tag, also when it is empty so far
    state = 'answer';
    return take();
  };

  const inThinking = (): string => {
    const end = held.indexOf(closing);
    if (end < 0) {
      const kept = beginningOf(closing, held);
      think(held.slice(0, held.length - kept));
      held = held.slice(held.length - kept);
      return '';
    }
    think(held.slice(0, end));
    held = held.slice(end + closing.length);
    state = 'after';
    return afterThinking();
  };

  /** The blank lines between the thinking text and the answer belong to neither. */
  const afterThinking = (): string => {
    held = held.trimStart();
    if (held !== '') state = 'answer';
    return take();
  };

  const think = (text: string): void => {
    if (text !== '') onReasoning(text);
  };
  const take = (): string => {
    const text = held;
    held = '';
    return text;
  };

  return {
    get hasThinking() {
      return closing !== '';
    },
    push(text) {
      // The usual case: nothing waits, and no tag is looked for any more.
      if (state === 'answer') return text;
      held += text;
      if (state === 'start') return atStart();
      return state === 'thinking' ? inThinking() : afterThinking();
    },
    end() {
      // Thinking that never closed its tag is thinking still.
      if (state === 'thinking') think(take());
      return take();
    },
  };
}

/** How many characters at the end of the text may be the beginning of the tag. */
function beginningOf(tag: string, text: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--)
    if (text.endsWith(tag.slice(0, length))) return length;
  return 0;
}

/**
 * The fields of a message that hold thinking text: `reasoning_content` of DeepSeek, DashScope, llama.cpp and vLLM, `reasoning` of
 * Groq, Ollama, OpenRouter and newer vLLM, `reasoning_text` of GitHub's models. Some endpoints send the same text in two of them.
 */
const REASONING_FIELDS = ['reasoning_content', 'reasoning', 'reasoning_text', 'thinking'];

/** The thinking text in the fields of a message, or of a piece of one; empty without any. */
export function reasoningOf(message: JsonObject): string {
  for (const name of REASONING_FIELDS) {
    const text = message[name];
    if (typeof text === 'string' && text !== '') return text;
  }
  const details = objectsIn(message['reasoning_details']).map(
    ({ text, summary }) => plain(text) + plain(summary),
  );
  return details.join('') + contentTextOf(message['content'], true);
}

/** The answer in a content: a text, or the text parts of a list. Thinking parts are left out. */
export function answerTextOf(content: JsonValue | undefined): string {
  return typeof content === 'string' ? content : contentTextOf(content, false);
}

/** The texts of a list's parts: of the thinking ones (`{"type":"thinking","thinking":[…]}` of Mistral), or of the others. */
function contentTextOf(content: JsonValue | undefined, thinking: boolean): string {
  return objectsIn(content)
    .filter(({ type }) => /^(?:thinking|reasoning|thought)/.test(plain(type)) === thinking)
    .map(({ text, thinking: inner }) => plain(text) + plain(inner) + contentTextOf(inner, false))
    .join('');
}

function plain(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function objectsIn(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
