import type { MessageAdded } from './message.ts';
import type { ModelMessage } from './model.ts';
import { estimateMessageTokens } from './tokens.ts';

/** Lines that leave the view together: a reply with the results of its calls, or a user message. */
export interface LineGroup {
  lines: ModelMessage[];
  tokens: number;
}

/** One task, or one message that belongs to no task. */
export interface TranscriptPart {
  /** The line number of the user message, and of the answer; 0 when there is none. */
  saidSeq: number;
  answerSeq: number;
  /** True for a message that belongs to no task. */
  isNote: boolean;
  user: LineGroup;
  rounds: LineGroup[];
  /** The calls of the last reply without a result: the index of each call's line in the last round. */
  open: Map<string, number>;
  /** The line number of the last reply, and the count of replies with calls. */
  replySeq: number;
  decisions: number;
  /** Whether a call has asked a question. */
  hasAsked: boolean;
  ended: boolean;
  /** How the task ended without an answer. It is the answer then, as an endpoint wants one to every user message. */
  closing: LineGroup;
}

/** A part without lines. */
export function newPart(): TranscriptPart {
  return {
    saidSeq: 0,
    answerSeq: 0,
    isNote: false,
    user: groupOf([]),
    rounds: [],
    open: new Map(),
    replySeq: 0,
    decisions: 0,
    hasAsked: false,
    ended: false,
    closing: groupOf([]),
  };
}

/** A user's or an assistant's message as the model sees it, with its files; no line when nothing is left of it. */
export function linesOf(message: Pick<MessageAdded, 'role' | 'content' | 'attachments'>): ModelMessage[] {
  const { role, content, attachments } = message;
  if (content.length === 0 && attachments.length === 0) return [];
  if (role === 'user') {
    const files = attachments.map(({ fileId }) => ({ type: 'file' as const, fileId }));
    return [{ role, content: [...content, ...files] }];
  }
  const texts = content.flatMap((part) => (part.type === 'text' ? [part.text] : []));
  return [{ role, text: texts.join('\n'), calls: [] }];
}

/** The last parts with at most `count` answers. Between them, parts without an answer stay when a call was made for them. */
export function lastTurns(parts: readonly TranscriptPart[], count: number): TranscriptPart[] {
  if (count === 0) return [];
  const shown = parts.filter(({ answerSeq, decisions, isNote }) => answerSeq > 0 || decisions > 0 || isNote);
  let from = shown.length;
  for (let answers = 0; from > 0; from -= 1) if (shown[from - 1]!.answerSeq > 0 && ++answers > count) break;
  return shown.slice(from);
}

/** Appends the lines of a part, without the rounds before `firstRound`. */
export function pushPart(lines: ModelMessage[], part: TranscriptPart, firstRound: number): void {
  lines.push(...part.user.lines);
  for (const round of part.rounds.slice(firstRound)) lines.push(...round.lines);
  lines.push(...part.closing.lines);
}

/** The estimated tokens of a part. */
export function tokensOfPart(part: TranscriptPart): number {
  let tokens = part.user.tokens + part.closing.tokens;
  for (const round of part.rounds) tokens += round.tokens;
  return tokens;
}

/** The system prompt as a group; no line for an empty prompt. */
export function systemGroup(text: string): LineGroup {
  return groupOf(text ? [{ role: 'system', text }] : []);
}

/** A text of the assistant as a group. */
export function assistantGroup(text: string): LineGroup {
  return groupOf([{ role: 'assistant', text, calls: [] }]);
}

/** A group of these lines. */
export function groupOf(lines: ModelMessage[]): LineGroup {
  let tokens = 0;
  for (const line of lines) tokens += estimateMessageTokens(line);
  return { lines, tokens };
}
