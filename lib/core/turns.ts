import type { Content, Message, MessageAdded, TaskStatus } from './message.ts';

/** A user message and its answer: one task, as a client sees it. */
export interface Turn {
  taskId: string;
  /** The text of the user message. */
  said: string;
  /** The answer's text; undefined while there is none. */
  answer: string | undefined;
  /** Whether the message or the answer was removed. Its text is empty then. */
  removed: { said: boolean; answer: boolean };
  /** Undefined while the task runs. */
  status: TaskStatus | undefined;
  error?: { code: string; message: string };
  /** The time of the first line and of the latest line, in ms since the epoch. */
  startedAt: number;
  endedAt: number;
  /** The tokens that the model wrote for the task, calls included. */
  completionTokens: number;
  /** The line numbers of the user message and of the answer; 0 when there is none. */
  saidSeq: number;
  answerSeq: number;
}

/** The turns in a piece of a log, oldest first. A task whose first line is not in the piece is left out. */
export function turnsOf(lines: readonly Message[]): Turn[] {
  const turns = new Map<string, Turn>();
  /** User messages that are lines of their own, by the id of their task. */
  const added = new Map<string, Message & MessageAdded>();
  for (const line of lines) {
    if (line.type === 'message_added') added.set(line.id, line);
    if (!('taskId' in line) || line.taskId === null) continue;
    if (line.type === 'task_started')
      turns.set(line.taskId, firstState(line, (line.added && added.get(line.taskId)) || line));
    else {
      const turn = turns.get(line.taskId);
      if (turn) addLine(turn, line);
    }
  }
  return [...turns.values()];
}

function firstState(
  { taskId, time }: Message & { taskId: string },
  said: Message & { content: Content[] },
): Turn {
  return {
    taskId,
    said: said.content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n'),
    answer: undefined,
    removed: { said: said.marks?.said?.removed === true, answer: false },
    status: undefined,
    startedAt: time,
    endedAt: time,
    completionTokens: 0,
    saidSeq: said.seq,
    answerSeq: 0,
  };
}

function addLine(turn: Turn, line: Message): void {
  turn.endedAt = line.time;
  if (line.type === 'model_reply') {
    turn.completionTokens += line.completion.usage.completionTokens;
    if (line.calls.length > 0) return;
    turn.answerSeq = line.seq;
    turn.answer = line.text;
    turn.removed.answer = line.marks?.answer?.removed === true;
  } else if (line.type === 'task_ended') {
    turn.status = line.status;
    if (line.error) turn.error = line.error;
  }
}
