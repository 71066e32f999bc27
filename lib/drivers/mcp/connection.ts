import { cutWords } from '../../common/cut-words.ts';
import { isObject, type JsonObject, type JsonValue } from '../../common/json.ts';
import { stringifyInSlices } from '../../common/write-json-slices.ts';
import { AppError } from '../../errors.ts';
import type { HttpContext } from '../http.ts';
import type { McpAnswer, McpLink, McpRequest } from './link.ts';

/** The versions of the protocol that this client speaks, the newest first. */
const VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];
const METHOD_NOT_FOUND = -32_601;
/** A list of tools has at most so many pages, of so many bytes, and so many characters in all. */
const PAGES_MAX_COUNT = 1000;
const PAGE_MAX_BYTES = 2 * 1024 * 1024;
const LIST_MAX_CHARS = 8 * 1024 * 1024;
/** No model, host or person would find anything among more. */
const TOOLS_MAX_COUNT = 2000;
/** The words of a tool are cut to this: models get a part of it. */
const WORDS_MAX_CHARS = 4096;
/** In the words of an error. */
const ERROR_MAX_CHARS = 300;
const VERSION_MAX_CHARS = 40;
/** The client answers so many requests of a server at a time. A server that asks faster than it reads gets no more answers. */
const ANSWERS_MAX_COUNT = 8;

/** A name and a version, for the other side. */
export interface McpPeer {
  name: string;
  title?: string;
  version: string;
}

/** One conversation with a server, from `initialize` on. */
export class McpConnection {
  readonly #link: McpLink;
  /** The document of the server, as long as nothing says that it has changed. */
  #document: string | undefined;
  /** How often its tools may have changed. */
  #changes = 0;
  #facts: { version: string; info: JsonObject; hasTools: boolean } | undefined;
  #usedAt = performance.now();
  /** Requests of the server whose answers are under way. */
  #answering = 0;

  private constructor(link: McpLink) {
    this.#link = link;
  }

  /**
   * Opens a conversation over a link that `open` makes. Rejects with an AppError that says why there is none; nothing stays open then.
   */
  static async open(
    open: (onMessage: (message: JsonObject) => void, onGap: () => void) => Promise<McpLink>,
    client: McpPeer,
    context: HttpContext,
  ): Promise<McpConnection> {
    let connection: McpConnection | undefined;
    const link = await open(
      (message) => connection?.hear(message),
      () => connection?.forgetDocument(),
    );
    connection = new McpConnection(link);
    try {
      await connection.#initialize(client, context);
      return connection;
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  /** Whether another connection must be opened for the next request. */
  get isOver(): boolean {
    return this.#link.isOver;
  }

  /** For how long nobody has asked anything, in ms. */
  get idleMs(): number {
    return performance.now() - this.#usedAt;
  }

  /** One request; see `McpLink.request`. */
  request(request: McpRequest, context: HttpContext): Promise<McpAnswer> {
    this.#usedAt = performance.now();
    return this.#link.request(request, context);
  }

  /** The server with all its tools, as the text of a document. It is asked again when its tools may have changed. Rejects with an AppError. */
  async describe(context: HttpContext): Promise<string> {
    this.#usedAt = performance.now();
    if (this.#document !== undefined && this.#link.isListening) return this.#document;
    const { version, info, hasTools } = this.#facts!;
    const changes = this.#changes;
    const tools = hasTools ? await this.#listTools(context) : [];
    const text = JSON.stringify({ mcp: version, info }).slice(0, -1);
    const whole = `${text},"tools":[${tools.join(',')}]}`;
    if (this.#changes === changes) this.#document = whole; // else they changed while the pages came
    return whole;
  }

  /** Takes a request or a notification of the server. */
  hear({ id, method }: JsonObject): void {
    if (method === 'notifications/tools/list_changed') this.forgetDocument();
    if (id === undefined || id === null || this.#answering >= ANSWERS_MAX_COUNT) return;
    const answer =
      method === 'ping'
        ? { result: {} }
        : { error: { code: METHOD_NOT_FOUND, message: 'This client offers nothing of that kind.' } };
    this.#answering += 1;
    void this.#link.tell({ id, ...answer }).finally(() => (this.#answering -= 1)); // it never rejects
  }

  /** The tools may have changed. */
  forgetDocument(): void {
    this.#changes += 1;
    this.#document = undefined;
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  async #initialize(client: McpPeer, context: HttpContext): Promise<void> {
    const params = { protocolVersion: VERSIONS[0]!, capabilities: {}, clientInfo: { ...client } };
    const result = resultOf(await this.request({ method: 'initialize', params, effect: 'read' }, context));
    const { protocolVersion: version, capabilities, serverInfo } = result;
    if (typeof version !== 'string' || !VERSIONS.includes(version))
      throw new AppError(
        'unavailable',
        `The server speaks MCP ${cutWords(JSON.stringify(version ?? null), VERSION_MAX_CHARS)}, and this client ${VERSIONS.join(', ')}.`,
      );
    const tools = isObject(capabilities) ? capabilities['tools'] : undefined;
    const tellsChanges = isObject(tools) && tools['listChanged'] === true;
    const info = isObject(serverInfo) ? infoOf(serverInfo) : {};
    this.#facts = { version, info, hasTools: tools !== undefined };
    this.#link.begin(version, tellsChanges);
    await this.#link.tell({ method: 'notifications/initialized' });
  }

  /** The tools of all pages, each as JSON text. */
  async #listTools(context: HttpContext): Promise<string[]> {
    const endsAt = performance.now() + context.timeoutMs;
    const tools: string[] = [];
    const cursors = new Set<string>();
    let chars = 0;
    for (let params: JsonObject = {}; ;) {
      const timeoutMs = Math.max(1, endsAt - performance.now());
      const request = { method: 'tools/list', params, effect: 'read', maxBytes: PAGE_MAX_BYTES } as const;
      const page = resultOf(await this.request(request, { ...context, timeoutMs }));
      const { tools: listed, nextCursor } = page;
      for (const tool of Array.isArray(listed) ? listed : []) {
        const text = await stringifyInSlices(isObject(tool) ? plainTool(tool) : tool);
        tools.push(text);
        chars += text.length;
        if (chars > LIST_MAX_CHARS) throw endless(`is longer than ${LIST_MAX_CHARS} characters`);
        if (tools.length > TOOLS_MAX_COUNT) throw endless(`has more than ${TOOLS_MAX_COUNT} tools`);
      }
      if (typeof nextCursor !== 'string' || nextCursor === '') return tools;
      if (cursors.has(nextCursor)) throw endless('gives the same cursor twice');
      cursors.add(nextCursor);
      if (cursors.size >= PAGES_MAX_COUNT) throw endless(`has more than ${PAGES_MAX_COUNT} pages`);
      params = { cursor: nextCursor };
    }
  }
}

/** The parts of a tool that a document has. Icons and the like would make it long. */
function plainTool(tool: JsonObject): JsonObject {
  const { name, title, description, inputSchema, outputSchema, annotations, execution } = tool;
  return {
    name,
    title: cut(title),
    description: cut(description),
    inputSchema,
    outputSchema,
    annotations,
    execution,
  };
}

function cut(words: JsonValue | undefined): JsonValue | undefined {
  return typeof words === 'string' ? cutWords(words, WORDS_MAX_CHARS) : words;
}

function infoOf({ name, title, version }: JsonObject): JsonObject {
  return { name, title, version };
}

/** The result of an answer. Throws an AppError for every other answer. */
function resultOf(answer: McpAnswer): JsonObject {
  if ('result' in answer) return answer.result;
  if ('failure' in answer) {
    const { code, message } = answer.failure;
    throw new AppError(code === 'cancelled' ? 'stopped' : 'unavailable', `${message}.`);
  }
  const { message } = answer.error;
  throw new AppError('unavailable', `The server answered: ${wordsOf(message)}`);
}

function wordsOf(message: unknown): string {
  return typeof message === 'string' ? cutWords(message, ERROR_MAX_CHARS) : 'an error without words';
}

function endless(why: string): AppError {
  return new AppError('unavailable', `The list of tools ${why}: it is read no further, and none is used.`);
}
