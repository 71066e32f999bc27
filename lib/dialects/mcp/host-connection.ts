import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import type { JsonValue } from '../../common/json.ts';
import type { Principal } from '../../core/principal.ts';
import type { DirectConversation } from '../../devices/direct-calls.ts';
import { refusalOfDevice, type ListedDevice } from '../../devices/device.ts';
import type { Call } from '../../server/mount.ts';
import { toAppError } from '../../server/status.ts';
import { AppError, type ErrorCode } from '../../errors.ts';
import type { Parts } from '../dialect.ts';
import { DeviceCall, formatResult, type HostRequest } from './device-call.ts';
import {
  listDeviceDocuments,
  noResource,
  readDeviceDocument,
  versionOfResource,
} from './device-documents.ts';
import { EventLog } from './event-log.ts';
import { INTERNAL_ERROR, INVALID_PARAMS, withPlainErrors } from './plain-errors.ts';
import { relay } from './relay.ts';
import type { ToolList } from './tool-list.ts';
import type { ToolLists } from './tool-lists.ts';

/** The parts that connections take. */
export type HostParts = Pick<Parts, 'devices' | 'direct' | 'approvals' | 'config' | 'log' | 'version'>;

/** The parts and the facts that a connection is opened with. */
export interface HostOptions {
  parts: HostParts;
  lists: ToolLists;
  id: string;
  /** The id of the principal whose connection it is. */
  owner: string;
  /** Whose connections are counted together: those of an account, or of an address. */
  party: string;
  /** The names of the only devices that are shown; all of the owner's when missing. */
  only: readonly string[] | undefined;
  onClose(): void;
}

/** The codes of errors [MCP 2025-11-25, Resources; JSON-RPC 2.0 5.1]: any other error means invalid parameters. */
const errorCodes: Partial<Record<ErrorCode, number>> = { not_found: -32_002, internal: INTERNAL_ERROR };

/** A result in the log of a host is cut to this. */
const LOGGED_MAX_CHARS = 1000;

const INSTRUCTIONS =
  'Tools of devices in the real world. A call may wait until a person approves it. A result with `error.effect` "unknown" means that ' +
  'the device may have changed: look at its state, and do not send the call again.';

/**
 * The connection of one MCP host: its protocol state, its streams and their last events. Everything about its calls is in the log,
 * in the session with the id of this connection.
 */
export class HostConnection {
  readonly id: string;
  readonly owner: string;
  readonly party: string;
  readonly #options: HostOptions;
  readonly #server: Server;
  readonly #transport: WebStandardStreamableHTTPServerTransport;
  readonly #events: EventLog;
  /** The answers that resume streams. */
  readonly #resumed = new Map<string, Call['response']>();
  /** The requests that are under way. */
  readonly #answers = new Set<Promise<void>>();
  #usedAt = performance.now();
  /** The highest number of a request: a higher one is new. */
  #lastRequest = -Infinity;
  /** The tools whose names the host knows, until the devices change. */
  #known: ToolList | undefined;
  /** The resources whose changes the host wants to hear of, with their versions when it last heard. */
  readonly #watched = new Map<string, number | undefined>();

  private constructor(
    options: HostOptions,
    server: Server,
    { transport, events }: { transport: WebStandardStreamableHTTPServerTransport; events: EventLog },
  ) {
    this.id = options.id;
    this.owner = options.owner;
    this.party = options.party;
    this.#options = options;
    this.#server = server;
    this.#transport = transport;
    this.#events = events;
  }

  /** Opens a connection that awaits the host's `initialize`. */
  static async open(options: HostOptions): Promise<HostConnection> {
    const [{ Server: SdkServer }, { WebStandardStreamableHTTPServerTransport: Transport }] =
      await Promise.all([
        import('@modelcontextprotocol/sdk/server/index.js'),
        import('@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'),
      ]);
    const server = new SdkServer(
      { name: 'lite-agent', title: 'LiteAgent Server', version: options.parts.version },
      {
        capabilities: {
          tools: { listChanged: true },
          resources: { listChanged: true, subscribe: true },
          logging: {},
        },
        instructions: INSTRUCTIONS,
      },
    );
    const events = new EventLog();
    const transport = new Transport({
      sessionIdGenerator: () => options.id,
      eventStore: events,
      keepAliveMs: 0, // the server's own streams have a heartbeat
    });
    const connection = new HostConnection(options, server, { transport, events });
    await connection.#serve();
    Object.assign(server, {
      onclose: () => options.onClose(),
      onerror: (error: Error) => options.parts.log.debug({ err: error }, 'an MCP host'),
    });
    await server.connect(withPlainErrors(transport));
    return connection;
  }

  /** For how long no request of the host is under way, in ms. */
  get idleMs(): number {
    return this.#answers.size > 0 ? 0 : performance.now() - this.#usedAt;
  }

  /** Whether the host has said `initialize`. */
  get isReady(): boolean {
    return this.#transport.sessionId !== undefined;
  }

  /** Answers one request of the host. Rejects with `invalid_request` when a stream cannot be resumed any more. */
  async answer(call: Call): Promise<void> {
    const lastEvent = call.request.headers['last-event-id'];
    if (typeof lastEvent === 'string' && lastEvent !== '' && call.request.method === 'GET')
      this.#takeOver(lastEvent, call.response);
    const answer = relay(this.#transport, call, this.#options.parts.config.limits);
    this.#answers.add(answer);
    try {
      await answer;
    } finally {
      this.#answers.delete(answer);
      this.#usedAt = performance.now();
    }
  }

  /** The connection that resumed a stream before ends: what it has not read yet would stay in memory. */
  #takeOver(lastEvent: string, response: Call['response']): void {
    const stream = this.#events.streamOf(lastEvent);
    if (stream === undefined)
      throw new AppError(
        'invalid_request',
        'The event of Last-Event-ID is not kept any more: open the stream without it.',
      );
    this.#resumed.get(stream)?.destroy();
    this.#resumed.set(stream, response);
    response.once('close', () => this.#resumed.get(stream) === response && this.#resumed.delete(stream));
  }

  /** Tells the host that the devices have changed. */
  async announceChange(): Promise<void> {
    this.#known = undefined;
    await this.#server.sendToolListChanged();
    await this.#server.sendResourceListChanged();
  }

  /** Tells the host about those of the resources that it watches, and that have changed. */
  async announceUpdates(devices: readonly Pick<ListedDevice, 'name' | 'version'>[]): Promise<void> {
    for (const [uri, seen] of this.#watched) {
      const now = versionOfResource(this.#options.parts, uri, devices);
      if (now === seen) continue;
      this.#watched.set(uri, now);
      await this.#server.sendResourceUpdated({ uri });
    }
  }

  /** Stops the calls that wait, and resolves when every stream has ended. */
  async close(): Promise<void> {
    await this.#server.close();
    await Promise.allSettled(this.#answers);
  }

  async #serve(): Promise<void> {
    const types = await import('@modelcontextprotocol/sdk/types.js');
    const server = this.#server;
    server.setRequestHandler(types.ListToolsRequestSchema, (_request, extra) =>
      this.#asked(extra, async (caller) => ({ tools: await (await this.#listFor(caller)).shown() })),
    );
    server.setRequestHandler(
      types.CallToolRequestSchema,
      ({ params: { name, arguments: args = {} } }, extra) =>
        this.#asked(extra, (caller) => this.#call(name, args as JsonValue, { caller, extra })),
    );
    this.#serveResources(types);
  }

  #serveResources(types: typeof import('@modelcontextprotocol/sdk/types.js')): void {
    const { parts } = this.#options;
    const server = this.#server;
    server.setRequestHandler(types.ListResourcesRequestSchema, (_request, extra) =>
      this.#asked(extra, async (caller) => ({
        resources: listDeviceDocuments(await this.#devicesOf(caller)),
      })),
    );
    // Hosts ask for them wherever there are resources.
    server.setRequestHandler(types.ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: [] }));
    server.setRequestHandler(types.ReadResourceRequestSchema, ({ params: { uri } }, extra) =>
      this.#asked(extra, async (caller) =>
        readDeviceDocument(parts, uri, { caller, among: await this.#devicesOf(caller) }),
      ),
    );
    server.setRequestHandler(types.SubscribeRequestSchema, ({ params: { uri } }, extra) =>
      this.#asked(extra, async (caller) => {
        const version = versionOfResource(parts, uri, await this.#devicesOf(caller));
        if (version === undefined) throw noResource(uri);
        this.#watched.set(uri, version);
        return {};
      }),
    );
    server.setRequestHandler(types.UnsubscribeRequestSchema, ({ params: { uri } }, extra) =>
      this.#asked(extra, async () => {
        this.#watched.delete(uri);
        return {};
      }),
    );
  }

  async #call(
    name: string,
    args: JsonValue,
    { caller, extra }: { caller: Principal; extra: HostRequest },
  ): Promise<CallToolResult> {
    const within = this.#conversation(extra.requestId);
    // The name alone leads to the device, which is asked itself whether the caller may use it.
    const list = this.#known?.has(name) ? this.#known : await this.#listFor(caller);
    const directed = await list.direct(name, args);
    if ('answered' in directed) return formatResult(directed.answered);
    const result = await new DeviceCall(this.#options.parts, caller, this.#server, extra).run(
      directed,
      within,
    );
    if (result.isError === true) await this.#tell(name, result);
    return result;
  }

  /** The place of a request in the log. Hosts count their requests; of any other id it is not sure that it is new. */
  #conversation(request: string | number): DirectConversation {
    const isNew = typeof request === 'number' && request > this.#lastRequest;
    if (isNew) this.#lastRequest = request;
    return { id: this.id, request: `${typeof request} ${request}`, isNew };
  }

  /** The tools of the devices that the caller may use now. */
  async #listFor(caller: Principal): Promise<ToolList> {
    return (this.#known = await this.#options.lists.listOf(await this.#devicesOf(caller), caller));
  }

  /** Writes a call that failed into the log of the host, which decides from which level on it wants to hear. */
  async #tell(tool: string, { content, _meta }: CallToolResult): Promise<void> {
    const [first] = content;
    const data = {
      tool,
      ...(first?.type === 'text' && { result: first.text.slice(0, LOGGED_MAX_CHARS) }),
      ..._meta,
    };
    try {
      await this.#server.sendLoggingMessage({ level: 'warning', logger: 'lite-agent', data }, this.id);
    } catch (error) {
      this.#options.parts.log.debug({ err: error }, 'a host could not be told about a call that failed');
    }
  }

  /** The devices that the caller may use now, and that the host asked for. */
  async #devicesOf(caller: Principal): Promise<ListedDevice[]> {
    const { parts, only } = this.#options;
    const all = await parts.devices.list(caller.id);
    return all.filter(
      (device) => refusalOfDevice(device.name, device) === undefined && (only?.includes(device.name) ?? true),
    );
  }

  /** Does the work of a request as its caller. An error becomes that of the protocol, without a word about the inside. */
  async #asked<T>({ authInfo }: HostRequest, work: (caller: Principal) => Promise<T>): Promise<T> {
    try {
      return await work(authInfo!.extra!['caller'] as Principal);
    } catch (thrown) {
      const { code, message, cause } = toAppError(thrown);
      if (code === 'internal') this.#options.parts.log.error({ err: cause ?? thrown }, message);
      // McpError would put the code before the words, and the host puts it there again.
      throw Object.assign(new Error(message), { code: errorCodes[code] ?? INVALID_PARAMS });
    }
  }
}
