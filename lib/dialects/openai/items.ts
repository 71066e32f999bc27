/*
 * Items are views of lines of the log: messages of their own and the user messages of tasks (`saidItem`), and everything that a task made
 * (`taskItems`; `partItems` for one response). Their ids hold their places (ids.ts), so that an item has one id in lists, in streams and after a restart.
 */
import { formatExactly } from '../../common/exact-numbers.ts';
import type { Content, Message, MessageAdded, ToolCall, ToolResult } from '../../core/message.ts';
import { outputOfResult } from './client-output.ts';
import { itemIdOf, messageIdOf } from './ids.ts';
import { isRunOnly } from './message-format.ts';
import { isForClient, type ReplyRecord, type TaskRecord } from './task-record.ts';

/**
 * How the calls of devices are shown: as `function_call` and `function_call_output`, or as one `mcp_call`. Both are documented
 * items. The first is OpenAI's own form of a call with its output.
 */
export type CallShape = 'function_call' | 'mcp_call';

/**
 * Clients that run every `function_call` themselves fail on a call that was run here, or run the loop again: they get `mcp_call`,
 * the form of calls that a server has made.
 */
const RUNS_FUNCTION_CALLS = /\bAgents\/|\bai-sdk\/|\bai\/\d/;

/** The shape of calls for a client, by its `User-Agent`. */
export function callShapeFor(userAgent: string | undefined): CallShape {
  return RUNS_FUNCTION_CALLS.test(userAgent ?? '') ? 'mcp_call' : 'function_call';
}

type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

/** A message of the conversation, in OpenAI's shape. */
export interface MessageItem {
  id: string;
  type: 'message';
  status: ItemStatus;
  role: 'user' | 'assistant';
  /** `input_…` parts of a user, `output_text` of the assistant. */
  content: object[];
}

/** A call that the model asked for. */
export interface CallItem {
  id: string;
  type: 'function_call';
  status: ItemStatus;
  /** The id that the model gave the call. It joins a call with its output; `id` is that of the item. */
  call_id: string;
  name: string;
  /** JSON as a text. */
  arguments: string;
}

/** The result of such a call. */
export interface OutputItem {
  id: string;
  type: 'function_call_output';
  status: ItemStatus;
  call_id: string;
  output: string;
}

/** A call that was made here, with its result. */
export interface ServerCallItem {
  id: string;
  type: 'mcp_call';
  status: 'in_progress' | 'completed' | 'failed' | 'incomplete';
  /** The label of the server that made the call: always `devices`. */
  server_label: string;
  name: string;
  arguments: string;
  /** The result as JSON; null before it, and for a call that failed. */
  output: string | null;
  /** The error of a call that failed, as JSON. */
  error: string | null;
  /** Approvals are asked by other ways than OpenAI's (contract 6, section 3). */
  approval_request_id: null;
}

/** An item of a conversation or a response. */
export type Item = MessageItem | CallItem | OutputItem | ServerCallItem;

/** A message that is a line of its own, or the user message with which a task began; undefined when there is none, or it was removed. */
export function saidItem(
  sessionId: string,
  line: Message & (MessageAdded | { type: 'task_started' }),
): MessageItem | undefined {
  const isSaid = line.type === 'message_added' ? !isRunOnly(line) : !line.added && line.content.length > 0;
  if (!isSaid || line.marks?.said?.removed) return undefined;
  const role = line.type === 'message_added' ? line.role : 'user';
  return {
    id: messageIdOf(sessionId, { seq: line.seq, part: 'said' }),
    type: 'message',
    status: 'completed',
    role,
    content: line.content.map(role === 'assistant' ? formatOutput : formatInput),
  };
}

/** The items that a task made, in the order of its lines. An answer that was removed is left out. */
export function taskItems(sessionId: string, record: TaskRecord, shape: CallShape): Item[] {
  const items = record.replies.flatMap((reply, index) => {
    const view = replyView(sessionId, record, index, shape);
    const results = reply.results.flatMap(({ line }) => outputItem(view, line));
    return [...textItems(view), ...callItems(view), ...results];
  });
  return [...items, ...spokenItems(sessionId, record)];
}

/** The text that the model is speaking. It has the id that it keeps. */
function spokenItems(sessionId: string, { started, replies, spoken }: TaskRecord): MessageItem[] {
  if (spoken === '') return [];
  const place = { sessionId, start: started?.seq ?? 0, index: replies.length };
  return [{ ...textItem(place, spoken, 'completed'), status: 'in_progress' }];
}

/**
 * The items of one part of a task: what the task made between two pauses. The results that the client gave are input, and are left
 * out.
 */
export function partItems(sessionId: string, record: TaskRecord, shape: CallShape, part: number): Item[] {
  const items = record.replies.flatMap((reply, index) => {
    const view = replyView(sessionId, record, index, shape);
    const own = reply.part === part ? [...textItems(view), ...callItems(view)] : [];
    const results = reply.results.filter(
      (result) => result.part === part && !isOfClient(view, result.line.callId),
    );
    return [...own, ...results.flatMap(({ line }) => outputItem(view, line))];
  });
  return part === record.pauses.length ? [...items, ...spokenItems(sessionId, record)] : items;
}

/** Where a reply is, and how its items are shown. */
export interface ReplyView {
  sessionId: string;
  /** The line on which the task began. */
  start: number;
  /** Which reply of the task, counted from 0. */
  index: number;
  shape: CallShape;
  record: TaskRecord;
  reply: ReplyRecord;
}

/** A reply of a task, as a client sees it. */
export function replyView(sessionId: string, record: TaskRecord, index: number, shape: CallShape): ReplyView {
  const reply = record.replies[index]!;
  return { sessionId, start: record.started?.seq ?? 0, index, shape, record, reply };
}

/** The text of a reply; none where it said nothing, or its answer was removed. */
function textItems(view: ReplyView): MessageItem[] {
  const { text, marks } = view.reply.line;
  return text === '' || marks?.answer?.removed ? [] : [textItem(view, text, textStatusOf(view))];
}

/** The state of a text whose reply has ended. */
export function textStatusOf({ reply }: Pick<ReplyView, 'reply'>): ItemStatus {
  return reply.line.completion.isCut ? 'incomplete' : 'completed';
}

/** The text of a reply. */
export function textItem(
  { sessionId, start, index }: Pick<ReplyView, 'sessionId' | 'start' | 'index'>,
  text: string,
  status: ItemStatus,
): MessageItem {
  const content = status === 'in_progress' ? [] : [outputText(text)];
  return {
    id: itemIdOf('msg', sessionId, { start, reply: index }),
    type: 'message',
    status,
    role: 'assistant',
    content,
  };
}

/** A text of the model. */
export function outputText(text: string) {
  return { type: 'output_text', text, annotations: [], logprobs: [] };
}

/** The calls of a reply, each with the result that it has by now. */
function callItems(view: ReplyView): (CallItem | ServerCallItem)[] {
  const { line, results } = view.reply;
  return line.calls.map(({ callId }, index) => {
    const result = results.find((one) => one.line.callId === callId)?.line.result;
    return callItem(view, index, result);
  });
}

/** The id of the item of a client's call that a task waits for. */
export function openCallItemId(sessionId: string, { started, replies }: TaskRecord, callId: string): string {
  const call = replies.at(-1)?.line.calls.findIndex((one) => one.callId === callId);
  return itemIdOf('fc', sessionId, { start: started?.seq ?? 0, reply: replies.length - 1, call });
}

/** One call of a reply. Its id is the same in every state. */
export function callItem(
  view: ReplyView,
  index: number,
  result: ToolResult | undefined,
): CallItem | ServerCallItem {
  const { sessionId, start, index: reply, record } = view;
  const call = view.reply.line.calls[index]!;
  const place = { start, reply, call: index };
  const args = argumentsOf(call);
  if (view.shape === 'function_call' || isForClient(record, call))
    return {
      id: itemIdOf('fc', sessionId, place),
      type: 'function_call',
      status: 'completed', // the call is complete; its result is an item of its own
      call_id: call.callId,
      name: call.name,
      arguments: args,
    };
  // A failed call is a result with an `error` (core/message.ts).
  const error = result?.['error'];
  return {
    id: itemIdOf('mcp', sessionId, place),
    type: 'mcp_call',
    status: result ? (error ? 'failed' : 'completed') : record.ended ? 'incomplete' : 'in_progress',
    server_label: 'devices',
    name: call.name,
    arguments: args,
    output: result && !error ? formatExactly(result) : null,
    error: result && error ? formatExactly(error) : null,
    approval_request_id: null,
  };
}

/** The result of a call as an item of its own; none where the call itself shows it. */
export function outputItem(
  view: ReplyView,
  { callId, result }: { callId: string; result: ToolResult },
): OutputItem[] {
  const { sessionId, start, index, reply, shape } = view;
  if (shape === 'mcp_call' && !isOfClient(view, callId)) return [];
  const call = reply.line.calls.findIndex((one) => one.callId === callId);
  return [
    {
      id: itemIdOf('fco', sessionId, { start, reply: index, call }),
      type: 'function_call_output',
      status: 'completed',
      call_id: callId,
      output: isOfClient(view, callId) ? outputOfResult(result) : formatExactly(result),
    },
  ];
}

/** Whether a call of a reply is to a function of the client. */
export function isOfClient({ record, reply }: ReplyView, callId: string): boolean {
  return reply.line.calls.some((call) => call.callId === callId && isForClient(record, call));
}

/** The arguments of a call as JSON text. */
export function argumentsOf({ arguments: args }: ToolCall): string {
  return typeof args === 'string' ? args : formatExactly(args);
}

function formatInput(part: Content): object {
  switch (part.type) {
    case 'text':
      return { type: 'input_text', text: part.text };
    case 'image':
      return { type: 'input_image', image_url: part.url, file_id: null, detail: part.detail ?? 'auto' };
    case 'file':
      return { type: 'input_file', file_id: part.fileId };
    case 'audio':
      return { type: 'input_audio', input_audio: { data: part.data, format: part.format } };
  }
}

/** A part of an assistant's message, which has texts only. */
function formatOutput(part: Content): object {
  return outputText(part.type === 'text' ? part.text : '');
}
