/*
 * The order of the events:
 *
 *   the start   response.created → response.queued (in the background only) → response.in_progress
 *   a text      output_item.added → content_part.added → output_text.delta … → output_text.done → content_part.done → output_item.done
 *   a call      output_item.added → arguments.delta → arguments.done → output_item.done, which waits for the result of a call made here
 *   the end     response.completed, response.incomplete or response.failed
 */
import type { Message } from '../../core/message.ts';
import type { Session } from '../../core/session.ts';
import type { ResponsePlace } from './ids.ts';
import {
  callItem,
  isOfClient,
  outputItem,
  outputText,
  replyView,
  textItem,
  textStatusOf,
  type CallItem,
  type CallShape,
  type Item,
  type ReplyView,
  type ServerCallItem,
} from './items.ts';
import { formatResponse } from './response-format.ts';
import { addToRecord, isAnswerCut, newRecord, requestOf, type TaskRecord } from './task-record.ts';
import { TextPieces } from './text-pieces.ts';

/** An event of a stream, in OpenAI's shape. */
export interface ResponseEvent {
  type: string;
  sequence_number: number;
  [field: string]: unknown;
}

/** A text of the model that is under way. */
interface OpenText {
  itemId: string;
  outputIndex: number;
  pieces: TextPieces;
}

/**
 * The events of one response, from the lines of its task. Partial text brings some of them earlier, and changes none: so a stream
 * has the same events with the same numbers each time, on any node, and a client can go on after any of them.
 */
export class ResponseEvents {
  readonly #place: ResponsePlace;
  readonly #shape: CallShape;
  readonly #record: TaskRecord;
  /** Whether `response.created` was made. */
  #isBegun = false;
  /** Whether the last event was made. */
  #isOver = false;
  /** The number of the next event. */
  #count = 0;
  /** The output index of the next item. */
  #outputCount = 0;
  /** The text of the reply that is being spoken. */
  #text: OpenText | undefined;
  /** The output index of each call that waits for its result, by its id. */
  readonly #waiting = new Map<string, number>();
  /** Events that were made and not yet returned. */
  #unsent: ResponseEvent[] = [];

  constructor(session: Pick<Session, 'config'>, place: ResponsePlace, shape: CallShape) {
    this.#place = place;
    this.#shape = shape;
    this.#record = newRecord(session, place.taskId);
  }

  /** Whether the last event was returned. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The events of a line; undefined for a line that does not concern the response. */
  line(line: Message): ResponseEvent[] | undefined {
    const record = this.#record;
    const { part } = this.#place;
    const before = record.pauses.length;
    if (this.#isOver || !addToRecord(record, line)) return undefined;
    // The part begins with the line that follows the pause.
    if (part > 0 && before === part && !this.#isBegun) this.#begin();
    if (before === part) this.#addLine(line);
    if (record.pauses.length > part) this.#end('response.completed');
    return this.#take();
  }

  /** The events of partial text of the answer. */
  delta(text: string): ResponseEvent[] {
    const { started, pauses, replies } = this.#record;
    if (!started || this.#isOver || pauses.length !== this.#place.part) return [];
    this.#text ??= this.#openText(replies.length);
    this.#addPieces(this.#text, this.#text.pieces.push(text));
    return this.#take();
  }

  /** The events of a line of this part. */
  #addLine(line: Message): void {
    if (line.type === 'message_added' && this.#place.part === 0) this.#begin();
    if (line.type === 'task_started') this.#addState('response.in_progress');
    if (line.type === 'model_reply') this.#addReply();
    if (line.type === 'tool_result') this.#addResult(line);
    if (line.type === 'task_ended')
      this.#end(isAnswerCut(this.#record) ? 'response.incomplete' : endEvents[line.status]);
  }

  /** The first events of a part. A later part is in progress at once: its task has begun before. */
  #begin(): void {
    this.#isBegun = true;
    this.#addState('response.created');
    if (requestOf(this.#record)?.shown['background'] === true) this.#addState('response.queued');
    if (this.#place.part > 0) this.#addState('response.in_progress');
  }

  #end(type: string): void {
    this.#addState(type);
    this.#isOver = true;
  }

  /** The events of a reply: the rest of its text, and its calls. */
  #addReply(): void {
    const index = this.#record.replies.length - 1;
    const view = replyView(this.#place.sessionId, this.#record, index, this.#shape);
    const { text, calls } = view.reply.line;
    if (text !== '') this.#endText(view, text);
    this.#text = undefined;
    for (const [at, { callId }] of calls.entries()) this.#addCall(callItem(view, at, undefined), callId);
  }

  /** The events of a new call. Its arguments come in one piece: the line of the reply has them whole. */
  #addCall(item: CallItem | ServerCallItem, callId: string): void {
    const outputIndex = this.#addItem({ ...item, status: 'in_progress', arguments: '' });
    const at = { item_id: item.id, output_index: outputIndex };
    const isServerCall = item.type === 'mcp_call';
    if (isServerCall) this.#add('response.mcp_call.in_progress', at);
    const name = isServerCall ? 'response.mcp_call_arguments' : 'response.function_call_arguments';
    this.#add(`${name}.delta`, { ...at, delta: item.arguments });
    this.#add(`${name}.done`, {
      ...at,
      arguments: item.arguments,
      ...(!isServerCall && { name: item.name }),
    });
    // A call that runs here ends with its result. A client's call is whole: its result is input of the next response.
    if (isServerCall) this.#waiting.set(callId, outputIndex);
    else this.#endItem(item, outputIndex);
  }

  /** The events of the result of a call that was made here. */
  #addResult({ callId, result }: Extract<Message, { type: 'tool_result' }>): void {
    const view = replyView(this.#place.sessionId, this.#record, this.#record.replies.length - 1, this.#shape);
    if (isOfClient(view, callId)) return; // it is input
    for (const item of outputItem(view, { callId, result }))
      this.#endItem(item, this.#addItem({ ...item, status: 'in_progress' }));
    if (this.#shape === 'function_call') return;
    const index = view.reply.line.calls.findIndex((call) => call.callId === callId);
    const item = callItem(view, index, result);
    const outputIndex = this.#waiting.get(callId);
    if (outputIndex === undefined) return; // the call was made in an earlier part
    this.#add(`response.mcp_call.${item.status}`, { item_id: item.id, output_index: outputIndex });
    this.#endItem(item, outputIndex);
  }

  /** Opens the text of a reply: of the next one while its line is not there yet. */
  #openText(index: number): OpenText {
    const item = textItem(this.#textView(index), '', 'in_progress');
    const outputIndex = this.#addItem(item);
    const text = { itemId: item.id, outputIndex, pieces: new TextPieces() };
    this.#add('response.content_part.added', { ...contentOf(text), part: outputText('') });
    return text;
  }

  #addPieces(text: OpenText, pieces: readonly string[]): void {
    for (const delta of pieces)
      this.#add('response.output_text.delta', { ...contentOf(text), delta, logprobs: [] });
  }

  /** Ends the text of a reply. Its events are the same, whether pieces of it came before the line or not. */
  #endText(view: ReplyView, whole: string): void {
    const text = this.#text ?? this.#openText(view.index);
    this.#addPieces(text, text.pieces.end(whole));
    this.#add('response.output_text.done', { ...contentOf(text), text: whole, logprobs: [] });
    this.#add('response.content_part.done', { ...contentOf(text), part: outputText(whole) });
    this.#endItem(textItem(view, whole, textStatusOf(view)), text.outputIndex);
  }

  #textView(index: number) {
    return { sessionId: this.#place.sessionId, start: this.#record.started?.seq ?? 0, index };
  }

  /** Adds an item; returns its place among the items of the response. */
  #addItem(item: Item): number {
    const outputIndex = this.#outputCount;
    this.#outputCount += 1;
    this.#add('response.output_item.added', { output_index: outputIndex, item });
    return outputIndex;
  }

  #endItem(item: Item, outputIndex: number): void {
    this.#add('response.output_item.done', { output_index: outputIndex, item });
  }

  /** An event with the whole response, as it is at this line. */
  #addState(type: string): void {
    this.#add(type, { response: formatResponse(this.#place, this.#record, this.#shape) });
  }

  #add(type: string, fields: object): void {
    this.#unsent.push({ type, sequence_number: this.#count, ...fields });
    this.#count += 1;
  }

  /** The events since the last call. */
  #take(): ResponseEvent[] {
    const events = this.#unsent;
    this.#unsent = [];
    return events;
  }
}

/** OpenAI has no event for a response that was cancelled: such a stream ends as an incomplete one, and the status says why. */
const endEvents = {
  done: 'response.completed',
  stopped: 'response.incomplete',
  failed: 'response.failed',
} as const;

function contentOf({ itemId, outputIndex }: OpenText) {
  return { item_id: itemId, output_index: outputIndex, content_index: 0 };
}
