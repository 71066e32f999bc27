import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type {
  CallToolResult,
  LoggingLevel,
  ServerNotification,
  ServerRequest,
} from '@modelcontextprotocol/sdk/types.js';
import type { JsonObject } from '../../common/json.ts';
import { startPeriodic } from '../../common/periodic.ts';
import type { Message, Question, ToolResult } from '../../core/message.ts';
import type { Principal } from '../../core/principal.ts';
import { failed, type CallNotice } from '../../core/tool.ts';
import type { DirectConversation } from '../../devices/direct-calls.ts';
import { deviceAnswer } from '../../openspec/device-answer.ts';
import { AppError } from '../../errors.ts';
import { toAppError } from '../../server/status.ts';
import type { Parts } from '../dialect.ts';
import type { Directed } from './tool-list.ts';

/** The circumstances that the SDK gives a request. */
export type HostRequest = RequestHandlerExtra<ServerRequest, ServerNotification>;
/** The parts that calls take. */
export type CallParts = Pick<Parts, 'devices' | 'direct' | 'approvals' | 'log'>;
type Approval = Question & { kind: 'approval' };

/** A host hears so often that its call still runs, so that it does not give up. */
const PROGRESS_EVERY_MS = 10_000;
/** The step between two numbers of a device with a total. */
const TINY_STEP = 1e-6;

/** One call of a device for a host: it shows its progress, and lets the person at the host decide about it where that is allowed. */
export class DeviceCall {
  readonly #parts: CallParts;
  readonly #caller: Principal;
  readonly #host: Server;
  readonly #request: HostRequest;
  /** Ends the form that the host shows. */
  #elicitation: AbortController | undefined;
  /** The reason why the call is not over, in words, for the host's progress. */
  #waitsFor = 'the device';
  /** The last progress that was sent to the host. The next one must be higher [MCP 2025-11-25, Progress]. */
  #progress = 0;
  /** The progress at the first notice of the device, which counts from there. */
  #begin: number | undefined;
  /** The end of the progress, where the device has named one. */
  #total: number | undefined;
  /** Where the log has the call; undefined until its task has begun. */
  #place: { session: string; task: string } | undefined;
  /** The key of the call, under which the parts of its answer are kept (core/tool.ts: CallContext.key). */
  #key = '';
  /** The name of the device: the `logger` of its log lines. */
  #device = '';

  constructor(parts: CallParts, caller: Principal, host: Server, request: HostRequest) {
    this.#parts = parts;
    this.#caller = caller;
    this.#host = host;
    this.#request = request;
  }

  /** Makes the call within the conversation of the host. A call that fails is a result, too. */
  async run(
    asked: Exclude<Directed, { answered: unknown }>,
    within: DirectConversation,
  ): Promise<CallToolResult> {
    const { device, tool, arguments: args } = asked;
    this.#device = device;
    const { signal } = this.#request;
    const work = (): Promise<void> => this.#showProgress();
    const progress = startPeriodic({ pauseMs: PROGRESS_EVERY_MS, work, onError: this.#onError });
    try {
      const result = await this.#parts.direct.call(this.#caller, {
        device,
        name: tool,
        arguments: args as JsonObject,
        within,
        signal,
        onLine: (line, session) => this.#onLine(line, session),
      });
      const parts = this.#parts.devices.answers.take(this.#key);
      return formatResult(result, this.#place, { isStructured: asked.isStructured, parts });
    } catch (error) {
      return formatResult(this.#resultOf(error, asked.effect === 'write'), this.#place);
    } finally {
      // After an error nobody has taken them.
      this.#parts.devices.answers.take(this.#key);
      this.#elicitation?.abort();
      // No progress may come after the result [MCP 2025-11-25, Progress].
      await progress.stop();
    }
  }

  /** Receives each line of the call's task. It must not throw. */
  #onLine(line: Message, session: string): void {
    if (line.type === 'task_started') this.#place = { session, task: line.taskId };
    if (line.type === 'model_reply' && line.calls[0]) {
      this.#key = `${session}.${line.seq}.${line.calls[0].callId}`;
      this.#parts.devices.answers.expect(this.#key, (notice) => this.#onNotice(notice));
    }
    if (line.type === 'question_answered') {
      this.#waitsFor = 'the device';
      this.#elicitation?.abort();
    }
    if (line.type !== 'question_asked' || line.question.kind !== 'approval') return;
    const { question } = line;
    this.#waitsFor = `an approval. ${question.rule}`;
    const { signal } = (this.#elicitation = new AbortController());
    this.#showProgress()
      .then(() => this.#elicit(question, session, signal))
      .catch(this.#onError);
  }

  /** Passes on a notice of the device. */
  #onNotice(notice: CallNotice): void {
    const sent = notice.type === 'progress' ? this.#passProgress(notice) : this.#passLog(notice);
    sent.catch(this.#onError);
  }

  /** The host may have set a level for its connection: lines below it are left out. */
  async #passLog({ level, data }: CallNotice & { type: 'log' }): Promise<void> {
    const line = { level: level as LoggingLevel, logger: this.#device, data };
    await this.#host.sendLoggingMessage(line, this.#request.sessionId);
  }

  /** Passes on the progress of the device. Progress that does not rise is left out: the protocol forbids it. */
  async #passProgress({ progress, total, message }: CallNotice & { type: 'progress' }): Promise<void> {
    const begin = (this.#begin ??= this.#progress);
    if (begin + progress <= this.#progress) return;
    this.#total = total && begin + total;
    await this.#sendProgress(begin + progress, message);
  }

  /** Tells the host that its call still runs. Among the numbers of the device it counts next to nothing. */
  async #showProgress(): Promise<void> {
    const step = this.#total === undefined ? 1 : TINY_STEP;
    await this.#sendProgress(this.#progress + step, `The call waits for ${this.#waitsFor}`);
  }

  /** Sends progress, if the host asked for it with a token, and still waits. */
  async #sendProgress(progress: number, message: string | undefined): Promise<void> {
    const { progressToken } = this.#request._meta ?? {};
    if (progressToken === undefined || this.#request.signal.aborted) return;
    this.#progress = progress;
    const total = this.#total;
    const params = {
      progressToken,
      progress,
      ...(total !== undefined && { total }),
      ...(message !== undefined && { message }),
    };
    await this.#request.sendNotification({ method: 'notifications/progress', params });
  }

  /** Asks the person at the host, when the rule lets that person decide. Without an answer the call waits for any other. */
  async #elicit(question: Approval, session: string, ended: AbortSignal): Promise<void> {
    const { approvals } = this.#parts;
    if (!takesForms(this.#host)) return;
    // The list has only those that the caller may decide.
    const open = await approvals.list(this.#caller, session);
    if (!open.some(({ id }) => id === question.id)) return;
    const answer = await this.#ask(question, ended).catch(() => undefined); // the host cannot ask, or somebody decided meanwhile
    const decision = answer && decisionOf(answer);
    if (!decision) return;
    await approvals.decide(this.#caller, question.id, decision).catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error; // an AppError: somebody else has decided before
    });
  }

  /** Shows the form at the host. Rejects when the host cannot, when the time is over, and when somebody else has decided. */
  async #ask({ device, name, parameters, rule, expiresAt }: Approval, ended: AbortSignal): Promise<Elicited> {
    const { ElicitResultSchema } = await import('@modelcontextprotocol/sdk/types.js');
    const message = `${device}: ${name} ${JSON.stringify(parameters)}. ${rule}`;
    return this.#request.sendRequest(
      { method: 'elicitation/create', params: { message, requestedSchema: decisionForm } },
      ElicitResultSchema,
      {
        signal: AbortSignal.any([ended, this.#request.signal]),
        // The form ends with the approval itself.
        timeout: Math.max(1, expiresAt - Date.now()),
      },
    );
  }

  /**
   * The result that stands for an error. After `unavailable` and `internal` a write may be on its way: nobody here sees its end any more.
   */
  #resultOf(error: unknown, isWrite: boolean): ToolResult {
    const { code, message, cause } = toAppError(error);
    if (code === 'internal') this.#parts.log.error({ err: cause ?? error }, message);
    const isUnknown = isWrite && (code === 'unavailable' || code === 'internal');
    return failed(code, message, isUnknown ? 'unknown' : 'none');
  }

  readonly #onError = (error: unknown): void =>
    this.#parts.log.debug({ err: error }, 'a host could not be told about its call');
}

/** The answer to a form [MCP 2025-11-25, Elicitation]. `content` is there with `accept` only, and is not checked yet. */
interface Elicited {
  action: 'accept' | 'decline' | 'cancel';
  content?: Record<string, unknown> | undefined;
}

/** The form of an elicitation [MCP 2025-11-25, Elicitation: flat objects of primitive values]. */
const decisionForm = {
  type: 'object' as const,
  properties: {
    decision: { type: 'string' as const, title: 'Decision', enum: ['approve', 'reject'] },
    reason: { type: 'string' as const, title: 'Reason', maxLength: 1000 },
  },
  required: ['decision'],
};

/** The decision of a person. `decline` rejects the call; `cancel` decides nothing. */
function decisionOf({ action, content = {} }: Elicited) {
  const { decision, reason } = content;
  const why = typeof reason === 'string' && reason !== '' ? { reason: reason.slice(0, 1000) } : {};
  if (action === 'decline') return { decision: 'reject', ...why } as const;
  if (action !== 'accept' || (decision !== 'approve' && decision !== 'reject')) return undefined;
  return { decision, ...why } as const;
}

/** Whether the host shows forms. A host that names no mode does [MCP 2025-11-25, Elicitation]. */
function takesForms(host: Server): boolean {
  const { elicitation } = host.getClientCapabilities() ?? {};
  return elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined);
}

/**
 * A result as hosts take it, with the parts of the answer that are no text; `isStructured` where the tool has an `outputSchema`. `_meta`
 * names the session and the task in the log.
 */
export function formatResult(
  result: ToolResult,
  place?: { session: string; task: string },
  { isStructured = false, parts = [] }: { isStructured?: boolean; parts?: readonly JsonObject[] } = {},
): CallToolResult {
  const isError = result['error'] !== undefined;
  return {
    content: [{ type: 'text', text: JSON.stringify(result) }, ...(parts as CallToolResult['content'])],
    ...(isError && { isError }),
    ...(isStructured && !isError && { structuredContent: structured(result) }),
    ...(place && { _meta: { 'lite-agent/session': place.session, 'lite-agent/task': place.task } }),
  };
}

/** The answer of the device in an object, as hosts take it. */
function structured(result: ToolResult): JsonObject {
  const answer = deviceAnswer(result);
  return { answer: answer === undefined ? result : answer };
}
