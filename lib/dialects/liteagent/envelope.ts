import type { JsonValue } from '../../common/json.ts';
import type {
  QuestionAnswer,
  Completion,
  Content,
  Marks,
  Message,
  Question,
  ToolCall,
} from '../../core/message.ts';
import { formatTime } from './time.ts';

/** `client` is the program of the user, which gets states; `user` is the person, who gets texts. */
type Party = 'system' | 'user' | 'agent' | 'llm' | 'tool' | 'client';
type EnvelopeType =
  | 'text'
  | 'imageUrl'
  | 'contentList'
  | 'functionCallList'
  | 'toolReturn'
  | 'approvalRequest'
  | 'approvalResult';

/** The wrapper of this dialect around a line of the log (contract 1, AgentMessage). */
export interface AgentMessage {
  sessionId: string;
  /** Empty where there is no task. */
  taskId: string;
  from: Party;
  to: Exclude<Party, 'system'>;
  /** Says which shape `message` has (contract 1, AgentMessage). */
  type: EnvelopeType;
  message: JsonValue;
  /** Only on messages from `llm`. */
  completions?: {
    tokenUsage: { promptTokens: number; completionTokens: number; totalTokens: number };
    id: string;
    model: string;
  };
  /** Only on the `[TASK_STOP]` of a task that failed: an open list of codes, and words for people. */
  error?: { code: string; message: string };
  /** See `formatTime`. */
  createTime: string;
  /** The position in the session. It is derived from the log, so it is the same live, in the history, and on any node. */
  seq: number;
}

/** A line of the log becomes at most four envelopes. With room for eight, old positions stay valid when one is added. */
const ENVELOPES_PER_LINE = 8;

/** The position of an envelope: the number of its line, and its index in the line. */
export function positionOf(seq: number): { line: number; index: number } {
  return { line: Math.floor(seq / ENVELOPES_PER_LINE), index: seq % ENVELOPES_PER_LINE };
}

/** The last position of a line. `since` with it shows the later lines only. */
export function endOf(line: number): number {
  return line * ENVELOPES_PER_LINE + ENVELOPES_PER_LINE - 1;
}

/** The fields of an envelope that its line alone decides. */
type Part = Pick<AgentMessage, 'from' | 'to' | 'type' | 'message' | 'completions' | 'error'>;

/** The envelopes of one line of a session's log, in the order of contract 1, "One turn, in order". */
export function envelopesOf(sessionId: string, line: Message): AgentMessage[] {
  const taskId = taskOf(line);
  const createTime = formatTime(line.time);
  const envelopes: AgentMessage[] = [];
  for (const part of partsOf(line)) {
    const seq = line.seq * ENVELOPES_PER_LINE + envelopes.length;
    envelopes.push({ sessionId, taskId, ...part, createTime, seq });
  }
  return envelopes;
}

/** The id of the task that a line belongs to; empty where there is none. A message with `run` has the id of the task that answers it. */
function taskOf(line: Message): string {
  if (line.type === 'message_added') return line.run ? line.id : '';
  return ('taskId' in line ? line.taskId : null) ?? '';
}

function partsOf(line: Message): Part[] {
  return (parts[line.type] as (line: Message) => Part[])(line);
}

/** The envelopes of each type of line. The order within a line is the wire's: positions depend on it. */
const parts: { [T in Message['type']]: (line: Extract<Message, { type: T }>) => Part[] } = {
  session_started: ({ systemPrompt }) => [text('system', 'agent', systemPrompt)],

  // A task of a message that is a line of its own has its first envelopes there.
  task_started: ({ form, content, added, marks }) => (added ? [] : opened(form, content, marks)),

  // A message with `run` is the beginning of the task that answers it. So a turn has the same envelopes in any dialect.
  message_added({ run, role, content, marks }) {
    if (run) return opened(formOf(content), content, marks);
    if (marks?.said?.removed) return [];
    const parties =
      role === 'user' ? ({ from: 'user', to: 'agent' } as const) : ({ from: 'agent', to: 'user' } as const);
    return [{ ...parties, ...saidBy(formOf(content), content) }];
  },

  // A mark changes how earlier lines are shown, and is not shown itself.
  message_marked: () => [],

  model_reply(line) {
    // The calls of a reply stay, whatever was removed: devices have acted on them.
    if (line.marks?.answer?.removed && line.calls.length === 0) return [];
    const completions = completionsOf(line.completion);
    if (line.calls.length === 0)
      return [{ ...text('llm', 'agent', line.text), completions }, text('agent', 'user', line.text)];
    // Text beside calls comes first, and the completions are on the calls (contract 1).
    const calls = { type: 'functionCallList', message: line.calls.map(formatCall) } as const;
    return [
      ...(line.text === '' ? [] : [text('llm', 'agent', line.text)]),
      { from: 'llm', to: 'agent', ...calls, completions },
      { from: 'agent', to: 'tool', ...calls },
      text('agent', 'client', '[TOOLS_START]'),
    ];
  },

  // A call to a function of the client is for the dialect whose client has such functions.
  question_asked: ({ callId, question }) =>
    question.kind === 'approval' ? [approvalRequest(callId, question)] : [],

  question_answered: ({ id, answer }) => [
    { from: 'agent', to: 'user', type: 'approvalResult', message: { id, ...decisionOf(answer) } },
  ],

  // A stopped round has no last result (`roundDone`), and so no [TOOLS_DONE].
  tool_result({ callId, result, roundDone }) {
    const back = { type: 'toolReturn', message: { id: callId, result } } as const;
    return [
      { from: 'tool', to: 'agent', ...back },
      { from: 'agent', to: 'llm', ...back },
      ...(roundDone ? [text('tool', 'agent', '[TOOLS_DONE]'), text('agent', 'client', '[TOOLS_DONE]')] : []),
    ];
  },

  task_ended({ status, error }) {
    // A failed task ends as a stopped one, with an error beside it: a client that waits for the end never hangs.
    const end = text('agent', 'client', status === 'done' ? '[TASK_DONE]' : '[TASK_STOP]');
    return [error ? { ...end, error: { code: error.code, message: error.message } } : end];
  },
};

/** The first envelopes of a task. A removed sentence is left out. */
function opened(
  form: 'text' | 'image' | 'list',
  content: readonly Content[],
  marks: Marks | undefined,
): Part[] {
  const begun = text('agent', 'client', '[TASK_START]');
  if (marks?.said?.removed) return [begun];
  const said = saidBy(form, content);
  return [begun, { from: 'user', to: 'agent', ...said }, { from: 'agent', to: 'llm', ...said }];
}

function text(from: Party, to: AgentMessage['to'], message: string): Part {
  return { from, to, type: 'text', message };
}

/** A user's content has the type of its form: one text, one picture, or a list. */
function saidBy(
  form: 'text' | 'image' | 'list',
  content: readonly Content[],
): Pick<Part, 'type' | 'message'> {
  const list = content.map((piece) =>
    piece.type === 'text'
      ? ({ type: 'text', message: piece.text } as const)
      : ({ type: 'imageUrl', message: urlOf(piece) } as const),
  );
  const [only] = list;
  return form === 'list' || !only ? { type: 'contentList', message: list } : only;
}

/** The URL of a picture or another file, for a client. */
function urlOf(piece: Exclude<Content, { type: 'text' }>): string {
  if (piece.type === 'image') return piece.url;
  return piece.type === 'file'
    ? `/v1/files/${piece.fileId}/content`
    : `data:audio/${piece.format};base64,${piece.data}`;
}

/** The form of a content that did not come over a socket. */
function formOf(content: readonly Content[]): 'text' | 'image' | 'list' {
  const [only] = content;
  return content.length === 1 && only?.type === 'text' ? 'text' : 'list';
}

/** A call about which a person has to decide (contract 6, section 3). */
function approvalRequest(callId: string, question: Question & { kind: 'approval' }): Part {
  const { id, device, name, parameters, risk, rule, approvers, expiresAt } = question;
  const message = {
    id,
    callId,
    device,
    name,
    parameters,
    risk,
    rule,
    approvers,
    expiresAt: formatTime(expiresAt),
  };
  return { from: 'agent', to: 'user', type: 'approvalRequest', message };
}

/** The end of an approval. Nobody is named where nobody decided. */
function decisionOf(answer: QuestionAnswer): { decision: string; by: string | null; reason: string | null } {
  if (answer.kind !== 'decision') return { decision: answer.kind, by: null, reason: null };
  return { decision: answer.decision, by: answer.by, reason: answer.reason ?? null };
}

/** The origin of a reply on the wire. Of the usage only the fields of the contract are shown. */
function completionsOf({ usage, id, model }: Completion): NonNullable<AgentMessage['completions']> {
  const { promptTokens, completionTokens, totalTokens } = usage;
  return { tokenUsage: { promptTokens, completionTokens, totalTokens }, id, model };
}

/** A call on the wire. `parameters` is the raw text where the model wrote no valid JSON (contract 1). */
function formatCall({ callId, name, arguments: parameters }: ToolCall): { [key: string]: JsonValue } {
  return { id: callId, name, parameters };
}
