import type { Content } from './message.ts';
import type { ModelMessage } from './model.ts';

/** Stands where a user line is missing: its content was removed, or the conversation begins with an assistant. */
const MISSING_USER: ModelMessage = { role: 'user', content: [{ type: 'text', text: '(no message)' }] };

/**
 * The same conversation in the order that the strictest endpoints ask for (Mistral, Gemma): the system prompt first, then
 * user and assistant in turn, with the results of an assistant's calls right after it, and no empty line.
 *
 * Lines of one role in a row become one line. Where an assistant line has nothing to follow, a short user line is put before it.
 */
export function inStrictOrder(lines: readonly ModelMessage[]): ModelMessage[] {
  const ordered: ModelMessage[] = [];
  for (const line of lines) {
    if (isEmpty(line)) continue;
    const last = ordered.at(-1);
    const merged = last && merge(last, line);
    if (merged) ordered[ordered.length - 1] = merged;
    else {
      if (line.role === 'assistant' && !mayPrecedeAssistant(last)) ordered.push(MISSING_USER);
      ordered.push(line);
    }
  }
  return ordered;
}

function isEmpty(line: ModelMessage): boolean {
  if (line.role === 'user') return line.content.length === 0;
  return line.role === 'assistant' && line.calls.length === 0 && line.text.trim() === '';
}

/** One line for two of the same role, or undefined when they stay two. Two decisions stay two, each with its results. */
function merge(last: ModelMessage, line: ModelMessage): ModelMessage | undefined {
  if (last.role === 'user' && line.role === 'user')
    return { role: 'user', content: joinContent(last.content, line.content) };
  if (last.role === 'assistant' && line.role === 'assistant' && last.calls.length === 0)
    return { ...line, text: [last.text, line.text].filter((text) => text !== '').join('\n\n') };
  return undefined;
}

function mayPrecedeAssistant(line: ModelMessage | undefined): boolean {
  return line?.role === 'user' || line?.role === 'tool';
}

/** The parts of two messages. Texts that meet become one text, since some endpoints take a user message as a text only. */
function joinContent(before: readonly Content[], after: readonly Content[]): Content[] {
  const last = before.at(-1);
  const [first, ...rest] = after;
  if (last?.type !== 'text' || first?.type !== 'text') return [...before, ...after];
  return [...before.slice(0, -1), { type: 'text', text: `${last.text}\n\n${first.text}` }, ...rest];
}
