import { setMaxListeners } from 'node:events';
import type { JsonObject } from '../../common/json.ts';
import { startPeriodic, type Periodic } from '../../common/periodic.ts';
import type { ToolResult } from '../../core/message.ts';
import { failed, type Effect } from '../../core/tool.ts';
import { AppError, messageOf } from '../../errors.ts';
import type { Egress } from '../egress.ts';
import type { HttpContext, HttpDriver } from '../http.ts';
import type { McpPeer } from './connection.ts';
import { McpServer } from './mcp-server.ts';
import type { McpPlace } from './place.ts';
import { mcpParts, mcpResult } from './result.ts';

/** One call of a tool. */
export interface McpCall {
  /** The name on the wire. */
  tool: string;
  arguments: JsonObject;
  effect: Effect;
}

/**
 * Calls the tools of MCP servers over Streamable HTTP, and of servers that are processes of this machine.
 *
 * Contract:
 * - `call` always resolves, within its time-out. It sends its request at most once: a request that left and got no answer is
 *   reported, and neither repeated nor resumed. A call that `signal` aborts before its first byte left has `effect: "none"`.
 * - `describe` gives the server with its tools as the text of a document of the kind `mcp`; the last known one while the server is
 *   away. Rejects with an AppError when there is none.
 * - A server is connected when it is first asked, and again after it went away. Servers that nobody asks are left after a while.
 */
export interface McpDriver {
  describe(place: McpPlace, context: HttpContext): Promise<string>;
  call(place: McpPlace, call: McpCall, context: HttpContext): Promise<ToolResult>;
  close(): Promise<void>;
}

/** The parts that the driver takes. */
interface McpOptions {
  http: HttpDriver;
  egress: Egress;
  /** A result's `body` is cut to this size. */
  resultMaxBytes: number;
  /** The name of this client, for servers. */
  client: McpPeer;
}

const LOOK_EVERY_MS = 60_000;
/** A server that nobody has asked for so long is left. */
const IDLE_MAX_MS = 10 * 60_000;
/** More servers than these are left when they are idle: the one that is idle for the longest goes first. */
const SERVERS_MAX_COUNT = 500;

/** Opens the driver; no server is connected yet. */
export function openMcp(options: McpOptions): McpDriver {
  return new Servers(options);
}

class Servers implements McpDriver {
  readonly #options: McpOptions;
  readonly #servers = new Map<string, McpServer>();
  #watch: Periodic | undefined;
  #isClosed = false;

  constructor(options: McpOptions) {
    this.#options = options;
  }

  describe(place: McpPlace, context: HttpContext): Promise<string> {
    return this.#serverAt(place).describe(context);
  }

  async call(
    place: McpPlace,
    { tool, arguments: args, effect }: McpCall,
    context: HttpContext,
  ): Promise<ToolResult> {
    setMaxListeners(0, context.signal); // one signal may stop many calls
    const params = { name: tool, arguments: args };
    const request = { method: 'tools/call', params, effect, onNotice: context.onNotice };
    let answer;
    try {
      answer = await this.#serverAt(place).request(request, context);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const code =
        error.code === 'stopped' ? 'cancelled' : error.code === 'timeout' ? 'ETIMEDOUT' : error.code;
      return failed(code, messageOf(error), 'none'); // it was not connected
    }
    if (context.onPart) for (const part of mcpParts(answer)) context.onPart(part);
    return mcpResult(answer, effect, this.#options.resultMaxBytes);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#watch?.stop(), ...[...this.#servers.values()].map((server) => server.close())]);
    this.#servers.clear();
  }

  #serverAt(place: McpPlace): McpServer {
    if (this.#isClosed) throw new AppError('unavailable', 'The server ends.');
    const key = JSON.stringify(place);
    let server = this.#servers.get(key);
    if (!server) this.#servers.set(key, (server = new McpServer(place, this.#options)));
    this.#watch ??= startPeriodic({
      pauseMs: LOOK_EVERY_MS,
      work: () => this.#leaveIdle(),
      onError: () => undefined, // closing never rejects
    });
    return server;
  }

  async #leaveIdle(): Promise<void> {
    const byIdle = [...this.#servers].toSorted(([, a], [, b]) => b.idleMs - a.idleMs);
    const surplus = byIdle.length - SERVERS_MAX_COUNT;
    const idle = byIdle.filter(([, { idleMs }], at) => idleMs > IDLE_MAX_MS || (at < surplus && idleMs > 0));
    for (const [key, server] of idle) {
      this.#servers.delete(key);
      await server.close();
    }
  }
}
