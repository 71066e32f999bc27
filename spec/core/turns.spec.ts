import { expect } from 'chai';
import type { Marks, Message, MessageBody } from '../../lib/core/message.ts';
import { turnsOf } from '../../lib/core/turns.ts';

const usage = { promptTokens: 9, completionTokens: 5, totalTokens: 14 };
const completion = { id: 'r', model: 'm', usage };

/** Lines of a log, a millisecond apart, from number 1 on. */
function logOf(...bodies: (MessageBody & { marks?: Marks })[]): Message[] {
  return bodies.map((body, index) => ({ ...body, seq: index + 1, time: 1000 + index }));
}

const began = (taskId: string, ...texts: string[]): MessageBody => ({
  type: 'task_started',
  taskId,
  form: 'list',
  content: texts.map((text) => ({ type: 'text', text })),
});
const answer = (taskId: string, text: string): MessageBody => ({
  type: 'model_reply',
  taskId,
  text,
  calls: [],
  completion,
});
const ended = (taskId: string | null): MessageBody => ({ type: 'task_ended', taskId, status: 'done' });

describe('the turns of a log', () => {
  it('are the user message and the answer, with every token that the model wrote', () => {
    const lines = logOf(
      { type: 'session_started', systemPrompt: '' },
      began('a', 'one', 'two'),
      {
        type: 'model_reply',
        taskId: 'a',
        text: 'Let me see.',
        calls: [{ callId: 'c', name: 'read', arguments: {} }],
        completion,
      },
      { type: 'tool_result', taskId: 'a', callId: 'c', result: {}, roundDone: true },
      answer('a', 'Three.'),
      ended('a'),
      ended(null),
      began('b', 'still running'),
    );
    expect(turnsOf(lines)).to.deep.equal([
      {
        taskId: 'a',
        said: 'one\ntwo',
        answer: 'Three.',
        removed: { said: false, answer: false },
        status: 'done',
        startedAt: 1001,
        endedAt: 1005,
        completionTokens: 10,
        saidSeq: 2,
        answerSeq: 5,
      },
      {
        taskId: 'b',
        said: 'still running',
        answer: undefined,
        removed: { said: false, answer: false },
        status: undefined,
        startedAt: 1007,
        endedAt: 1007,
        completionTokens: 0,
        saidSeq: 8,
        answerSeq: 0,
      },
    ]);
  });

  it('include messages that are lines of their own, failures and removals', () => {
    const removed = { removed: true } as const;
    const lines = logOf(
      {
        type: 'message_added',
        id: 'a',
        run: true,
        role: 'user',
        content: [{ type: 'text', text: 'added' }],
        attachments: [],
        metadata: {},
      },
      { type: 'task_started', taskId: 'a', form: 'list', content: [], added: true },
      { type: 'task_ended', taskId: 'a', status: 'failed', error: { code: 'timeout', message: 'Too late.' } },
      { ...began('b'), marks: { said: removed } },
      { ...answer('b', ''), marks: { answer: removed } },
      ended('b'),
      answer('not begun here', 'left out'),
    );
    expect(
      turnsOf(lines).map(({ said, saidSeq, status, error, removed: gone }) => ({
        said,
        saidSeq,
        status,
        error,
        gone,
      })),
    ).to.deep.equal([
      {
        said: 'added',
        saidSeq: 1,
        status: 'failed',
        error: { code: 'timeout', message: 'Too late.' },
        gone: { said: false, answer: false },
      },
      { said: '', saidSeq: 4, status: 'done', error: undefined, gone: { said: true, answer: true } },
    ]);
  });
});
