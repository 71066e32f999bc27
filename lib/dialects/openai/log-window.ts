import type { Message } from '../../core/message.ts';
import type { Session } from '../../core/session.ts';

type Line<Type extends Message['type']> = Extract<Message, { type: Type }>;

/** The answer and the end of a task, as far as they are in the log. */
export interface TaskOutcome {
  reply?: Line<'model_reply'>;
  ended?: Line<'task_ended'>;
  /** The text so far of the answer that is being spoken. */
  spoken?: string;
}

/**
 * A part of a session's log, read page by page in one direction. It has no gaps: so the outcome of a task is known once the
 * lines after its beginning have been read.
 */
export interface LogWindow {
  /** The lines before the start, newest first. */
  back(): AsyncGenerator<Message>;
  /** The lines from the start on. */
  forth(): AsyncGenerator<Message>;
  /** The outcome of a task that begins in the window. Reads on as far as it must. */
  outcomeOf(taskId: string): Promise<TaskOutcome>;
}

/** A window that begins between the lines before number `start` and those from it on; nothing is read yet. */
export function openLogWindow(session: Session, start: number, pageLines: number): LogWindow {
  const outcomes = new Map<string, TaskOutcome>();
  // The lines from the start on, as far as they were read: `forth` and `outcomeOf` share them.
  const later: Message[] = [];
  // The number of the last of them; `over`: there is none behind it now.
  let end = start - 1;
  let over = false;

  /** Keeps the answers and the ends of tasks that pass by. */
  function note(line: Message): void {
    if (line.type === 'model_reply' && line.calls.length === 0)
      outcomes.set(line.taskId, { ...outcomes.get(line.taskId), reply: line });
    if (line.type === 'task_ended' && line.taskId !== null)
      outcomes.set(line.taskId, { ...outcomes.get(line.taskId), ended: line });
  }

  async function readOn(): Promise<void> {
    const page = await session.read({ after: end }, pageLines);
    page.forEach(note);
    later.push(...page);
    end = page.at(-1)?.seq ?? end;
    over = page.length < pageLines;
  }

  return {
    async *back() {
      for (let before = start; before > 1;) {
        const page = await session.read({ before }, pageLines);
        for (const line of page) {
          note(line);
          yield line;
        }
        if (page.length < pageLines) return;
        before = page.at(-1)!.seq;
      }
    },
    async *forth() {
      for (let at = 0; ; at += 1) {
        while (at >= later.length && !over) await readOn();
        const line = later[at];
        if (!line) return;
        yield line;
      }
    },
    async outcomeOf(taskId) {
      while (!outcomes.get(taskId)?.ended && !over) await readOn();
      const outcome = outcomes.get(taskId) ?? {};
      // Without an end the model may be speaking on this node.
      return outcome.ended ? outcome : { ...outcome, spoken: session.spokenText(taskId) };
    },
  };
}
