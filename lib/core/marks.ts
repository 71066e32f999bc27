import type { Mark, Marks, Message, MessagePart } from './message.ts';

/** Marks with one more: metadata is replaced as a whole, what was removed stays so. */
export function withMark(marks: Marks, part: MessagePart, mark: Mark): Marks {
  return { ...marks, [part]: { ...marks[part], ...mark } };
}

/** A line with its marks, as every view shows it: nothing is left of what was removed. */
export function marked(message: Message, marks: Marks): Message {
  const line = { ...message, marks };
  if (line.type === 'model_reply') return marks.answer?.removed ? { ...line, text: '' } : line;
  if (!marks.said?.removed) return line;
  if (line.type === 'task_started') return { ...line, content: [] };
  if (line.type === 'message_added') return { ...line, content: [], attachments: [], metadata: {} };
  return line;
}
