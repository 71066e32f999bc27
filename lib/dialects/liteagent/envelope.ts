import type { JsonValue } from '../../core/json.ts';
import type { Completion, Content, Message, ToolCall } from '../../core/message.ts';
import { formatTime } from './time.ts';

type Party = 'system' | 'user' | 'agent' | 'llm' | 'tool' | 'client';
type EnvelopeType = 'text' | 'imageUrl' | 'contentList' | 'functionCallList' | 'toolReturn';

/** The wrapper of this dialect around a line of the log (contract 1, AgentMessage). */
export interface AgentMessage {
  sessionId: string;
  taskId: string | null;
  from: Party;
  to: Exclude<Party, 'system'>;
  type: EnvelopeType;
  message: JsonValue;
  completions?: {
    tokenUsage: { promptTokens: number; completionTokens: number; totalTokens: number };
    id: string;
    model: string;
  };
  error?: { code: string; message: string };
  createTime: string;
  seq: number;
}

/** A line of the log becomes at most four envelopes; the room for eight keeps old positions good should one be added. */
const ENVELOPES_PER_LINE = 8;

/** Where an envelope stands: the line's number and its place in the line. */
export function positionOf(seq: number): { line: number; index: number } {
  return { line: Math.floor(seq / ENVELOPES_PER_LINE), index: seq % ENVELOPES_PER_LINE };
}

/** The position after which nothing of a line is left: `since` with it shows what came later. */
export function endOf(line: number): number {
  return line * ENVELOPES_PER_LINE + ENVELOPES_PER_LINE - 1;
}

type Part = Pick<AgentMessage, 'from' | 'to' | 'type' | 'message' | 'completions' | 'error'>;

/** The envelopes of one line of a session's log, in the order of contract 1, "One turn, in order". */
export function envelopesOf(sessionId: string, line: Message): AgentMessage[] {
  const taskId = line.type === 'session_started' ? null : line.taskId;
  const createTime = formatTime(line.time);
  const envelopes: AgentMessage[] = [];
  for (const part of partsOf(line)) {
    const seq = line.seq * ENVELOPES_PER_LINE + envelopes.length;
    envelopes.push({ sessionId, taskId, ...part, createTime, seq });
  }
  return envelopes;
}

function partsOf(line: Message): Part[] {
  return (parts[line.type] as (line: Message) => Part[])(line);
}

const parts: { [T in Message['type']]: (line: Extract<Message, { type: T }>) => Part[] } = {
  session_started: ({ systemPrompt }) => [text('system', 'agent', systemPrompt)],

  task_started({ form, content }) {
    const said = saidBy(form, content);
    return [
      text('agent', 'client', '[TASK_START]'),
      { from: 'user', to: 'agent', ...said },
      { from: 'agent', to: 'llm', ...said },
    ];
  },

  model_reply(line) {
    const completions = completionsOf(line.completion);
    if (line.calls.length === 0)
      return [{ ...text('llm', 'agent', line.text), completions }, text('agent', 'user', line.text)];
    const calls = { type: 'functionCallList', message: line.calls.map(formatCall) } as const;
    return [
      ...(line.text === '' ? [] : [text('llm', 'agent', line.text)]),
      { from: 'llm', to: 'agent', ...calls, completions },
      { from: 'agent', to: 'tool', ...calls },
      text('agent', 'client', '[TOOLS_START]'),
    ];
  },

  tool_result({ callId, result, roundDone }) {
    const back = { type: 'toolReturn', message: { id: callId, result } } as const;
    return [
      { from: 'tool', to: 'agent', ...back },
      { from: 'agent', to: 'llm', ...back },
      ...(roundDone ? [text('tool', 'agent', '[TOOLS_DONE]'), text('agent', 'client', '[TOOLS_DONE]')] : []),
    ];
  },

  task_ended({ status, error }) {
    const end = text('agent', 'client', status === 'done' ? '[TASK_DONE]' : '[TASK_STOP]');
    return [error ? { ...end, error } : end];
  },
};

function text(from: Party, to: AgentMessage['to'], message: string): Part {
  return { from, to, type: 'text', message };
}

/** A user's line has the type of the form it was said in: one text, one picture, or a list. */
function saidBy(
  form: 'text' | 'image' | 'list',
  content: readonly Content[],
): Pick<Part, 'type' | 'message'> {
  const list = content.map((piece) =>
    piece.type === 'text'
      ? ({ type: 'text', message: piece.text } as const)
      : ({ type: 'imageUrl', message: piece.url } as const),
  );
  const [only] = list;
  return form === 'list' || !only ? { type: 'contentList', message: list } : only;
}

function completionsOf({ usage, id, model }: Completion): NonNullable<AgentMessage['completions']> {
  const { promptTokens, completionTokens, totalTokens } = usage;
  return { tokenUsage: { promptTokens, completionTokens, totalTokens }, id, model };
}

function formatCall({ callId, name, arguments: parameters }: ToolCall): { [key: string]: JsonValue } {
  return { id: callId, name, parameters };
}
