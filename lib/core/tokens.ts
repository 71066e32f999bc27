import type { ModelMessage } from './model.ts';

/** How many tokens one image counts for. Vendors differ; the context limit needs no better figure. */
const IMAGE_TOKENS = 1000;
/** What a message costs beside its text. */
const MESSAGE_TOKENS = 4;

/**
 * An estimate of the tokens of a text, without a tokenizer: an ASCII letter counts a quarter of a token, a Chinese character
 * (three bytes of UTF-8) a little more than one.
 */
export function estimateTokens(text: string): number {
  const wide = (Buffer.byteLength(text) - text.length) / 2;
  const ascii = text.length - wide;
  return ascii / 4 + wide * 1.125 + MESSAGE_TOKENS;
}

/** The same estimate for one line of a conversation, with its calls or its result. */
export function estimateMessageTokens(line: ModelMessage): number {
  switch (line.role) {
    case 'system':
      return estimateTokens(line.text);
    case 'user':
      return line.content.reduce(
        (sum, part) => sum + (part.type === 'text' ? estimateTokens(part.text) : IMAGE_TOKENS),
        0,
      );
    case 'assistant':
      return (
        estimateTokens(line.text) + (line.calls.length > 0 ? estimateTokens(JSON.stringify(line.calls)) : 0)
      );
    case 'tool':
      return estimateTokens(JSON.stringify(line.result));
  }
}
