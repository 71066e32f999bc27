import { expect } from 'chai';
import type { Message, MessageBody } from '../../../lib/core/message.ts';
import { endOf, envelopesOf, positionOf } from '../../../lib/dialects/liteagent/envelope.ts';
import { formatTime } from '../../../lib/dialects/liteagent/time.ts';

const sessionId = 'b2ac9280-70d6-4651-bd3a-45eb81cd8c30';
const taskId = '0b127f1d-4667-4a52-bbcb-0b636f9a471a';
const time = Date.parse('2023-06-18T07:45:30.007Z');
const completion = {
  id: 'chatcmpl-1',
  model: 'gpt-4o',
  usage: { promptTokens: 100, completionTokens: 522, totalTokens: 622 },
};
const completions = {
  tokenUsage: { promptTokens: 100, completionTokens: 522, totalTokens: 622 },
  id: 'chatcmpl-1',
  model: 'gpt-4o',
};
const call = { callId: 'call_1', name: 'POST-AUT', arguments: { operation: 'result' } };
const wireCall = { id: 'call_1', name: 'POST-AUT', parameters: { operation: 'result' } };
const result = { statusCode: 200, body: '{"code":200,"message":"FAIL"}' };

/** The envelopes of one line, without what all of them share: [from, to, type, message, more]. */
function brief(body: MessageBody): unknown[] {
  return envelopesOf(sessionId, { ...body, seq: 15, time }).map(
    ({ from, to, type, message, sessionId: id, taskId: task, createTime, seq, ...more }) => {
      expect({ id, createTime }).to.deep.equal({ id: sessionId, createTime: formatTime(time) });
      const own = 'taskId' in body ? body.taskId : 'run' in body && body.run ? body.id : undefined;
      expect(task).to.equal(own ?? '');
      expect(seq).to.be.within(120, 127);
      return Object.keys(more).length === 0 ? [from, to, type, message] : [from, to, type, message, more];
    },
  );
}

describe('the envelopes of a line', () => {
  it('hold all fields of contract 1, in its order', () => {
    const [envelope] = envelopesOf(sessionId, {
      type: 'model_reply',
      taskId,
      text: 'It is on.',
      calls: [],
      completion,
      seq: 15,
      time,
    });
    expect(JSON.stringify(envelope)).to.equal(
      JSON.stringify({
        sessionId,
        taskId,
        from: 'llm',
        to: 'agent',
        type: 'text',
        message: 'It is on.',
        completions,
        createTime: formatTime(time),
        seq: 120,
      }),
    );
  });

  it('number themselves by the line and their place in it', () => {
    const line: Message = {
      type: 'tool_result',
      taskId,
      callId: 'c',
      result,
      roundDone: true,
      seq: 15,
      time,
    };
    expect(envelopesOf(sessionId, line).map(({ seq }) => seq)).to.deep.equal([120, 121, 122, 123]);
    expect(positionOf(123)).to.deep.equal({ line: 15, index: 3 });
    expect(endOf(15)).to.equal(127);
  });

  const noted = { attachments: [], metadata: {}, id: taskId, run: false } as const;
  const hi = { type: 'message_added', role: 'user', content: [{ type: 'text', text: 'hi' }] } as const;
  const added: [string, MessageBody, unknown[]][] = [
    [
      'a task that answers a message, when that is said',
      { ...noted, ...hi, content: [...hi.content], attachments: [], run: true },
      [
        ['agent', 'client', 'text', '[TASK_START]'],
        ['user', 'agent', 'text', 'hi'],
        ['agent', 'llm', 'text', 'hi'],
      ],
    ],
    [
      'nothing more when it begins',
      { type: 'task_started', taskId, form: 'list', content: [], added: true },
      [],
    ],
    [
      'what is said beside tasks, by whom it is said',
      { ...noted, ...hi, content: [...hi.content], attachments: [] },
      [['user', 'agent', 'text', 'hi']],
    ],
    [
      'what is said in the name of the agent',
      { ...noted, ...hi, role: 'assistant', content: [...hi.content], attachments: [] },
      [['agent', 'user', 'text', 'hi']],
    ],
    [
      'a file by where it can be fetched',
      { ...noted, ...hi, content: [{ type: 'file', fileId: 'file-1' }], attachments: [] },
      [['user', 'agent', 'contentList', [{ type: 'imageUrl', message: '/v1/files/file-1/content' }]]],
    ],
    ['nothing of marks', { type: 'message_marked', of: [2], part: 'said', mark: { removed: true } }, []],
  ];
  const table: [string, MessageBody, unknown[]][] = [
    [
      'a session that starts',
      { type: 'session_started', systemPrompt: 'You move devices.' },
      [['system', 'agent', 'text', 'You move devices.']],
    ],
    [
      'a task said as one text',
      { type: 'task_started', taskId, form: 'text', content: [{ type: 'text', text: 'hi' }] },
      [
        ['agent', 'client', 'text', '[TASK_START]'],
        ['user', 'agent', 'text', 'hi'],
        ['agent', 'llm', 'text', 'hi'],
      ],
    ],
    [
      'a task said as one picture',
      { type: 'task_started', taskId, form: 'image', content: [{ type: 'image', url: 'https://a/b.png' }] },
      [
        ['agent', 'client', 'text', '[TASK_START]'],
        ['user', 'agent', 'imageUrl', 'https://a/b.png'],
        ['agent', 'llm', 'imageUrl', 'https://a/b.png'],
      ],
    ],
    [
      'a task said as a list, of one too',
      { type: 'task_started', taskId, form: 'list', content: [{ type: 'text', text: 'hi' }] },
      [
        ['agent', 'client', 'text', '[TASK_START]'],
        ['user', 'agent', 'contentList', [{ type: 'text', message: 'hi' }]],
        ['agent', 'llm', 'contentList', [{ type: 'text', message: 'hi' }]],
      ],
    ],
    ...added,
    [
      'a decision',
      { type: 'model_reply', taskId, text: '', calls: [call], completion },
      [
        ['llm', 'agent', 'functionCallList', [wireCall], { completions }],
        ['agent', 'tool', 'functionCallList', [wireCall]],
        ['agent', 'client', 'text', '[TOOLS_START]'],
      ],
    ],
    [
      'a decision with text beside it, and arguments that are not JSON',
      {
        type: 'model_reply',
        taskId,
        text: 'Let me see.',
        calls: [{ ...call, arguments: '{"a' }],
        completion,
      },
      [
        ['llm', 'agent', 'text', 'Let me see.'],
        ['llm', 'agent', 'functionCallList', [{ ...wireCall, parameters: '{"a' }], { completions }],
        ['agent', 'tool', 'functionCallList', [{ ...wireCall, parameters: '{"a' }]],
        ['agent', 'client', 'text', '[TOOLS_START]'],
      ],
    ],
    [
      'a result, with others to come',
      { type: 'tool_result', taskId, callId: 'call_1', result, roundDone: false },
      [
        ['tool', 'agent', 'toolReturn', { id: 'call_1', result }],
        ['agent', 'llm', 'toolReturn', { id: 'call_1', result }],
      ],
    ],
    [
      'the last result of a round',
      { type: 'tool_result', taskId, callId: 'call_1', result, roundDone: true },
      [
        ['tool', 'agent', 'toolReturn', { id: 'call_1', result }],
        ['agent', 'llm', 'toolReturn', { id: 'call_1', result }],
        ['tool', 'agent', 'text', '[TOOLS_DONE]'],
        ['agent', 'client', 'text', '[TOOLS_DONE]'],
      ],
    ],
    [
      'the answer',
      { type: 'model_reply', taskId, text: 'It is FAIL.', calls: [], completion },
      [
        ['llm', 'agent', 'text', 'It is FAIL.', { completions }],
        ['agent', 'user', 'text', 'It is FAIL.'],
      ],
    ],
    [
      'a task that is done',
      { type: 'task_ended', taskId, status: 'done' },
      [['agent', 'client', 'text', '[TASK_DONE]']],
    ],
    [
      'a task that was stopped',
      { type: 'task_ended', taskId, status: 'stopped' },
      [['agent', 'client', 'text', '[TASK_STOP]']],
    ],
    [
      'a stop that found nothing to stop',
      { type: 'task_ended', taskId: null, status: 'stopped' },
      [['agent', 'client', 'text', '[TASK_STOP]']],
    ],
    [
      'a task that failed',
      {
        type: 'task_ended',
        taskId,
        status: 'failed',
        error: { code: 'model_error', message: 'The model is down.' },
      },
      [
        [
          'agent',
          'client',
          'text',
          '[TASK_STOP]',
          { error: { code: 'model_error', message: 'The model is down.' } },
        ],
      ],
    ],
  ];
  for (const [name, body, expected] of table)
    it(`tell of ${name}`, () => expect(brief(body)).to.deep.equal(expected));
});

describe('the envelopes of removed messages', () => {
  it('are left out, but a task still begins', () => {
    const marks = { said: { removed: true }, answer: { removed: true } } as const;
    const gone = (body: MessageBody) => envelopesOf(sessionId, { ...body, seq: 15, time, marks });
    const said = { attachments: [], metadata: {}, id: taskId, role: 'user' as const, content: [] };
    const begun = ['[TASK_START]'];
    expect(gone({ type: 'message_added', ...said, run: false })).to.deep.equal([]);
    expect(gone({ type: 'message_added', ...said, run: true }).map(({ message }) => message)).to.deep.equal(
      begun,
    );
    expect(
      gone({ type: 'task_started', taskId, form: 'text', content: [] }).map(({ message }) => message),
    ).to.deep.equal(begun);
    expect(gone({ type: 'model_reply', taskId, text: '', calls: [], completion })).to.deep.equal([]);
  });
});

describe('formatTime', () => {
  it('gives milliseconds and a numeric offset without a colon, in local time', () => {
    for (const ms of [
      time,
      time + 1,
      time + 999,
      0,
      1_700_000_000_999,
      Date.parse('2024-02-29T23:59:59.999Z'),
    ]) {
      const text = formatTime(ms);
      expect(text).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}$/);
      const read = Date.parse(text.replace(/(\d\d)(\d\d)$/, '$1:$2'));
      expect(read).to.equal(ms);
      expect(text.slice(11, 13)).to.equal(String(new Date(ms).getHours()).padStart(2, '0'));
    }
  });
});
