import { hasMoreValues } from '../../common/has-more-values.ts';
import { isObject } from '../../common/json.ts';
import type { Content } from '../../core/message.ts';
import type { NewTask } from '../../core/session.ts';
import { AppError, type Fault } from '../../errors.ts';
import { parseJsonText } from '../../server/body.ts';
import { dryRunField } from '../dry-run-field.ts';
import { readerOf, type Reader } from '../../server/validate.ts';

/** A piece of a user's message, on the wire. A piece with `dryRun` makes the whole message a dry run, in each form. */
const contentSchema = {
  type: 'object',
  examples: [{ type: 'text', message: 'Turn on the light in the kitchen' }],
  required: ['type', 'message'],
  properties: {
    type: { enum: ['text', 'imageUrl'] },
    message: { type: 'string', minLength: 1 },
    dryRun: dryRunField,
  },
} as const;

/** Several pieces. */
const contentListSchema = { type: 'array', minItems: 1, items: contentSchema } as const;

/** The form with a task id. */
const userTaskSchema = {
  type: 'object',
  examples: [{ taskId: 'task-1', contentList: [{ type: 'text', message: 'Good evening' }], stream: true }],
  required: ['contentList'],
  properties: {
    /** The client's own id: the same id again is the same task, so that a frame may be sent again after a lost connection. */
    taskId: { type: 'string', minLength: 1, maxLength: 36 },
    contentList: contentListSchema,
    /** Whether the answer also comes in pieces (`chunk`). */
    stream: { type: 'boolean' },
    /** Whether an `ack` frame says that the task is committed. */
    ack: { type: 'boolean' },
    dryRun: dryRunField,
  },
} as const;

/** A decision about a call that waits (contract 6, section 3). */
const approvalSchema = {
  type: 'object',
  examples: [{ type: 'approval', id: 'the id of the approvalRequest', decision: 'approve' }],
  required: ['type', 'id', 'decision'],
  properties: {
    type: { const: 'approval' },
    id: { type: 'string', minLength: 1, maxLength: 100 },
    decision: { enum: ['approve', 'reject'] },
    reason: { type: 'string', maxLength: 1000 },
  },
} as const;

/** The frames of clients, by name. */
export const frameSchemas = {
  ping: { const: 'ping' },
  piece: contentSchema,
  pieces: contentListSchema,
  task: userTaskSchema,
  approval: approvalSchema,
} as const;

/** A frame of a client: a ping, a decision about a call, or a user's message in one of four forms. */
export type Frame =
  | { type: 'ping' }
  | ({ type: 'approval' } & ApprovalFrame)
  | { type: 'task'; task: NewTask; ack: boolean };

/** A person's decision about a call. */
interface ApprovalFrame {
  id: string;
  decision: 'approve' | 'reject';
  reason?: string;
}

/** A frame is read in one go: one of a megabyte with 100,000 values would hold the event loop for 300 ms. */
const VALUES_MAX_COUNT = 10_000;

/** Parses a frame. Throws `invalid_request` with every fault and its place. */
export type FrameParser = (text: string) => Frame;

/** A valid piece. */
interface WireContent {
  type: 'text' | 'imageUrl';
  message: string;
  dryRun?: boolean;
}

/** Loads the parser for frames of clients. */
export async function loadFrameParser(): Promise<FrameParser> {
  const [readContent, readList, readTask, readApproval] = await Promise.all([
    readerOf(contentSchema),
    readerOf(contentListSchema),
    readerOf(userTaskSchema),
    readerOf(approvalSchema),
  ]);

  return (text) => {
    // The bare text, no JSON (contract 1).
    if (text === 'ping') return { type: 'ping' };
    if (hasMoreValues(text, VALUES_MAX_COUNT))
      throw invalid([{ pointer: '', detail: `has more than ${VALUES_MAX_COUNT} values: send it in parts` }]);
    const value = parseJsonText(text);
    if (Array.isArray(value)) {
      const pieces = read(readList, value) as WireContent[];
      const content = pieces.map((piece, at) => toContent(piece, `/${at}`));
      return { type: 'task', task: { form: 'list', content, ...settingsOf(pieces) }, ack: false };
    }
    if (!isObject(value))
      throw new AppError(
        'invalid_request',
        'A message must be {"type":"text"|"imageUrl","message":"…"}, a list of those, or {"contentList":[…]}.',
      );
    if (value['type'] === 'approval')
      return { ...(read(readApproval, value) as ApprovalFrame), type: 'approval' };
    if (!('contentList' in value)) {
      const wire = read(readContent, value) as WireContent;
      const piece = toContent(wire, '');
      return {
        type: 'task',
        task: { form: piece.type, content: [piece], ...settingsOf([wire]) },
        ack: false,
      };
    }
    const { taskId, contentList, stream, ack, dryRun } = read(readTask, value) as {
      taskId?: string;
      contentList: WireContent[];
      stream?: boolean;
      ack?: boolean;
      dryRun?: boolean;
    };
    const content = contentList.map((piece, at) => toContent(piece, `/contentList/${at}`));
    const task: NewTask = {
      form: 'list',
      content,
      ...(taskId !== undefined && { taskId }),
      ...(stream !== undefined && { stream }),
      ...settingsOf(contentList, dryRun),
    };
    return { type: 'task', task, ack: ack === true };
  };
}

/** The settings of a message: a dry run, when it or one of its pieces says so. */
function settingsOf(pieces: readonly WireContent[], dryRun = false): Pick<NewTask, 'settings'> {
  return dryRun || pieces.some((piece) => piece.dryRun) ? { settings: { dryRun: true } } : {};
}

function read(reader: Reader, value: unknown): unknown {
  const reading = reader(value);
  if (reading.faults.length > 0) throw invalid(reading.faults);
  return reading.value;
}

/** A piece as the core has it. Throws `invalid_request` for a picture that is no http, https or data:image URL. */
function toContent(
  { type, message }: WireContent,
  pointer: string,
): Extract<Content, { type: 'text' | 'image' }> {
  if (type === 'text') return { type, text: message };
  if (!/^(https?:\/\/|data:image\/)/i.test(message))
    throw invalid([{ pointer: `${pointer}/message`, detail: 'must be an http, https or data:image URL' }]);
  return { type: 'image', url: message };
}

/** The error for a frame. The client sees its words alone, so that they name the first faults with their places. */
function invalid(faults: readonly Fault[]): AppError {
  const texts = faults.slice(0, 5).map(({ pointer, detail }) => `${pointer || 'the message'} ${detail}`);
  return new AppError('invalid_request', `The message is not valid: ${texts.join('; ')}.`, { faults });
}
