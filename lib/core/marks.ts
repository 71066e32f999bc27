import type { Mark, Marks, Message, MessagePart } from './message.ts';

/** The marks with one more. Metadata is replaced as a whole; a removed message stays removed. */
export function withMark(marks: Marks, part: MessagePart, mark: Mark): Marks {
  return { ...marks, [part]: { ...marks[part], ...mark } };
}

/** A line with its marks, as every view shows it: the content of a removed message is empty. */
export function withMarks(message: Message, marks: Marks): Message {
  const line = { ...message, marks };
  if (line.type === 'model_reply') return marks.answer?.removed ? { ...line, text: '' } : line;
  if (!marks.said?.removed) return line;
  if (line.type === 'task_started') return { ...line, content: [] };
  if (line.type === 'message_added') return { ...line, content: [], attachments: [], metadata: {} };
  return line;
}
