import { idFromName, type Clock } from '../common/clock.ts';
import { directContent, type DirectCall } from '../core/direct-model.ts';
import type { Message, ToolResult } from '../core/message.ts';
import type { Principal } from '../core/principal.ts';
import type { NewTask, Session } from '../core/session.ts';
import type { DeviceUse, SessionConfig } from '../core/session-config.ts';
import type { Sessions } from '../core/sessions.ts';
import { until } from '../core/until.ts';
import { AppError, type ErrorCode } from '../errors.ts';

/** The namespace of the ids of sessions that carry direct calls [RFC 9562 5.5]. */
const NAMESPACE = '0d2f7a35-6c1b-4a9e-8f0d-2b7c51e94a60';
const DAY_MS = 86_400_000;
/** How long the session of a day stays after its last call. */
const KEPT_SECONDS = 2 * 86_400;
/** The principal whose sessions carry safe states. */
const server: Principal = { id: 'operator', kind: 'operator' };

/** The conversation of a client that calls devices by itself. */
export interface DirectConversation {
  /** A UUID: the session with this id carries the calls of all devices. */
  id: string;
  /** The client's own id of this request: the same request again is the same call, and gets its result. */
  request: string;
  /** Whether no request before it had this id: then the call begins with one commit. */
  isNew: boolean;
}

/** A call of a registered device without a model. */
export interface AskedCall extends DirectCall {
  device: string;
  dryRun?: boolean;
  /** The conversation of a client, in the place of the day. */
  within?: DirectConversation;
  /** Stops the task. A call that is on the wire is let finish. */
  signal?: AbortSignal;
  /** Receives each line of the task, and the id of its session. It must not throw. */
  onLine?(line: Message, session: string): void;
}

/**
 * Calls of registered devices that no model decides on. Each is a task of a session, one session for each caller, device and day, or
 * for each conversation of a client, so that rules, limits, approvals, journal, log and audit are those of every other call.
 */
export class DirectCalls {
  readonly #sessions: Sessions;
  readonly #clock: Clock;

  constructor(sessions: Sessions, clock: Clock) {
    this.#sessions = sessions;
    this.#clock = clock;
  }

  /** Makes a call, and resolves with its result. Rejects with an AppError when the call could not be tried. */
  async call(caller: Principal, asked: AskedCall): Promise<ToolResult> {
    const { device, name, arguments: args, dryRun, within } = asked;
    const day = Math.floor(this.#clock.now() / DAY_MS);
    const id = within?.id ?? idFromName(`${caller.id} ${device} ${day}`, NAMESPACE);
    const devices = [{ name: device }];
    // A conversation may call any device, so that each of its tasks names its own.
    const session = await this.#open(id, caller, directConfig('calls', within ? [] : devices));
    const taskId = within ? idFromName(`${id} ${within.request}`, NAMESPACE) : this.#clock.newId();
    const task = {
      taskId,
      fresh: within?.isNew ?? true,
      form: 'text',
      content: directContent([{ name, arguments: args }]),
      settings: { ...(within && { devices }), ...(dryRun && { dryRun }) },
    } as const;
    return resultOf(session, task, asked);
  }

  /**
   * Brings a device into its safe state, once for each emergency stop: on every node and after every restart it is the same task
   * of the same session.
   */
  async enterSafeState(device: string, estop: number, calls: readonly DirectCall[]): Promise<void> {
    const id = idFromName(`safe state ${device} ${estop}`, NAMESPACE);
    const session = await this.#open(id, server, directConfig('safe_state', [{ name: device }]));
    await session.submit({ taskId: id, form: 'text', content: directContent(calls) });
  }

  async #open(id: string, caller: Principal, config: SessionConfig): Promise<Session> {
    if (!(await this.#sessions.exists(id)))
      await this.#sessions.create(config, caller, undefined, id).catch(async (error: unknown) => {
        if (!(await this.#sessions.exists(id))) throw error; // another request has made it meanwhile
      });
    return this.#sessions.find(id, caller);
  }
}

/** A session without a model. Its tasks run side by side, and the calls of one task one after the other. */
function directConfig(direct: 'calls' | 'safe_state', devices: DeviceUse[]): SessionConfig {
  return {
    model: {},
    systemPrompt: '',
    documents: [],
    devices,
    children: [],
    taskStrategy: 'parallel',
    toolStrategy: 'serial',
    memoryTools: false,
    timeoutSeconds: KEPT_SECONDS,
    direct,
  };
}

/** Submits a task, and waits for the result of its call. The deadlines of the task and of its questions bound the wait. */
async function resultOf(
  session: Session,
  task: NewTask & { taskId: string },
  { signal, onLine }: Pick<AskedCall, 'signal' | 'onLine'>,
): Promise<ToolResult> {
  const { taskId, fresh } = task;
  let result: ToolResult | undefined;
  // The lines of a fresh task are still to come, so that nothing has to be read back.
  const known = fresh ? undefined : await session.submit(task);
  const wait = until<ToolResult>({
    subscribe: (subscriber, from) => session.subscribe(subscriber, from),
    after: known?.seq,
    find(line) {
      if (!('taskId' in line) || line.taskId !== taskId) return undefined;
      onLine?.(line, session.id);
      if (line.type === 'tool_result') result = line.result;
      return line.type === 'task_ended' ? (result ?? fail(line)) : undefined;
    },
    onEnd: (reason) => {
      throw new AppError('unavailable', `The call is not over, and its session ended here (${reason}).`);
    },
  });
  const stop = (): void => void session.stop(taskId).catch((error: unknown) => wait.fail(error));
  try {
    if (!known) await session.submit(task);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    return await wait.found;
  } catch (error) {
    wait.fail(error);
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Throws the error of a task that ended without a result. */
function fail({ error, status }: Message & { type: 'task_ended' }): never {
  const { code = 'stopped', message = `The call was not made: its task ended (${status}).` } = error ?? {};
  throw new AppError(code as ErrorCode, message);
}
