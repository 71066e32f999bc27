import type { Content, Message, MessageAdded, TaskStatus } from './message.ts';

/** One user sentence worked to its end, seen from outside. */
export interface Turn {
  taskId: string;
  /** What the user said, as text. */
  said: string;
  /** Undefined while there is none. */
  answer: string | undefined;
  /** Which of the two were removed: they are empty then. */
  removed: { said: boolean; answer: boolean };
  /** Undefined while it runs. */
  status: TaskStatus | undefined;
  error?: { code: string; message: string };
  /** Ms since the epoch; `endedAt` is that of the latest line so far. */
  startedAt: number;
  endedAt: number;
  /** What the model wrote for it, calls included. */
  completionTokens: number;
  /** The numbers of the lines with what was said and with the answer; 0 where there is none. */
  saidSeq: number;
  answerSeq: number;
}

/** The turns of a piece of a log, oldest first; those whose beginning is not in it are left out. */
export function turnsOf(lines: readonly Message[]): Turn[] {
  const turns = new Map<string, Turn>();
  /** What stands in the log as a message of its own. */
  const added = new Map<string, Message & MessageAdded>();
  for (const line of lines) {
    if (line.type === 'message_added') added.set(line.id, line);
    if (!('taskId' in line) || line.taskId === null) continue;
    if (line.type === 'task_started')
      turns.set(line.taskId, beginOf(line, (line.added && added.get(line.taskId)) || line));
    else {
      const turn = turns.get(line.taskId);
      if (turn) goOn(turn, line);
    }
  }
  return [...turns.values()];
}

type Said = Message & { content: Content[] };

function beginOf({ taskId, time }: Message & { taskId: string }, said: Said): Turn {
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

function goOn(turn: Turn, line: Message): void {
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
