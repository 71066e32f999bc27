import type { Message } from '../../core/message.ts';
import type { ResponsePlace } from './ids.ts';
import {
  callItem,
  callItems,
  outputItems,
  outputText,
  textItem,
  type CallItem,
  type CallShape,
  type Item,
  type ReplyView,
  type ServerCallItem,
} from './items.ts';
import { formatResponse } from './response-format.ts';
import { addToRecord, newRecord, type ReplyRecord, type TaskRecord } from './task-record.ts';
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
  #count = 0;
  #outputCount = 0;
  #text: OpenText | undefined;
  /** The output index of each call that waits for its result, by its id. */
  readonly #waiting = new Map<string, number>();
  #unsent: ResponseEvent[] = [];

  constructor(place: ResponsePlace, shape: CallShape) {
    this.#place = place;
    this.#shape = shape;
    this.#record = newRecord(place.taskId);
  }

  /** Whether the last event was returned. */
  get isOver(): boolean {
    return this.#record.ended !== undefined;
  }

  /** The events of a line; undefined for a line of another task. */
  line(line: Message): ResponseEvent[] | undefined {
    if (!addToRecord(this.#record, line)) return undefined;
    switch (line.type) {
      case 'message_added':
        this.#begin();
        break;
      case 'task_started':
        this.#addState('response.in_progress');
        break;
      case 'model_reply':
        this.#addReply(this.#record.replies.at(-1)!);
        break;
      case 'tool_result':
        this.#addResult(line.callId);
        break;
      case 'task_ended':
        this.#addState(endEvents[line.status]);
        break;
      case 'message_marked':
      case 'session_started': // they are of no task
    }
    return this.#take();
  }

  /** The events of partial text of the answer. */
  delta(text: string): ResponseEvent[] {
    if (!this.#record.started || this.isOver) return [];
    this.#text ??= this.#openText(this.#record.replies.length);
    this.#addPieces(this.#text, this.#text.pieces.push(text));
    return this.#take();
  }

  #begin(): void {
    this.#addState('response.created');
    const { shown } = (this.#record.said?.request ?? {}) as { shown?: { background?: boolean } };
    if (shown?.background) this.#addState('response.queued');
  }

  #addReply(reply: ReplyRecord): void {
    const { line } = reply;
    const at = this.#record.replies.length - 1;
    if (line.text !== '') this.#endText(line.text, at);
    this.#text = undefined;
    const view = this.#view(at);
    for (const [index, item] of callItems(view, { line, results: [] }).entries())
      this.#addCall(item, line.calls[index]!.callId);
  }

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
    if (isServerCall) this.#waiting.set(callId, outputIndex);
    else this.#endItem(item, outputIndex);
  }

  #addResult(callId: string): void {
    const reply = this.#record.replies.at(-1);
    const result = reply?.results.at(-1);
    if (!reply || !result) return;
    const view = this.#view(this.#record.replies.length - 1);
    if (this.#shape === 'function_call') {
      const item = outputItems(view, { line: reply.line, results: [result] })[0]!;
      this.#endItem(item, this.#addItem({ ...item, status: 'in_progress' }));
      return;
    }
    const index = reply.line.calls.findIndex((call) => call.callId === callId);
    const outputIndex = this.#waiting.get(callId);
    if (index < 0 || outputIndex === undefined) return;
    const item = callItem(view, index, reply.line.calls[index]!, result.result);
    this.#add(`response.mcp_call.${item.status}`, { item_id: item.id, output_index: outputIndex });
    this.#endItem(item, outputIndex);
  }

  /** Opens the text of a reply: of the next one while its line is not there yet. */
  #openText(index: number): OpenText {
    const item = textItem(this.#view(index), '', 'in_progress');
    const outputIndex = this.#addItem(item);
    const text = { itemId: item.id, outputIndex, pieces: new TextPieces() };
    this.#add('response.content_part.added', { ...contentOf(text), part: outputText('') });
    return text;
  }

  #addPieces(text: OpenText, pieces: readonly string[]): void {
    for (const delta of pieces)
      this.#add('response.output_text.delta', { ...contentOf(text), delta, logprobs: [] });
  }

  #endText(whole: string, index: number): void {
    const text = this.#text ?? this.#openText(index);
    this.#addPieces(text, text.pieces.end(whole));
    this.#add('response.output_text.done', { ...contentOf(text), text: whole, logprobs: [] });
    this.#add('response.content_part.done', { ...contentOf(text), part: outputText(whole) });
    this.#endItem(textItem(this.#view(index), whole, 'completed'), text.outputIndex);
  }

  #view(index: number): ReplyView {
    return {
      sessionId: this.#place.sessionId,
      start: this.#record.started?.seq ?? 0,
      index,
      isOver: false,
      shape: this.#shape,
    };
  }

  #addItem(item: Item): number {
    const outputIndex = this.#outputCount;
    this.#outputCount += 1;
    this.#add('response.output_item.added', { output_index: outputIndex, item });
    return outputIndex;
  }

  #endItem(item: Item, outputIndex: number): void {
    this.#add('response.output_item.done', { output_index: outputIndex, item });
  }

  #addState(type: string): void {
    this.#add(type, { response: formatResponse(this.#place, this.#record, this.#shape) });
  }

  #add(type: string, fields: object): void {
    this.#unsent.push({ type, sequence_number: this.#count, ...fields });
    this.#count += 1;
  }

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
