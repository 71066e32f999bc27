import { unlessAborted, withDeadline } from '../../common/deadline.ts';
import { AppError } from '../../errors.ts';
import type { Egress } from '../egress.ts';
import type { HttpContext, HttpDriver } from '../http.ts';
import { McpConnection, type McpPeer } from './connection.ts';
import { HttpLink } from './http-link.ts';
import { SESSION_LOST_CODE, type McpAnswer, type McpLink, type McpRequest } from './link.ts';
import type { McpPlace } from './place.ts';
import { ProcessLink } from './process-link.ts';

/** A starter such as npx may have to fetch its program first. */
const OPEN_TIMEOUT_MS = 60_000;

interface ServerParts {
  http: HttpDriver;
  egress: Egress;
  client: McpPeer;
}

/** One server under one key: its present connection, and its last known tools. */
export class McpServer {
  readonly #place: McpPlace;
  readonly #parts: ServerParts;
  readonly #closed = new AbortController();
  #opening: Promise<McpConnection> | undefined;
  #connection: McpConnection | undefined;
  /** The link of the connection, also before the server has spoken. */
  #link: McpLink | undefined;
  #document: string | undefined;
  /** Requests that are under way. */
  #busy = 0;

  constructor(place: McpPlace, parts: ServerParts) {
    this.#place = place;
    this.#parts = parts;
  }

  /** For how long nobody has asked anything, in ms. */
  get idleMs(): number {
    return this.#busy > 0 ? 0 : (this.#connection?.idleMs ?? Number.POSITIVE_INFINITY);
  }

  /** The document of the server, or the last known one while the server is away. */
  async describe(context: HttpContext): Promise<string> {
    try {
      const document = await this.#use(context, (connection, left) => connection.describe(left));
      this.#document = document;
      return document;
    } catch (error) {
      const isAway = error instanceof AppError && (error.code === 'unavailable' || error.code === 'timeout');
      if (this.#document !== undefined && isAway) return this.#document;
      throw error;
    }
  }

  /** One request. Rejects with an AppError when there is no connection, and then it was not sent. */
  request(request: McpRequest, context: HttpContext): Promise<McpAnswer> {
    return this.#use(context, async (connection, left) => {
      const answer = await connection.request(request, left);
      // A read may be asked again: the session was lost, and a new one is opened.
      if (request.effect !== 'read' || !isSessionLost(answer)) return answer;
      const next = await this.#connected(left);
      return next.request(request, left);
    });
  }

  /** Ends the connection. Never rejects. */
  async close(): Promise<void> {
    this.#closed.abort(new AppError('stopped', 'The server ends.'));
    await this.#link?.close();
  }

  async #use<T>(
    context: HttpContext,
    work: (connection: McpConnection, left: HttpContext) => Promise<T>,
  ): Promise<T> {
    const endsAt = performance.now() + context.timeoutMs;
    this.#busy += 1;
    try {
      const connection = await this.#connected(context);
      return await work(connection, { ...context, timeoutMs: Math.max(1, endsAt - performance.now()) });
    } finally {
      this.#busy -= 1;
    }
  }

  /** The connection, opened where there is none. Those who wait for it may have less time than the opening. */
  async #connected({ signal, timeoutMs }: HttpContext): Promise<McpConnection> {
    if (signal.aborted) throw stopped();
    if (this.#connection?.isOver) await this.#leave(this.#connection);
    const opening = (this.#opening ??= this.#open());
    const late = (): Error =>
      new AppError('timeout', `The MCP server did not begin to speak within ${Math.round(timeoutMs)} ms.`);
    return unlessAborted(withDeadline(opening, timeoutMs, late), signal).catch((error: unknown) => {
      throw error instanceof AppError ? error : stopped();
    });
  }

  async #open(): Promise<McpConnection> {
    const place = this.#place;
    const { http, egress, client } = this.#parts;
    const context = { signal: this.#closed.signal, timeoutMs: OPEN_TIMEOUT_MS };
    try {
      this.#connection = await McpConnection.open(
        async (onMessage, onGap) => {
          this.#link =
            'url' in place
              ? new HttpLink(place, { http, egress, onMessage, onGap })
              : await ProcessLink.start(place, onMessage);
          return this.#link;
        },
        client,
        context,
      );
      return this.#connection;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  async #leave(connection: McpConnection): Promise<void> {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#opening = undefined;
    await connection.close();
  }
}

function isSessionLost(answer: McpAnswer): boolean {
  return 'failure' in answer && answer.failure.code === SESSION_LOST_CODE;
}

function stopped(): AppError {
  return new AppError('stopped', 'Stopped before it was sent.');
}
