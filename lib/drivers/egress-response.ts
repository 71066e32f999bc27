import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

/** Bytes that may wait for a slow reader before the connection is paused. */
const HIGH_WATER_BYTES = 256 * 1024;

/** The bytes of one response as they come in: gathered at once, or read as a stream made when it is asked for. */
export class ResponseBody {
  #controller: Dispatcher.DispatchController | undefined;
  #chunks: Uint8Array[] = [];
  #byteCount = 0;
  #ended = false;
  #error: Error | undefined;
  #aborted: Error | undefined;
  #wake: (() => void) | undefined;
  #gathering = false;
  #stream: ReadableStream<Uint8Array> | undefined;

  /** True once somebody reads. */
  get used(): boolean {
    return this.#gathering || this.#stream?.locked === true;
  }

  start(controller: Dispatcher.DispatchController): void {
    if (this.#aborted === undefined) this.#controller = controller;
    else controller.abort(this.#aborted);
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#byteCount += chunk.byteLength;
    if (this.#byteCount > HIGH_WATER_BYTES && !this.#gathering) this.#controller?.pause();
    this.#wake?.();
  }

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

  /** All of it. */
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

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

interface Head {
  url: string;
  method: string;
  status: number;
  statusText: string;
  headers: IncomingHttpHeaders;
}

/** A Response that costs little: its headers become a `Headers` and its body a stream only when somebody asks for them. */
export function lightResponse(head: Head, body: ResponseBody): Response {
  const empty = head.method === 'HEAD' || [204, 205, 304].includes(head.status);
  let headers: Headers | undefined;
  const response: Response = {
    url: head.url,
    status: head.status,
    statusText: head.statusText,
    ok: head.status >= 200 && head.status < 300,
    redirected: false,
    type: 'basic',
    get headers() {
      headers ??= headersOf(head.headers);
      return headers;
    },
    get body() {
      return empty ? null : body.stream();
    },
    get bodyUsed() {
      return body.used;
    },
    text: async () => (await body.gather()).toString('utf8'),
    json: async () => JSON.parse((await body.gather()).toString('utf8')) as unknown,
    arrayBuffer: async () => Uint8Array.from(await body.gather()).buffer,
    blob: async () => new Blob([Uint8Array.from(await body.gather())]),
    formData: () => new Response(body.stream(), { headers: response.headers }).formData(),
    clone() {
      throw new TypeError('This body is read once; it has no clone');
    },
  };
  return response;
}

function headersOf(plain: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(plain)) {
    for (const one of Array.isArray(value) ? value : [value ?? '']) headers.append(name, one);
  }
  return headers;
}
