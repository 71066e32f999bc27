import { cutWords } from '../../common/cut-words.ts';
import { setImmediate } from 'node:timers/promises';
import { createParser, type EventSourceParser } from 'eventsource-parser';
import { formatExactly } from '../../common/exact-numbers.ts';
import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { decodeText } from '../decode-text.ts';
import type { Egress } from '../egress.ts';
import type { AnswerReader, HttpContext, HttpDriver, HttpRequest, HttpResponse } from '../http.ts';
import { isRedirect } from '../http-redirect.ts';
import {
  answerIn,
  lost,
  MESSAGE_MAX_BYTES,
  notTaken,
  SESSION_LOST_CODE,
  type McpAnswer,
  type McpLink,
  type McpRequest,
  type OnServerMessage,
} from './link.ts';
import { createNoticeReader, paramsOf } from './notices.ts';
import { MESSAGE_MAX_CONTAINERS, MESSAGE_MAX_DEPTH, parseServerMessage } from './parse-server-message.ts';
import type { HttpPlace } from './place.ts';
import { ServerStream } from './server-stream.ts';

/** The parts that a link takes. */
export interface HttpLinkParts {
  http: HttpDriver;
  egress: Egress;
  onMessage: OnServerMessage;
  /** The stream of the server begins or ends: a message may have been missed. */
  onGap(): void;
}

/** Messages to the server that need no answer, and the end of a session, wait this long. */
const TELL_TIMEOUT_MS = 2000;
/** Answers that say: this session is unknown here. Nothing was carried out [MCP 2025-11-25, Session Management]. */
const SESSION_LOST = new Set([400, 404]);
const WORDS_MAX_CHARS = 300;
const ID_MAX_CHARS = 40;
const LARGE_BYTES = 512 * 1024;

/** Streamable HTTP [MCP 2025-11-25, Transports]. It follows no redirect, and resumes no stream: nothing is asked twice. */
export class HttpLink implements McpLink {
  readonly #place: HttpPlace;
  readonly #parts: HttpLinkParts;
  readonly #target: Pick<HttpRequest, 'origin' | 'path'>;
  #session: string | undefined;
  #protocolVersion: string | undefined;
  #stream: ServerStream | undefined;
  #lastId = 0;
  isOver = false;

  constructor(place: HttpPlace, parts: HttpLinkParts) {
    this.#place = place;
    this.#parts = parts;
    const { origin, pathname, search } = new URL(place.url);
    this.#target = { origin, path: pathname + search };
  }

  get isListening(): boolean {
    return this.#stream?.isOpen === true;
  }

  async request(asked: McpRequest, context: HttpContext): Promise<McpAnswer> {
    const id = ++this.#lastId;
    const { method, effect, maxBytes = MESSAGE_MAX_BYTES } = asked;
    const inbox = new Inbox({ id, maxBytes }, this.#receiverOf(asked, id));
    const body = formatExactly({ jsonrpc: '2.0', id, method, params: paramsOf(asked, id) });
    const response = await this.#post({ body, effect, maxBytes }, context, inbox.reader);
    const session = response.headers['mcp-session-id'];
    if (method === 'initialize' && typeof session === 'string') this.#session = session;
    await inbox.finish(response);
    if (this.#session !== undefined && SESSION_LOST.has(response.statusCode ?? 0)) this.isOver = true;
    const isTaken = (response.statusCode ?? 0) < 400;
    return (isTaken ? inbox.answer : undefined) ?? this.#failureOf(asked, response, inbox);
  }

  async tell(message: JsonObject): Promise<void> {
    const signal = new AbortController().signal;
    const context = { signal, timeoutMs: TELL_TIMEOUT_MS };
    const body = formatExactly({ jsonrpc: '2.0', ...message });
    await this.#post({ body, effect: 'read', maxBytes: 0 }, context, () => () => undefined);
  }

  begin(protocolVersion: string, hears: boolean): void {
    this.#protocolVersion = protocolVersion;
    if (!hears) return;
    const { egress, onMessage, onGap } = this.#parts;
    this.#stream = new ServerStream({
      egress,
      url: this.#place.url,
      headers: this.#headers('text/event-stream'),
      onMessage,
      onGap,
    });
  }

  async close(): Promise<void> {
    const isForgotten = this.isOver;
    this.isOver = true;
    await this.#stream?.close();
    if (this.#session === undefined || isForgotten) return;
    const context = { signal: new AbortController().signal, timeoutMs: TELL_TIMEOUT_MS };
    const request = { method: 'DELETE', headers: this.#headers('*/*'), effect: 'read' as const };
    await this.#parts.http.exchange({ ...this.#target, ...request }, context, 0);
  }

  #post(
    { body, effect, maxBytes }: { body: string; effect: McpRequest['effect']; maxBytes: number },
    context: HttpContext,
    reader: AnswerReader,
  ): Promise<HttpResponse> {
    const headers = {
      ...this.#headers('application/json, text/event-stream'),
      'content-type': 'application/json',
    };
    const request = { ...this.#target, method: 'POST', headers, body, effect };
    return this.#parts.http.exchange(request, context, maxBytes, reader);
  }

  #headers(accept: string): Record<string, string> {
    return {
      accept,
      ...(this.#session !== undefined && { 'mcp-session-id': this.#session }),
      ...(this.#protocolVersion !== undefined && { 'mcp-protocol-version': this.#protocolVersion }),
      ...this.#place.headers,
    };
  }

  /** Receives the messages that come with the answer to a request. */
  #receiverOf({ onNotice }: McpRequest, id: number): OnServerMessage {
    const { onMessage } = this.#parts;
    const receive = onNotice && createNoticeReader(id, onNotice);
    return (message) => {
      receive?.(message);
      onMessage(message);
    };
  }

  /** Why a request has no answer, in words. */
  #failureOf(asked: McpRequest, response: HttpResponse, inbox: Inbox): McpAnswer {
    const { statusCode, error, size } = response;
    const { origin } = this.#target;
    if (error !== undefined) return { failure: error };
    if (statusCode === undefined) return lost(asked, 'EPROTO', `${origin}: no answer`);
    if (isRedirect(statusCode)) return notTaken('redirected', redirectWords(origin, response));
    if (statusCode >= 400) {
      const code = this.isOver ? SESSION_LOST_CODE : `HTTP_${statusCode}`;
      const words = `${origin} answered HTTP ${statusCode}${this.#reasonOf(asked, statusCode, inbox)}`;
      // 4xx says that the request was refused; after 5xx a write may have happened [RFC 9110 15.5, 15.6].
      return statusCode < 500 ? notTaken(code, words) : lost(asked, code, words);
    }
    const { maxBytes = MESSAGE_MAX_BYTES } = asked;
    if (size.bytes > maxBytes)
      return lost(asked, 'too_large', `${origin}: the answer has more than ${maxBytes} bytes`);
    const fault = inbox.fault ?? 'the answer is no answer to this request';
    return lost(asked, 'invalid_response', `${origin}: ${fault}`);
  }

  #reasonOf({ method }: McpRequest, statusCode: number, { answer }: Inbox): string {
    if (this.isOver) return ': it does not know the session any more, and the next call connects again';
    if (statusCode === 401 || statusCode === 403) return ': give its key as "apiKey", or another key';
    const { message } = answer && 'error' in answer ? answer.error : {};
    if (typeof message === 'string') return `: ${cutWords(message, WORDS_MAX_CHARS)}`;
    return method === 'initialize' ? ': there is no MCP server (Streamable HTTP) at this address' : '';
  }
}

function redirectWords(origin: string, { statusCode, headers }: HttpResponse): string {
  const to = cutWords(headers.location ?? 'nowhere', WORDS_MAX_CHARS);
  return `${origin} answered HTTP ${statusCode} and redirects to ${to}. It was not followed: if the server has moved, give its new address as "server"`;
}

const TOO_COMPLEX = `the answer is deeper than ${MESSAGE_MAX_DEPTH}, or has more than ${MESSAGE_MAX_CONTAINERS} lists and objects`;

/** The messages of one answer. It may be one JSON value, or a stream of events with the answer among them. */
class Inbox {
  answer: McpAnswer | undefined;
  /** The reason why a message could not be read. */
  fault: string | undefined;
  readonly #id: number;
  readonly #maxBytes: number;
  readonly #onMessage: OnServerMessage;
  readonly #decoder = new TextDecoder();
  #parser: EventSourceParser | undefined;
  #finish = (): void => undefined;
  /** Long messages are read in slices, one after the other. */
  #reading = Promise.resolve();

  constructor({ id, maxBytes }: { id: number; maxBytes: number }, onMessage: OnServerMessage) {
    this.#id = id;
    this.#maxBytes = maxBytes;
    this.#onMessage = onMessage;
  }

  readonly reader: AnswerReader = ({ headers, statusCode }) => {
    if (statusCode >= 300 || !/^text\/event-stream\b/i.test(headers['content-type'] ?? '')) return undefined;
    this.#parser = createParser({
      maxBufferSize: this.#maxBytes,
      onEvent: ({ data }) => this.#read(data),
    });
    return (chunk, finish) => {
      this.#finish = finish;
      this.#parser?.feed(this.#decoder.decode(chunk, { stream: true }));
    };
  };

  /** Reads the rest of an answer that is over. */
  async finish(response: HttpResponse): Promise<void> {
    if (response.size.bytes > this.#maxBytes) return; // the rest of a message that was cut tells nothing
    if (this.#parser) this.#parser.feed(`${this.#decoder.decode()}\n\n`);
    else if (isWhole(response) && isRead(response)) {
      if (response.bytes.length > LARGE_BYTES) await setImmediate(); // each step over large bytes takes a while
      this.#read(decodeText(response.bytes));
    }
    await this.#reading;
  }

  #read(data: string): void {
    if (this.answer !== undefined || data.trim() === '') return;
    this.#reading = this.#reading.then(async () => {
      try {
        if (data.length > LARGE_BYTES) await setImmediate();
        this.#take(await parseServerMessage(data));
      } catch (error) {
        if (!(error instanceof RangeError) && !(error instanceof SyntaxError)) throw error;
        this.fault = error instanceof RangeError ? TOO_COMPLEX : 'the answer is no JSON';
      }
    });
  }

  /** Several messages in a list are a batch of older versions of the protocol. */
  #take(value: JsonValue): void {
    for (const message of Array.isArray(value) ? value : [value]) {
      if (!isObject(message)) continue;
      if ('method' in message) this.#onMessage(message);
      else this.answer ??= answerIn(message, this.#id);
      if (this.answer === undefined && !('method' in message))
        this.fault = `the answer is for the id ${cutWords(JSON.stringify(message['id'] ?? null), ID_MAX_CHARS)}, and the request had ${this.#id}`;
    }
    if (this.answer !== undefined) this.#finish();
  }
}

/** Whether all bytes are there. */
function isWhole({ size, bytes, error }: HttpResponse): boolean {
  return error === undefined && !size.atLeast && size.bytes === bytes.length;
}

/** Whether the status lets an answer be in the body; an error of the protocol may stand beside an HTTP error. */
function isRead({ statusCode = 0, headers }: HttpResponse): boolean {
  return (statusCode >= 200 && statusCode < 300) || isJson(headers['content-type']);
}

function isJson(contentType: string | undefined): boolean {
  return /^application\/json\b/i.test(contentType ?? '');
}
