import type { Attachment, Content, Message, Metadata } from '../../core/message.ts';
import { messageIdOf, runIdOf, secondsOf, threadIdOf, type Place } from './ids.ts';
import type { Outcome } from './log-window.ts';
import { metadataSchema } from './schemas.ts';

const seconds = { type: ['integer', 'null'] } as const;

/** A message as OpenAI says it. */
export const messageSchema = {
  type: 'object',
  required: [
    ...(['id', 'object', 'created_at', 'thread_id', 'status', 'incomplete_details', 'completed_at'] as const),
    ...(['incomplete_at', 'role', 'content', 'assistant_id', 'run_id', 'attachments', 'metadata'] as const),
  ],
  properties: {
    id: { type: 'string' },
    object: { const: 'thread.message' },
    created_at: { type: 'integer' },
    thread_id: { type: 'string' },
    status: { enum: ['in_progress', 'incomplete', 'completed'] },
    incomplete_details: { type: ['object', 'null'], properties: { reason: { type: 'string' } } },
    completed_at: seconds,
    incomplete_at: seconds,
    role: { enum: ['user', 'assistant'] },
    content: {
      type: 'array',
      items: {
        type: 'object',
        required: ['type'],
        properties: {
          type: { enum: ['text', 'image_url', 'image_file'] },
          text: {
            type: 'object',
            required: ['value', 'annotations'],
            properties: { value: { type: 'string' }, annotations: { type: 'array' } },
          },
          image_url: { type: 'object' },
          image_file: { type: 'object' },
        },
      },
    },
    assistant_id: { type: ['string', 'null'] },
    run_id: { type: ['string', 'null'] },
    attachments: { type: ['array', 'null'], items: { type: 'object' } },
    metadata: metadataSchema,
  },
} as const;

/** Where in the log a message comes from: what was said, or the place of a task's answer. */
export interface Anchor extends Place {
  line: Extract<Message, { type: 'message_added' | 'task_started' }>;
}

/** The messages that a line stands for, in their order; none for most lines, and for what was removed. */
export function anchorsOf(line: Message): Anchor[] {
  if (line.type !== 'message_added' && line.type !== 'task_started') return [];
  const { seq, marks } = line;
  const anchors: Anchor[] = [];
  if (!(line.type === 'task_started' && line.added) && !marks?.said?.removed)
    anchors.push({ line, seq, part: 'said' });
  if (line.type === 'task_started' && !marks?.answer?.removed) anchors.push({ line, seq, part: 'answer' });
  return anchors;
}

/** A message as OpenAI says it; `outcome` is what became of the task whose answer it is. */
export function formatMessage(sessionId: string, { line, seq, part }: Anchor, outcome: Outcome) {
  const shared = {
    id: messageIdOf(sessionId, { seq, part }),
    object: 'thread.message',
    created_at: secondsOf(line.time),
    thread_id: threadIdOf(sessionId),
    assistant_id: null,
    metadata: line.marks?.[part]?.metadata ?? notedWith(line, part),
  };
  if (part === 'answer' && line.type === 'task_started')
    return {
      ...shared,
      role: 'assistant',
      run_id: runIdOf(line.taskId),
      attachments: [],
      ...stateOf(outcome),
    };
  return {
    ...shared,
    role: line.type === 'message_added' ? line.role : 'user',
    run_id: null,
    status: 'completed',
    completed_at: shared.created_at,
    incomplete_at: null,
    incomplete_details: null,
    content: line.content.map(formatContent),
    attachments: line.type === 'message_added' ? line.attachments.map(formatAttachment) : [],
  };
}

export type ThreadMessage = ReturnType<typeof formatMessage>;

function notedWith(line: Anchor['line'], part: Place['part']): Metadata {
  return part === 'said' && line.type === 'message_added' ? line.metadata : {};
}

/** How far an answer has come. */
function stateOf({ reply, ended }: Outcome) {
  if (!ended)
    return {
      status: 'in_progress',
      completed_at: null,
      incomplete_at: null,
      incomplete_details: null,
      content: [],
    };
  const content = reply ? [formatContent({ type: 'text', text: reply.text })] : [];
  const at = secondsOf(ended.time);
  if (ended.status === 'done')
    return { status: 'completed', completed_at: at, incomplete_at: null, incomplete_details: null, content };
  const failure = ended.error?.code === 'timeout' ? 'run_expired' : 'run_failed';
  const reason = ended.status === 'stopped' ? 'run_cancelled' : failure;
  return {
    status: 'incomplete',
    completed_at: null,
    incomplete_at: at,
    incomplete_details: { reason },
    content,
  };
}

function formatContent(piece: Content) {
  switch (piece.type) {
    case 'text':
      return { type: 'text', text: { value: piece.text, annotations: [] } };
    case 'image':
      return { type: 'image_url', image_url: { url: piece.url, detail: piece.detail ?? 'auto' } };
    case 'file':
      return { type: 'image_file', image_file: { file_id: piece.fileId, detail: piece.detail ?? 'auto' } };
    case 'audio': // only on its way to a model, never in a log
      return { type: 'text', text: { value: '[sound]', annotations: [] } };
  }
}

function formatAttachment({ fileId, tools }: Attachment) {
  return { file_id: fileId, tools };
}
