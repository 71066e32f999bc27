import type { Message, MessageAdded, MessagePart, ToolResult } from './message.ts';
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
  /** Whether what the user said stands in the log and its task has not begun. */
  awaits(taskId: string): boolean;
  /**
   * What the model is shown for a task: the system prompt, the tasks that have ended, then the task itself. Over
   * `tokensMaxCount` the oldest leave first, whole tasks and then whole rounds, so that no call is split from its result;
   * the prompt, what the user said last and the last round always stay.
   */
  view(taskId: string, tokensMaxCount: number, framing?: Framing): ModelMessage[];
  /** The task's last decision and which of its calls have no result yet; undefined when nothing is open. */
  openDecision(taskId: string): Decision | undefined;
  /** How many decisions the task has made. */
  rounds(taskId: string): number;
}

/** How a conversation is shown whose agent is stored elsewhere. */
export interface Framing {
  /** Stands in front, in the place of the session's own prompt. */
  system: string;
  /** How many earlier turns are shown, the last ones; all when missing. */
  turnsMaxCount?: number;
}

export interface Decision {
  seq: number;
  callIds: string[];
}

/** A reply with the results of its calls, or what the user said. */
interface Round {
  lines: ModelMessage[];
  /** The length of its text, in estimated tokens. */
  size: number;
}

interface Part {
  /** Where what was said stands, and the answer: line numbers. */
  said: number;
  answer: number;
  /** Not a task, but something said between tasks. */
  note: boolean;
  user: Round;
  rounds: Round[];
  /** Where the results of the last reply's open calls go. */
  open: Map<string, number>;
  /** The number of the last decision, and how many there were. */
  seq: number;
  decisions: number;
  ended: boolean;
}

export function openTranscript(): Transcript {
  let system: Round = { lines: [], size: 0 };
  let parts = new Map<string, Part>();
  /** What was said before its task has begun. */
  let waiting = new Map<string, { said: number; user: Round }>();
  let last = 0;
  /** Tokens that the model counted for one estimated here; learned from its usage. */
  let ratio = 1;
  let shown = 0;

  function remove(seqs: readonly number[], which: MessagePart): void {
    const said = which === 'said' ? [...parts.values(), ...waiting.values()] : [];
    for (const part of said) if (seqs.includes(part.said)) part.user = roundOf([]);
    const answered = which === 'answer' ? parts.values() : [];
    for (const part of answered)
      if (seqs.includes(part.answer)) {
        part.rounds.pop();
        part.answer = 0;
      }
    // What was called in between goes with the last of the two.
    for (const part of parts.values())
      if (part.ended && part.answer === 0 && part.user.lines.length === 0) part.rounds = [];
  }

  return {
    add(message) {
      if (message.seq <= last) return; // known from the store already
      last = message.seq;
      if (message.type === 'session_started') {
        system = systemOf(message.systemPrompt);
        parts = new Map();
        waiting = new Map();
        return;
      }
      if (message.type === 'message_added') {
        const said = { said: message.seq, user: roundOf(linesOf(message)) };
        if (message.run) waiting.set(message.id, said);
        else parts.set(message.id, { ...newPart(), ...said, note: true, ended: true });
        return;
      }
      if (message.type === 'message_marked') {
        if (message.mark.removed) remove(message.of, message.part);
        return;
      }
      if (message.taskId === null) return;
      if (message.type === 'task_started') {
        const content = linesOf({ role: 'user', content: message.content, attachments: [] });
        const said = waiting.get(message.taskId) ?? { said: message.seq, user: roundOf(content) };
        waiting.delete(message.taskId);
        parts.set(message.taskId, { ...newPart(), ...said });
        return;
      }
      const part = parts.get(message.taskId);
      if (!part) return; // a task that was stopped while it waited has no lines
      switch (message.type) {
        case 'model_reply': {
          const { text, calls, completion } = message;
          const lines: ModelMessage[] = [{ role: 'assistant', text, calls }];
          part.open.clear();
          for (const { callId } of calls) {
            part.open.set(callId, lines.length);
            lines.push({ role: 'tool', callId, result: NO_RESULT });
          }
          part.rounds.push(roundOf(lines));
          part.seq = message.seq;
          if (calls.length > 0) part.decisions += 1;
          else part.answer = message.seq;
          if (shown > MEASURABLE && completion.usage.promptTokens > 0)
            ratio = completion.usage.promptTokens / shown;
          break;
        }
        case 'tool_result': {
          const at = part.open.get(message.callId);
          const round = part.rounds.at(-1);
          if (at === undefined || !round) break;
          part.open.delete(message.callId);
          const line: ModelMessage = { role: 'tool', callId: message.callId, result: message.result };
          round.lines[at] = line;
          round.size += sizeOf(line);
          break;
        }
        case 'task_ended':
          part.ended = true;
          break;
      }
    },
    has: (taskId) => parts.has(taskId),
    awaits: (taskId) => waiting.has(taskId),
    view(taskId, tokensMaxCount, framing) {
      const own = parts.get(taskId);
      const front = framing ? systemOf(framing.system) : system;
      let before: Part[] = [];
      let later = false; // what is said beside a running task is for those after it
      for (const [id, part] of parts) {
        later ||= id === taskId;
        if (part.ended && part !== own && !(later && part.note)) before.push(part);
      }
      if (framing?.turnsMaxCount !== undefined) before = lastTurns(before, framing.turnsMaxCount);
      let size = front.size + (own ? sizeOfPart(own) : 0);
      for (const part of before) size += sizeOfPart(part);
      const budget = tokensMaxCount / ratio;
      let firstPart = 0;
      while (size > budget && firstPart < before.length) size -= sizeOfPart(before[firstPart++]!);
      let firstRound = 0;
      while (own && size > budget && firstRound < own.rounds.length - 1)
        size -= own.rounds[firstRound++]!.size;
      shown = size;
      const lines = [...front.lines];
      for (const part of before.slice(firstPart)) pushPart(lines, part, 0);
      if (own) pushPart(lines, own, firstRound);
      return lines;
    },
    openDecision(taskId) {
      const part = parts.get(taskId);
      return part && part.open.size > 0 ? { seq: part.seq, callIds: [...part.open.keys()] } : undefined;
    },
    rounds: (taskId) => parts.get(taskId)?.decisions ?? 0,
  };
}

const NO_RESULT: ToolResult = failed(
  'stopped',
  'This call was not made: the task was stopped before it.',
  'none',
);
/** Below this the tools' own size spoils the ratio between estimate and usage. */
const MEASURABLE = 4000;
/** What an image is taken for, in tokens. */
const IMAGE_TOKENS = 1000;

function newPart(): Part {
  const user = roundOf([]);
  const none = { said: 0, answer: 0, seq: 0, decisions: 0 };
  return { ...none, user, rounds: [], open: new Map(), note: false, ended: false };
}

/** Something said as the model is shown it, with the files that go with it; nothing when nothing is left of it. */
function linesOf({
  role,
  content,
  attachments,
}: Pick<MessageAdded, 'role' | 'content' | 'attachments'>): ModelMessage[] {
  if (content.length === 0 && attachments.length === 0) return [];
  if (role === 'user') {
    const files = attachments.map(({ fileId }) => ({ type: 'file' as const, fileId }));
    return [{ role, content: [...content, ...files] }];
  }
  const texts = content.flatMap((part) => (part.type === 'text' ? [part.text] : []));
  return [{ role, text: texts.join('\n'), calls: [] }];
}

function systemOf(text: string): Round {
  return roundOf(text ? [{ role: 'system', text }] : []);
}

/** The last parts that hold so many answers; between them what was not answered, as far as something was called for it. */
function lastTurns(parts: readonly Part[], count: number): Part[] {
  if (count === 0) return [];
  const told = parts.filter(({ answer, decisions, note }) => answer > 0 || decisions > 0 || note);
  let from = told.length;
  for (let answers = 0; from > 0; from -= 1) if (told[from - 1]!.answer > 0 && ++answers > count) break;
  return told.slice(from);
}

function pushPart(lines: ModelMessage[], part: Part, firstRound: number): void {
  lines.push(...part.user.lines);
  for (let index = firstRound; index < part.rounds.length; index += 1)
    lines.push(...part.rounds[index]!.lines);
}

function sizeOfPart(part: Part): number {
  let size = part.user.size;
  for (const round of part.rounds) size += round.size;
  return size;
}

function roundOf(lines: ModelMessage[]): Round {
  let size = 0;
  for (const line of lines) size += sizeOf(line);
  return { lines, size };
}

function sizeOf(line: ModelMessage): number {
  switch (line.role) {
    case 'system':
      return tokensOf(line.text);
    case 'user':
      return line.content.reduce(
        (sum, part) => sum + (part.type === 'text' ? tokensOf(part.text) : IMAGE_TOKENS),
        0,
      );
    case 'assistant':
      return tokensOf(line.text) + (line.calls.length > 0 ? tokensOf(JSON.stringify(line.calls)) : 0);
    case 'tool':
      return line.result === NO_RESULT ? 0 : tokensOf(JSON.stringify(line.result));
  }
}

/** About as many tokens as a model counts: four letters a token, a Chinese character one. */
export function tokensOf(text: string): number {
  const bytes = Buffer.byteLength(text);
  return (text.length * 5 - bytes) / 16 + (bytes - text.length) / 2 + 4;
}
