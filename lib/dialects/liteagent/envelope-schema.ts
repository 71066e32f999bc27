/** The two sides of an envelope. `client` is the program of the user: it gets states, not texts. */
const party = { enum: ['system', 'user', 'agent', 'llm', 'tool', 'client'] } as const;
const text = { type: 'string' } as const;
/** The reason of a failed task, on its [TASK_STOP]. */
const failure = {
  type: 'object',
  required: ['code', 'message'],
  properties: { code: text, message: text },
} as const;

/** An AgentMessage (contract 1); `message` is a text, or a list or object as `type` says. */
export const envelopeSchema = {
  type: 'object',
  required: ['sessionId', 'taskId', 'from', 'to', 'type', 'message', 'createTime', 'seq'],
  properties: {
    sessionId: text,
    taskId: { type: 'string', description: 'empty where there is no task' },
    from: party,
    to: party,
    type: {
      enum: [
        'text',
        'imageUrl',
        'contentList',
        'functionCallList',
        'toolReturn',
        'approvalRequest',
        'approvalResult',
      ],
    },
    message: { type: ['string', 'array', 'object'] },
    /** On messages from `llm` only; a reply with calls has it on its `functionCallList`. */
    completions: {
      type: 'object',
      required: ['tokenUsage', 'id', 'model'],
      properties: {
        tokenUsage: {
          type: 'object',
          required: ['promptTokens', 'completionTokens', 'totalTokens'],
          properties: {
            promptTokens: { type: 'integer' },
            completionTokens: { type: 'integer' },
            totalTokens: { type: 'integer' },
          },
        },
        id: text,
        model: text,
      },
    },
    error: failure,
    /** Local time with milliseconds and a numeric offset without a colon. */
    createTime: { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}[+-]\\d{4}$' },
    /** The position: it rises through the session, also after a clear, and some numbers are not used. */
    seq: { type: 'integer' },
  },
} as const;

/** The other frames of the server. None of them is in the history. */
export const noticeSchemas = {
  /** A piece of the answer, for tasks with `stream`. It goes to every socket of the session. */
  chunk: {
    type: 'object',
    required: ['type', 'taskId', 'part'],
    properties: { type: { const: 'chunk' }, taskId: text, part: text },
  },
  reasoning: {
    type: 'object',
    description:
      'Thinking text of the model, in pieces. It is sent when POST /api/init had "reasoning": true.',
    required: ['type', 'taskId', 'part'],
    properties: { type: { const: 'reasoning' }, taskId: text, part: text },
  },
  /** The task of a frame with `ack` is committed. With `since=<seq>` a socket gets all of its envelopes. */
  ack: {
    type: 'object',
    required: ['type', 'taskId', 'seq'],
    properties: { type: { const: 'ack' }, taskId: text, seq: { type: 'integer' } },
  },
  /** A frame was refused; the socket stays open. `taskId` is there when the frame was to begin a task. */
  error: {
    type: 'object',
    required: ['type', 'code', 'message'],
    properties: { type: { const: 'error' }, code: text, message: text, taskId: text },
  },
  pong: { const: 'pong' },
} as const;
