import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { decodeText } from './decode-text.ts';

/** The bytes that may wait for a slow reader before the connection is paused. */
const HIGH_WATER_BYTES = 256 * 1024;

/** The bytes of one response as they come in: gathered at once, or read as a stream. */
export class ResponseBody {
  /** The connection of the request; missing until it has one. */
  #controller: Dispatcher.DispatchController | undefined;
  /** The bytes that no client has taken, and their count. */
  #chunks: Uint8Array[] = [];
  #byteCount = 0;
  #ended = false;
  #error: Error | undefined;
  #aborted: Error | undefined;
  /** Resolves the promise of `#next`. */
  #wake: (() => void) | undefined;
  #gathering = false;
  #stream: ReadableStream<Uint8Array> | undefined;

  /** True once a client reads the body. */
  get used(): boolean {
    return this.#gathering || this.#stream?.locked === true;
  }

  /** Notes that the request has a connection. */
  start(controller: Dispatcher.DispatchController): void {
    if (this.#aborted === undefined) this.#controller = controller;
    else controller.abort(this.#aborted);
  }

  /** Takes bytes; pauses the connection when a slow reader has too many of them. */
  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#byteCount += chunk.byteLength;
    if (this.#byteCount > HIGH_WATER_BYTES && !this.#gathering) this.#controller?.pause();
    this.#wake?.();
  }

  /** Ends the body; with an error it broke off. */
  end(error?: Error): void {
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
  }

  /** Breaks off the request, now or as soon as it has a connection. */
  abort(reason: Error): void {
    this.#aborted = reason;
    if (!this.#ended) this.#controller?.abort(reason);
  }

  /** The whole body. */
  async gather(): Promise<Buffer> {
    if (this.used) throw new TypeError('The body has been read already');
    this.#gathering = true;
    this.#controller?.resume();
    while (!this.#ended) await this.#next();
    if (this.#error !== undefined) throw this.#error;
    const [only] = this.#chunks;
    return this.#chunks.length === 1 && only !== undefined
      ? Buffer.from(only.buffer, only.byteOffset, only.length)
      : Buffer.concat(this.#chunks);
  }

  /** The body as a stream, made when it is first asked for. */
  stream(): ReadableStream<Uint8Array> {
    this.#stream ??= new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          while (this.#chunks.length === 0 && !this.#ended) await this.#next();
          const chunk = this.#chunks.shift();
          if (chunk !== undefined) {
            this.#byteCount -= chunk.byteLength;
            if (this.#byteCount <= HIGH_WATER_BYTES) this.#controller?.resume();
            controller.enqueue(chunk);
          } else if (this.#error !== undefined) controller.error(this.#error);
          else controller.close();
        },
        cancel: (reason: unknown) => {
          this.#chunks = [];
          this.abort(
            reason instanceof Error ? reason : new DOMException('The body was cancelled', 'AbortError'),
          );
        },
      },
      { highWaterMark: 0 },
    );
    return this.#stream;
  }

  /** Resolves when bytes, the end or an error came. */
  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** The head of a response, and the request that it answers. */
interface Head {
  url: string;
  method: string;
  status: number;
  statusText: string;
  headers: IncomingHttpHeaders;
}

/** A Response that costs little: its headers are plain, and its body becomes a stream only when a client asks for it. */
export function lightResponse(head: Head, body: ResponseBody): Response {
  return new LightResponse(head, body) as unknown as Response;
}

/** The part of a Response that clients use [Fetch 6.4]. A class, so that a call makes two objects and not twenty closures. */
class LightResponse {
  /** The door follows no redirect, so that every address is checked. */
  readonly redirected = false;
  readonly type = 'basic';
  readonly #head: Head;
  readonly #body: ResponseBody;
  #headers: LightHeaders | undefined;

  constructor(head: Head, body: ResponseBody) {
    this.#head = head;
    this.#body = body;
  }

  get url(): string {
    return this.#head.url;
  }
  get status(): number {
    return this.#head.status;
  }
  get statusText(): string {
    return this.#head.statusText;
  }
  get ok(): boolean {
    return this.#head.status >= 200 && this.#head.status < 300;
  }
  get headers(): LightHeaders {
    return (this.#headers ??= new LightHeaders(this.#head.headers));
  }
  get body(): ReadableStream<Uint8Array> | null {
    // Such responses have no body, even if their headers name one [RFC 9110 6.4.1].
    const empty = this.#head.method === 'HEAD' || [204, 205, 304].includes(this.#head.status);
    return empty ? null : this.#body.stream();
  }
  get bodyUsed(): boolean {
    return this.#body.used;
  }
  /** The body as UTF-8. */
  async text(): Promise<string> {
    return decodeText(await this.#body.gather());
  }
  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return Uint8Array.from(await this.#body.gather()).buffer;
  }
  async blob(): Promise<Blob> {
    return new Blob([Uint8Array.from(await this.#body.gather())]);
  }
  /** Forms are rare, so the platform's own parser reads them. */
  formData(): Promise<FormData> {
    return new Response(this.#body.stream(), { headers: [...this.headers] }).formData();
  }
  clone(): never {
    throw new TypeError('This body is read once; it has no clone');
  }
}

/** Headers that are read only [Fetch 5.1]; the names come in lower case from the parser. */
class LightHeaders implements Iterable<[string, string]> {
  readonly #plain: IncomingHttpHeaders;

  constructor(plain: IncomingHttpHeaders) {
    this.#plain = plain;
  }

  get(name: string): string | null {
    const value = this.#plain[name] ?? this.#plain[name.toLowerCase()];
    return value === undefined ? null : joined(value);
  }
  has(name: string): boolean {
    return this.get(name) !== null;
  }
  /** Each cookie by itself: a comma may be part of its date [Fetch 5.1, getSetCookie]. */
  getSetCookie(): string[] {
    return this.#plain['set-cookie'] ?? [];
  }
  *entries(): Generator<[string, string]> {
    for (const [name, value] of Object.entries(this.#plain))
      if (value !== undefined) yield [name, joined(value)];
  }
  [Symbol.iterator](): Generator<[string, string]> {
    return this.entries();
  }
  *keys(): Generator<string> {
    for (const [name] of this.entries()) yield name;
  }
  *values(): Generator<string> {
    for (const [, value] of this.entries()) yield value;
  }
  forEach(visit: (value: string, name: string) => void): void {
    for (const [name, value] of this.entries()) visit(value, name);
  }
}

/** The values of a header as one text [RFC 9110 5.3]. */
function joined(value: string | string[]): string {
  return typeof value === 'string' ? value : value.join(', ');
}
