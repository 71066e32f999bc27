import type { Clock } from '../../lib/common/clock.ts';
import type { JsonObject } from '../../lib/common/json.ts';
import type { Command } from '../../lib/core/command.ts';
import type { Equipment } from '../../lib/core/equipment.ts';
import type { Content, Message } from '../../lib/core/message.ts';
import type { Model } from '../../lib/core/model.ts';
import type { Observer } from '../../lib/core/observer.ts';
import type { Principal } from '../../lib/core/principal.ts';
import type { EndReason, Subscriber, Session } from '../../lib/core/session.ts';
import { openSessions } from '../../lib/core/sessions.ts';
import type { Sessions, SessionsLimits } from '../../lib/core/sessions.ts';
import type { SessionConfig } from '../../lib/core/session-config.ts';
import type { Store } from '../../lib/core/store.ts';
import { createToolbox } from '../../lib/core/toolbox.ts';
import type { Effect, Tool, CallContext } from '../../lib/core/tool.ts';
import type { ToolResult } from '../../lib/core/message.ts';
import type { ScriptedStep } from '../../lib/models/scripted.ts';
import { connectStore } from '../../lib/store/index.ts';
import { plainConfig } from './session-config.ts';

export const somebody: Principal = { id: 'somebody', kind: 'user' };

export const limits: SessionsLimits = {
  taskRoundsMaxCount: 50,
  replyCallsMaxCount: 8,
  identicalCallsMaxCount: 5,
  callTimeoutMs: 5000,
  contextTokensMaxCount: 100_000,
  childDepthMaxCount: 2,
  taskTimeoutMs: 5000,
  clientAnswerTimeoutMs: 5000,
  queuedTasksMaxCount: 5,
  sessionsPerOwnerMaxBytes: 1_000_000_000,
  queuedTasksMaxBytes: 64 * 1024 * 1024,
  sessionsPerOwnerMaxCount: 100,
  shutdownTimeoutMs: 5000,
};

/** The tool of a fake device: keeps the arguments of each call, and answers with the result of `answer`. */
export function fakeTool(
  name: string,
  effect: Effect,
  answer: (args: JsonObject, context: CallContext) => ToolResult | Promise<ToolResult>,
): Tool & { calls: JsonObject[] } {
  const calls: JsonObject[] = [];
  const parameters = { type: 'object', properties: { to: { type: 'integer' } }, additionalProperties: false };
  return {
    name,
    description: `${effect} ${name}`,
    parameters,
    operation: name,
    effect,
    calls,
    async call(args, context) {
      calls.push(args);
      return answer(args, context);
    },
  };
}

/** The whole log of a session. */
export async function historyOf(session: Session): Promise<Message[]> {
  const lines: Message[] = [];
  for await (const page of session.pages()) lines.push(...page);
  return lines;
}

export interface World {
  store: Store;
  sessions: Sessions;
  errors: unknown[];
  /** How often the equipment of a session was opened and closed. */
  equipped: { opened: number; closed: number };
  create(config?: Partial<SessionConfig>): Promise<Session>;
  close(): Promise<void>;
}

/** Real sessions over a real SQLite database; the model is scripted and the tools are fakes. */
export async function openWorld(options: {
  model: Model | ((config: SessionConfig) => Model);
  tools?: Tool[];
  /** More equipment of a session, for example that of a stored agent. */
  equip?: (config: SessionConfig) => Partial<Equipment> | Promise<Partial<Equipment>>;
  /** Decides about calls. */
  command?: Command;
  observer?: Observer;
  limits?: Partial<SessionsLimits>;
  databaseUrl?: string;
  /** The secret of the store; another process over the same database needs the same. */
  secret?: string;
  leaseMs?: number;
  retentionMs?: number;
  clock?: Clock;
  isMemoryShort?: () => boolean;
  /** Called with the store before the sessions are opened: a spec can watch the requests to it. */
  onStore?: (store: Store) => void;
}): Promise<World> {
  const errors: unknown[] = [];
  const databaseUrl = options.databaseUrl ?? 'sqlite::memory:';
  const store = await connectStore({
    databaseUrl,
    secret: options.secret ?? 'secret',
    onError: (error) => errors.push(error),
    ...(options.leaseMs !== undefined && { leaseMs: options.leaseMs }),
  });
  options.onStore?.(store);
  const equipped = { opened: 0, closed: 0 };
  const sessions = await openSessions({
    store,
    limits: { ...limits, ...options.limits },
    retentionMs: options.retentionMs,
    ...(options.clock && { clock: options.clock }),
    isMemoryShort: options.isMemoryShort,
    ...(options.command && { command: options.command }),
    ...(options.observer && { observer: options.observer }),
    onError: (error) => void errors.push(error),
    async equip(config, children) {
      equipped.opened += 1;
      const more = await options.equip?.(config);
      return {
        model: typeof options.model === 'function' ? options.model(config) : options.model,
        modelWith: (parameters) =>
          typeof options.model === 'function'
            ? options.model({ ...config, model: { ...config.model, ...parameters } })
            : options.model,
        toolbox: createToolbox(
          [options.tools ?? [], children].map((tools) => ({ tools, connection: {} })),
          { resultMaxBytes: 64 * 1024 },
        ),
        close: () => void (equipped.closed += 1),
        ...more,
      };
    },
  });
  return {
    store,
    sessions,
    errors,
    equipped,
    async create(config = {}) {
      const id = await sessions.create({ ...plainConfig, ...config }, somebody);
      return sessions.find(id, somebody);
    },
    async close() {
      await sessions.close();
      await store.close();
    },
  };
}

/** A subscriber that keeps every line, and lets a spec wait for lines. */
export function watch(session: Session, after?: number) {
  const seen: Message[] = [];
  const deltas: string[] = [];
  let ended: EndReason | undefined;
  let unknownPositions = 0;
  const waiting = new Set<() => void>();
  const check = (): void => {
    for (const one of waiting) one();
  };
  const subscriber: Subscriber = {
    messages(batch): void {
      seen.push(...batch);
      check();
    },
    delta({ text }) {
      deltas.push(text);
      check();
    },
    positionUnknown() {
      unknownPositions += 1;
      check();
    },
    ended(reason) {
      ended = reason;
      check();
    },
  };
  const leave = session.subscribe(subscriber, after);
  return {
    seen,
    deltas,
    leave,
    get ended() {
      return ended;
    },
    get unknownPositions() {
      return unknownPositions;
    },
    /** Resolves when `holds` returns true; it is asked after each delivery. */
    until(holds: () => boolean): Promise<void> {
      return new Promise((resolve) => {
        const one = (): void => {
          if (!holds()) return;
          waiting.delete(one);
          resolve();
        };
        waiting.add(one);
        one();
      });
    },
    /** Resolves when `count` tasks have ended. */
    tasksEnded(count: number): Promise<void> {
      return this.until(() => seen.filter((message) => message.type === 'task_ended').length >= count);
    },
  };
}

/** The id of the last question that a call has asked. */
export function questionIn(messages: readonly Message[]): string {
  for (const line of messages.toReversed()) if (line.type === 'question_asked') return line.question.id;
  throw new Error('no call has asked a question');
}

/** Lines in the short form in which specs compare them: without numbers, times and the origin of model replies. */
export function outline(messages: readonly Message[]): string[] {
  return messages.map((message) => {
    switch (message.type) {
      case 'session_started':
        return `started ${message.systemPrompt}`.trim();
      case 'task_started':
        return `user ${wordsOf(message.content)}`.trim();
      case 'message_added':
        return `${message.run ? 'asked' : 'said'} ${message.role} ${wordsOf(message.content)}`.trim();
      case 'message_marked':
        return `marked ${message.of.join(',')} ${message.part} ${JSON.stringify(message.mark)}`;
      case 'model_reply':
        return message.calls.length > 0
          ? `calls ${message.calls.map((call) => call.name).join(',')}`
          : `answer ${message.text}`;
      case 'question_asked':
        return `asks ${message.question.kind} ${message.question.name}`;
      case 'question_answered':
        return `answered ${message.answer.kind === 'decision' ? message.answer.decision : message.answer.kind}`;
      case 'tool_result':
        return `result ${JSON.stringify(message.result)}${message.roundDone ? ' done' : ''}`;
      case 'task_ended':
        return `ended ${message.status}${message.error ? ` ${message.error.code}` : ''}`;
    }
  });
}

function wordsOf(content: readonly Content[]): string {
  return content
    .map((part) => (part.type === 'text' ? part.text : part.type === 'image' ? part.url : part.type))
    .join('|');
}

/** A task with one text. */
export const say = (text: string) => ({ form: 'text' as const, content: [{ type: 'text' as const, text }] });

/** A promise, and the function that resolves it. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** A model reply that never comes; `asked` opens when the model is asked. */
export function hang(asked: { open: () => void }): ScriptedStep {
  return () => {
    asked.open();
    return { hang: true };
  };
}
