import type { Message, ToolResult } from './message.ts';
import type { ModelMessage } from './model.ts';
import { failed } from './tool.ts';

/**
 * The conversation as a model may be shown it, kept from log lines. Always valid for a provider: what a task said stands
 * together, and every call is answered right after the reply that asked for it.
 */
export interface Transcript {
  add(message: Message): void;
  /** Whether the task has begun. */
  has(taskId: string): boolean;
  /** What the model is shown for a task: the system prompt, the tasks that have ended, then the task itself. */
  view(taskId: string): ModelMessage[];
  /** The task's last decision and which of its calls have no result yet; undefined when nothing is open. */
  openDecision(taskId: string): Decision | undefined;
  /** How many decisions the task has made. */
  rounds(taskId: string): number;
}

export interface Decision {
  seq: number;
  callIds: string[];
}

interface Part {
  lines: ModelMessage[];
  /** Calls of the last reply without a result. */
  open: Map<string, number>;
  seq: number;
  rounds: number;
  ended: boolean;
}

const NOT_RUN = 'This call was not made: the task was stopped before it.';

export function openTranscript(): Transcript {
  let system: ModelMessage[] = [];
  let parts = new Map<string, Part>();
  let last = 0;

  return {
    add(message) {
      if (message.seq <= last) return; // known from the store already
      last = message.seq;
      if (message.type === 'session_started') {
        system = message.systemPrompt ? [{ role: 'system', text: message.systemPrompt }] : [];
        parts = new Map();
        return;
      }
      if (message.taskId === null) return;
      if (message.type === 'task_started') {
        const user: ModelMessage = { role: 'user', content: message.content };
        parts.set(message.taskId, { lines: [user], open: new Map(), seq: 0, rounds: 0, ended: false });
        return;
      }
      const part = parts.get(message.taskId);
      if (!part) return; // a task that was stopped while it waited has no lines
      switch (message.type) {
        case 'model_reply': {
          part.lines.push({ role: 'assistant', text: message.text, calls: message.calls });
          part.seq = message.seq;
          if (message.calls.length > 0) part.rounds += 1;
          for (const call of message.calls) {
            part.open.set(call.callId, part.lines.length);
            part.lines.push({ role: 'tool', callId: call.callId, result: NO_RESULT });
          }
          break;
        }
        case 'tool_result': {
          const at = part.open.get(message.callId);
          if (at === undefined) break;
          part.open.delete(message.callId);
          part.lines[at] = { role: 'tool', callId: message.callId, result: message.result };
          break;
        }
        case 'task_ended':
          part.ended = true;
          break;
      }
    },
    has: (taskId) => parts.has(taskId),
    view(taskId) {
      const lines = [...system];
      for (const [id, part] of parts) if (part.ended && id !== taskId) lines.push(...part.lines);
      const own = parts.get(taskId);
      if (own) lines.push(...own.lines);
      return lines;
    },
    openDecision(taskId) {
      const part = parts.get(taskId);
      return part && part.open.size > 0 ? { seq: part.seq, callIds: [...part.open.keys()] } : undefined;
    },
    rounds(taskId) {
      return parts.get(taskId)?.rounds ?? 0;
    },
  };
}

const NO_RESULT: ToolResult = failed('stopped', NOT_RUN, 'none');
