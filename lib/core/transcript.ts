import type { Message, MessageAdded, MessageBody, MessagePart, ToolResult } from './message.ts';
import type { ModelMessage } from './model.ts';
import { inStrictOrder } from './role-order.ts';
import { estimateMessageTokens } from './tokens.ts';
import { failed } from './tool.ts';
import {
  assistantGroup,
  lastTurns,
  linesOf,
  newPart,
  pushPart,
  groupOf,
  systemGroup,
  tokensOfPart,
  type TranscriptPart,
  type LineGroup,
} from './transcript-part.ts';

/** How a conversation is shown to the model when its agent is stored elsewhere. */
export interface Framing {
  /** The system prompt, in the place of the session's own. */
  system: string;
  /** How many earlier turns are shown, counted from the last one; all of them when missing. */
  turnsMaxCount?: number;
}

/** A model reply with calls, some of which have no result yet. */
export interface Decision {
  /** The line number of the reply. */
  seq: number;
  /** The calls without a result, in the order of the reply. */
  callIds: string[];
}

/** Shown as the result of a call that was never made, since every call needs a result. */
const NOT_MADE: ToolResult = failed(
  'stopped',
  'This call was not made: the task was stopped before it.',
  'none',
);

/** In a shorter view the tools, which are not counted here, spoil the ratio between the estimate and the model's own count. */
const RATIO_MIN_TOKENS = 4000;

/**
 * The conversation as a model may see it, folded from log lines. It is valid for every provider: the lines of one task
 * are together, and every call is answered right after the reply that asked for it.
 */
export class Transcript {
  #system: LineGroup = groupOf([]);
  #parts = new Map<string, TranscriptPart>();
  /** User messages whose task has not begun, by task id. */
  #announced = new Map<string, { saidSeq: number; user: LineGroup }>();
  #lastSeq = 0;
  /** Tokens that the model counted for one estimated token; learned from its usage. */
  #tokenRatio = 1;
  #viewTokens = 0;

  /** A transcript of these lines. */
  static of(messages: readonly Message[]): Transcript {
    const transcript = new Transcript();
    for (const message of messages) transcript.add(message);
    return transcript;
  }

  /** Folds one line in. A line that is known already changes nothing. */
  add(message: Message): void {
    if (message.seq <= this.#lastSeq) return;
    this.#lastSeq = message.seq;
    switch (message.type) {
      case 'session_started':
        return this.#restart(message.systemPrompt);
      case 'message_added':
        return this.#addMessage(message);
      case 'message_marked':
        return message.mark.removed ? this.#remove(message.of, message.part) : undefined;
      case 'task_started':
        return this.#startTask(message);
      case 'model_reply':
        return this.#addReply(message);
      case 'tool_result':
        return this.#addResult(message);
      case 'question_asked':
        return this.#noteQuestion(message.taskId);
      case 'question_answered':
        return undefined;
      case 'task_ended':
        return this.#endTask(message);
    }
  }

  /** Whether the task has begun. */
  has(taskId: string): boolean {
    return this.#parts.has(taskId);
  }

  /** Whether the task's user message is in the log while the task has not begun. */
  isAnnounced(taskId: string): boolean {
    return this.#announced.has(taskId);
  }

  /** The task's last reply with calls, as long as a result is missing. */
  openDecision(taskId: string): Decision | undefined {
    const part = this.#parts.get(taskId);
    return part && part.open.size > 0 ? { seq: part.replySeq, callIds: [...part.open.keys()] } : undefined;
  }

  /** Whether a call of the task has asked a question. */
  hasAsked(taskId: string): boolean {
    return this.#parts.get(taskId)?.hasAsked ?? false;
  }

  /** How many replies with calls the task has. */
  decisionCount(taskId: string): number {
    return this.#parts.get(taskId)?.decisions ?? 0;
  }

  /** The line of the user message of a task without a reply; undefined once the model has replied. */
  unansweredSeq(taskId: string): number | undefined {
    const part = this.#parts.get(taskId);
    return part?.rounds.length === 0 ? part.saidSeq : undefined;
  }

  /**
   * The lines that the model is shown for a task: the system prompt, the tasks that have ended, then the task itself.
   * Over `tokensMaxCount` the oldest leave first, whole tasks and then whole rounds, so that no call is split from its
   * result. The prompt, the task's user message and its last round always stay.
   */
  view(taskId: string, tokensMaxCount: number, framing?: Framing): ModelMessage[] {
    const own = this.#parts.get(taskId);
    const system = framing ? systemGroup(framing.system) : this.#system;
    const { turnsMaxCount } = framing ?? {};
    let earlier = turnsMaxCount === 0 ? [] : this.#earlierParts(taskId);
    if (turnsMaxCount !== undefined) earlier = lastTurns(earlier, turnsMaxCount);
    let tokens = system.tokens + (own ? tokensOfPart(own) : 0);
    for (const part of earlier) tokens += tokensOfPart(part);

    const budget = tokensMaxCount / this.#tokenRatio;
    let firstPart = 0;
    while (tokens > budget && firstPart < earlier.length) tokens -= tokensOfPart(earlier[firstPart++]!);
    let firstRound = 0;
    while (own && tokens > budget && firstRound < own.rounds.length - 1)
      tokens -= own.rounds[firstRound++]!.tokens;
    this.#viewTokens = tokens;

    const lines = [...system.lines];
    for (const part of earlier.slice(firstPart)) pushPart(lines, part, 0);
    if (own) pushPart(lines, own, firstRound);
    return inStrictOrder(lines);
  }

  /** The parts that a task sees: the tasks that have ended. A note from beside the running task is for later tasks only. */
  #earlierParts(taskId: string): TranscriptPart[] {
    const earlier: TranscriptPart[] = [];
    let isLater = false;
    for (const [id, part] of this.#parts) {
      if (id === taskId) isLater = true;
      else if (part.ended && !(isLater && part.isNote)) earlier.push(part);
    }
    return earlier;
  }

  #restart(systemPrompt: string): void {
    this.#system = systemGroup(systemPrompt);
    this.#parts = new Map();
    this.#announced = new Map();
  }

  #addMessage(message: Message & MessageAdded): void {
    const said = { saidSeq: message.seq, user: groupOf(linesOf(message)) };
    if (message.run) this.#announced.set(message.id, said);
    else this.#parts.set(message.id, { ...newPart(), ...said, isNote: true, ended: true });
  }

  #startTask({ taskId, seq, content }: Line<'task_started'>): void {
    const said = this.#announced.get(taskId) ?? {
      saidSeq: seq,
      user: groupOf(linesOf({ role: 'user', content, attachments: [] })),
    };
    this.#announced.delete(taskId);
    this.#parts.set(taskId, { ...newPart(), ...said });
  }

  #addReply({ taskId, seq, text, calls, completion, provider }: Line<'model_reply'>): void {
    const part = this.#parts.get(taskId);
    if (!part) return;
    const lines: ModelMessage[] = [{ role: 'assistant', text, calls, ...(provider && { provider }) }];
    let tokens = estimateMessageTokens(lines[0]!);
    part.open.clear();
    for (const { callId } of calls) {
      part.open.set(callId, lines.length);
      lines.push({ role: 'tool', callId, result: NOT_MADE });
    }
    part.rounds.push({ lines, tokens });
    part.replySeq = seq;
    if (calls.length > 0) part.decisions += 1;
    else part.answerSeq = seq;
    const counted = completion.usage.promptTokens;
    if (this.#viewTokens > RATIO_MIN_TOKENS && counted > 0) this.#tokenRatio = counted / this.#viewTokens;
  }

  #noteQuestion(taskId: string): void {
    const part = this.#parts.get(taskId);
    if (part) part.hasAsked = true;
  }

  #addResult({ taskId, callId, result }: Line<'tool_result'>): void {
    const part = this.#parts.get(taskId);
    const round = part?.rounds.at(-1);
    const index = part?.open.get(callId);
    if (!part || !round || index === undefined) return;
    part.open.delete(callId);
    const line: ModelMessage = { role: 'tool', callId, result };
    round.lines[index] = line;
    round.tokens += estimateMessageTokens(line);
  }

  /** Ends a task. One that was stopped while it waited has no part. */
  #endTask({ taskId, status, error }: Line<'task_ended'>): void {
    const part = taskId === null ? undefined : this.#parts.get(taskId);
    if (!part) return;
    part.ended = true;
    if (status === 'done') return;
    const text =
      status === 'stopped'
        ? '(The task was stopped.)'
        : `(The task failed: ${error?.message ?? 'no reason given'})`;
    part.closing = assistantGroup(text);
  }

  #remove(seqs: readonly number[], which: MessagePart): void {
    if (which === 'said') {
      for (const part of [...this.#parts.values(), ...this.#announced.values()])
        if (seqs.includes(part.saidSeq)) part.user = groupOf([]);
    } else {
      for (const part of this.#parts.values())
        if (seqs.includes(part.answerSeq)) {
          part.rounds.pop();
          part.answerSeq = 0;
          part.closing = assistantGroup('(The answer was removed.)');
        }
    }
    // When the user message and the answer are both removed, the calls between them go as well.
    for (const part of this.#parts.values())
      if (part.ended && part.answerSeq === 0 && part.user.lines.length === 0) {
        part.rounds = [];
        part.closing = groupOf([]);
      }
  }
}

type Line<Type extends MessageBody['type']> = Extract<Message, { type: Type }>;
