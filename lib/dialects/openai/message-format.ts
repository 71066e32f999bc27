import type { Attachment, Content, Message, MessageAdded } from '../../core/message.ts';
import { messageIdOf, runIdOf, threadIdOf, type MessagePlace } from './ids.ts';
import { secondsOf } from '../unix-time.ts';
import type { TaskOutcome } from './log-window.ts';
import { metadataSchema } from './schemas.ts';

/** A time in seconds since the epoch; null where the message has not come so far. */
const seconds = { type: ['integer', 'null'] } as const;

/** A message, in OpenAI's shape. */
export const messageSchema = {
  type: 'object',
  required: [
    ...(['id', 'object', 'created_at', 'thread_id', 'status', 'incomplete_details', 'completed_at'] as const),
    ...(['incomplete_at', 'role', 'content', 'assistant_id', 'run_id', 'attachments', 'metadata'] as const),
  ],
  properties: {
    id: { type: 'string' },
    object: { const: 'thread.message' },
    /** For an answer the time of its question, or of its task: its place in the list is there. */
    created_at: { type: 'integer' },
    thread_id: { type: 'string' },
    status: { enum: ['in_progress', 'incomplete', 'completed'] },
    /** The reason of an incomplete answer: `max_tokens`, `run_cancelled`, `run_expired` or `run_failed`. */
    incomplete_details: { type: ['object', 'null'], properties: { reason: { type: 'string' } } },
    /** For a user's message the time at which it came. */
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
    /** Always null here: the run says who answers. */
    assistant_id: { type: ['string', 'null'] },
    /** The task that answers, on the user's message and on the answer; null where nobody answers. */
    run_id: { type: ['string', 'null'] },
    attachments: { type: ['array', 'null'], items: { type: 'object' } },
    metadata: metadataSchema,
  },
} as const;

/** The line of a message in the log: the message itself, or the beginning of the task that answers. */
export interface Anchor extends MessagePlace {
  line: Extract<Message, { type: 'message_added' | 'task_started' }>;
}

/**
 * The messages of a line, in their order; none for most lines, and for removed messages. The answer to a message that is a line of
 * its own has its place there, so that it is listed while its task waits.
 */
export function anchorsOf(line: Message): Anchor[] {
  if (line.type !== 'message_added' && line.type !== 'task_started') return [];
  const { seq, marks } = line;
  const isSaid = line.type === 'message_added' ? !isRunOnly(line) : !line.added;
  const isAnswered = line.type === 'message_added' ? line.run : !line.added;
  const anchors: Anchor[] = [];
  if (isSaid && !marks?.said?.removed) anchors.push({ line, seq, part: 'said' });
  if (isAnswered && !marks?.answer?.removed) anchors.push({ line, seq, part: 'answer' });
  return anchors;
}

/** Whether a line begins a run without a message of its own: the run answers the messages before it. */
export function isRunOnly({ run, content, attachments }: MessageAdded): boolean {
  return run && content.length === 0 && attachments.length === 0;
}

/** The task whose user message or answer is at an anchor; undefined for a message that nobody answers. */
export function taskAt({ line }: Anchor): string | undefined {
  if (line.type === 'task_started') return line.taskId;
  return line.run ? line.id : undefined;
}

/** A message, in OpenAI's shape. `outcome` belongs to the task that answers with it. */
export function formatMessage(sessionId: string, { line, seq, part }: Anchor, outcome: TaskOutcome) {
  const at = secondsOf(line.time);
  const answers = part === 'answer';
  const added = line.type === 'message_added' && !answers ? line : undefined;
  const taskId = taskAt({ line, seq, part });
  const state = answers ? stateOf(outcome) : undefined;
  // One literal is fast, and a list makes many of these.
  return {
    id: messageIdOf(sessionId, { seq, part }),
    object: 'thread.message',
    created_at: at,
    thread_id: threadIdOf(sessionId),
    status: state?.status ?? 'completed',
    incomplete_details: state?.details ?? null,
    completed_at: state ? state.completedAt : at,
    incomplete_at: state?.incompleteAt ?? null,
    role: answers ? 'assistant' : (added?.role ?? 'user'),
    content: state ? state.content.map(formatContent) : line.content.map(formatContent),
    assistant_id: null,
    run_id: taskId === undefined ? null : runIdOf(taskId),
    attachments: added ? added.attachments.map(formatAttachment) : [],
    metadata: line.marks?.[part]?.metadata ?? added?.metadata ?? {},
  };
}

/** A message, in OpenAI's shape. */
export type ThreadMessage = ReturnType<typeof formatMessage>;

/** The state of an answer on the wire; times in seconds since the epoch. */
interface State {
  status: 'in_progress' | 'completed' | 'incomplete';
  completedAt: number | null;
  incompleteAt: number | null;
  details: { reason: string } | null;
  content: Content[];
}

/** The state of an answer. The reasons of an incomplete one are OpenAI's. A task that ended without a reply has no content. */
function stateOf({ reply, ended, spoken = '' }: TaskOutcome): State {
  const none = { completedAt: null, incompleteAt: null, details: null };
  if (!ended)
    return { ...none, status: 'in_progress', content: spoken === '' ? [] : [{ type: 'text', text: spoken }] };
  const content: Content[] = reply ? [{ type: 'text', text: reply.text }] : [];
  const at = secondsOf(ended.time);
  const incomplete = { ...none, status: 'incomplete', incompleteAt: at, content } as const;
  if (ended.status === 'done')
    return reply?.completion.isCut
      ? { ...incomplete, details: { reason: 'max_tokens' } }
      : { ...none, status: 'completed', completedAt: at, content };
  const failure = ended.error?.code === 'timeout' ? 'run_expired' : 'run_failed';
  const reason = ended.status === 'stopped' ? 'run_cancelled' : failure;
  return { ...incomplete, details: { reason } };
}

function formatContent(piece: Content) {
  switch (piece.type) {
    case 'text':
      return { type: 'text', text: { value: piece.text, annotations: [] } };
    case 'image':
      return { type: 'image_url', image_url: { url: piece.url, detail: piece.detail ?? 'auto' } };
    // Only pictures are parts (new-message.ts): any other file is an attachment.
    case 'file':
      return { type: 'image_file', image_file: { file_id: piece.fileId, detail: piece.detail ?? 'auto' } };
    case 'audio': // messages of threads have no part for it
      return { type: 'text', text: { value: '[sound]', annotations: [] } };
  }
}

function formatAttachment({ fileId, tools }: Attachment) {
  return { file_id: fileId, tools };
}
